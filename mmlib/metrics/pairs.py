"""What every measure checks at its door: sizes, colours, the field and the data range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Picture, as_picture, check_shape, to_grey

Mask = NDArray[np.bool_]


def check_field(field: NDArray[Any] | None, shape: tuple[int, ...]) -> Mask | None:
    """Check the mask of where a picture counts.

    Args:
        field: (H, W) of True and False, or None for the whole picture.
        shape: shape of the picture.

    Returns:
        (H, W) bool, or None where every pixel counts.

    Raises:
        InputError: if it is not such a mask, has another size, or is empty.
    """
    if field is None:
        return None
    mask = np.asarray(field)
    if mask.dtype != np.bool_ or mask.shape != shape[:2]:
        raise InputError(
            f"field must be a mask of True and False of {_size(shape)} pixels like the picture; "
            f"it is {mask.dtype} of shape {mask.shape}"
        )
    if not mask.any():
        raise InputError("field is False everywhere, so no pixel counts; give None to count them all")
    return None if mask.all() else mask


def check_size(shape: tuple[int, ...], least: int, measure: str) -> None:
    """Raise unless a picture is large enough for a measure.

    Args:
        shape: shape of the picture.
        least: smallest height and width, px.
        measure: title of the measure.

    Raises:
        InputError: if it is smaller.
    """
    if min(shape[:2]) < least:
        raise InputError(f"{measure} needs at least {least} x {least} pixels; the picture has {_size(shape)}")


def check_pair(
    picture: NDArray[Any],
    reference: NDArray[Any],
    field: NDArray[Any] | None,
    *,
    data_range: float = 1.0,
    least: int = 1,
    measure: str,
) -> tuple[Picture, Picture, Mask | None]:
    """Check two pictures that are to be compared, and bring both to 0..1.

    Args:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        reference: the truth, of the same size and colours.
        field: (H, W) True where they count, or None.
        data_range: what counts as white, as a share of the type's full range (1 for floats).
        least: smallest height and width that the measure can do, px.
        measure: title of the measure, for errors.

    Returns:
        picture and reference, float32 in 0..1 with white at 1, and the field (None: everywhere).

    Raises:
        InputError: if one is no picture, or they do not fit together.
    """
    if not 0 < data_range <= 1:
        raise InputError(f"data_range must lie above 0 and at most 1 (the type's full range); it is {data_range}")
    one, two = as_picture(picture), as_picture(reference, "reference")
    check_alike(one, two, "picture", "reference")
    check_size(one.shape, least, measure)
    if data_range != 1:
        brightest = max(float(one.max()), float(two.max()))
        if brightest > data_range * (1 + 1e-3):
            raise InputError(f"data_range is {data_range:.4g} but a value reaches {brightest:.4g}; give a larger one")
        one, two = one / np.float32(data_range), two / np.float32(data_range)
    return one, two, check_field(field, one.shape)


def check_alike(one: NDArray[Any], two: NDArray[Any], first: str, second: str) -> None:
    """Raise unless two pictures have the same size and the same colours.

    Args:
        one: (H, W) or (H, W, 3).
        two: (H, W) or (H, W, 3).
        first: what to call the one in an error.
        second: what to call the other.

    Raises:
        InputError: if they differ.
    """
    if one.shape[:2] != two.shape[:2]:
        raise InputError(
            f"{first} and {second} must have one size; they have {_size(one.shape)} and {_size(two.shape)} pixels; "
            "crop or align them first"
        )
    if one.ndim != two.ndim:
        kind = {2: "grey", 3: "RGB"}
        raise InputError(
            f"{first} is {kind[one.ndim]} and {second} is {kind[two.ndim]}; give both in grey or both in RGB"
        )


def grey_of(picture: NDArray[Any], name: str = "picture") -> NDArray[np.float64]:
    """Give the luma of a picture as the measures of fusion and blind quality take it.

    Args:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        name: what to call it in an error.

    Returns:
        (H, W) float64 in 0..255; the luma of an 8-bit picture is a whole number, as in OpenCV.

    Raises:
        InputError: if it is no picture.
    """
    array = np.asarray(picture)
    if array.dtype not in (np.uint8, np.uint16):
        return to_grey(as_picture(array, name)).astype(np.float64) * 255
    array = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    check_shape(array, name)
    return to_grey(array).astype(np.float64) * (255 / np.iinfo(array.dtype).max)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"
