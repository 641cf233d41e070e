"""Q_MI: how much of the grey levels of the sources can be told from those of the fused picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.fusion.sources import Sources, prepare


def q_mi(fused: NDArray[Any], sources: Sources, *, field: NDArray[Any] | None = None) -> float:
    """Give the normalised mutual information between the sources and the fused picture.

    Args:
        fused: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        sources: two or more pictures of the same size and colours.
        field: (H, W) bool; with one, only its pixels are counted.

    Returns:
        0..2, 2 where every source and the fused picture tell each other exactly; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or the fused picture and a source are both constant.

    Source: Hossny, Nahavandi & Creighton 2008, doi:10.1049/el:20081754; 256 grey levels,
    2 (MI(A,F) / (H(A)+H(F)) + MI(B,F) / (H(B)+H(F))). N sources: 4 times the mean of MI / (H + H), the same for two.
    """
    grey, greys, field_mask = prepare(fused, sources, field, least=1, measure="Q_MI")
    levels = _levels(grey[field_mask])
    shares = []
    for number, source in enumerate(greys):
        table = np.bincount(_levels(source[field_mask]) * 256 + levels, minlength=256 * 256).reshape(256, 256)
        joint = table / table.sum()
        both = _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0))
        if both == 0:
            raise InputError(f"the picture and source {number} are both constant, so Q_MI has nothing to compare")
        shares.append((both - _entropy(joint.ravel())) / both)
    return 4 * max(float(np.mean(shares)), 0.0)


def _levels(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.clip(np.round(values), 0, 255).astype(np.int64)


def _entropy(shares: NDArray[np.float64]) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum()) if some.size > 1 else 0.0
