"""The plain mean of all frames: what the others have to beat."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.pyramid import together
from mmlib.fusing.sharpest import Sharpest
from mmlib.pictures import Frame


class Mean:
    """Adds all frames and divides by their number; the index and the depth are still those of the sharpest frame."""

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.total: Map = np.zeros(layout.shape, np.float32)
        self.sharpest = Sharpest(layout)

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Add one frame."""
        cv2.accumulate(frame, self.total)
        self.sharpest.see(frame, fine_energy(grey_levels(frame)), number)

    def finish(self) -> Result:
        """Divide by the number of frames seen."""
        scale = np.float32(1 / (self.sharpest.seen * np.iinfo(self.layout.dtype).max))
        return Result(
            np.clip(self.total * scale, 0, 1),
            self.sharpest.index(),
            self.sharpest.depth(),
            self.sharpest.confidence(),
        )


def fine_energy(grey: Map, scales: int = 3) -> Map:
    """Measure the energy of fine detail on a grid of half the size.

    Args:
        grey: (H, W) float32, in grey levels 0..255.
        scales: how many scales, each twice as coarse as the one before.

    Returns:
        (H/2, W/2) float32, rounded up; grey levels squared.
    """
    energies: list[Map] = []
    for _ in range(scales):
        coarse = cv2.pyrDown(grey)
        detail = cv2.subtract(grey, cv2.pyrUp(coarse, dstsize=grey.shape[1::-1]))
        energies.append(cv2.pyrDown(cv2.multiply(detail, detail)))
        grey = coarse
    return together(energies, energies[0])
