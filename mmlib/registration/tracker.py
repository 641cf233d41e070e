"""Follow the drift of a stack while its frames go by, keeping only small grey copies of three of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map, grey_levels
from mmlib.pictures import Frame
from mmlib.registration.grains import GRAINS, Grain, search
from mmlib.registration.similarity import IDENTITY, Fixed, Matrix, compose, invert

TRUSTED = 0.5
"""Correlation below which two frames do not show the same thing."""
LIKELY = 0.7
"""Correlation from which that counts too which is less than sure, if it was much less before the move."""
LEAP = 0.04
"""A jump by more than this share of the frame's longest side since the last frame must be as sure as a real move."""
REACH = 0.2
"""How far a frame is looked for, as a share of its longest side."""
PLAIN = 0.97
"""Correlation of the fine structure from which no other grain and no other frame is asked."""
NEAR = 0.9
"""Correlation from which a frame is near enough to be laid on another without a search."""
REAL_PX = 0.3
"""Drift, in pixels of the frame, from which it is worth moving a frame."""
CERTAIN = 2.5
"""A move is real if it is so many times as large as its likely error."""
AGREED, NEARER = 0.75, 0.95
"""A move is real if the parts of the picture disagree about it by less than the first share of it, and no more than the
second is left of the difference between the two frames: most of that is focus from one plane to the next."""
GROWTH, SWELLING = 0.2, 0.55
"""A move that grows, by more than the first share of it, must do with less than the second for both: what swells only
leaves focus."""
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


