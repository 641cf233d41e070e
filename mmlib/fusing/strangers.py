"""Frames that do not belong: of another scene, black, or far out of exposure, in the middle of a stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels
from mmlib.pictures import Frame

SIDE = 24
"""Frames are compared as so many pixels, so that focus makes little difference."""

DARK, LEAST = 20, 40
"""Copies are compared where both are brighter than the first, in grey levels: all discs of light on black are alike.
Where fewer pixels than the second are, the whole is."""

SHADING = 4.0
"""Shading is left out for the same reason: what is smoother than a Gaussian of this standard deviation, in pixels."""

ALIKE, UNLIKE = 0.8, 0.4
"""A frame is a stranger if its neighbours correlate by more than the first, and it with neither by the second."""

BRIGHTER = 1.5
"""Or if it is so many times as bright or as dark as both, and they are alike."""


class Strangers:
    """Keeps a tiny copy of each frame, and finds those whose neighbours are like each other and unlike them.

    Focus changes frame by frame, so that neighbours are alike however far a stack reaches. The first and the last
    frame have one neighbour each and are never strangers.
    """

    def __init__(self) -> None:
        self.copies: list[Map] = []

    def see(self, frame: Frame) -> None:
        """Add a frame."""
        small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        self.copies.append(grey_levels(small).astype(np.float16))

    @property
    def found(self) -> frozenset[int]:
        """The numbers of the frames that do not belong; none of fewer than three frames."""
        return frozenset(number for number in range(len(self.copies)) if self.strange(number))

    def strange(self, number: int) -> bool:
        """Say whether a frame does not belong, as far as frames were seen: the one after it must be among them."""
        if not 0 < number < len(self.copies) - 1:
            return False
        one, other = number - 1, number + 1
        if self._likeness(one, other) < ALIKE or self._ratio(one, other) > BRIGHTER:
            return False
        unlike = max(self._likeness(number, one), self._likeness(number, other)) < UNLIKE
        return unlike or min(self._ratio(number, one), self._ratio(number, other)) > BRIGHTER

    def _likeness(self, one: int, other: int) -> float:
        a, b = (self.copies[number].astype(np.float32) for number in (one, other))
        lit = cv2.erode(np.asarray((a > DARK) & (b > DARK), np.float32), np.ones((3, 3)))
        if lit.sum() < LEAST:
            lit = np.ones_like(a)
        a, b = _unshaded(a, lit), _unshaded(b, lit)
        size = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / size if size > lit.sum() else 1.0  # what is flat is like anything

    def _ratio(self, one: int, other: int) -> float:
        a, b = (float(self.copies[number].astype(np.float64).mean()) + 1 for number in (one, other))
        return max(a / b, b / a)


def _unshaded(grey: Map, lit: Map) -> Map:
    light = cv2.GaussianBlur(grey * lit, (0, 0), SHADING) / np.maximum(cv2.GaussianBlur(lit, (0, 0), SHADING), 1e-3)
    return np.asarray((grey - light) * lit)


def belonging(
    frames: Iterable[tuple[int, Frame, Frame]], strangers: Strangers, *, first: bool
) -> Iterator[tuple[int, Frame, Frame]]:
    """Pass on the frames that belong, each once the one after it is known.

    Args:
        frames: number, frame, and another state of it.
        strangers: sees each frame in the first turn.
        first: whether this is the first turn.

    Yields:
        Those that belong; the first and the last always do.
    """
    held: tuple[int, Frame, Frame] | None = None
    for number, frame, shown in frames:
        if first:
            strangers.see(frame)
        if held is not None and not strangers.strange(held[0]):
            yield held
        held = number, frame, shown
    if held is not None:
        yield held


def left_out_words(numbers: Iterable[int], *, first: int) -> list[str]:
    """Say which frames were left out.

    Args:
        numbers: of the frames, counted from 0.
        first: what the first frame is called: 1 on pages, 0 in files and reports.

    Returns:
        One sentence, or none.
    """
    names = [str(number + first) for number in numbers]
    if not names:
        return []
    which = f"frame {names[0]} is" if len(names) == 1 else f"frames {', '.join(names[:-1])} and {names[-1]} are"
    return [f"{which} left out: unlike the frames before and after, which are like each other"]
