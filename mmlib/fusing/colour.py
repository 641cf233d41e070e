"""Colour for a fused luma: taken from the frame that was sharpest at each pixel."""

from __future__ import annotations

import numpy as np

from mmlib.filters import Map, grey_levels
from mmlib.pictures import Frame, Picture


def recolour(grey: Map, chosen: Frame) -> Picture:
    """Give a fused luma the colour of the chosen frames.

    What luma adds to the chosen pixel it adds to all three colours alike, so no fringe can appear.

    Args:
        grey: (H, W) float32, fused luma in grey levels, 0..255.
        chosen: (H, W) or (H, W, 3) uint8 or uint16: at each pixel the frame that was sharpest there.

    Returns:
        A picture of the shape of ``chosen``, float32, 0..1.
    """
    if chosen.ndim == 2:
        plain: Picture = np.clip(grey * np.float32(1 / 255), 0, 1)
        return plain
    change = (grey - grey_levels(chosen)) * np.float32(1 / 255)
    picture: Picture = np.multiply(chosen, np.float32(1 / np.iinfo(chosen.dtype).max), dtype=np.float32)
    picture += change[..., None]
    return np.clip(picture, 0, 1, out=picture)
