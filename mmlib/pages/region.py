"""A region of a picture, as a user draws it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from mmlib.errors import InputError

Box = tuple[int, int, int, int]
"""x, y, width and height of a region, px."""


def crop(picture: NDArray[Any], box: Box) -> NDArray[Any]:
    """Cut a region out of a picture.

    Args:
        picture: (H, W) or (H, W, 3).
        box: the region; what lies outside the picture is left out.

    Returns:
        The part, not copied.

    Raises:
        InputError: if nothing of the region lies in the picture.
    """
    x, y, width, height = box
    part = picture[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
    if part.size == 0:
        raise InputError("the region lies outside the picture; draw it again")
    return part
