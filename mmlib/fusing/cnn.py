"""Fusion by the net of Liu et al. 2017: which of two frames is in focus, window by window, and three steps of care."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.filters import Map, grey_levels, guided_filter
from mmlib.fusing.detail import noise_variance
from mmlib.fusing.mean import fine_strength
from mmlib.fusing.method import Layout, Result
from mmlib.fusing.sharpest import Sharpest
from mmlib.inference import Engine
from mmlib.inference.tiling import spans
from mmlib.pictures import Frame, as_picture

NAME = "fuse-cnn"
WINDOW_PX, STEP_PX = 16, 4
"""Edge of the windows that the net judges, and how far apart they lie."""
SMALL_REGION = 0.01
"""Regions of less than this share of the picture follow what surrounds them."""
RADIUS_PX, EPSILON = 8, 0.1
"""Of the guided filter that fits the decision to the edges of the picture."""
TILE = 240
"""Edge of a piece, px."""


class Cnn:
    """Folds the frames one after another into a picture, each time asking which of the two is in focus.

    Source: Liu et al. 2017, doi:10.1016/j.inffus.2016.12.001; a quarter as wide, windows 4 px apart instead of 2,
    trained by us.
    """

    turns: ClassVar[int] = 1

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.branch = zoo.engine(NAME, part="branch")
        self.compare = zoo.engine(NAME, part="compare")
        self.sharpest = Sharpest(layout, colour=False)
        self.index: NDArray[np.uint16] = np.zeros(layout.size, np.uint16)
        self.picture: Map | None = None

    def see(self, frame: Frame, number: int, turn: int = 0) -> None:
        """Fold one frame in."""
        grey = grey_levels(frame)
        self.sharpest.see(frame, fine_strength(grey, noise_variance(grey, frame.dtype), self.sharpest.best), number)
        other = as_picture(frame)
        if self.picture is None:
            self.picture = other
            return
        fused = grey_levels(self.picture)
        decision = drop_small(sharper(self.branch, self.compare, fused / 255, grey / 255) > 0.5)
        self.index[~decision] = number
        hard: Map = decision.astype(np.float32)
        guide = np.where(decision, fused, grey) * np.float32(1 / 255)
        weight = np.clip(guided_filter(hard, guide, RADIUS_PX, EPSILON), 0, 1)
        weight = weight if other.ndim == 2 else weight[..., None]
        self.picture = other + weight * (self.picture - other)

    def finish(self) -> Result:
        """Give the picture; the index is that of the decisions."""
        picture: Map = np.zeros(self.layout.shape, np.float32) if self.picture is None else self.picture
        parameters = {"weights": NAME, "step_px": STEP_PX, "small_region": SMALL_REGION, "radius_px": RADIUS_PX}
        found = self.sharpest.result(np.clip(picture, 0, 1), parameters)
        return Result(found.picture, self.index, found.depth, found.confidence, found.parameters)


def sharper(branch: Engine, compare: Engine, one: Map, other: Map) -> Map:
    """Say how probable it is that the first of two frames is the sharper one, at each pixel.

    Each pixel is given the mean of the windows that hold it; mirrored borders give every pixel sixteen of them.

    Args:
        branch: describes a frame.
        compare: judges two descriptions.
        one: (H, W) luma, 0..1.
        other: as large.

    Returns:
        (H, W) float32, 0..1.
    """
    height, width = one.shape
    down, across = (-(-size // STEP_PX) * STEP_PX for size in (height, width))
    margin = WINDOW_PX
    pair = [
        cv2.copyMakeBorder(
            frame, margin, margin + down - height, margin, margin + across - width, cv2.BORDER_REFLECT
        ) for frame in (one, other)
    ]  # fmt: skip
    windows = WINDOW_PX // STEP_PX
    scores = np.empty((down // STEP_PX + windows - 1, across // STEP_PX + windows - 1), np.float32)
    tile = TILE // STEP_PX
    for top, bottom, _ in spans(scores.shape[0], tile, 0):
        for left, right, _ in spans(scores.shape[1], tile, 0):
            # one window more on each side: the net's own borders spoil what they touch
            rows = slice(STEP_PX * top, STEP_PX * (bottom + 1) + WINDOW_PX)
            columns = slice(STEP_PX * left, STEP_PX * (right + 1) + WINDOW_PX)
            maps = [branch(np.ascontiguousarray(frame[rows, columns])[None, None]) for frame in pair]
            judged = np.asarray(compare(*(np.asarray(one) for one in maps)))[0, 0]
            scores[top:bottom, left:right] = judged[1:-1, 1:-1]
    blocks = cv2.boxFilter(scores, -1, (windows, windows), anchor=(0, 0))[: down // STEP_PX, : across // STEP_PX]
    pixels = cv2.resize(blocks, (across, down), interpolation=cv2.INTER_LINEAR)
    return np.asarray(pixels[:height, :width])


def drop_small(decision: NDArray[np.bool_], share: float = SMALL_REGION) -> NDArray[np.bool_]:
    """Turn regions that are too small to be believed, first the false ones, then the true ones.

    Args:
        decision: (H, W).
        share: regions of less than this share of the picture are turned.

    Returns:
        (H, W).
    """
    least = share * decision.size
    for value in (False, True):
        count, labels, facts, _ = cv2.connectedComponentsWithStats((decision == value).astype(np.uint8), connectivity=4)
        small = np.zeros(count, np.bool_)
        small[1:] = facts[1:, cv2.CC_STAT_AREA] < least
        decision = decision ^ small[labels]
    return decision
