"""Frames that do not belong: of another scene, black, or far out of exposure, in the middle of a stack."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels
from mmlib.pictures import Frame

SIDE = 24
"""Frames are compared as so many pixels, so that focus makes little difference."""

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

    @cached_property
    def found(self) -> frozenset[int]:
        """The numbers of the frames that do not belong; none of fewer than three frames."""
        count = len(self.copies)
        if count < 3:
            return frozenset()
        strange = set()
        for number in range(1, count - 1):
            one, other = number - 1, number + 1
            if self._likeness(one, other) < ALIKE or self._ratio(one, other) > BRIGHTER:
                continue
            unlike = max(self._likeness(number, one), self._likeness(number, other)) < UNLIKE
            if unlike or min(self._ratio(number, one), self._ratio(number, other)) > BRIGHTER:
                strange.add(number)
        return frozenset(strange)

    def _likeness(self, one: int, other: int) -> float:
        a, b = (self.copies[number].astype(np.float64) for number in (one, other))
        a, b = a - a.mean(), b - b.mean()
        size = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / size if size > SIDE**2 else 1.0  # what is flat is like anything

    def _ratio(self, one: int, other: int) -> float:
        a, b = (float(self.copies[number].astype(np.float64).mean()) + 1 for number in (one, other))
        return max(a / b, b / a)
