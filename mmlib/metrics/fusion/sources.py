"""What every measure of fusion checks at its door, and how the sources are read: one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.pairs import Mask, check_alike, check_field, check_size, grey_of
from mmlib.metrics.windows import Map


class Sources(Protocol):
    """Frames to read in order, as often as asked: a list, an array (K, H, W[, 3]) or a ZStack."""

    def __len__(self) -> int:
        """Say how many there are."""

    def __iter__(self) -> Iterator[Any]:
        """Read them in order."""


def prepare(
    fused: NDArray[Any], sources: Sources, field: NDArray[Any] | None, *, least: int, measure: str
) -> tuple[Map, Iterable[Map], Mask]:
    """Check a fused picture and its sources, and give their luma.

    Args:
        fused: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        sources: two or more pictures of the same size and colours.
        field: (H, W) bool, True where the pictures count; None counts everything.
        least: smallest height and width that the measure can do, px.
        measure: title of the measure, for errors.

    Returns:
        Luma of the fused picture, (H, W) float64 in 0..255; that of the sources, read as they are asked for; the
        field, everything where there is none. Outside the field every luma is 0, so that no pixel there has a say.

    Raises:
        InputError: if one is no picture, or they do not fit together.
    """
    if len(sources) < 2:
        raise InputError(f"{measure} needs at least two sources; it got {len(sources)}")
    grey = grey_of(fused)
    check_size(grey.shape, least, measure)
    mask = check_field(field, grey.shape)
    everywhere = np.ones(grey.shape, np.bool_) if mask is None else mask
    shape = _shape(fused)

    def read() -> Iterator[Map]:
        for number, source in enumerate(sources):
            check_alike(np.empty(shape, np.bool_), np.empty(_shape(source), np.bool_), "picture", f"source {number}")
            yield np.where(everywhere, grey_of(source, f"source {number}"), 0)

    return np.where(everywhere, grey, 0), read(), everywhere


def _shape(picture: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = np.shape(picture)
    return shape[:2] if shape[2:] == (1,) else shape
