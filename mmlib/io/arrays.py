"""NumPy arrays in .npy files as stacks: their header is read here, their values stay where they are."""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.io.hashing import file_hash
from mmlib.io.levels import fitted, kept
from mmlib.io.limits import Limits
from mmlib.io.mapped import LevelledFrames, MappedArrays
from mmlib.io.notes import read_notes, with_notes
from mmlib.io.reasons import reading
from mmlib.stacks import ZStack

_HEADER_BYTES = 256
_LONGEST_HEADER = 10_000


class _Chosen:
    """Frames of a mapped .npy as frames: Fortran order, one frame alone, and alpha are seen to here."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: int) -> NDArray[Any]:
        return np.ascontiguousarray(self._array[index])

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))


def read_npy_header(file: BinaryIO, source: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Read what a .npy file says about its array, without NumPy's loader.

    Args:
        file: the open file.
        source: what to call it in an error.

    Returns:
        (shape, whether in Fortran order, dtype, offset of the first value in bytes).

    Raises:
        InputError: if the header is broken, or the array holds pickled objects.
    """
    file.seek(0)
    start = file.read(12)
    try:
        long = start[6] >= 2
        (length,) = struct.unpack_from("<I" if long else "<H", start, 8)
        offset = 12 if long else 10
        if length > _LONGEST_HEADER:
            raise ValueError(length)
        file.seek(offset)
        said = ast.literal_eval(file.read(length).decode("utf8" if start[6] >= 3 else "latin1"))
        shape, fortran, dtype = tuple(said["shape"]), bool(said["fortran_order"]), np.dtype(said["descr"])
    except (ValueError, SyntaxError, KeyError, TypeError, IndexError, struct.error, RecursionError, MemoryError):
        raise InputError(f"{source} has a broken header; save it again with numpy.save") from None
    if dtype.hasobject:
        raise InputError(f"{source} holds pickled Python objects, which are never loaded; save numbers instead")
    return shape, fortran, dtype, offset + length


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Give a .npy header that always has the same length, so that the count of frames can be filled in last.

    Args:
        shape: of the array.
        dtype: of its values.

    Returns:
        256 bytes.

    Source: NumPy's format, version 1.0.
    """
    said = repr({"descr": dtype.str, "fortran_order": False, "shape": shape}).encode("latin1")
    room = _HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", room) + said.ljust(room - 1) + b"\n"


def open_npy(path: Path, limits: Limits) -> ZStack:
    """Open a .npy as a stack: memory-mapped, nothing unpickled.

    Args:
        path: (H, W), (H, W, 3), (K, H, W) or (K, H, W, 3); any number type; a fourth channel is alpha.
        limits: what is too large.

    Returns:
        The stack.

    Raises:
        InputError: if it is another shape or type, cut short, too large, or has values that are not finite.
    """
    source = str(path)
    with reading(path), path.open("rb") as file:
        shape, fortran, dtype, offset = read_npy_header(file, source)
        size = file.seek(0, 2)
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4) and shape[0] > 4):
        whole: tuple[int, ...] = (1, *shape)
    else:
        whole = shape
    if len(whole) not in (3, 4) or (len(whole) == 4 and whole[3] not in (1, 3, 4)):
        raise InputError(f"{source} has shape {shape}; (K, H, W) or (K, H, W, 3) was expected")
    if whole[0] == 0:
        raise InputError(f"{source} has no frames; a stack needs at least one")
    limits.check_frame(whole[1], whole[2], source)
    limits.check_count(whole[0], source)
    limits.check_bytes(int(np.prod(whole)) * dtype.itemsize, None, source)
    if offset + int(np.prod(whole)) * dtype.itemsize > size:
        raise InputError(f"{source} is cut short; {size:,} bytes are too few for shape {shape}; copy it again")
    remarks: list[str] = []
    frames: Any
    frame_shape = whole[1:]
    if fortran or frame_shape[2:] in ((1,), (4,)):
        flat = MappedArrays(path, offset, 1, (int(np.prod(whole)),), dtype).array[0]
        array = flat.reshape(shape, order="F" if fortran else "C").reshape(whole)
        if frame_shape[2:] == (4,):
            remarks.append(f"{source} has an alpha channel, which is left out")
            array = array[..., :3]
        elif frame_shape[2:] == (1,):
            array = array[..., 0]
        frames, frame_shape = _Chosen(array), array.shape[1:]
    else:
        frames = MappedArrays(path, offset, whole[0], frame_shape, dtype)
    levels = kept(dtype) or fitted(frames, dtype, source)
    if levels.remark:
        remarks.append(f"{source} {levels.remark}")
    if levels.dtype != dtype or levels.scale != 1:
        frames = LevelledFrames(frames, levels)
    stack = ZStack(
        frames=frames,
        shape=frame_shape,
        dtype=levels.dtype,
        source=source,
        bit_depth=8 * levels.dtype.itemsize,
        warnings=tuple(remarks),
        identify=lambda: file_hash(path),
    )
    return with_notes(stack, read_notes(path))
