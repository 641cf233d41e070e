"""Frames that lie one after another in a file, memory-mapped: .npy files, uncompressed TIFFs and the cache."""

from __future__ import annotations

import ast
import json
import mmap
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.io.hashing import file_hash
from mmlib.io.levels import Levels, fitted, kept
from mmlib.io.limits import Limits
from mmlib.io.reasons import reading
from mmlib.pictures import Frame
from mmlib.stacks import ZStack

NOTES_END = b"mmlibnotes"
"""The last bytes of a .npy that carries notes after its array; NumPy reads such a file as any other."""

_HEADER_BYTES = 256
_LONGEST_HEADER = 10_000


class MappedArrays:
    """Equal arrays one after another in a file, read where they lie: processes that map one file share its memory."""

    def __init__(self, path: Path, offset: int, count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Map the file.

        Args:
            path: the file.
            offset: where the first array begins, in bytes.
            count: how many arrays there are.
            shape: of one array.
            dtype: of its values; any byte order.
        """
        self.path = path
        with path.open("rb") as file:
            self._mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.array: NDArray[Any] = np.ndarray((count, *shape), dtype, buffer=self._mapping, offset=offset)
        self._offset = offset

    def __len__(self) -> int:
        """Say how many arrays there are."""
        return len(self.array)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Give one array, a view that cannot be written."""
        item: NDArray[Any] = self.array[index]
        return item

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Give every array in order, letting go of the pages of those gone by, so that memory does not grow."""
        start = 0
        for index in range(len(self)):
            yield self.array[index]
            end = (self._offset + (index + 1) * self.array[index].nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
            if hasattr(self._mapping, "madvise") and end > start:
                self._mapping.madvise(mmap.MADV_DONTNEED, start, end - start)
                start = end


class LevelledFrames:
    """Frames whose values are made levels as they are read."""

    def __init__(self, values: Any, levels: Levels) -> None:
        """Keep where the values come from.

        Args:
            values: frames by index and in order.
            levels: what makes them uint8 or uint16.
        """
        self._values = values
        self._levels = levels

    def __len__(self) -> int:
        """Say how many frames there are."""
        return len(self._values)

    def __getitem__(self, index: int) -> Frame:
        """Read one frame."""
        return self._levels.apply(self._values[index])

    def __iter__(self) -> Iterator[Frame]:
        """Read every frame in order."""
        return (self._levels.apply(values) for values in self._values)


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


def notes_trailer(notes: dict[str, Any]) -> bytes:
    """Give the bytes that keep notes after the array of a .npy.

    Args:
        notes: anything JSON can say.

    Returns:
        The bytes to append.
    """
    words = json.dumps(notes).encode()
    return words + struct.pack("<Q", len(words)) + NOTES_END


def read_notes(path: Path) -> dict[str, Any]:
    """Read the notes that `notes_trailer` put after the array of a .npy.

    Args:
        path: the file.

    Returns:
        The notes; empty where there are none.
    """
    tail = 8 + len(NOTES_END)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < tail:
            return {}
        file.seek(size - tail)
        end = file.read(tail)
        (length,) = struct.unpack("<Q", end[:8])
        if end[8:] != NOTES_END or length > size - tail:
            return {}
        file.seek(size - tail - length)
        notes: dict[str, Any] = json.loads(file.read(length))
        return notes


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


def with_notes(stack: ZStack, notes: dict[str, Any]) -> ZStack:
    """Give a stack what was noted about it; a note of the wrong length is left out.

    Args:
        stack: the stack.
        notes: as `stack_notes` makes them.

    Returns:
        The stack with its z, pixel size, times, bit depth and speed.
    """
    known: dict[str, Any] = {}
    for name in ("z_um", "times_s"):
        values = notes.get(name)
        if isinstance(values, list) and len(values) == len(stack):
            known[name] = tuple(float(value) for value in values)
    for name, kind in (("pixel_um", float), ("bit_depth", int), ("speed", int)):
        if notes.get(name) is not None:
            known[name] = kind(notes[name])
    return replace(stack, **known)


def stack_notes(stack: ZStack) -> dict[str, Any]:
    """Note what is known about a stack, in what JSON can say.

    Args:
        stack: the stack.

    Returns:
        Its z, pixel size, times, bit depth and speed.
    """
    return {
        "z_um": None if stack.z_um is None else list(stack.z_um),
        "times_s": None if stack.times_s is None else list(stack.times_s),
        "pixel_um": stack.pixel_um,
        "bit_depth": stack.bit_depth,
        "speed": stack.speed,
    }
