"""Q_Y: how similar the fused picture is to the sources, window by window."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.fusion.sources import Sources, prepare
from mmlib.metrics.windows import Map, structure, windows_inside

ALIKE = 0.75
"""SSIM of the sources from which on they are taken to show the same thing."""
CONSTANT = 2e-16
"""Both constants of SSIM, squared grey levels: nearly none."""


def q_y(fused: NDArray[Any], sources: Sources, *, field: NDArray[Any] | None = None) -> float:
    """Give Q_Y: SSIM with the sources, their mean where they agree and the best of them where they do not.

    Args:
        fused: (H, W) or (H, W, 3), at least 7 px: uint8, uint16 or float in 0..1.
        sources: two or more pictures of the same size and colours; their luma is held in memory.
        field: (H, W) bool; with one, only 7 x 7 windows that lie wholly in it are counted.

    Returns:
        -1..1, 1 where the fused picture equals the sources; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or no window fits into the field.

    Source: Yang et al. 2008, doi:10.1016/j.inffus.2006.09.001; Gaussian window 7 x 7, sigma 1.5, constants 2e-16 on
    0..255 as in the evaluation of Liu et al. 2012 (doi:10.1109/TPAMI.2011.109), agreement from SSIM 0.75 on, mean
    weighted by variance. N sources: they agree where every two of them do.
    """
    grey, greys, field_mask = prepare(fused, sources, field, least=7, measure="Q_Y")
    inside = windows_inside(field_mask, 7)
    if not inside.any():
        raise InputError("no window of Q_Y lies wholly in the field; give a larger field or none")
    kept = list(greys)
    best = np.full(inside.shape, -np.inf)
    weighted, weights, plain = np.zeros(inside.shape), np.zeros(inside.shape), np.zeros(inside.shape)
    for source in kept:
        similar, spread = _similar(source, grey)
        best = np.maximum(best, similar)
        weighted += spread * similar
        weights += spread
        plain += similar / len(kept)
    mean = np.divide(weighted, weights, out=plain, where=weights > 0)  # flat in every source: weights alike
    agree = np.ones(inside.shape, np.bool_)
    for one, two in combinations(kept, 2):
        agree &= _similar(one, two)[0] >= ALIKE
    return float(np.where(agree, mean, best)[inside].mean())


def _similar(one: Map, two: Map) -> tuple[Map, Map]:
    """Give SSIM, and the variance of the first."""
    similar, _, spread, _ = structure(one, two, size=7, sigma_px=1.5, c1=CONSTANT, c2=CONSTANT)
    return similar, spread
