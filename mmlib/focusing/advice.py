"""What to do with a stack: which frames to keep, and where to move the focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEEP_SHARE = 0.1
BEST_SHARE = 0.02
"""A frame is kept if so many of the cells are in focus in it, or so many are nowhere sharper."""
BESIDE = 2
"""So many frames on either side of the sharp ones are worth fusing too. By them fusing tells what is sharp from what is
blurred: with the sharp frames alone it lost half a decibel on validation specimens, with these nothing."""
DROPPED = ("blank", "artefact", "duplicate")
"""Frames that are not worth fusing even between sharp ones."""
DIRTY_SHARE = 0.5
"""A frame shows hardly more than dirt if so many of the cells that one can see anything in are artefacts."""


@dataclass(frozen=True)
class FrameAdvice:
    """Whether a frame is worth keeping.

    Attributes:
        frame: its number.
        verdict: ``sharp``, ``blurred``, ``blank``, ``artefact`` or ``duplicate``; only sharp ones are worth keeping.
        reason: one sentence.
    """

    frame: int
    verdict: str
    reason: str


@dataclass(frozen=True)
class Autofocus:
    """Where the focus belongs.

    Attributes:
        plane: the best over all, with its fraction; NaN where there is nothing to judge.
        low_plane: a tenth of the cells are at their best below this plane.
        high_plane: a tenth of the cells are at their best above this plane.
        z_um: height of the best plane, or None where the stack does not know its z.
        beyond: -1 or 1 if the sharpest plane is the first or the last, so that focus may lie below or above the scan.
    """

    plane: float
    low_plane: float
    high_plane: float
    z_um: float | None
    beyond: int

    def move(self, frame: int, z_um: tuple[float, ...] | None = None) -> tuple[float, str]:
        """Say how to get from a frame to the best plane.

        Args:
            frame: where the focus is now.
            z_um: height of each frame, or None to count in planes.

        Returns:
            How far, in micrometres or planes, 0 or more, and which way: ``up`` the stack, ``down`` or ``stay``.
        """
        if not np.isfinite(self.plane):
            return 0.0, "stay"
        if z_um is None or self.z_um is None:
            way = self.plane - frame
            return abs(way), _word(way)
        return abs(self.z_um - z_um[frame]), _word(self.plane - frame)


def worth_fusing(verdicts: Sequence[tuple[int, str]]) -> list[int]:
    """Choose the frames to fuse: from a little before the first sharp one to a little after the last.

    Args:
        verdicts: number and verdict of each frame, in order; see `FrameAdvice`.

    Returns:
        Their numbers; none where no frame is sharp.
    """
    sharp = [frame for frame, verdict in verdicts if verdict == "sharp"]
    if not sharp:
        return []
    near = range(sharp[0] - BESIDE, sharp[-1] + BESIDE + 1)
    return [frame for frame, verdict in verdicts if frame in near and verdict not in DROPPED]


def _word(way: float) -> str:
    return "stay" if abs(way) < 0.5 else "up" if way > 0 else "down"


def find_focus(planes: NDArray[np.float64], count: int, z_um: tuple[float, ...] | None) -> Autofocus:
    """Say where the focus belongs, from where each cell is at its best.

    Args:
        planes: (rows, columns) best planes; NaN where there is nothing to judge.
        count: frames of the stack.
        z_um: height of each frame, or None.

    Returns:
        The advice; the median of the cells is the best plane.
    """
    known = planes[np.isfinite(planes)]
    if not known.size:
        return Autofocus(float("nan"), float("nan"), float("nan"), None, 0)
    low, plane, high = (float(value) for value in np.percentile(known, [10, 50, 90]))
    height = None if z_um is None else float(np.interp(plane, np.arange(count), z_um))
    beyond = 0 if count == 1 else -1 if plane < 0.25 else 1 if plane > count - 1.25 else 0
    return Autofocus(plane, low, high, height, beyond)


def advise(
    sharp: NDArray[np.bool_],
    level: NDArray[np.int8],
    artefact: NDArray[np.bool_],
    planes: NDArray[np.float64],
    same: NDArray[np.bool_],
) -> tuple[FrameAdvice, ...]:
    """Say of every frame whether to keep it.

    Args:
        sharp: (K, rows, columns) True where a cell is in focus.
        level: (K, rows, columns), -1 in blank cells.
        artefact: (K, rows, columns) True where dirt is what one sees.
        planes: (rows, columns) the best plane of each cell; NaN in blank cells.
        same: (K,) True where a frame shows nothing but what the one before shows.

    Returns:
        A verdict for each frame.
    """
    advice: list[FrameAdvice] = []
    for frame in range(len(level)):
        seen = level[frame] >= 0
        dirty = artefact[frame] & seen
        judged = seen & ~dirty
        count, known = int(judged.sum()), judged & np.isfinite(planes)
        focused = int((sharp[frame] & judged).sum())
        best = int((np.round(planes[known]) == frame).sum())
        if not seen.any():
            verdict, reason = "blank", "no cell has detail to judge"
        elif dirty.sum() > DIRTY_SHARE * seen.sum():
            verdict = "artefact"
            reason = f"dirt, hair or condensate is what one sees in {int(dirty.sum())} of {int(seen.sum())} cells"
        elif best >= BEST_SHARE * count or focused >= KEEP_SHARE * count:
            verdict, reason = "sharp", f"{focused} of {count} cells are in focus, {best} of them at their best"
            if same[frame]:
                verdict, reason = "duplicate", f"shows what frame {frame - 1} shows; {reason}"
        else:
            verdict = "blurred"
            reason = f"only {focused} of {count} cells are in focus, and nearly all are sharper elsewhere"
        advice.append(FrameAdvice(frame, verdict, reason))
    return tuple(advice)
