"""Numbers of one region of a picture: how near to the truth, where it is known, and how much edge there is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmlib import io
from mmlib.errors import InputError
from mmlib.metrics import pooled
from mmlib.metrics.reference import psnr
from mmlib.pictures import Picture, as_picture
from mmlib.sharpness import frame_sharpness

Box = tuple[int, int, int, int]
"""x, y, width and height of a region, px."""

LEAST_PX = 11
"""The window of SSIM: regions that are smaller have none."""


class RegionNumbers(NamedTuple):
    """The numbers of a region; None where there is none."""

    psnr_db: float | None
    ssim: float | None
    tenengrad: float | None


def crop(picture: Picture, box: Box) -> Picture:
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


def region_numbers(
    files: Mapping[str, Path], box: Box, truth: Picture | None, plane: int | None = None
) -> dict[str, RegionNumbers]:
    """Measure one region of several pictures; they are read one after the other.

    Args:
        files: name -> a picture, or a stack where `plane` is given.
        box: the region.
        truth: (H, W[, 3]), or None.
        plane: which frame of the stacks.

    Returns:
        name -> its numbers.

    Raises:
        InputError: if a file cannot be read, or the region lies outside.
    """
    numbers = {}
    for name, file in files.items():
        read = io.read_picture(file) if plane is None else io.open_stack(file)[plane]
        numbers[name] = measure_region(as_picture(read), box, truth)
    return numbers


def measure_region(picture: Picture, box: Box, truth: Picture | None) -> RegionNumbers:
    """Measure one region of a picture.

    Args:
        picture: (H, W) or (H, W, 3).
        box: the region.
        truth: like the picture, or None.

    Returns:
        PSNR and SSIM against the truth, and Tenengrad.
    """
    part = crop(picture, box)
    edges = frame_sharpness(part, "tenengrad") if min(part.shape[:2]) >= LEAST_PX else math.nan
    known: tuple[float | None, float | None] = (None, None)
    if truth is not None:
        like = crop(truth if truth.ndim == picture.ndim else _matched(truth, picture), box)
        inside = np.ones(part.shape[:2], np.bool_)
        small = min(part.shape[:2]) < LEAST_PX
        known = psnr(part, like), None if small else float(pooled.ssim(part, like, inside))
    return RegionNumbers(*known, edges if math.isfinite(edges) else None)


def _matched(truth: Picture, picture: Picture) -> Picture:
    """Bring a truth to the colours of a picture."""
    from mmlib.pictures import to_grey

    if picture.ndim == 2:
        return to_grey(truth)
    return np.repeat(truth[:, :, None], 3, axis=2)
