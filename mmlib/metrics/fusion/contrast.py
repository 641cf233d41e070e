"""Q_CB: how much of the contrast that the eye sees in the sources is kept."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.fusion.sources import Sources, prepare
from mmlib.metrics.pairs import Mask
from mmlib.metrics.windows import Map

F0, F1, A = 15.3870, 1.3456, 0.7622
"""Contrast sensitivity of the eye: exp(-(f/F0)^2) - A exp(-(f/F1)^2)."""
VIEW = 30
"""The frequencies of a picture of n pixels run to n / VIEW cycles per degree."""
P, Q, Z = 3, 2, 1e-4
"""Masking: contrast^P / (contrast^Q + Z)."""


def q_cb(fused: NDArray[Any], sources: Sources, *, field: NDArray[Any] | None = None) -> float:
    """Give Q_CB: masked local contrast kept, weighted by how salient each source is.

    Args:
        fused: (H, W) or (H, W, 3), at least 16 px: uint8, uint16 or float in 0..1.
        sources: two or more pictures of the same size and colours.
        field: (H, W) bool; with one, only its pixels are counted and beyond it lies its mean grey.

    Returns:
        0..1, 1 where all contrast is kept exactly; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or no source has contrast.

    Source: Chen & Blum 2009, doi:10.1016/j.imavis.2007.12.002; grey stretched to 0..255, difference of Gaussians
    sensitivity (15.3870, 1.3456, 0.7622) over n/30, contrast of Gaussians with sigma 2 and 4 px (31 x 31), masking
    p 3, q 2, Z 0.0001 as in the evaluation of Liu et al. 2012 (doi:10.1109/TPAMI.2011.109). N sources: the saliency
    is each one's share of the sum of squares.
    """
    grey, greys, mask = prepare(fused, sources, field, least=16, measure="Q_CB")
    contrast = _contrast(grey, mask)
    kept, saliency = np.zeros(int(mask.sum())), np.zeros(int(mask.sum()))
    for source in greys:
        contrast_source = _contrast(source, mask)
        larger = np.maximum(contrast, contrast_source)
        ratio = np.divide(np.minimum(contrast, contrast_source), larger, out=np.ones_like(larger), where=larger > 0)
        kept += contrast_source**2 * ratio
        saliency += contrast_source**2
    some = saliency > 0
    if not some.any():
        raise InputError("no source has contrast in the field, so Q_CB has nothing to look for")
    return float((kept[some] / saliency[some]).mean())


def _contrast(grey: Map, mask: Mask) -> Map:
    """Give the masked contrast of the pixels of the field: (N,)."""
    inside = grey[mask]
    low, spread = inside.min(), np.ptp(inside)
    if spread == 0:
        return np.zeros(inside.size)
    stretched = np.round((grey - low) / spread * 255)
    if not mask.all():
        stretched = np.where(mask, stretched, stretched[mask].mean())
    rows = np.fft.fftfreq(grey.shape[0])[:, None] * 2 * grey.shape[0] / VIEW
    columns = np.fft.rfftfreq(grey.shape[1])[None] * 2 * grey.shape[1] / VIEW
    squared = rows**2 + columns**2
    sensitivity = np.exp(-squared / F0**2) - A * np.exp(-squared / F1**2)
    seen = np.fft.irfft2(np.fft.rfft2(stretched) * sensitivity, grey.shape)
    fine, coarse = (_blur(seen, sigma_px) for sigma_px in (2, 4))
    coarse = coarse[mask]
    there = np.abs(coarse) > 1e-9
    contrast = np.abs(np.divide(fine[mask], coarse, out=np.ones_like(coarse), where=there) - 1)
    masked: Map = contrast**P / (contrast**Q + Z)
    return masked


def _blur(values: Map, sigma_px: float) -> Map:
    steps = np.arange(-15, 16)
    kernel = np.exp(-(steps**2) / (2 * sigma_px**2)) / (np.sqrt(2 * np.pi) * sigma_px)
    blurred = cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred, np.float64)
