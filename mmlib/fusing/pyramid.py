"""Fusion in a Laplacian pyramid: at each scale every pixel listens to the frames with most detail there."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels, join_levels, level_count
from mmlib.fusing.colour import recolour
from mmlib.fusing.detail import noise_variance, on_grid_of, strength, together
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.pictures import Frame

POWER = 4
"""Weight of a frame: its strength to this power. A frame with twice the energy of another weighs 16 times as much."""


class Pyramid:
    """Weighted Laplacian pyramid of the luma; colour comes from the sharpest frame.

    The strength of a level is measured on the grid of the next, so it is smooth, and it is cheap. Where frames
    are alike they are averaged, which lowers noise instead of choosing the noisiest.

    Source: Burt & Kolczynski 1993, doi:10.1109/ICCV.1993.378222, with soft weights.
    """

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.levels = level_count(*layout.size)
        self.sharpest = Sharpest(layout)
        self.sums: list[Map] = []
        self.weights: list[Map] = []
        height, width = layout.size
        for _ in range(self.levels):
            self.sums.append(np.zeros((height, width), np.float32))
            height, width = (height + 1) // 2, (width + 1) // 2
            self.weights.append(np.zeros((height, width), np.float32))
        self.sums.append(np.zeros((height, width), np.float32))
        self.weights.append(np.zeros((height, width), np.float32))
        # memory used again for every frame: asking the system for it costs as much as the arithmetic
        self.coarse: list[Map | None] = [None] * self.levels
        self.detail: list[Map | None] = [None] * self.levels
        self.square: list[Map | None] = [None] * self.levels

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Add one frame, weighted scale by scale with its detail."""
        grey = grey_levels(frame)
        noise = noise_variance(grey, frame.dtype)
        strengths: list[Map] = []
        weight: Map = np.ones(self.weights[-1].shape, np.float32)
        for level in range(self.levels):
            coarse = cv2.pyrDown(grey, dst=self.coarse[level])
            detail = cv2.pyrUp(coarse, dst=self.detail[level], dstsize=grey.shape[1::-1])
            detail = self.detail[level] = cv2.subtract(grey, detail, dst=detail)
            self.coarse[level] = coarse
            self.square[level] = square = cv2.multiply(detail, detail, dst=self.square[level])
            strengths.append(strength(square, level, noise))
            weight = cv2.pow(strengths[-1], POWER)
            cv2.add(self.weights[level], weight, dst=self.weights[level])
            cv2.resize(weight, square.shape[::-1], dst=square, interpolation=cv2.INTER_LINEAR)
            cv2.accumulateProduct(detail, square, self.sums[level])
            grey = coarse
        cv2.add(self.weights[-1], weight, dst=self.weights[-1])
        cv2.accumulateProduct(grey, weight, self.sums[-1])
        self.sharpest.see(frame, together(strengths, self.sharpest.best), number)

    def finish(self) -> Result:
        """Divide by the weights, join the levels, and put the colour back."""
        levels = [total / on_grid_of(weight, total) for total, weight in zip(self.sums, self.weights, strict=True)]
        picture = recolour(join_levels(levels), self.sharpest.frame)
        parameters = {"levels": self.levels, "power": POWER}
        return self.sharpest.result(picture, parameters)
