"""How much of the detail that a restored picture shows was not in the one that came in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import Picture, to_grey

SPREAD_PX = 3.0
"""Standard deviation of the window that detail is summed over."""
FAINT = 0.004
"""Detail fainter than this share of full scale, one step of 8 bit, is nothing to be unsure about."""


def new_detail(before: Picture, after: Picture) -> NDArray[np.float32]:
    """Say which share of the local detail is new.

    Args:
        before: (H, W) or (H, W, 3), 0..1.
        after: the same size.

    Returns:
        (H, W) float32: 0 where nothing changed, toward 1 where nearly all that is seen was added.
    """
    old, new = to_grey(before), to_grey(after)
    smooth = np.asarray(cv2.GaussianBlur(old, (0, 0), SPREAD_PX), np.float32)
    added = _energy(new - old)
    there = _energy(old - smooth)
    return np.asarray(added / (added + there + np.float32(FAINT**2)), np.float32)


def _energy(detail: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean square around each pixel."""
    return np.asarray(cv2.GaussianBlur(detail * detail, (0, 0), SPREAD_PX), np.float32)
