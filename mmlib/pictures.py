"""What a picture is: a numpy array (H, W) or (H, W, 3), RGB, float32 in 0..1, or uint8/uint16 as a camera gave it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError

Picture = NDArray[np.float32]
"""(H, W) grey or (H, W, 3) RGB, float32, 0..1."""

Frame = NDArray[Any]
"""(H, W) grey or (H, W, 3) RGB, uint8 or uint16: as it came from the camera."""

GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""Luma of ITU-R BT.601, which OpenCV uses too."""


def check_shape(picture: NDArray[Any], name: str = "picture") -> None:
    """Raise unless the array is (H, W) or (H, W, 3) with at least one pixel.

    Args:
        picture: the array to look at.
        name: what to call it in the error.

    Raises:
        InputError: if the shape is another.
    """
    shape = np.shape(picture)
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)) or 0 in shape:
        raise InputError(f"{name} must be (H, W) or (H, W, 3) with at least one pixel; its shape is {shape}")


def as_picture(picture: Any, name: str = "picture") -> Picture:
    """Turn what a user may hold into a picture: float32 in 0..1.

    Args:
        picture: (H, W), (H, W, 1) or (H, W, 3); bool, uint8 (0..255), uint16 (0..65535) or float (0..1).
        name: what to call it in an error.

    Returns:
        The picture, (H, W) or (H, W, 3), float32; floats a rounding error outside 0..1 are clipped.

    Raises:
        InputError: if the shape, the type or the range is another, or a value is not finite.
    """
    array = np.asarray(picture)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    check_shape(array, name)
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if array.dtype == np.uint8 or array.dtype == np.uint16:
        scaled: Picture = np.multiply(array, np.float32(1 / np.iinfo(array.dtype).max), dtype=np.float32)
        return scaled
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name} must be uint8, uint16 or float in 0..1; its type is {array.dtype}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} has values that are not finite (NaN or infinity); replace them first")
    low, high = float(array.min()), float(array.max())
    if low < -1e-3 or high > 1 + 1e-3:
        raise InputError(
            f"{name} must lie in 0..1; its values run from {low:.4g} to {high:.4g}; divide it by its maximum"
        )
    clipped: Picture = np.clip(array, 0, 1).astype(np.float32, copy=False)
    return clipped


def to_uint8(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Round a picture or a frame to 8 bit.

    Args:
        picture: (H, W) or (H, W, 3): float in 0..1, uint16 or uint8.

    Returns:
        The same picture, uint8; uint8 is passed on as it is.
    """
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.uint16:
        return ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)
    rounded: NDArray[np.uint8] = np.clip(picture * np.float32(255) + np.float32(0.5), 0, 255).astype(np.uint8)
    return rounded


def to_uint16(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """Round a picture or a frame to 16 bit, full range.

    Args:
        picture: (H, W) or (H, W, 3): float in 0..1, uint8 or uint16.

    Returns:
        The same picture, uint16; uint16 is passed on as it is.
    """
    if picture.dtype == np.uint16:
        return picture
    if picture.dtype == np.uint8:
        return picture.astype(np.uint16) * np.uint16(257)
    rounded: NDArray[np.uint16] = np.clip(picture * np.float32(65535) + np.float32(0.5), 0, 65535).astype(np.uint16)
    return rounded


def to_grey(picture: NDArray[Any]) -> NDArray[Any]:
    """Give the luma of a picture or a frame, in its own type.

    Args:
        picture: (H, W) or (H, W, 3): float32, uint8 or uint16.

    Returns:
        (H, W), same type; grey is passed on as it is.

    Source: ITU-R BT.601 luma, as in OpenCV.
    """
    if picture.ndim == 2:
        return picture
    grey: NDArray[Any] = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    return grey
