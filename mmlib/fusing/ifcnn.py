"""Fusion by IFCNN: what a small encoder sees in each frame, the largest of it, and a small decoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.filters import Map, grey_levels
from mmlib.fusing.detail import noise_variance
from mmlib.fusing.mean import fine_strength
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.inference.tiling import spans
from mmlib.pictures import Frame, as_picture

NAME = "fuse-ifcnn"
ENCODED, DECODED = 4, 1
"""How far the encoder and the decoder look, px."""
TILE = 128
"""Edge of a piece without its margin, px: its maps stay in the processor's cache."""
MOST_BYTES = 128 * 2**20
"""Maps of a band of rows are kept in so much memory; higher pictures take more than one turn."""


class Ifcnn:
    """The largest answer over all frames at each place: any number of frames, in any order.

    Answers are 0 or more and kept in half precision. Half-precision numbers that are not negative are ordered as their
    bits are, so that the largest is found among whole numbers, which is quick.

    Source: Zhang et al. 2020, doi:10.1016/j.inffus.2019.07.011; half as wide, trained by us.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.width = int(zoo.card(NAME).config["width"])
        self.encode = zoo.engine(NAME, part="encode")
        self.decode = zoo.engine(NAME, part="decode")
        height, width = layout.size
        fits = max(TILE, MOST_BYTES // (2 * self.width * width))
        self.bands = [(top, min(top + fits, height)) for top in range(0, height, fits)]
        self.turns = len(self.bands)
        self.turn = 0
        self.sharpest = Sharpest(layout, colour=False)
        self.picture: NDArray[np.float32] = np.zeros((height, width, 3), np.float32)
        self.largest = self._nothing()

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Look at one frame and keep what it shows more of than any before."""
        if turn != self.turn:
            self._draw()
            self.turn = turn
            self.largest = self._nothing()
        if turn == 0:
            grey = grey_levels(frame)
            self.sharpest.see(frame, fine_strength(grey, noise_variance(grey, frame.dtype), self.sharpest.best), number)
        top, bottom = self._reach()
        height, width = self.layout.size
        for first, last, _ in spans(bottom - top, TILE, 0):
            rows = top + first, top + last
            shown = max(rows[0] - ENCODED, 0), min(rows[1] + ENCODED, height)
            for left, right, columns in spans(width, TILE, ENCODED):
                cut = as_picture(frame[slice(*shown), slice(*columns)])
                cut = np.repeat(cut[..., None], 3, axis=2) if cut.ndim == 2 else cut
                maps = np.asarray(self.encode(np.ascontiguousarray(cut.transpose(2, 0, 1)[None])))[0]
                down, across = rows[0] - shown[0], left - columns[0]
                kept = maps[:, down : down + last - first, across : across + right - left]
                place = self.largest[:, first:last, left:right]
                np.maximum(place, np.abs(kept.astype(np.float16)).view(np.uint16), out=place)  # abs: no minus zero

    def finish(self) -> Result:
        """Draw the picture."""
        self._draw()
        picture: Map = np.clip(self.picture, 0, 1)
        if len(self.layout.shape) == 2:
            picture = picture.mean(axis=2)
        return self.sharpest.result(picture, {"weights": NAME, "width": self.width, "turns": self.turns})

    def _reach(self) -> tuple[int, int]:
        """Give the rows whose maps this turn needs: its band, and what the decoder looks at beyond it."""
        top, bottom = self.bands[self.turn]
        return max(top - DECODED, 0), min(bottom + DECODED, self.layout.shape[0])

    def _nothing(self) -> NDArray[np.uint16]:
        top, bottom = self._reach()
        return np.zeros((self.width, bottom - top, self.layout.shape[1]), np.uint16)

    def _draw(self) -> None:
        """Decode the band of this turn."""
        start = self._reach()[0]
        top, bottom = self.bands[self.turn]
        for first, last, _ in spans(bottom - top, TILE, 0):
            rows = top + first - start, top + last - start
            shown = max(rows[0] - DECODED, 0), min(rows[1] + DECODED, self.largest.shape[1])
            for left, right, columns in spans(self.layout.shape[1], TILE, DECODED):
                maps = np.ascontiguousarray(self.largest[:, slice(*shown), slice(*columns)])
                drawn = np.asarray(self.decode(maps.view(np.float16).astype(np.float32)[None]))[0]
                down, across = rows[0] - shown[0], left - columns[0]
                kept = drawn[:, down : down + last - first, across : across + right - left]
                self.picture[top + first : top + last, left:right] = kept.transpose(1, 2, 0)
