"""Lay the frames of a stack on each other: shift, scale and rotation, measured on small grey copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.pictures import Frame
from mmlib.progress import Progress, report, silent
from mmlib.registration.similarity import IDENTITY, Matrix
from mmlib.registration.tracker import REAL_PX, Step, Tracker
from mmlib.stacks import ZStack

MODES = ("auto", "on", "off")

__all__ = [
    "MODES",
    "Alignment",
    "Matrix",
    "Tracker",
    "align",
    "check_field",
    "check_mode",
    "followed",
    "interpolated",
    "unmoved",
    "warp",
]


@dataclass(frozen=True)
class Alignment:
    """How the frames of a stack lie on its first one.

    Attributes:
        matrices: (K, 2, 3) float64, a pixel (x, y, 1) of the reference to where it lies in frame k.
        trusted: (K,) whether the place was measured; elsewhere it follows from the frames around.
        agreement: (K, 2) correlation with the frame it was compared with, before and after moving it.
        decided: whether frames are moved at all.
        reason: why, in one sentence.
        mode: what was asked for: auto, on or off.
        size: rows and columns of the frames.
    """

    matrices: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    agreement: NDArray[np.float32]
    decided: bool
    reason: str
    mode: str
    size: tuple[int, int]

    def __len__(self) -> int:
        """Say how many frames there are."""
        return len(self.matrices)

    @property
    def drift_px(self) -> NDArray[np.float64]:
        """(K, 2) shift of the middle of the picture, right and down, in pixels."""
        centre = np.array([(self.size[1] - 1) / 2, (self.size[0] - 1) / 2, 1.0])
        shift: NDArray[np.float64] = self.matrices @ centre - centre[:2]
        return shift

    @property
    def scale(self) -> NDArray[np.float64]:
        """(K,) magnification of each frame against the reference."""
        grown: NDArray[np.float64] = np.hypot(self.matrices[:, 0, 0], self.matrices[:, 1, 0])
        return grown

    @property
    def rotation_deg(self) -> NDArray[np.float64]:
        """(K,) rotation of each frame against the reference, in degrees, clockwise on the screen."""
        turned: NDArray[np.float64] = np.degrees(np.arctan2(self.matrices[:, 1, 0], self.matrices[:, 0, 0]))
        return turned

    def warp(self, frame: Frame, i: int) -> Frame:
        """Lay frame ``i`` on the reference.

        Args:
            frame: (H, W) or (H, W, 3), uint8 or uint16.
            i: its place in the stack.

        Returns:
            The frame moved; the very same array where nothing is to be moved.
        """
        return warp(frame, self.matrices[i]) if self.decided else frame

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain numbers and words, for a record."""
        return {
            "mode": self.mode,
            "decided": self.decided,
            "reason": self.reason,
            "drift_px": self.drift_px.round(3).tolist(),
            "scale": self.scale.round(6).tolist(),
            "rotation_deg": self.rotation_deg.round(4).tolist(),
            "trusted": self.trusted.tolist(),
        }


def align(
    stack: ZStack, *, mode: str = "auto", field: NDArray[np.bool_] | None = None, progress: Progress = silent
) -> Alignment:
    """Measure how the frames of a stack lie on the first one.

    Args:
        stack: any number of frames.
        mode: ``auto`` moves frames if they really drift, ``on`` in any case, ``off`` never.
        field: (H, W) True where the specimen is seen; only there is compared; None takes the whole frame.
        progress: told the share done.

    Returns:
        A matrix a frame, the drift, and the decision with its reason.

    Raises:
        InputError: if the mode is not known, or the field does not fit the frames.
    """
    check_mode(mode)
    check_field(field, stack)
    if mode == "off":
        return unmoved(stack, "alignment was switched off", mode)
    tracker = Tracker(stack.shape, field)
    steps = [tracker.see(frame) for frame in report(stack, len(stack), "aligning", progress)]
    return interpolated(steps, stack, mode)


def interpolated(steps: list[Step], stack: ZStack, mode: str) -> Alignment:
    """Decide from the places of all frames, and put those that were not measured between their neighbours.

    Args:
        steps: one a frame, from a `Tracker`.
        stack: the stack they belong to.
        mode: auto or on.

    Returns:
        The alignment.
    """
    matrices = np.stack([step.matrix for step in steps])
    trusted = np.array([step.trusted for step in steps])
    places = np.arange(len(steps))
    for row, column in np.ndindex(2, 3):
        matrices[:, row, column] = np.interp(places, places[trusted], matrices[trusted, row, column])
    return _decided(matrices, steps, stack, mode)


