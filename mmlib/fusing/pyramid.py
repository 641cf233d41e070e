"""Fusion in a Laplacian pyramid: at each scale every pixel listens to the frames with most detail there."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels, join_levels, level_count
from mmlib.fusing.colour import recolour
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import FLOOR, Sharpest
from mmlib.pictures import Frame

POWER = 4
"""Weight of a frame: local energy to this power. A frame with twice the energy of another weighs 16 times as much."""


class Pyramid:
    """Weighted Laplacian pyramid of the luma; colour comes from the sharpest frame.

    The energy of a level is measured on the grid of the next, so it is smooth, and it is cheap. Where two
    frames are alike they are averaged, which lowers noise instead of choosing the noisiest.

    Source: Burt & Kolczynski 1993, doi:10.1109/ICCV.1993.378222.
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

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Add one frame, weighted scale by scale with its detail."""
        grey = grey_levels(frame)
        energies: list[Map] = []
        weight = np.ones(grey.shape, np.float32) if self.levels == 0 else grey
        for level in range(self.levels):
            coarse = cv2.pyrDown(grey)
            detail = cv2.pyrUp(coarse, dstsize=grey.shape[1::-1])
            cv2.subtract(grey, detail, dst=detail)
            energy = cv2.pyrDown(cv2.multiply(detail, detail))
            energies.append(energy)
            weight = cv2.pow(energy + FLOOR, POWER)
            cv2.add(self.weights[level], weight, dst=self.weights[level])
            cv2.accumulateProduct(detail, _enlarge(weight, detail), self.sums[level])
            grey = coarse
        cv2.add(self.weights[-1], weight, dst=self.weights[-1])
        cv2.accumulateProduct(grey, weight, self.sums[-1])
        self.sharpest.see(frame, together(energies, self.sharpest.energy), number)

    def finish(self) -> Result:
        """Divide by the weights, join the levels, and put the colour back."""
        levels = [total / _enlarge(weight, total) for total, weight in zip(self.sums, self.weights, strict=True)]
        picture = recolour(join_levels(levels), self.sharpest.frame)
        return Result(
            picture,
            self.sharpest.index(),
            self.sharpest.depth(),
            self.sharpest.confidence(),
            {"levels": self.levels, "power": POWER},
        )


def together(energies: list[Map], like: Map, scales: int = 3) -> Map:
    """Add the energies of the finest scales on the grid of the first.

    Args:
        energies: one map a level, fine first.
        like: a map of the size wanted; zeros are given where there are no levels.
        scales: how many of the finest are added.

    Returns:
        (H/2, W/2) float32.
    """
    if not energies:
        return np.zeros(like.shape, np.float32)
    total = energies[min(scales, len(energies)) - 1]
    for energy in reversed(energies[: min(scales, len(energies)) - 1]):
        total = cv2.add(energy, _enlarge(total, energy))
    return total


def _enlarge(picture: Map, like: Map) -> Map:
    if picture.shape == like.shape:
        return picture
    return cv2.resize(picture, like.shape[1::-1], interpolation=cv2.INTER_LINEAR)
