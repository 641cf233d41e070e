"""Maps of local statistics, and which windows see nothing but the field."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.metrics.pairs import Mask

Map = NDArray[np.float64]


def blur_valid(picture: Map, size: int, sigma_px: float) -> Map:
    """Average over a Gaussian window, only where the whole window lies in the picture.

    Args:
        picture: (H, W) float64.
        size: edge of the window, odd, px.
        sigma_px: width of the Gaussian, px.

    Returns:
        (H - size + 1, W - size + 1).
    """
    steps = np.arange(size) - (size - 1) / 2
    kernel = np.exp(-(steps**2) / (2 * sigma_px**2))
    kernel /= kernel.sum()
    half = size // 2
    blurred = np.asarray(cv2.sepFilter2D(np.ascontiguousarray(picture), cv2.CV_64F, kernel, kernel), np.float64)
    return blurred[half : picture.shape[0] - half, half : picture.shape[1] - half]


def windows_inside(field: Mask, size: int) -> Mask:
    """Say which windows see nothing but the field.

    Args:
        field: (H, W) bool.
        size: edge of the window, odd, px.

    Returns:
        (H - size + 1, W - size + 1) bool, like the maps of `blur_valid`.
    """
    eroded = cv2.erode(field.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    half = size // 2
    return eroded[half : field.shape[0] - half, half : field.shape[1] - half]


def halve(picture: Map) -> Map:
    """Average 2 x 2 pixels; an odd last row or column is left out.

    Args:
        picture: (H, W) float64.

    Returns:
        (H // 2, W // 2).
    """
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    blocks = picture[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
    halved: Map = blocks.mean(axis=(1, 3))
    return halved


def halve_field(field: Mask) -> Mask:
    """Say which 2 x 2 blocks lie wholly in the field.

    Args:
        field: (H, W) bool.

    Returns:
        (H // 2, W // 2) bool.
    """
    whole: Mask = halve(field.astype(np.float64)) == 1
    return whole


def structure(one: Map, two: Map, *, size: int, sigma_px: float, c1: float, c2: float) -> tuple[Map, Map, Map, Map]:
    """Compare two pictures window by window: structural similarity.

    Args:
        one: (H, W) float64.
        two: (H, W) float64.
        size: edge of the Gaussian window, odd, px.
        sigma_px: width of the Gaussian, px.
        c1: constant of the luminance term, squared grey levels.
        c2: constant of the contrast and structure term, squared grey levels.

    Returns:
        SSIM, its contrast-structure part, and the variance of either; each (H - size + 1, W - size + 1).

    Source: Wang et al. 2004, equations 13-16, doi:10.1109/TIP.2003.819861.
    """
    mean_one, mean_two = blur_valid(one, size, sigma_px), blur_valid(two, size, sigma_px)
    spread_one = _variance(blur_valid(one * one, size, sigma_px), mean_one)
    spread_two = _variance(blur_valid(two * two, size, sigma_px), mean_two)
    shared = blur_valid(one * two, size, sigma_px) - mean_one * mean_two
    shared[(spread_one == 0) | (spread_two == 0)] = 0
    contrast = (2 * shared + c2) / (spread_one + spread_two + c2)
    light = (2 * mean_one * mean_two + c1) / (mean_one**2 + mean_two**2 + c1)
    return light * contrast, contrast, spread_one, spread_two


def information(true: Map, seen: Map, noise: float, field: Mask | None) -> list[tuple[Map, Map, Map, Mask | None]]:
    """Tell how much of the information in one picture can be seen in another, at four scales.

    Each window of `seen` is modelled as gain x `true` + noise; the eye adds noise of its own.

    Args:
        true: (H, W) float64 in 0..255.
        seen: (H, W) float64 in 0..255.
        noise: variance of the noise in the eye, squared grey levels.
        field: (H, W) True where the pictures count, or None.

    Returns:
        For each scale, fine to coarse: information seen, information there, gain (each a map of windows) and
        which windows lie wholly in the field (None: all).

    Source: Sheikh & Bovik 2006, doi:10.1109/TIP.2005.859378, in the pixel domain.
    """
    scales: list[tuple[Map, Map, Map, Mask | None]] = []
    for size in (17, 9, 5, 3):
        sigma_px = size / 5
        if scales:
            true, seen = (blur_valid(p, size, sigma_px)[::2, ::2] for p in (true, seen))
            field = None if field is None else windows_inside(field, size)[::2, ::2]
        mean_true, mean_seen = blur_valid(true, size, sigma_px), blur_valid(seen, size, sigma_px)
        spread = _variance(blur_valid(true * true, size, sigma_px), mean_true)
        spread_seen = _variance(blur_valid(seen * seen, size, sigma_px), mean_seen)
        shared = blur_valid(true * seen, size, sigma_px) - mean_true * mean_seen
        gain = np.where((spread > 0) & (spread_seen > 0), shared / np.maximum(spread, 1e-10), 0)
        rest = np.where(gain > 0, spread_seen - gain * shared, spread_seen)
        gain = np.maximum(gain, 0)
        got = np.log1p(gain**2 * spread / (np.maximum(rest, 0) + noise))
        there = np.log1p(spread / noise)
        scales.append((got, there, gain, None if field is None else windows_inside(field, size)))
    return scales


def _variance(mean_of_squares: Map, mean: Map) -> Map:
    """Give a variance free of what rounding leaves of a flat window."""
    spread = mean_of_squares - mean * mean
    spread[spread < 1e-11 * np.maximum(mean_of_squares, 1e-6)] = 0
    return spread
