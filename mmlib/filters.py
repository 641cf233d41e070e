"""Filters that several rooms share: pyramids of detail, local energy, noise and the guided filter."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import to_grey

Map = NDArray[Any]
"""(H, W) float32: one number a pixel in any unit, or a picture on its way through a filter."""

Levels = list[Map]
"""Detail from fine to coarse, each half the size of the one before, and the coarse rest last."""


def level_count(height: int, width: int, most: int = 6, smallest: int = 8) -> int:
    """Say how many times a picture can be halved before its short side gets too small.

    Args:
        height: rows.
        width: columns.
        most: never more than this.
        smallest: the short side of the coarse rest stays at this many pixels or above.

    Returns:
        0 or more.
    """
    count, side = 0, min(height, width)
    while count < most and side // 2 >= smallest:
        side = (side + 1) // 2
        count += 1
    return count


def split_levels(picture: Map, count: int) -> Levels:
    """Split a picture into a Laplacian pyramid.

    Args:
        picture: (H, W) or (H, W, 3) float32.
        count: how many levels of detail; see `level_count`.

    Returns:
        ``count`` levels of detail, fine first, and the coarse rest.

    Source: Burt & Adelson 1983, doi:10.1109/TCOM.1983.1095851.
    """
    levels: Levels = []
    for _ in range(count):
        coarse = cv2.pyrDown(picture)
        detail = cv2.pyrUp(coarse, dstsize=picture.shape[1::-1])
        cv2.subtract(picture, detail, dst=detail)
        levels.append(detail)
        picture = coarse
    return [*levels, picture]


def join_levels(levels: Levels) -> Map:
    """Put a Laplacian pyramid together again: the inverse of `split_levels`.

    Args:
        levels: detail, fine first, and the coarse rest.

    Returns:
        The picture, as large as the first level.
    """
    picture = levels[-1]
    for detail in reversed(levels[:-1]):
        picture = cv2.pyrUp(picture, dstsize=detail.shape[1::-1])
        cv2.add(picture, detail, dst=picture)
    return picture


def grey_levels(frame: NDArray[Any]) -> Map:
    """Give the luma of a frame in grey levels of an 8-bit camera, 0..255, whatever the frame's type.

    Args:
        frame: (H, W) or (H, W, 3): uint8, uint16, or float32 in 0..1.

    Returns:
        (H, W) float32.
    """
    grey = to_grey(frame)
    if grey.dtype == np.uint8:
        return grey.astype(np.float32)
    scaled: Map = np.multiply(grey, np.float32(1 / 257 if grey.dtype == np.uint16 else 255), dtype=np.float32)
    return scaled


def noise_level(grey: Map) -> float:
    """Estimate the standard deviation of the noise in a picture, in the picture's own unit.

    A kernel blind to constant, sloping and curved grey is applied; the median of what is left belongs to
    the noise as long as less than half of the picture is finely structured.

    Args:
        grey: (H, W) float32.

    Returns:
        The standard deviation; 0 for a picture under 3 pixels high or wide.

    Source: Immerkaer 1996, doi:10.1006/cviu.1996.0060, with the median in place of the mean.
    """
    if min(grey.shape) < 3:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    height = grey.shape[0]
    rows = range(height // 16, height - 16, height // 8) if height > 256 else [0]
    strips = [grey[row : row + 16] if height > 256 else grey for row in rows]  # eight strips are enough of a large one
    rest = np.concatenate([cv2.filter2D(strip, cv2.CV_32F, kernel)[1:-1, 1:-1].ravel() for strip in strips])
    np.abs(rest, out=rest)
    return float(np.median(rest[:: max(1, rest.size // 8192)])) / (0.6745 * 6)


def guided_filter(picture: Map, guide: Map, radius: int, epsilon: float) -> Map:
    """Smooth a map along the edges of a guide.

    Args:
        picture: (H, W) float32, what is smoothed.
        guide: (H, W) float32, whose edges are kept.
        radius: half the window, in pixels, 1 or more.
        epsilon: variance of the guide, in its unit squared, below which it counts as flat.

    Returns:
        (H, W) float32.

    Raises:
        InputError: if the two differ in size.

    Source: He, Sun & Tang 2013, doi:10.1109/TPAMI.2012.213, equations 5, 6 and 8.
    """
    if picture.shape != guide.shape:
        raise InputError(f"the guide must be as large as the map, {picture.shape}; it is {guide.shape}")
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(x: Map) -> Map:
        return cv2.blur(x, window, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_picture = mean(guide), mean(picture)
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = (mean(guide * picture) - mean_guide * mean_picture) / (variance + np.float32(epsilon))
    smooth: Map = mean(slope) * guide + mean(mean_picture - slope * mean_guide)
    return smooth
