"""Which frame is sharpest at each pixel, how deep that is and how sure: found as the frames go by."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map
from mmlib.fusing.method import Layout, Result
from mmlib.pictures import Frame, Picture

DEPTH_POWER = 8
"""Weight of a frame in the depth: its strength to this power."""


class Sharpest:
    """Keeps the number of the sharpest frame, its colour, and the centre of the focus curve of each pixel.

    The strength of detail comes on a grid of half the size. Depth is the centre of gravity of its eighth power
    along the stack: it lies between the planes where two frames are equally sharp, and it does not depend on the
    order of the frames. Where no frame shows anything the depth follows from the surroundings.
    """

    def __init__(self, layout: Layout, colour: bool = True) -> None:
        """Start on a stack.

        Args:
            layout: what the frames are like.
            colour: whether to keep the frame that is sharpest at each pixel, as `frame`.
        """
        height, width = layout.size
        grid = ((height + 1) // 2, (width + 1) // 2)
        self.layout = layout
        self.colour = colour
        self.seen = 0
        self.lowest = float(layout.heights.min())
        self.best: Map = np.zeros(grid, np.float32)
        self.total: Map = np.zeros(grid, np.float32)
        self.weight: Map = np.zeros(grid, np.float32)
        self.moment: Map = np.zeros(grid, np.float32)
        self.number: NDArray[np.uint16] = np.zeros(grid, np.uint16)
        self.frame: Frame = np.zeros(layout.shape if colour else (1, 1), layout.dtype)

    def see(self, frame: Frame, strong: Map, number: int) -> None:
        """Take a frame and the strength of its detail.

        Args:
            frame: (H, W) or (H, W, 3).
            strong: (H/2, W/2) float32, rounded up; above 0.
            number: the frame's place in the stack.
        """
        sharper = cv2.compare(strong, self.best, cv2.CMP_GT)
        cv2.max(strong, self.best, dst=self.best)
        cv2.add(self.total, strong, dst=self.total)
        self.number[sharper > 0] = number
        weight = cv2.pow(np.multiply(strong, np.float32(1e-3)), DEPTH_POWER)  # of 1e-24 to 1e18: float32 holds both
        cv2.add(self.weight, weight, dst=self.weight)
        cv2.scaleAdd(weight, float(self.layout.heights[number] - self.lowest), self.moment, dst=self.moment)
        if self.colour:
            everywhere = cv2.resize(sharper, self.layout.size[::-1], interpolation=cv2.INTER_NEAREST)
            cv2.copyTo(frame, everywhere, self.frame)
        self.seen += 1

    def result(self, picture: Picture, parameters: dict[str, Any]) -> Result:
        """Add what is known of the depth to a picture.

        Args:
            picture: (H, W) or (H, W, 3) float32.
            parameters: the numbers that the method worked with.

        Returns:
            The whole answer.
        """
        size = self.layout.size[::-1]
        sure = self._confidence()
        heights = self.layout.heights
        depth = np.clip(filled(self.moment / self.weight + np.float32(self.lowest), sure), heights.min(), heights.max())
        return Result(
            picture=picture,
            index=np.asarray(cv2.resize(self.number, size, interpolation=cv2.INTER_NEAREST), np.uint16),
            depth=np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_LINEAR), np.float32),
            confidence=np.asarray(cv2.resize(sure, size, interpolation=cv2.INTER_LINEAR), np.float32),
            parameters=parameters,
        )

    def _confidence(self) -> Map:
        # 0 where all frames are alike, 1 where one alone is sharp
        if self.seen < 2:
            return np.ones(self.best.shape, np.float32)
        others = (self.total - self.best) / np.float32(self.seen - 1)
        return np.clip(1 - others / self.best, 0, 1)


def filled(depth: Map, sure: Map) -> Map:
    """Push and pull: each place takes what it is not sure of from a grid of half the size.

    Args:
        depth: (h, w) float32.
        sure: (h, w) float32, 0..1.

    Returns:
        (h, w) float32.
    """
    if min(depth.shape) < 4:
        return depth
    weight = sure**2 + np.float32(1e-4)
    coarse_weight = cv2.pyrDown(weight)
    coarse = filled(cv2.pyrDown(depth * weight) / coarse_weight, np.sqrt(np.clip(coarse_weight, 0, 1)))
    around = cv2.resize(coarse, depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    trust = weight**2 / (weight**2 + np.float32(0.01))
    mixed: Map = trust * depth + (1 - trust) * around
    return mixed
