"""The layers of a small net, in NumPy: pictures are weighed without loading a training library, which takes longer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
"""(C, H, W): C maps of one size."""

_PLACES = 1 << 14
"""So many places are worked on at once: their surroundings stay in the processor's cache."""


def convolve(maps: Maps, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Maps:
    """Convolve with 3 x 3 kernels, zeros around, and cut off what is negative.

    Args:
        maps: (C, H, W).
        weight: (D, C, 3, 3).
        bias: (D,).

    Returns:
        (D, H, W).
    """
    count, height, width = maps.shape
    flat = np.ascontiguousarray(weight.transpose(0, 2, 3, 1).reshape(len(weight), -1))  # (D, 9 C)
    framed = np.zeros((count, height + 2, width + 2), np.float32)
    framed[:, 1:-1, 1:-1] = maps
    answer = np.empty((len(weight), height, width), np.float32)
    rows = max(1, _PLACES // width)
    around = np.empty((9, count, min(rows, height), width), np.float32)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        seen = around[:, :, : bottom - top] if bottom - top == around.shape[2] else around[:, :, : bottom - top].copy()
        for place in range(9):
            down, right = divmod(place, 3)
            seen[place] = framed[:, top + down : bottom + down, right : right + width]
        found = flat @ seen.reshape(9 * count, -1)
        found += bias[:, None]
        np.maximum(found, 0, out=found)
        answer[:, top:bottom] = found.reshape(len(weight), bottom - top, width)
    return answer


def mix(maps: Maps, weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> Maps:
    """Mix maps place by place.

    Args:
        maps: (C, H, W).
        weight: (D, C).
        bias: (D,); None for none.

    Returns:
        (D, H, W).
    """
    count, height, width = maps.shape
    answer = np.ascontiguousarray(weight) @ maps.reshape(count, -1)
    if bias is not None:
        answer += bias[:, None]
    return np.asarray(answer.reshape(-1, height, width), np.float32)


def halve(maps: Maps) -> Maps:
    """Average over squares of 2 x 2 places; the last row or column of an odd size counts twice."""
    _, height, width = maps.shape
    if height % 2 or width % 2:
        maps = np.pad(maps, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    pairs = maps[:, ::2] + maps[:, 1::2]
    return np.asarray((pairs[:, :, ::2] + pairs[:, :, 1::2]) * np.float32(0.25))


def enlarge(maps: Maps, size: tuple[int, int]) -> Maps:
    """Enlarge maps between whose places values run straight.

    Args:
        maps: (C, h, w).
        size: rows and columns.

    Returns:
        (C, *size).
    """
    answer = np.empty((len(maps), *size), np.float32)
    for one, large in zip(maps, answer, strict=True):
        cv2.resize(one, size[::-1], dst=large, interpolation=cv2.INTER_LINEAR)
    return answer
