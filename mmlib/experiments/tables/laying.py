"""Lay a picture on what it is held against: where the reference frame of an alignment lay is no fault of a method."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import Picture, to_grey

MARGIN_PX = 8
INNER = np.s_[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
"""What is left of a picture without its margin."""
MOST_DB = 99.0
"""What a picture equal to its reference counts: a mean cannot hold an infinite number."""


def laid_on(
    picture: Picture, wanted: Picture, field: NDArray[np.bool_]
) -> tuple[Picture, Picture, NDArray[np.bool_] | None, tuple[float, float]]:
    """Lay a picture on what it is held against, without the margin.

    Args:
        picture: (H, W, 3).
        wanted: (H, W, 3).
        field: (H, W).

    Returns:
        Both pictures, the field or None where it is everywhere, and how far the picture was moved, (right, down).
    """
    shift = best_shift(picture, wanted, field)
    inside = np.ascontiguousarray(field[INNER])
    return np.clip(move(picture, shift), 0, 1)[INNER], wanted[INNER], None if inside.all() else inside, shift


def best_shift(picture: Picture, truth: Picture, field: NDArray[np.bool_]) -> tuple[float, float]:
    """Find how far a picture must be moved right and down to lie on the truth; none where that is not sure.

    Args:
        picture: (H, W, 3).
        truth: (H, W, 3).
        field: (H, W).

    Returns:
        (right, down) in pixels, never more than 4.
    """
    inside = cv2.GaussianBlur(cv2.erode(field.astype(np.float32), np.ones((15, 15))), (0, 0), 3)
    parts = []
    for one in (picture, truth):
        grey = to_grey(one)
        band = cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 6)
        parts.append(band.astype(np.float32) * inside)
    window = cv2.createHanningWindow(parts[0].shape[::-1], cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(parts[0], parts[1], window)
    return (right, down) if max(abs(right), abs(down)) <= 4 else (0.0, 0.0)


def move(picture: NDArray[Any], shift: tuple[float, float]) -> NDArray[np.float32]:
    """Move a picture or a depth map.

    Args:
        picture: (H, W) or (H, W, 3).
        shift: (right, down) in pixels.

    Returns:
        The same shape; its border repeated.
    """
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    flags = cv2.INTER_CUBIC if max(map(abs, shift)) > 0.05 else cv2.INTER_NEAREST
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)