@dataclass
class _Seen:
    """A frame at two small sizes, and where it lies; what others are compared with is made when it is asked for.

    Attributes:
        small: (h, w) grey levels.
        fine: the same or twice as large.
        known: (h, w) True where to look.
        matrix: where it lies.
        doubt_px: likely error of that, in pixels of the frame.
    """

    small: Map
    fine: Map
    known: NDArray[np.bool_]
    matrix: Matrix = field(default_factory=IDENTITY.copy)
    doubt_px: float = 0.0

    def __post_init__(self) -> None:
        self._looks: dict[tuple[str, bool], Map] = {}
        self._fixed: dict[tuple[str, bool], Fixed] = {}

    def look(self, grain: Grain, *, fine: bool = False) -> Map:
        if (grain.name, fine) not in self._looks:
            self._looks[grain.name, fine] = grain.look(self.fine if fine else self.small)
        return self._looks[grain.name, fine]

    def fixed(self, grain: Grain, *, fine: bool = False) -> Fixed:
        if (grain.name, fine) not in self._fixed:
            look = self.look(grain, fine=fine)
            size = (look.shape[1], look.shape[0])
            known = cv2.resize(self.known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            self._fixed[grain.name, fine] = Fixed(look, _inner(known, grain.edge_px))
        return self._fixed[grain.name, fine]


@dataclass(frozen=True)
class _Link:
    """How a frame lies on one seen before.

    Attributes:
        to: the one seen before.
        grain: the one that was believed.
        small: the matrix between the small pictures.
        before, after: correlation at that grain, not moved and moved.
    """

    to: _Seen
    grain: Grain
    small: Matrix
    before: float
    after: float

    @property
    def halved(self) -> bool:
        """Whether the move makes up for half of what was unlike, which no change of focus does."""
        return self.after > LIKELY and 1 - self.after < (1 - self.before) / 2

    @property
    def doubt_px(self) -> float:
        """Likely error, in pixels of the small pictures."""
        return self.grain.doubt_px(self.after)


@dataclass(frozen=True)
class _Move:
    """A link once measured finely, in pixels of the frame: how far it goes, its likely error, and whether it is real.

    Attributes:
        false: it only looks like a move, so it is not made.
    """

    link: _Link
    matrix: Matrix
    doubt_px: float
    real: bool
    false: bool


class Tracker:
    """Measures each frame against one of three seen before, whichever it fits best.

    They are the first, the last, and the one that was used before: few links in the chain keep its error small. A frame
    that fits nothing is passed over.
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
        self.known: NDArray[np.bool_] | None = None
        self.first: _Seen | None = None
        self.key: _Seen | None = None
        self.last: _Seen | None = None
        self.drifting = False
        x, y = np.meshgrid(np.linspace(0, self.width - 1, 5), np.linspace(0, self.height - 1, 5))
        self.points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])

    def see(self, frame: Frame) -> Step:
        """Say where a frame lies on the first one.

        Args:
            frame: (H, W) or (H, W, 3), uint8 or uint16.

        Returns:
            Its place.
        """
        seen = self._shrunk(frame)
        if self.first is None or self.last is None or self.key is None or min(seen.small.shape) < 16:
            self.first = self.key = self.last = seen
            return Step(IDENTITY, True, 1.0, 1.0, False)
        guess, known = self.last.matrix, [self.key, self.last, self.first]
        self.last = seen
        seen.matrix, seen.doubt_px = guess, math.inf
        links = self._links(known, seen, guess)
        moves: list[_Move] = []
        for link in links:
            if self._trusted(link, guess):
                moves.append(self._measured(link, seen))
                if moves[-1].real:
                    break
        if not moves:
            return Step(guess, False, links[0].before, links[0].after, False)
        move = moves[-1] if moves[-1].real else moves[0]
        self.key = key = move.link.to
        matrix = key.matrix if move.false else compose(move.matrix, key.matrix)
        seen.matrix = matrix if self.drift_px(compose(matrix, invert(guess))) > move.doubt_px else guess
        seen.doubt_px = key.doubt_px + move.doubt_px
        self.drifting |= move.real
        return Step(seen.matrix, True, move.link.before, move.link.after, move.real)

    def _links(self, known: list[_Seen], seen: _Seen, guess: Matrix) -> list[_Link]:
        # the surest first; once the fine structure of one fits, no other is asked
        links: list[_Link] = []
        for one in known:
            if all(one is not link.to for link in links):
                links.append(self._link(one, seen, guess))
                if links[-1].grain is GRAINS[0] and links[-1].after > PLAIN:
                    break
        return sorted(links, key=lambda link: link.to.doubt_px + link.doubt_px * self.shrink * self.again)

    def _trusted(self, link: _Link, guess: Matrix) -> bool:
        leap = self.drift_px(compose(compose(self._large(link.small), link.to.matrix), invert(guess)))
        least = link.grain.sure if leap > LEAP * max(self.height, self.width) else TRUSTED
        return (link.after >= least or link.halved) and self._plausible(link.small)

    def _link(self, key: _Seen, seen: _Seen, guess: Matrix) -> _Link:
        # the guess says where the frame lies on the reference; here it is wanted on the key frame
        expected = self._small(compose(guess, invert(key.matrix)))
        starts, best = [IDENTITY, expected], None
        reach = round(REACH * max(seen.small.shape))
        for grain in GRAINS:
            fixed, look = key.fixed(grain), seen.look(grain)
            alike = [fixed.correlation(look, start) for start in starts]
            if max(alike) < NEAR and grain is not GRAINS[0]:
                right, down = search(fixed.grey, look, fixed.field, reach)
                starts.append(np.array([[1.0, 0, right], [0, 1.0, down]]))
                alike.append(fixed.correlation(look, starts[-1]))
            start = starts[int(np.argmax(alike))]
            fit = fixed.fit(look, start, doubt_px=grain.doubt_px, expected=expected)
            link = _Link(key, grain, fit.matrix, alike[0], fit.after)
            if best is None or link.doubt_px < best.doubt_px:
                best = link
            if fit.after > PLAIN:
                break
            starts.append(fit.matrix)
        assert best is not None
        return best

    def _measured(self, link: _Link, seen: _Seen) -> _Move:
        matrix, doubt_px = self._refined(link, seen)
        moved = self.drift_px(matrix)
        if moved < REAL_PX:
            return _Move(link, matrix, doubt_px, real=False, false=False)
        fixed, look, tiny = link.to.fixed(link.grain), seen.look(link.grain), self._small(matrix)
        left, found = fixed.misfit(look, tiny)
        unlike, still_unlike = 1 - link.before, 1 - fixed.correlation(look, tiny)
        growth_px = abs(_scale(matrix) - 1) * max(self.height, self.width) / 4
        agreed, nearer = (AGREED, NEARER) if growth_px < GROWTH * moved else (SWELLING, SWELLING)
        alike = still_unlike < nearer * unlike and (1 - still_unlike > link.grain.sure or link.halved)
        real = alike and left < agreed * found and moved > CERTAIN * doubt_px
        return _Move(link, matrix, doubt_px, real, false=not real and (not self.drifting or left > found))

    def _refined(self, link: _Link, seen: _Seen) -> tuple[Matrix, float]:
        # at twice the size, where that is surer
        rough, doubt_px = self._large(link.small), link.doubt_px * self.shrink * self.again
        if self.again == 1 or self.drift_px(rough) < REAL_PX / 2:
            return rough, doubt_px
        start = _rescale(link.small, 2)
        fixed, look = link.to.fixed(link.grain, fine=True), seen.look(link.grain, fine=True)
        fit = fixed.fit(look, start, doubt_px=link.grain.doubt_px, expected=start, steps=8, enough=0.02)
        finer_px = link.grain.doubt_px(fit.after) * self.shrink
        return (_rescale(fit.matrix, self.shrink), finer_px) if finer_px < doubt_px else (rough, doubt_px)

    def drift_px(self, matrix: Matrix) -> float:
        """Say how far a matrix moves the pixels, in pixels: root mean square over the frame."""
        away = matrix @ self.points - self.points[:2]
        return float(np.sqrt(np.mean(away * away) * 2))

    def _shrunk(self, frame: Frame) -> _Seen:
        if self.shrink > 1:
            size = (max(1, self.width // self.shrink), max(1, self.height // self.shrink))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        fine = grey_levels(frame)
        small = _halve(fine) if self.again == 2 else fine
        if self.known is None:
            height, width = small.shape
            known = cv2.resize(self.field, (width, height), interpolation=cv2.INTER_AREA) > 0
            self.known = known if known.any() else np.ones(known.shape, np.bool_)
        return _Seen(small, fine, self.known)

    def _large(self, small: Matrix) -> Matrix:
        return _rescale(small, self.shrink * self.again)

    def _small(self, large: Matrix) -> Matrix:
        return _rescale(large, 1 / (self.shrink * self.again))

    def _plausible(self, small: Matrix) -> bool:
        scale = _scale(small)
        height, width = self.height / self.shrink / self.again, self.width / self.shrink / self.again
        centre = small @ np.array([width / 2, height / 2, 1]) - np.array([width / 2, height / 2])
        shift = float(np.hypot(*centre))
        return 0.9 < scale < 1.1 and abs(small[1, 0]) < 0.1 and shift < 0.25 * max(height, width)


def _inner(known: NDArray[np.bool_], edge_px: int) -> NDArray[np.bool_]:
    """Leave out what is near the border or the rim of the field, but no more than an eighth of the short side."""
    edge = max(1, min(edge_px, min(known.shape) // 8))
    shrunk = cv2.erode(known.astype(np.uint8), np.ones((2 * edge + 1, 2 * edge + 1), np.uint8), borderValue=0)
    return shrunk > 0 if shrunk.any() else known


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
