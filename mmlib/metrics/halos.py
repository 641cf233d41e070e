"""Halos: what a fused picture shows in empty places beside something thick, where nothing is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import as_picture

REACH_PX = 20
"""So far the rims of something thick reach."""
EMPTY = 0.012
"""Where the truth varies less than so much, of 0..1, nothing is to be seen."""


def beside_thick(truth: NDArray[Any], depth: NDArray[Any], apart: float) -> NDArray[np.bool_]:
    """Find where the truth is empty and something that it shows lies much higher near by: what shows there is a halo.

    Args:
        truth: (H, W) or (H, W, 3), all in focus: uint8, uint16 or float in 0..1.
        depth: (H, W) height of its surface, in any unit.
        apart: how much higher, in the same unit.

    Returns:
        (H, W) True there.

    Raises:
        InputError: if the two differ in size.

    Source: ours.
    """
    picture, height = as_picture(truth), np.asarray(depth, np.float32)
    if picture.shape[:2] != height.shape:
        raise InputError(f"truth and depth must be of one size; they are {picture.shape[:2]} and {height.shape}")
    varies = np.abs(picture - cv2.blur(picture, (9, 9)))
    empty = cv2.blur(varies if varies.ndim == 2 else varies.mean(axis=2), (7, 7)) < EMPTY
    shown = np.where(empty, np.float32(-np.inf), height)
    highest = cv2.dilate(shown, np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8))
    return np.asarray(empty & (height < highest - apart), np.bool_)
