"""Pictures and maps written to files, whole or not at all, with how they were made inside."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.io.chunks import with_text
from mmlib.io.provenance import KEYWORD, to_words
from mmlib.io.reasons import reading
from mmlib.io.replacing import replacing
from mmlib.io.targets import check_ending
from mmlib.pictures import Frame, as_picture, check_shape, to_uint8, to_uint16

_PNG_LEVEL = 3


def write_picture(
    path: str | os.PathLike[str],
    picture: NDArray[Any],
    *,
    provenance: dict[str, Any] | None = None,
    bits: Literal[8, 16] | None = None,
) -> None:
    """Write a picture as PNG or TIFF.

    Args:
        path: ends in ``.png``, ``.tif`` or ``.tiff``; a file of that name is replaced.
        picture: (H, W) or (H, W, 3): uint8, uint16, or float in 0..1.
        provenance: how it was made, kept inside the file for `read_provenance`.
        bits: of a sample; None keeps those of integers, and takes 8 for a float PNG and 16 for a float TIFF.

    Raises:
        InputError: if the picture or the ending is another, or the disk refuses; then nothing is left behind.
    """
    where = Path(path)
    suffix = check_ending(where, "picture")
    frame = _in_bits(picture, bits, 8 if suffix == ".png" else 16)
    words = to_words(provenance)
    if suffix == ".png":
        room = (
            frame.nbytes + frame.nbytes // 64 + 2 * frame.shape[0] + 65_536
        )  # what cannot be compressed grows a little
        content = with_text(bytes(imagecodecs.png_encode(frame, level=_PNG_LEVEL, out=room)), {KEYWORD: words})
    else:
        content = _tiff(frame, words)
    with replacing(where) as file:
        file.write(content)


def _in_bits(picture: NDArray[Any], bits: int | None, bits_of_float: int) -> Frame:
    """Give a frame of the bits asked for; floats are rounded to the nearest level, ties to even."""
    check_shape(picture)
    if picture.dtype in (np.uint8, np.uint16):
        frame = np.ascontiguousarray(picture)
        return frame if bits is None else to_uint8(frame) if bits == 8 else to_uint16(frame)
    full = 2 ** (bits or bits_of_float) - 1
    levels: Frame = np.rint(as_picture(picture) * np.float32(full))
    return levels.astype(np.uint8 if full == 255 else np.uint16, order="C")  # encoders read rows


def _tiff(frame: NDArray[Any], words: str) -> bytes:
    held = io.BytesIO()
    tifffile.imwrite(
        held,
        frame,
        photometric="rgb" if frame.ndim == 3 else "minisblack",
        compression="zlib",
        description=words,
        metadata=None,
        software="mmlib",
    )
    return held.getvalue()


def write_table(path: str | os.PathLike[str], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV.

    Args:
        path: a file of that name is replaced.
        columns: the names in its first line.
        rows: a value for each column.

    Raises:
        InputError: if the disk refuses; then nothing is left behind.
    """
    held = io.StringIO(newline="")
    writer = csv.writer(held)
    writer.writerow(columns)
    writer.writerows(rows)
    with replacing(Path(path)) as file:
        file.write(held.getvalue().encode())


def write_map(path: str | os.PathLike[str], values: NDArray[Any], *, provenance: dict[str, Any] | None = None) -> None:
    """Write a map of numbers, such as depth in micrometres, as a 32-bit float TIFF.

    Args:
        path: ends in ``.tif`` or ``.tiff``; a file of that name is replaced.
        values: (H, W), any number type, any range; NaN where nothing is known.
        provenance: how it was made, kept inside the file for `read_provenance`.

    Raises:
        InputError: if the map or the ending is another, or the disk refuses; then nothing is left behind.
    """
    where = Path(path)
    check_ending(where, "map")
    if values.ndim != 2 or not values.size:
        raise InputError(f"a map must be (H, W) with at least one pixel; its shape is {values.shape}")
    content = _tiff(values.astype(np.float32), to_words(provenance))
    with replacing(where) as file:
        file.write(content)


def read_map(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Read a map that `write_map` wrote.

    Args:
        path: the TIFF.

    Returns:
        (H, W), float32, values as they are.

    Raises:
        InputError: if it is no TIFF of one grey picture.
    """
    with reading(path), Path(path).open("rb") as file:
        try:
            values = tifffile.imread(file)
        except Exception:  # tifffile raises whatever broken bytes make it raise
            raise InputError(f"{path} is no whole TIFF; a map that was written as TIFF was expected") from None
    if values.ndim != 2:
        raise InputError(f"{path} must hold one map (H, W); its shape is {values.shape}")
    return values.astype(np.float32, copy=False)
