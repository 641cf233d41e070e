"""Follow the drift of a stack while its frames go by, keeping only small grey copies of two of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map, grey_levels
from mmlib.pictures import Frame
from mmlib.registration.similarity import IDENTITY, Fit, Fixed, Matrix, band, coarse_shift, compose, invert

TRUSTED = 0.35
"""Correlation below which two frames do not show the same thing."""
SURE = 0.8
"""Correlation that a leap needs, a jump by more than `LEAP` of the frame's longest side since the last frame, and any
move that is to be real: where focus passes to another layer, or lines turn from dark to bright, some move always makes
two frames a little more alike, but none makes them the same."""
LEAP = 0.04
KEPT = 0.99
"""Correlation with the key frame below which a nearer frame takes its place."""
REAL_PX = 0.3
"""Drift, in pixels of the frame, from which it is worth moving a frame."""
ALIKE = 0.55
"""A move is real if the parts of the picture disagree about it by less than this share of it, and no more than this
share of the difference between the two frames is left after it."""
NO_NEARER, GROWTH = 0.9, 0.2
"""A move that leaves more than this share of the difference between two frames only looks like one, even in a stack
that drifts: what differs is the focus. A mere shift may leave that much and be real: from one plane to the next most of
the difference is focus, even where a hand shakes. It is a mere shift if growing makes less than this share of it: what
swells only leaves focus."""
SMALL, FINE = 256, 512
"""Longest side of the small copies: to look for drift, and to measure it."""


@dataclass(frozen=True)
class Step:
    """Where one frame lies.

    Attributes:
        matrix: a pixel of the reference to where it lies in this frame, in pixels of the frame.
        trusted: whether it was measured; otherwise it repeats the last one that was.
        before: correlation with the frame that it was compared with, not moved.
        after: the same, once moved.
        real: whether it moved by more than `REAL_PX`, all parts of the picture agree about it, and the two frames are
            alike once moved.
    """

    matrix: Matrix
    trusted: bool
    before: float
    after: float
    real: bool


@dataclass(frozen=True)
class _Seen:
    """A frame that others are compared with; its gradients are made when the first one is."""

    grey: Map
    fine: Map
    matrix: Matrix
    field: NDArray[np.bool_]

    @cached_property
    def small(self) -> Fixed:
        return Fixed(self.grey, self.field)

    @cached_property
    def fine_fixed(self) -> Fixed:
        height, width = self.fine.shape
        larger = cv2.resize(self.field.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        return Fixed(band(self.fine), larger > 0)


class Tracker:
    """Measures each frame against a key frame, which changes only when the focus has moved too far from it.

    Few links in the chain keep its error small; a frame that fits nothing is passed over.
    """

    def __init__(self, shape: tuple[int, ...], field: NDArray[np.bool_] | None = None) -> None:
        """Start on a stack.

        Args:
            shape: (H, W) or (H, W, 3) of the frames.
            field: (H, W) True where to look; None takes the whole frame.
        """
        self.height, self.width = shape[:2]
        longest = max(self.height, self.width)
        self.shrink = max(1, -(-longest // FINE))
        self.again = 2 if longest / self.shrink > SMALL else 1
        self.field = np.ones((self.height, self.width), np.uint8) if field is None else field.astype(np.uint8)
        self.key: _Seen | None = None
        self.last: _Seen | None = None
        self.first: _Seen | None = None
        self.drifting = False
        self.inside: NDArray[np.bool_] | None = None
        x, y = np.meshgrid(np.linspace(0, self.width - 1, 5), np.linspace(0, self.height - 1, 5))
        self.points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])

    def see(self, frame: Frame) -> Step:
        """Say where a frame lies on the first one.

        Args:
            frame: (H, W) or (H, W, 3), uint8 or uint16.

        Returns:
            Its place.
        """
        fine_grey = self._shrink(frame)
        small = band(_halve(fine_grey) if self.again == 2 else fine_grey)
        if self.key is None or min(small.shape) < 16:
            self.key = self.last = self.first = self._remember(small, fine_grey, IDENTITY)
            return Step(IDENTITY, True, 1.0, 1.0, False)
        key = self.key
        guess = self.last.matrix if self.last is not None else key.matrix
        fit = self._fit(key, small, guess)
        if fit.after < KEPT and self.last is not None and self.last is not key:
            nearer = self._fit(self.last, small, guess)
            if nearer.after > fit.after:
                key, fit = self.last, nearer
        leap = self.drift_px(compose(compose(self._large(_rescale(fit.matrix, self.again)), key.matrix), invert(guess)))
        least = SURE if leap > LEAP * max(self.height, self.width) else TRUSTED
        trusted = fit.after >= least and self._plausible(fit.matrix)
        if not trusted:
            self.last = self._remember(small, fine_grey, guess)
            return Step(guess, False, fit.before, fit.after, False)
        self.key = key
        fine, error = self._refine(key, fine_grey, fit)
        link = self._large(fine)
        real, false = self._judge(key, small, link, error)
        matrix = key.matrix if false else compose(link, key.matrix)
        first = self.first
        if not real and not false and first is not None and first is not key:
            real = self._judge(first, small, compose(matrix, invert(first.matrix)), error)[0]
        self.drifting |= real
        self.last = self._remember(small, fine_grey, matrix)
        return Step(matrix, True, fit.before, fit.after, real)

    def _judge(self, key: _Seen, small: Map, link: Matrix, error: float) -> tuple[bool, bool]:
        # whether a move is a real one, and whether it only looks like one
        moved = self.drift_px(link)
        if moved < REAL_PX:
            return False, False
        tiny = self._tiny(link)
        left, found = key.small.misfit(small, tiny)
        unlike, still_unlike = (1 - key.small.fit(small, place, steps=0).after for place in (IDENTITY, tiny))
        growth_px = abs(_scale(link) - 1) * max(self.height, self.width) / 4
        most = NO_NEARER if growth_px < GROWTH * moved else ALIKE
        alike = still_unlike < min(most * unlike, 1 - SURE)
        real = alike and left < ALIKE * found and moved > 3 * error
        useless = left > found or still_unlike > NO_NEARER * unlike
        return real, not real and (not self.drifting or useless)

    def drift_px(self, matrix: Matrix) -> float:
        """Say how far a matrix moves the pixels, in pixels: root mean square over the frame."""
        away = matrix @ self.points - self.points[:2]
        return float(np.sqrt(np.mean(away * away) * 2))

    def _remember(self, small: Map, fine: Map, matrix: Matrix) -> _Seen:
        if self.inside is None:
            height, width = small.shape
            field = cv2.resize(self.field, (width, height), interpolation=cv2.INTER_AREA)
            edge = max(2, min(height, width) // 40)
            field = cv2.erode(field, np.ones((2 * edge + 1, 2 * edge + 1), np.uint8), borderValue=0)
            self.inside = field > 0 if field.any() else np.ones(field.shape, np.bool_)
        return _Seen(small, fine, matrix, self.inside)

    def _fit(self, key: _Seen, small: Map, guess: Matrix) -> Fit:
        # the guess says where the frame lies on the reference; here it is wanted on the key frame
        start = self._tiny(compose(guess, invert(key.matrix)))
        fit = key.small.fit(small, IDENTITY)
        before = fit.before
        if fit.after < 0.9 and not np.allclose(start, IDENTITY, atol=1e-3):
            other = key.small.fit(small, start)
            fit = other if other.after > fit.after else fit
        if fit.after < 0.6:
            field = key.field
            other = key.small.fit(small, coarse_shift(key.grey * field, small * field))
            fit = other if other.after > fit.after else fit
        return Fit(fit.matrix, before, fit.after, fit.error_px)

    def _refine(self, key: _Seen, fine: Map, fit: Fit) -> tuple[Matrix, float]:
        scale = self.shrink * self.again
        if self.again == 1 or self.drift_px(self._large(_rescale(fit.matrix, 2))) < REAL_PX / 2:
            return _rescale(fit.matrix, self.again), fit.error_px * scale
        finer = key.fine_fixed.fit(band(fine), _rescale(fit.matrix, 2), steps=8, enough=0.02)
        return finer.matrix, finer.error_px * self.shrink

    def _shrink(self, frame: Frame) -> Map:
        if self.shrink > 1:
            size = (max(1, self.width // self.shrink), max(1, self.height // self.shrink))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        return grey_levels(frame)

    def _large(self, matrix: Matrix) -> Matrix:
        return _rescale(matrix, self.shrink)

    def _tiny(self, matrix: Matrix) -> Matrix:
        return _rescale(matrix, 1 / (self.shrink * self.again))

    def _plausible(self, small: Matrix) -> bool:
        scale = _scale(small)
        height, width = self.height / self.shrink / self.again, self.width / self.shrink / self.again
        centre = small @ np.array([width / 2, height / 2, 1]) - np.array([width / 2, height / 2])
        shift = float(np.hypot(*centre))
        return 0.9 < scale < 1.1 and abs(small[1, 0]) < 0.1 and shift < 0.25 * max(height, width)


def _halve(grey: Map) -> Map:
    height, width = grey.shape
    return cv2.resize(grey, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)


def _scale(matrix: Matrix) -> float:
    """Give how many times as large a matrix makes the picture."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _rescale(matrix: Matrix, factor: float) -> Matrix:
    """Give a matrix between pictures ``factor`` times as large; pixel centres, not corners, are whole numbers."""
    larger = matrix.copy()
    half = (factor - 1) / 2
    larger[:, 2] = factor * matrix[:, 2] + half - half * (matrix[:, 0] + matrix[:, 1])
    return larger
