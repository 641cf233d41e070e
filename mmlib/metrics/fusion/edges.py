"""Q_AB/F: how much of the edges of the sources is kept, in strength and in direction."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.fusion.sources import Sources, prepare
from mmlib.metrics.windows import Map, windows_inside

STRENGTH = (0.9994, -15.0, 0.5)
"""Height, slope and middle of the sigmoid that judges edge strength."""
DIRECTION = (0.9879, -22.0, 0.8)
"""Height, slope and middle of the sigmoid that judges edge direction."""


def q_abf(fused: NDArray[Any], sources: Sources, *, field: NDArray[Any] | None = None) -> float:
    """Give Q_AB/F: edge strength and direction kept, weighted by the edges of the sources.

    Args:
        fused: (H, W) or (H, W, 3), at least 3 px: uint8, uint16 or float in 0..1.
        sources: two or more pictures of the same size and colours.
        field: (H, W) bool; with one, only 3 x 3 windows that lie wholly in it are counted.

    Returns:
        0..0.975; 0.975 where every edge is kept exactly; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or no source has an edge.

    Source: Xydeas & Petrovic 2000, doi:10.1049/el:20000267; Sobel edges, sigmoids (0.9994, -15, 0.5) for strength and
    (0.9879, -22, 0.8) for direction, weights |edge|^1. N sources: the sums run over all of them.
    """
    grey, greys, field_mask = prepare(fused, sources, field, least=3, measure="Q_AB/F")
    inside = windows_inside(field_mask, 3)
    strength, direction = _edges(grey)
    kept = total = 0.0
    for source in greys:
        strength_source, direction_source = _edges(source)
        stronger = np.maximum(strength, strength_source)
        ratio = np.divide(
            np.minimum(strength, strength_source), stronger, out=np.zeros_like(stronger), where=stronger > 0
        )
        turned = np.abs(np.abs(direction_source - direction) - np.pi / 2) / (np.pi / 2)
        preserved = _sigmoid(ratio, STRENGTH) * _sigmoid(turned, DIRECTION)
        kept += float((preserved * strength_source)[inside].sum())
        total += float(strength_source[inside].sum())
    if total == 0:
        raise InputError("no source has an edge in the field, so Q_AB/F has nothing to look for")
    return kept / total


def _edges(grey: Map) -> tuple[Map, Map]:
    """Give strength and direction (-pi/2..pi/2) of the Sobel edges: (H - 2, W - 2) each."""
    across = cv2.Sobel(grey, cv2.CV_64F, 1, 0)[1:-1, 1:-1]
    down = cv2.Sobel(grey, cv2.CV_64F, 0, 1)[1:-1, 1:-1]
    slope = np.divide(down, across, out=np.where(down == 0, 0.0, np.copysign(np.inf, down)), where=across != 0)
    return np.hypot(across, down), np.arctan(slope)


def _sigmoid(values: Map, constants: tuple[float, float, float]) -> Map:
    height, slope, middle = constants
    judged: Map = height / (1 + np.exp(slope * (values - middle)))
    return judged
