"""Fusion by masks alone: each pixel from the frame of the largest corner response, with soft seams."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mmlib.filters import Map, grey_levels
from mmlib.fusing.detail import noise_variance
from mmlib.fusing.masks import FEATHER_PX, MEDIAN_PX, Winners, find_index, soften
from mmlib.fusing.mean import fine_strength
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.pictures import Frame, as_picture


class FocusAll:
    """Finds the masks in a first turn, and adds the frames under them in a second.

    Source: Sigdel et al. 2016, FocusALL, doi:10.1109/TCBB.2015.2459685.
    """

    turns: ClassVar[int] = 2

    def __init__(self, layout: Layout) -> None:
        self.sharpest = Sharpest(layout, colour=False)
        self.winners = Winners(layout.size)
        self.index = self.winners.index
        self.picture: Map = np.zeros(layout.shape, np.float32)

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Let a frame compete, then take its share."""
        if turn == 0:
            grey = grey_levels(frame)
            self.sharpest.see(frame, fine_strength(grey, noise_variance(grey, frame.dtype), self.sharpest.best), number)
            self.winners.see(frame, number)
            return
        if number == 0:
            self.index = find_index(self.winners)
        if (self.index == number).any():
            mask = soften(self.index, number)
            self.picture += as_picture(frame) * (mask if frame.ndim == 2 else mask[..., None])

    def finish(self) -> Result:
        """Give the sum: the masks add up to 1."""
        parameters = {"masks": self.winners.variant, "median_px": MEDIAN_PX, "feather_px": FEATHER_PX}
        found = self.sharpest.result(np.clip(self.picture, 0, 1), parameters)
        return Result(found.picture, self.index, found.depth, found.confidence, found.parameters)
