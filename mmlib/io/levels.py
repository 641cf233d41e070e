"""Numbers of any type made into the levels of a frame: uint8 or uint16."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Frame

_ROUNDING = 1e-3


@dataclass(frozen=True)
class Levels:
    """How the values of a file become levels: the same for every frame of a stack.

    Attributes:
        low: the value that becomes 0.
        scale: levels for each unit of value.
        dtype: uint8 or uint16.
        remark: what was done, to follow the name of the file; empty where values are kept.
    """

    low: float
    scale: float
    dtype: np.dtype[Any]
    remark: str = ""

    def apply(self, values: NDArray[Any]) -> Frame:
        """Give the levels of one frame.

        Args:
            values: of any shape.

        Returns:
            The same shape, uint8 or uint16, contiguous, in this machine's byte order.
        """
        if self.low == 0 and self.scale == 1:
            return np.ascontiguousarray(values, dtype=self.dtype)
        scaled = (np.asarray(values, np.float64) - self.low) * self.scale
        return np.clip(np.rint(scaled), 0, np.iinfo(self.dtype).max).astype(self.dtype, order="C")


def kept(dtype: np.dtype[Any]) -> Levels | None:
    """Give the levels of a type that needs no look at its values.

    Args:
        dtype: of the values in the file.

    Returns:
        The levels, or None where the values must be seen first (`fitted`).
    """
    if dtype == np.bool_:
        return Levels(0, 255, np.dtype(np.uint8))
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return Levels(0, 1, dtype.newbyteorder("="))
    return None


def fitted(frames: Iterable[NDArray[Any]], dtype: np.dtype[Any], source: str) -> Levels:
    """Look at every value and choose levels for all frames together.

    Args:
        frames: every frame, one at a time.
        dtype: their type: any integer or floating type.
        source: what to call the file in an error.

    Returns:
        The levels: floats in 0..1 become 0..65535; integers in 0..65535 stay; all else is stretched over 0..65535.

    Raises:
        InputError: if a value is not finite or the type is no number.
    """
    known = kept(dtype)
    if known is not None:
        return known
    if dtype.kind not in "fiu":
        raise InputError(f"{source} holds values of type {dtype}; 8 or 16 bit or float pictures were expected")
    low, high = np.inf, -np.inf
    for frame in frames:
        # a NaN makes both minimum and maximum NaN, and numpy warns of neither
        least, most = float(frame.min()), float(frame.max())
        if not np.isfinite([least, most]).all():
            raise InputError(f"{source} has values that are not finite (NaN or infinity); replace them first")
        low, high = min(low, least), max(high, most)
    deep = np.dtype(np.uint16)
    if dtype.kind in "iu" and low >= 0 and high <= 65535:
        return Levels(0, 1, deep)
    if dtype.kind == "f" and low >= -_ROUNDING and high <= 1 + _ROUNDING:
        return Levels(0, 65535, deep)
    spread = high - low
    return Levels(
        low,
        65535 / spread if spread > 0 else 1.0,
        deep,
        f"has values from {low:.6g} to {high:.6g}, stretched over 0 to 65535 in every frame alike",
    )