def followed(steps: list[Step], moved: list[bool], stack: ZStack, mode: str) -> Alignment:
    """Say how frames were moved one by one as they came.

    Args:
        steps: one a frame, from a `Tracker`.
        moved: whether each frame was moved by its matrix.
        stack: the stack they belong to.
        mode: auto or on.

    Returns:
        The alignment, with the identity for every frame that was left where it was.
    """
    matrices = np.stack([s.matrix if move else IDENTITY for s, move in zip(steps, moved, strict=True)])
    return _decided(matrices, steps, stack, mode)


def _decided(matrices: NDArray[np.float64], steps: list[Step], stack: ZStack, mode: str) -> Alignment:
    tracker = Tracker(stack.shape)
    largest = max(tracker.drift_px(matrix) for matrix in matrices)
    count, lost = sum(step.real for step in steps), sum(not step.trusted for step in steps)
    if mode == "on":
        reason = f"alignment was switched on; frames drift by up to {largest:.1f} px"
    elif count:
        reason = f"{count} of {len(stack)} frames drift, by up to {largest:.1f} px, and all parts of the picture agree"
    else:
        reason = f"no frame drifts by {REAL_PX} px or more in a way that all parts of the picture agree about"
    if lost:
        reason += f"; {lost} could not be measured and follow{'s' if lost == 1 else ''} the frames around"
    return Alignment(
        matrices=matrices,
        trusted=np.array([step.trusted for step in steps]),
        agreement=np.array([(step.before, step.after) for step in steps], np.float32),
        decided=mode == "on" or count > 0,
        reason=reason,
        mode=mode,
        size=(stack.height, stack.width),
    )


def unmoved(stack: ZStack, reason: str, mode: str) -> Alignment:
    """Give the alignment that leaves every frame where it is.

    Args:
        stack: the stack.
        reason: why, in one sentence.
        mode: what was asked for.

    Returns:
        Identity matrices.
    """
    count = len(stack)
    matrices = np.repeat(IDENTITY[None], count, axis=0)
    ones = np.ones((count, 2), np.float32)
    return Alignment(matrices, np.ones(count, np.bool_), ones, False, reason, mode, (stack.height, stack.width))


def warp(frame: Frame, matrix: Matrix) -> Frame:
    """Move a frame onto the reference, with cubic interpolation.

    A frame that only shifts is moved by a separable filter, which is several times faster.

    Args:
        frame: (H, W) or (H, W, 3), uint8 or uint16.
        matrix: (2, 3), a pixel of the reference to where it lies in the frame.

    Returns:
        The frame moved, borders repeated; the very same array for the identity.
    """
    if np.array_equal(matrix, IDENTITY):
        return frame
    if np.abs(matrix[:, :2] - np.eye(2)).max() * max(frame.shape[:2]) < 0.1:
        centre = np.array([frame.shape[1] / 2, frame.shape[0] / 2, 1.0])
        return _shifted(frame, *(matrix @ centre - centre[:2]))
    size = (frame.shape[1], frame.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(frame, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _shifted(frame: Frame, right: float, down: float) -> Frame:
    # whole pixels by a view of the padded frame, the rest by one cubic filter along x and one along y
    x, y = int(np.floor(right)), int(np.floor(down))
    pad = max(abs(x), abs(y)) + 3
    height, width = frame.shape[:2]
    padded = cv2.copyMakeBorder(frame, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    view = padded[pad + y - 2 : pad + y + height + 2, pad + x - 2 : pad + x + width + 2]
    across, along = _cubic(right - x), _cubic(down - y)
    return np.ascontiguousarray(cv2.sepFilter2D(view, -1, across, along, anchor=(1, 1))[2:-2, 2:-2])


def _cubic(part: float) -> NDArray[np.float64]:
    # Keys 1981, doi:10.1109/TASSP.1981.1163711, a = -0.75 as in warpAffine
    a, x = -0.75, np.array([1 + part, part, 1 - part, 2 - part])
    near, far = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * (x**3 - 5 * x**2 + 8 * x - 4)
    taps: NDArray[np.float64] = np.where(x <= 1, near, far)
    return taps


def check_mode(mode: str) -> None:
    """Raise unless the mode is known."""
    if mode not in MODES:
        raise unknown("alignment", mode, MODES)


def check_field(field: NDArray[np.bool_] | None, stack: ZStack) -> None:
    """Raise unless the field is as large as the frames."""
    if field is not None and np.shape(field) != stack.shape[:2]:
        raise InputError(
            f"the field must be as large as the frames, {stack.shape[:2]}; it is {np.shape(field)}; "
            "take it from the same stack"
        )
