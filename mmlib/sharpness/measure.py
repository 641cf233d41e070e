"""What a focus measure is: local quantities whose means make one number, or a function of a whole region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import to_grey

Grey = NDArray[np.float32]
"""(H, W) grey, float32, 0..1."""

Mask = NDArray[np.bool_]
"""(H, W), True where pixels count."""

Maps = tuple[NDArray[np.float32], ...]
"""Local quantities, each (H, W) float32."""


def first(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mean of the only local quantity.

    Args:
        means: (1, ...) means.

    Returns:
        (...) values.
    """
    return np.asarray(means[0])


def spread(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the variance from the means of a quantity and of its square.

    Args:
        means: (2, ...) means of q and of q squared.

    Returns:
        (...) variances, never below 0.
    """
    return np.asarray(np.maximum(means[1] - means[0] ** 2, 0))


@dataclass(frozen=True)
class Measure:
    """A focus measure: larger = sharper, normalised by the number of pixels so that sizes compare.

    Exactly one of `local` and `region` is given.

    Attributes:
        name: what a user writes.
        title: what a page shows.
        source: paper and year.
        local: gives the local quantities of a grey picture, each (H, W).
        combine: makes the value of the means of these quantities, (n, ...) -> (...).
        region: gives the value of the pixels of a grey picture that a mask marks; NaN where there are too few.
    """

    name: str
    title: str
    source: str
    local: Callable[[Grey], Maps] | None = None
    combine: Callable[[NDArray[np.float64]], NDArray[np.float64]] = first
    region: Callable[[Grey, Mask], float] | None = None


def as_grey(frame: NDArray[Any]) -> Grey:
    """Turn a frame or a picture into what measures take: grey, float32, 0..1.

    Args:
        frame: (H, W) or (H, W, 3); uint8, uint16 or float in 0..1.

    Returns:
        (H, W) float32.
    """
    grey = to_grey(frame)
    if grey.dtype == np.uint8 or grey.dtype == np.uint16:
        scaled: Grey = np.multiply(grey, np.float32(1 / np.iinfo(grey.dtype).max), dtype=np.float32)
        return scaled
    return np.ascontiguousarray(grey, dtype=np.float32)


def shifted(grey: Grey, down: int, right: int) -> Grey:
    """Look at the neighbour: the picture read `down` rows and `right` columns on, mirrored at the border.

    Args:
        grey: (H, W).
        down: rows, may be negative.
        right: columns, may be negative.

    Returns:
        (H, W), the value of I(y + down, x + right) at (y, x).
    """
    height, width = grey.shape
    sides = (max(-down, 0), max(down, 0), max(-right, 0), max(right, 0))
    wider = np.asarray(cv2.copyMakeBorder(grey, *sides, cv2.BORDER_REFLECT_101), dtype=np.float32)
    return wider[max(down, 0) :, max(right, 0) :][:height, :width]
