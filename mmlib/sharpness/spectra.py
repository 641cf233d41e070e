"""Measures of high frequencies, by wavelets, by cosines and by the power spectrum."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.sharpness.measure import Grey, Maps, Mask, Measure

WAVELET = "db6"
DCT_PX = 8
RING_PX = 64
RING = (0.125, 0.375)
"""Cycles per pixel: above what defocus leaves alone, below what sensor noise and compression rule."""


def wavelet_bands(grey: Grey) -> tuple[Grey, Grey, Grey, Grey]:
    """Split a picture by the undecimated wavelet transform, one level of Daubechies 6.

    Args:
        grey: (H, W).

    Returns:
        The low band and the details along x, along y and along both, each (H, W).
    """
    import pywt  # a machine that only trains may lack it

    wavelet = pywt.Wavelet(WAVELET)
    low, high = (np.ascontiguousarray(taps[::-1]) for taps in (wavelet.dec_lo, wavelet.dec_hi))
    bands = [
        np.asarray(cv2.sepFilter2D(grey, cv2.CV_32F, along_x, along_y), dtype=np.float32)
        for along_y in (low, high)
        for along_x in (low, high)
    ]
    return bands[0], bands[1], bands[2], bands[3]


def wavelet_sum(grey: Grey) -> Maps:
    """Add the sizes of the three details."""
    _, across, down, both = wavelet_bands(grey)
    return (np.abs(across) + np.abs(down) + np.abs(both),)


def wavelet_moments(grey: Grey) -> Maps:
    """Take the sizes of the three details and their squares."""
    sizes = [np.abs(band) for band in wavelet_bands(grey)[1:]]
    return (*sizes, *(size * size for size in sizes))


def wavelet_energies(grey: Grey) -> Maps:
    """Take the squares of the details and of the low band."""
    low, across, down, both = wavelet_bands(grey)
    return across * across + down * down + both * both, low * low


def dct_ratio(grey: Grey, mask: Mask) -> float:
    """Give the energy of the 8 x 8 cosine transform that varies, as a share of the energy that does not."""
    blocks = _blocks(grey, mask, DCT_PX)  # (n, 8, 8)
    if not len(blocks):
        return float("nan")
    cosine = np.asarray(cv2.dct(np.eye(DCT_PX, dtype=np.float64), flags=cv2.DCT_ROWS)).T
    spectrum = np.einsum("ui,nij,vj->nuv", cosine, blocks, cosine, optimize=True) ** 2
    constant = float(spectrum[:, 0, 0].sum())
    return (float(spectrum.sum()) - constant) / max(constant, 1e-6)


def spectral_ring(grey: Grey, mask: Mask) -> float:
    """Give the power between 1/8 and 3/8 cycles per pixel, of windows of 64 pixels or of the whole region."""
    edge = min(RING_PX, *grey.shape)
    blocks = _blocks(grey, mask, edge)
    if not len(blocks) or edge < DCT_PX:
        return float("nan")
    window = np.hanning(edge + 2)[1:-1]
    taper = np.outer(window, window)
    power = np.abs(np.fft.rfft2((blocks - blocks.mean((1, 2), keepdims=True)) * taper)) ** 2
    radius = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None])
    twice = np.where((np.arange(edge // 2 + 1) == 0) | (np.arange(edge // 2 + 1) * 2 == edge), 1.0, 2.0)
    ring = (radius >= RING[0]) & (radius < RING[1])
    return float((power * (ring * twice)).sum() / (len(blocks) * (taper**2).sum() * edge**2))


def _blocks(grey: Grey, mask: Mask, edge: int) -> NDArray[np.float64]:
    """Cut the squares that lie wholly in the mask, (n, edge, edge), from the bounding box of the mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros((0, edge, edge))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    down, right = (n // edge for n in mask[box].shape)

    def cut(array: NDArray[np.generic]) -> NDArray[np.generic]:
        tiles = array[box][: down * edge, : right * edge].reshape(down, edge, right, edge)
        return tiles.transpose(0, 2, 1, 3).reshape(-1, edge, edge)

    whole = cut(mask).all((1, 2))
    return cut(grey)[whole].astype(np.float64)


def _sizes_spread(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(means[3:] - means[:3] ** 2, 0).sum(0))


def _ratio(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[0] / np.maximum(means[1], 1e-12))


MEASURES = (
    Measure("wavelet_sum", "Sum of wavelets", "Yang and Nelson 2003", wavelet_sum),
    Measure("wavelet_variance", "Variance of wavelets", "Yang and Nelson 2003", wavelet_moments, _sizes_spread),
    Measure("wavelet_ratio", "Ratio of wavelets", "Xie et al. 2006", wavelet_energies, _ratio),
    Measure("dct_ratio", "Energy ratio of cosines", "Shen and Chen 2006", region=dct_ratio),
    Measure("spectral_ring", "Power in a ring of the spectrum", "Firestone et al. 1991", region=spectral_ring),
)
