"""Colour for a fused luma: taken from the frame that was sharpest at each pixel."""

from __future__ import annotations

import cv2
import numpy as np

from mmlib.filters import Map, grey_levels
from mmlib.pictures import Frame, Picture

DARK = 16.0
"""Grey levels added to both lumas before they are compared: the colour of what is nearly black is noise."""

MOST = 1.5
"""No colour is made stronger than this by a luma that grew: its noise grows too."""


def recolour(grey: Map, chosen: Frame) -> Picture:
    """Give a fused luma the colour of the chosen frames.

    Colours grow and shrink with the luma, as light does behind a stain. Where the chosen frame shows a blur of the
    bright surroundings and the fused luma is dark, a difference of the colours that stayed as it was would be a stain.

    Args:
        grey: (H, W) float32, fused luma in grey levels, 0..255.
        chosen: (H, W) or (H, W, 3) uint8 or uint16: at each pixel the frame that was sharpest there.

    Returns:
        A picture of the shape of ``chosen``, float32, 0..1, with the fused luma, to half a grey level, where no
        colour is cut off.
    """
    if chosen.ndim == 2:
        plain: Picture = np.clip(grey * np.float32(1 / 255), 0, 1)
        return plain
    before = grey_levels(chosen)
    share = (np.maximum(grey, 0) + np.float32(DARK)) / (before + np.float32(DARK))
    np.minimum(share, np.float32(MOST), out=share)
    rest = grey - share * before
    share *= np.float32(255 / np.iinfo(chosen.dtype).max)
    picture: Picture = np.multiply(chosen, cv2.merge([share, share, share]), dtype=np.float32)
    picture += rest[..., None]
    picture *= np.float32(1 / 255)
    return np.clip(picture, 0, 1, out=picture)
