"""Fusion of wavelet coefficients: at each place and scale the frame with the largest local energy is taken."""

from __future__ import annotations

from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map, grey_levels
from mmlib.fusing.colour import recolour
from mmlib.fusing.detail import noise_variance
from mmlib.fusing.dwt import join, most_levels, split
from mmlib.fusing.mean import fine_strength
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.pictures import Frame

WAVELET = "sym4"
LEVELS = 5
WINDOW = (5, 5)
"""Energy is summed over so many neighbours."""
OUTVOTED = 5
"""A coefficient gives way to its runner-up when so many of its eight neighbours chose that frame."""


class Contest:
    """The strongest and the second strongest frame at every place of one level.

    Two places are enough for the consistency check: a frame that most neighbours chose is nearly always second
    where it is not first. So the check needs no second look at the frames, and their order does not matter.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        """Start with nobody.

        Args:
            shape: (h, w) of the level.
        """
        self.energy = [np.full(shape, -1, np.float32) for _ in range(2)]
        self.detail = [np.zeros((*shape, 3), np.float32) for _ in range(2)]
        self.number = [np.zeros(shape, np.uint16) for _ in range(2)]

    def enter(self, detail: Map, energy: Map, number: int) -> None:
        """Let a frame compete.

        Args:
            detail: (h, w, 3) float32.
            energy: (h, w) float32, 0 or more.
            number: the frame's place in the stack.
        """
        mine = np.full(energy.shape, number, np.uint16)
        first = cv2.compare(energy, self.energy[0], cv2.CMP_GT)
        second = cv2.subtract(cv2.compare(energy, self.energy[1], cv2.CMP_GT), first)
        places: list[list[NDArray[Any]]] = [self.detail, self.energy, self.number]
        for new, (best, runner_up) in zip((detail, energy, mine), places, strict=True):
            cv2.copyTo(best, first, runner_up)
            cv2.copyTo(new, second, runner_up)
            cv2.copyTo(new, first, best)

    def agreed(self) -> tuple[Map, NDArray[np.uint16]]:
        """Give the coefficients and the frames, after the neighbours have been asked.

        Returns:
            (h, w, 3) float32 detail and (h, w) uint16 frame numbers.
        """
        best, runner_up = self.number
        around = cv2.copyMakeBorder(best, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        height, width = best.shape
        votes = np.zeros(best.shape, np.uint8)
        for dy, dx in np.ndindex(3, 3):
            if (dy, dx) != (1, 1):
                votes += around[dy : dy + height, dx : dx + width] == runner_up
        outvoted = (votes >= OUTVOTED) & (runner_up != best) & (self.energy[1] >= 0)
        detail = np.where(outvoted[..., None], self.detail[1], self.detail[0])
        return detail, np.where(outvoted, runner_up, best)


class Wavelet:
    """Wavelet transform of the luma over all frames, largest local energy, neighbours asked; colour is kept.

    Source: Li, Manjunath & Mitra 1995, doi:10.1006/gmip.1995.1022.
    """

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.levels = min(LEVELS, most_levels(*layout.size, WAVELET))
        self.sharpest = Sharpest(layout)
        self.shapes: list[tuple[int, int]] = []
        self.contests: list[Contest] = []
        self.rest: Map = np.zeros((1, 1), np.float32)
        self.weight: Map = np.zeros((1, 1), np.float32)

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Let a frame compete at every level."""
        rest = grey = grey_levels(frame)
        noise = noise_variance(grey, frame.dtype)
        weight = np.ones(grey.shape, np.float32)
        for level in range(self.levels):
            if number == 0:
                self.shapes.append((rest.shape[0], rest.shape[1]))
            rest, detail = split(rest, WAVELET)
            energy = cv2.blur(cv2.transform(cv2.multiply(detail, detail), np.ones((1, 3), np.float32)), WINDOW)
            if level == len(self.contests):
                self.contests.append(Contest((rest.shape[0], rest.shape[1])))
            self.contests[level].enter(detail, energy, number)
            weight = energy + np.float32(3 * noise)
        if self.weight.shape != rest.shape:
            self.rest, self.weight = np.zeros_like(rest), np.zeros_like(rest)
        cv2.accumulateProduct(rest, weight, self.rest)
        cv2.add(self.weight, weight, dst=self.weight)
        self.sharpest.see(frame, fine_strength(grey, noise, self.sharpest.best), number)

    def finish(self) -> Result:
        """Join the levels and put the colour back."""
        grey = self.rest / self.weight
        for shape, contest in zip(reversed(self.shapes), reversed(self.contests), strict=True):
            grey = join(grey, contest.agreed()[0], shape, WAVELET)
        picture = recolour(grey, self.sharpest.frame)
        return self.sharpest.result(picture, {"levels": self.levels, "wavelet": WAVELET, "window": WINDOW[0]})
