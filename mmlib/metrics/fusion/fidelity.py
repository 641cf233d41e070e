"""VIFF: how much of the visual information of the sources is in the fused picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.fusion.sources import Sources, prepare
from mmlib.metrics.windows import Map, information

WEIGHTS = (1 / 2.15, 0.0, 0.15 / 2.15, 1 / 2.15)
"""Weight of each scale, fine to coarse."""
NOISE = 0.005 * 255**2
"""Variance of the noise in the eye, squared grey levels."""
OFFSET = 1e-7 * math.log(10)
"""Added to the information of every window: 1e-7 in decimal logarithms."""


def viff(fused: NDArray[Any], sources: Sources, *, field: NDArray[Any] | None = None) -> float:
    """Give VIFF: in each window the information kept of the source that shows most there.

    Args:
        fused: (H, W) or (H, W, 3), at least 41 px: uint8, uint16 or float in 0..1.
        sources: two or more pictures of the same size and colours.
        field: (H, W) bool; with one, only windows that lie wholly in it are counted.

    Returns:
        0 upwards, 1 where the fused picture equals the sources, above 1 where contrast was added; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or no window of a scale fits into the field.

    Source: Han et al. 2013, doi:10.1016/j.inffus.2011.08.002; four scales weighted (1, 0, 0.15, 1) / 2.15, noise
    variance 0.005 x 255^2, offset 1e-7, on the luma. The source of a window is the one with the smallest gain, of
    any number; among equals the one with most information.
    """
    grey, greys, mask = prepare(fused, sources, field, least=41, measure="VIFF")
    chosen: list[tuple[Map, Map, Map]] = []
    inside = []
    for source in greys:
        scales = information(source, grey, NOISE, mask)
        inside = [window for _, _, _, window in scales]
        if not chosen:
            chosen = [(seen, there, gain) for seen, there, gain, _ in scales]
            continue
        for scale, (seen, there, gain, _) in enumerate(scales):
            seen_best, there_best, gain_best = chosen[scale]
            better = (gain < gain_best) | ((gain == gain_best) & (there > there_best))
            chosen[scale] = (
                np.where(better, seen, seen_best),
                np.where(better, there, there_best),
                np.where(better, gain, gain_best),
            )
    score = 0.0
    for weight, (seen, there, _), window in zip(WEIGHTS, chosen, inside, strict=True):
        where = np.ones(seen.shape, np.bool_) if window is None else window
        if not where.any():
            raise InputError("no window of VIFF lies wholly in the field; give a larger field or none")
        score += weight * float((seen[where] + OFFSET).sum() / (there[where] + OFFSET).sum())
    return score
