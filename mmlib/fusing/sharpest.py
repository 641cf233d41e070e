"""Which frame is sharpest at each pixel, how deep that is and how sure: found as the frames go by."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map
from mmlib.fusing.method import Layout
from mmlib.pictures import Frame

FLOOR = np.float32(0.05)
"""Energy, in grey levels squared, added everywhere: below it lies the rounding of an 8-bit camera."""


class Sharpest:
    """Keeps the colour of the sharpest frame, its number, and the centre of the focus curve of each pixel.

    The energy of detail comes on a grid of half the size. Depth is the centre of gravity of the fourth
    power of the energy along the stack: it lies between the planes where two frames are equally sharp,
    and does not depend on the order of the frames.
    """

    def __init__(self, layout: Layout) -> None:
        height, width = layout.size
        grid = ((height + 1) // 2, (width + 1) // 2)
        self.layout = layout
        self.seen = 0
        self.energy: Map = np.full(grid, -1, np.float32)
        self.total: Map = np.zeros(grid, np.float32)
        self.weight: Map = np.zeros(grid, np.float32)
        self.moment: Map = np.zeros(grid, np.float32)
        self.number: NDArray[np.uint16] = np.zeros(grid, np.uint16)
        self.frame: Frame = np.zeros(layout.shape, layout.dtype)

    def see(self, frame: Frame, energy: Map, number: int) -> None:
        """Take a frame and the energy of its detail.

        Args:
            frame: (H, W) or (H, W, 3).
            energy: (H/2, W/2) float32, rounded up; grey levels squared.
            number: the frame's place in the stack.
        """
        energy = energy + FLOOR
        sharper = cv2.compare(energy, self.energy, cv2.CMP_GT)
        cv2.max(energy, self.energy, dst=self.energy)
        cv2.add(self.total, energy, dst=self.total)
        self.number[sharper > 0] = number
        weight = cv2.pow(energy, 4)
        cv2.add(self.weight, weight, dst=self.weight)
        cv2.scaleAdd(weight, float(self.layout.heights[number]), self.moment, dst=self.moment)
        everywhere = cv2.resize(sharper, self.layout.size[::-1], interpolation=cv2.INTER_NEAREST)
        cv2.copyTo(frame, everywhere, self.frame)
        self.seen += 1

    def index(self) -> NDArray[np.uint16]:
        """Give the number of the sharpest frame, (H, W) uint16."""
        return self._enlarge(self.number)

    def depth(self) -> NDArray[np.float32]:
        """Give the height of the sharpest place along the stack, (H, W) float32, in the unit of the layout."""
        heights = self.layout.heights
        depth = np.clip(self.moment / self.weight, heights.min(), heights.max())
        return np.asarray(cv2.resize(depth, self.layout.size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def confidence(self) -> NDArray[np.float32]:
        """Give how far the depth can be trusted, (H, W) float32: 0 all frames alike, 1 one frame alone is sharp."""
        if self.seen < 2:
            return np.ones(self.layout.size, np.float32)
        others = (self.total - self.energy) / np.float32(self.seen - 1)
        confidence = np.clip(1 - others / self.energy, 0, 1)
        return np.asarray(cv2.resize(confidence, self.layout.size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def _enlarge(self, numbers: NDArray[np.uint16]) -> NDArray[np.uint16]:
        return np.asarray(cv2.resize(numbers, self.layout.size[::-1], interpolation=cv2.INTER_NEAREST), np.uint16)
