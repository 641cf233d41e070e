"""Fusion by the paper's generators: pairs of pictures and their masks, folded like a tournament."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.filters import grey_levels
from mmlib.fusing.detail import noise_variance
from mmlib.fusing.masks import Winners, find_index, pair_masks
from mmlib.fusing.mean import fine_strength
from mmlib.fusing.method import Layout, Maker, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.inference import tiled
from mmlib.pictures import Frame, Picture, as_picture

MULTIPLE = 8
TILE, HALO = 384, 48
"""Edge of a piece and its margin, px."""


class FuseGan:
    """Folds frames two by two, the winners again two by two, and so on.

    The paper fuses two frames. A picture that is folded in again and again is drawn anew each time and loses a little;
    in a tournament of N frames it is drawn log2 N times instead of N - 1. As in a binary counter, only one picture of
    each round waits for its partner: ten for a thousand frames, in half precision.

    Source: Geng et al. 2020 (FFusionCGAN); masks after Sigdel et al. 2016, doi:10.1109/TCBB.2015.2459685.
    """

    turns: ClassVar[int] = 1

    def __init__(self, weights: str, layout: Layout) -> None:
        """Start on a stack.

        Args:
            weights: name of the net's card.
            layout: what the frames are like.
        """
        self.weights = weights
        self.layout = layout
        self.engine = zoo.engine(weights)
        self.sharpest = Sharpest(layout, colour=False)
        self.winners = Winners(layout.size)
        self.waiting: list[NDArray[np.float16] | None] = []
        self.drawn = 0

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Let a frame meet the pictures that wait."""
        grey = grey_levels(frame)
        self.sharpest.see(frame, fine_strength(grey, noise_variance(grey, frame.dtype), self.sharpest.best), number)
        self.winners.see(frame, number)
        picture = as_picture(frame)
        picture = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
        for place, earlier in enumerate(self.waiting):
            if earlier is None:
                self.waiting[place] = picture.astype(np.float16)
                return
            picture = self._fuse(earlier.astype(np.float32), picture)
            self.waiting[place] = None
        self.waiting.append(picture.astype(np.float16))

    def finish(self) -> Result:
        """Fold what still waits, the youngest first."""
        picture: Picture | None = None
        for place, earlier in enumerate(self.waiting):
            if earlier is not None:
                wide = earlier.astype(np.float32)
                picture = wide if picture is None else self._fuse(wide, picture)
            self.waiting[place] = None
        picture = np.zeros((*self.layout.size, 3), np.float32) if picture is None else picture
        picture = picture.mean(axis=2) if len(self.layout.shape) == 2 else picture
        parameters = {"weights": self.weights, "masks": self.winners.variant, "fusions": self.drawn}
        found = self.sharpest.result(np.clip(picture, 0, 1), parameters)
        return Result(found.picture, find_index(self.winners), found.depth, found.confidence, found.parameters)

    def _fuse(self, one: Picture, other: Picture) -> Picture:
        first, second, _ = pair_masks(one, other)
        given = np.dstack([one, other, first, second])  # (H, W, 8)
        self.drawn += 1
        return np.asarray(tiled(self.engine, given, tile=TILE, halo=HALO, multiple=MULTIPLE), np.float32)


GENERATORS: dict[str, Maker] = {
    name: partial(FuseGan, f"fuse-{name}") for name in ("sfuse", "sfusegan", "ufusegan", "ufusegan_truth")
}
"""The paper's three, and the last one again, trained on true pictures."""
