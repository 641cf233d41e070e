"""How much a frame shows at each place and scale, in units of its own noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from mmlib.filters import Map, noise_level

NOISE_SHARE = (0.891, 0.0532, 0.0102, 0.00241, 0.00059, 0.00015)
"""Variance of white noise of variance 1 in each level of a Laplacian pyramid; `tests/test_fusing.py` measures it."""

ROUNDING = {1: 1 / 12, 2: 1e-4}
"""Variance of rounding a value to one byte, or to two as cameras of 10 bit and more do; 8-bit grey levels squared."""

MOST = np.float32(2e5)
"""Strength is cut here: frames above it count as equally sharp, and its powers times a grey level fit float32."""

WINDOW = (7, 7)
"""Energy is averaged over so many cells of the next coarser grid: single pixels of noise decide nothing."""


def noise_variance(grey: Map, dtype: np.dtype[Any]) -> float:
    """Estimate the variance of the noise of a frame, never less than that of rounding.

    Args:
        grey: (H, W) float32, in grey levels 0..255.
        dtype: of the frame, uint8 or uint16.

    Returns:
        Grey levels squared.
    """
    return noise_level(grey) ** 2 + ROUNDING[dtype.itemsize]


def strength(square: Map, level: int, noise: float) -> Map:
    """Say how strong the detail of one level is: 1 where there is noise alone, rising with energy above it.

    Args:
        square: (h, w) float32, the square of a level of a Laplacian pyramid, in grey levels squared.
        level: which, 0 the finest.
        noise: variance of the noise of the frame, from `noise_variance`.

    Returns:
        (h/2, w/2) float32, rounded up: 1 or more, no unit.
    """
    energy = cv2.blur(cv2.pyrDown(square), WINDOW)
    alone = np.float32(NOISE_SHARE[level] * noise + min(1e-3, 0.01 * noise))
    np.multiply(energy, 1 / alone, out=energy)
    return np.asarray(np.clip(energy, 1, MOST, out=energy))


def on_grid_of(small: Map, like: Map) -> Map:
    """Enlarge a map to the size of another; the very same array where it has it already.

    Args:
        small: (h, w) float32.
        like: a map of the size wanted, grey or colour.

    Returns:
        (H, W) float32.
    """
    if small.shape[:2] == like.shape[:2]:
        return small
    return cv2.resize(small, like.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def together(strengths: list[Map], like: Map, scales: int = 3) -> Map:
    """Add the finest scales on the grid of the first, each with the noise it has, so that fine detail decides.

    Args:
        strengths: one map a level, fine first.
        like: a map of the size wanted; ones are given where there are no levels.
        scales: how many of the finest are added.

    Returns:
        (H/2, W/2) float32: 1 where there is noise alone, no unit.
    """
    if not strengths:
        return np.ones(like.shape, np.float32)
    shares = np.array(NOISE_SHARE[: min(scales, len(strengths))])
    shares = shares / shares.sum()
    total: Map = strengths[len(shares) - 1] * np.float32(shares[-1])
    for level in range(len(shares) - 2, -1, -1):
        total = cv2.scaleAdd(strengths[level], shares[level], on_grid_of(total, strengths[level]))
    return total
