"""Lay frames on the first one while they go by, so that a stack is read only once."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.field import find_field
from mmlib.pictures import Frame
from mmlib.registration import Alignment, Matrix, Tracker, followed, unmoved, warp
from mmlib.registration.tracker import Step
from mmlib.stacks import ZStack


class Following:
    """Measures each frame when it comes and moves it at once if the stack drifts.

    In mode ``auto`` frames pass through untouched until the first real drift shows; those before it lie within
    the error, so nothing is lost by not knowing the end of the stack. A second turn repeats the first one's moves.
    """

    def __init__(self, stack: ZStack, mode: str, field: NDArray[np.bool_] | None) -> None:
        self.stack = stack
        self.mode = mode
        self.field = field
        self.first: Frame | None = None
        self.tracker: Tracker | None = None
        self.steps: list[Step] = []
        self.moved: list[bool] = []

    def place(self, frame: Frame, number: int) -> Frame:
        """Give a frame where it belongs.

        Args:
            frame: (H, W) or (H, W, 3), as it was read.
            number: its place in the stack.

        Returns:
            The frame moved, or the very same array.
        """
        if self.mode == "off" or len(self.stack) == 1:
            return frame
        if self.tracker is None:
            field = roughly_seen(frame) if self.field is None else self.field
            self.tracker = Tracker(self.stack.shape, field)
        if number == len(self.steps):
            self.steps.append(self.tracker.see(frame))
            drifting = any(self.moved) or self.steps[-1].real
            self.moved.append(self.mode == "on" or drifting)
        if number == 0:
            self.first = frame
        return self._laid(frame, self.steps[number].matrix) if self.moved[number] else frame

    def alike(self, frame: Frame, number: int) -> Frame:
        """Move another state of a frame as the frame itself was moved.

        Args:
            frame: (H, W) or (H, W, 3), of the same place and height.
            number: of the frame, which has been placed.

        Returns:
            The frame moved, or the very same array.
        """
        moved = number < len(self.moved) and self.moved[number]
        return self._laid(frame, self.steps[number].matrix) if moved else frame

    def _laid(self, frame: Frame, matrix: Matrix) -> Frame:
        # what a frame does not cover comes from the first one: a repeated border would pass for detail
        laid = warp(frame, matrix)
        if laid is frame or self.first is None:
            return laid
        size = (frame.shape[1], frame.shape[0])
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        covered = cv2.warpAffine(np.full(frame.shape[:2], 255, np.uint8), matrix, size, flags=flags)
        return np.asarray(cv2.copyTo(self.first, cv2.bitwise_not(covered), laid))

    def alignment(self) -> Alignment:
        """Say how the frames were moved."""
        if self.tracker is None:
            alone = "a single frame has nothing to be aligned with"
            return unmoved(self.stack, alone if self.mode != "off" else "alignment was switched off", self.mode)
        return followed(self.steps, self.moved, self.stack, self.mode)


def roughly_seen(frame: Frame) -> NDArray[np.bool_]:
    """Find the field of one frame on a copy of about 256 pixels: near enough to align by, and cheap.

    Args:
        frame: (H, W) or (H, W, 3).

    Returns:
        (H, W) True where the specimen is seen.
    """
    height, width = frame.shape[:2]
    shrink = max(1, max(height, width) // 256)
    small = cv2.resize(frame, (max(1, width // shrink), max(1, height // shrink)), interpolation=cv2.INTER_AREA)
    seen = find_field(small)
    if seen.all():
        return np.ones((height, width), np.bool_)
    return np.asarray(cv2.resize(seen.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST), np.bool_)
