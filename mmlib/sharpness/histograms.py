"""Measures of the histogram: blur empties its ends."""

from __future__ import annotations

import numpy as np

from mmlib.sharpness.measure import Grey, Mask, Measure

BINS = 256
DARK_SHARE = np.float32(0.9)


def entropy(grey: Grey, mask: Mask) -> float:
    """Give the entropy of the histogram of 256 grey values, in bits."""
    levels = np.clip(grey[mask] * np.float32(BINS - 1) + np.float32(0.5), 0, BINS - 1).astype(np.uint8)
    share = np.bincount(levels, minlength=BINS) / levels.size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def span(grey: Grey, mask: Mask) -> float:
    """Give the distance from the darkest to the brightest pixel."""
    inside = grey[mask]
    return float(inside.max() - inside.min())


def content(grey: Grey, mask: Mask) -> float:
    """Add the pixels at or above the mean."""
    inside = grey[mask]
    return float(inside[inside >= inside.mean()].sum(dtype=np.float64) / inside.size)


def count(grey: Grey, mask: Mask) -> float:
    """Count the pixels at or below nine tenths of the mean."""
    inside = grey[mask]
    return float((inside <= DARK_SHARE * inside.mean()).mean())


def power(grey: Grey, mask: Mask) -> float:
    """Add the squares of the pixels at or above the mean."""
    inside = grey[mask]
    return float((inside[inside >= inside.mean()].astype(np.float64) ** 2).sum() / inside.size)


MEASURES = (
    Measure("entropy", "Entropy of the histogram", "Firestone et al. 1991, doi:10.1002/cyto.990120302", region=entropy),
    Measure("range", "Range of the histogram", "Firestone et al. 1991", region=span),
    Measure("thresholded_content", "Thresholded content", "Groen et al. 1985", region=content),
    Measure("thresholded_count", "Thresholded count", "Groen et al. 1985", region=count),
    Measure("thresholded_power", "Image power", "Santos et al. 1997", region=power),
)
