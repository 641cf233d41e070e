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

POWER = 4
"""Weight of a frame: its strength at this and all finer scales, multiplied, to this power."""


class Blend:
    """Laplacian pyramid of all colours, weighted with the detail of the luma above the noise.

    All colours share the weights, so no fringe can appear, and colour noise is averaged away with the rest where
    several frames are equally good. Blur hardly changes coarse detail, so coarse scales cannot tell which frame is
    sharp; they listen to the finer ones: the evidence of all scales down to the finest is multiplied. At the rim of
    a cell that decides for the frame in which the rim is sharp, and not for one in which its halo is bright.

    The product spans hundreds of decades. Sums are kept relative to the heaviest frame so far at each place.
    """

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.levels = level_count(*layout.size)
        self.sharpest = Sharpest(layout, colour=False)
        self.sums: list[Map] = []
        self.weights: list[Map] = []
        self.heaviest: list[Map] = []

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Add one frame, weighted scale by scale with its detail."""
        grey = grey_levels(frame)
        noise = noise_variance(grey, frame.dtype)
        strengths: list[Map] = []
        evidence: list[Map] = []
        for level, detail in enumerate(split_levels(grey, self.levels)[:-1]):
            strengths.append(strength(cv2.multiply(detail, detail), level, noise))
            evidence.append(cv2.log(strengths[-1]) * np.float32(POWER))
            if level:
                cv2.add(evidence[-1], cv2.pyrDown(evidence[-2]), dst=evidence[-1])
        self.sharpest.see(frame, together(strengths, self.sharpest.best), number)
        evidence.append(evidence[-1] if evidence else np.zeros(grey.shape, np.float32))
        parts = split_levels(frame.astype(np.float32), self.levels)
        if not self.sums:
            self.sums = [np.zeros_like(part) for part in parts]
            self.weights = [np.zeros(part.shape[:2], np.float32) for part in parts]
            self.heaviest = [np.zeros(part.shape[:2], np.float32) for part in parts]
        for level, (part, known) in enumerate(zip(parts, evidence, strict=True)):
            self._add(level, part, on_grid_of(known, part))

    def _add(self, level: int, part: Map, known: Map) -> None:
        # the weights of earlier frames shrink where this one is heavier: a softmax that never overflows
        before = self.heaviest[level]
        heaviest = cv2.max(before, known)
        shrink = cv2.exp(before - heaviest)
        weight = cv2.exp(known - heaviest)
        cv2.multiply(self.weights[level], shrink, dst=self.weights[level])
        cv2.add(self.weights[level], weight, dst=self.weights[level])
        cv2.multiply(self.sums[level], _for_each_colour(shrink, part), dst=self.sums[level])
        cv2.accumulateProduct(part, _for_each_colour(weight, part), self.sums[level])
        self.heaviest[level] = heaviest

    def finish(self) -> Result:
        """Divide by the weights and join the levels."""
        levels = []
        for total, weight in zip(self.sums, self.weights, strict=True):
            levels.append(cv2.divide(total, _for_each_colour(weight, total)))
        picture = np.multiply(join_levels(levels), np.float32(1 / np.iinfo(self.layout.dtype).max))
        return self.sharpest.result(np.clip(picture, 0, 1, out=picture), {"levels": self.levels, "power": POWER})


def _for_each_colour(weight: Map, like: Map) -> Map:
    return weight if like.ndim == 2 else cv2.merge([weight, weight, weight])
