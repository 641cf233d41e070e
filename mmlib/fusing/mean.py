"""The plain mean of all frames: what the others have to beat."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels, level_count, split_levels
from mmlib.fusing.detail import noise_variance, strength, together
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.pictures import Frame


class Mean:
    """Adds all frames and divides by their number; the index and the depth are still those of the sharpest frame."""

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.total: Map = np.zeros(layout.shape, np.float32)
        self.sharpest = Sharpest(layout, colour=False)

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Add one frame."""
        cv2.accumulate(frame, self.total)
        grey = grey_levels(frame)
        self.sharpest.see(frame, fine_strength(grey, noise_variance(grey, frame.dtype), self.sharpest.best), number)

    def finish(self) -> Result:
        """Divide by the number of frames seen."""
        scale = np.float32(1 / (self.sharpest.seen * np.iinfo(self.layout.dtype).max))
        return self.sharpest.result(np.clip(self.total * scale, 0, 1), {})


def fine_strength(grey: Map, noise: float, like: Map) -> Map:
    """Measure the strength of fine detail on a grid of half the size.

    Args:
        grey: (H, W) float32, in grey levels 0..255.
        noise: variance of its noise.
        like: a map of the size wanted.

    Returns:
        (H/2, W/2) float32, rounded up; no unit.
    """
    levels = split_levels(grey, level_count(grey.shape[0], grey.shape[1], most=3))[:-1]
    return together([strength(cv2.multiply(detail, detail), level, noise) for level, detail in enumerate(levels)], like)
