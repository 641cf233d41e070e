"""Fusion with learned weights: a small net says how much of each frame counts where, and where the surface lies."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Levels, Map, join_levels, level_count
from mmlib.fusing.detail import on_grid_of
from mmlib.fusing.looks import Seen, Survey, Together
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import filled
from mmlib.fusing.weigher import Weigher, load_weigher
from mmlib.pictures import Frame

NET = "fuse-best"
"""The card of the net."""

ALIKE = 0.35
"""Frames within a quarter of the highest energy show about as much: that is so far below it on the net's scale."""

PREFERENCE = 10.0
"""Logarithm of how much more the nearest frame counts than the farthest, where that is asked for."""


class Learned:
    """Weighted Laplacian pyramid of all colours; a net that sees the whole stack sets the weights.

    The finest detail, all that is coarser, and the depth have weights of their own: where a frame is in focus it may
    yet show the rims of what lies above. Where a place shows less than what lies around it, the frame that is sharp
    around is clear of them and counts more, whatever the net says. The first turn finds what all frames have together,
    the second weighs each frame beside its two neighbours and beside all. What comes out is an average of the frames at
    every scale, so the net can choose but not invent, and no seam can appear. Memory does not depend on how many frames
    there are.
    """

    turns: ClassVar[int] = 2

    def __init__(self, layout: Layout, weigher: Weigher | None = None) -> None:
        """Start on a stack.

        Args:
            layout: what the frames are like.
            weigher: the net; None loads the one that ships.
        """
        self.layout = layout
        self.weigher = weigher or load_weigher(NET)
        self.levels = level_count(*layout.size, most=self.weigher.levels)
        self.survey = Survey(self.levels)
        self.together: Together | None = None
        self.waiting: list[tuple[int, Frame, Seen]] = []  # the last two frames; their pictures are needed a frame later
        self.likeness: list[list[Map]] = []
        self.sums: list[Map] = []
        self.weights: list[Map] = []
        grid = tuple((side + 1) // 2 for side in layout.size)
        self.number: NDArray[np.uint16] = np.zeros(grid, np.uint16)
        self.best: Map = np.full(grid, -np.inf, np.float32)
        self.share, self.moment, self.spread = (np.zeros(grid, np.float32) for _ in range(3))

    def see(self, frame: Frame, number: int, turn: int) -> None:
        """Survey a frame in the first turn; in the second weigh the one before it, whose neighbours are now known."""
        self.choose(frame, frame, number, turn)

    def choose(self, frame: Frame, shown: Frame, number: int, turn: int) -> None:
        """See a frame, and make the picture of another state of it: the net knows frames as cameras take them."""
        if turn == 0:
            self.survey.see(frame)
            return
        if self.together is None:
            self.together = Together(self.survey)
        last = len(self.layout.heights) - 1
        seen = self.together.take_apart(frame)
        self.waiting.append((number, shown, seen))
        if len(self.waiting) > 1:
            self.likeness.append(self.together.likeness(self.waiting[-2][2], seen))
            before = self.waiting[-3][2] if len(self.waiting) > 2 else seen
            self._weigh(*self.waiting[-2], before, seen, self.likeness[0])
        if number == last:
            before = self.waiting[-2][2] if last else seen
            self.likeness = self.likeness[-1:] or [self.together.likeness(seen, seen)]
            self._weigh(number, shown, seen, before, before, self.likeness[0])
        self.waiting, self.likeness = self.waiting[-2:], self.likeness[-1:]

    def _weigh(self, number: int, frame: Frame, seen: Seen, before: Seen, after: Seen, with_before: list[Map]) -> None:
        if self.together is None:
            return
        if self.levels:
            looks = self.together.look(seen, before, after, with_before, self.likeness[-1])
            fine, clear, depth = self.weigher(looks)
            if self.layout.prefer:
                preferred = self._preferring(looks[0], number)
                fine, clear, depth = fine + preferred, clear + preferred, depth + preferred
            weights = self.weigher.spread(fine, clear, looks)
            del looks  # a large picture's are hundreds of megabytes
            self._add(frame, weights)
        else:
            depth = self.share * 0
            self._add(frame, [np.zeros(self.layout.size, np.float32)])
        sharper = depth > self.best
        self.number[sharper] = number
        np.maximum(self.best, depth, out=self.best)
        share = cv2.exp(depth)
        height = np.float32(self.layout.heights[number] - self.layout.heights[0])
        self.share += share
        self.moment += share * height
        self.spread += share * (height * height)

    def _preferring(self, told: Map, number: int) -> Map:
        # where several frames show about as much, the near or the far one of them
        heights = self.layout.heights
        place = (heights[number] - heights.min()) / max(float(np.ptp(heights)), 1e-9)
        among_best = np.clip(1 + (told[1] + ALIKE) * 8, 0, 1)
        return np.asarray(among_best * np.float32(PREFERENCE * self.layout.prefer * place), np.float32)

    def _add(self, frame: Frame, weights: list[Map]) -> None:
        parts: Levels = []
        rest: Map = frame.astype(np.float32)
        first = not self.sums
        for _ in range(self.levels):
            half = cv2.pyrDown(rest)
            detail = cv2.pyrUp(half, dstsize=rest.shape[1::-1])
            parts.append(cv2.subtract(rest, detail, dst=detail))
            rest = half
        parts.append(rest)
        for level, (part, logarithm) in enumerate(zip(parts, weights, strict=True)):
            weight = cv2.exp(on_grid_of(logarithm, part))
            wide = weight if part.ndim == 2 else cv2.merge([weight, weight, weight])
            if first:
                self.sums.append(cv2.multiply(part, wide))
                self.weights.append(weight)
            else:
                cv2.accumulateProduct(part, wide, self.sums[level])
                cv2.add(self.weights[level], weight, dst=self.weights[level])

    def finish(self) -> Result:
        """Divide by the weights and join the levels."""
        levels = []
        for total, weight in zip(self.sums, self.weights, strict=True):
            wide = weight if total.ndim == 2 else cv2.merge([weight, weight, weight])
            levels.append(cv2.divide(total, wide, dst=total))
        picture = np.multiply(join_levels(levels), np.float32(1 / np.iinfo(self.layout.dtype).max))
        depth, sure = self._depth()
        size = self.layout.size[::-1]
        return Result(
            picture=np.clip(picture, 0, 1, out=picture),
            index=np.asarray(cv2.resize(self.number, size, interpolation=cv2.INTER_NEAREST), np.uint16),
            depth=np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_LINEAR), np.float32),
            confidence=np.asarray(cv2.resize(sure, size, interpolation=cv2.INTER_LINEAR), np.float32),
            parameters={"levels": self.levels, "net": NET},
        )

    def _depth(self) -> tuple[Map, Map]:
        heights = self.layout.heights
        mean = self.moment / self.share
        variance = np.maximum(self.spread / self.share - mean * mean, 0)
        whole = float(np.std(heights))
        sure = np.clip(1 - np.sqrt(variance) / np.float32(whole), 0, 1) if whole else np.ones_like(mean)
        depth = np.clip(filled(mean + heights[0], sure), heights.min(), heights.max())
        return np.asarray(depth, np.float32), np.asarray(sure, np.float32)
