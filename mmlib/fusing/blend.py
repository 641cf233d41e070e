"""Fusion by soft weights shared by all colours: sharp where a frame is sharp, quiet where none shows anything."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels, join_levels, level_count, split_levels
from mmlib.fusing.detail import noise_variance, on_grid_of, strength, together
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.pictures import Frame

POWER = 6
"""Weight of a frame: its strength to this power. A frame with twice the energy of another weighs 64 times as much."""


class Blend:
    """Laplacian pyramid of all colours, weighted with the detail of the luma above the noise.

    All colours share the weights, so no fringe can appear, and colour noise is averaged away with the rest where
    several frames are equally good. Coarse scales listen to the finer ones too: at the rim of a cell that decides
    for the frame in which the rim is sharp, and not for one in which its halo is bright.
    """

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.levels = level_count(*layout.size)
        self.sharpest = Sharpest(layout, colour=False)
        self.sums: list[Map] = []
        self.weights: list[Map] = []

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Add one frame, weighted scale by scale with its detail."""
        grey = grey_levels(frame)
        noise = noise_variance(grey, frame.dtype)
        strengths: list[Map] = []
        for level, detail in enumerate(split_levels(grey, self.levels)[:-1]):
            strong = strength(cv2.multiply(detail, detail), level, noise)
            if strengths:
                cv2.add(strong, cv2.pyrDown(strengths[-1]), dst=strong)
            strengths.append(np.minimum(strong, np.float32(2e5), out=strong))
        self.sharpest.see(frame, together(strengths, self.sharpest.best), number)
        weights = [cv2.pow(strong, POWER) for strong in strengths]
        parts = split_levels(frame.astype(np.float32), self.levels)
        weights.append(weights[-1] if weights else np.ones(grey.shape, np.float32))
        if not self.sums:
            self.sums = [np.zeros_like(part) for part in parts]
            self.weights = [np.zeros_like(weight) for weight in weights]
        for level, (part, weight) in enumerate(zip(parts, weights, strict=True)):
            cv2.add(self.weights[level], weight, dst=self.weights[level])
            cv2.accumulateProduct(part, _for_each_colour(on_grid_of(weight, part), part), self.sums[level])

    def finish(self) -> Result:
        """Divide by the weights and join the levels."""
        levels = []
        for total, weight in zip(self.sums, self.weights, strict=True):
            levels.append(cv2.divide(total, _for_each_colour(on_grid_of(weight, total), total)))
        picture = np.multiply(join_levels(levels), np.float32(1 / np.iinfo(self.layout.dtype).max))
        return self.sharpest.result(np.clip(picture, 0, 1, out=picture), {"levels": self.levels, "power": POWER})


def _for_each_colour(weight: Map, like: Map) -> Map:
    return weight if like.ndim == 2 else cv2.merge([weight, weight, weight])
