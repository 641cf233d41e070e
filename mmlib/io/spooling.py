"""Frames that wait on disk, not in memory, until they are used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.io.arrays import npy_header
from mmlib.io.reasons import writing
from mmlib.pictures import Frame


def spool(path: Path, frames: Iterable[Frame], *, target: object = None) -> NDArray[Any]:
    """Write frames to a .npy as they come and give them memory-mapped.

    Every byte is written before it is mapped: a mapping that the disk has no room for would end the process.

    Args:
        path: the .npy; whoever asks for it removes it.
        frames: all of one shape and type, one or more.
        target: what to call the file in an error; None calls it by its path.

    Returns:
        (K, H, W) or (K, H, W, 3), which cannot be written.

    Raises:
        InputError: if there are no frames, or the disk refuses.
    """
    called, count = target or path, 0
    shape: tuple[int, ...] = ()
    dtype = np.dtype(np.uint8)
    with writing(called):
        file = path.open("wb", buffering=0)
    with file:
        for frame in frames:
            if count == 0:
                shape, dtype = frame.shape, frame.dtype
            with writing(called):
                if count == 0:
                    write_all(file, npy_header((0, *shape), dtype))
                write_all(file, np.ascontiguousarray(frame).data.cast("B"))
            count += 1
        if not count:
            raise InputError(f"there are no frames for {called}; choose at least one")
        with writing(called):
            file.seek(0)
            write_all(file, npy_header((count, *shape), dtype))
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def write_all(file: Any, content: Any) -> None:
    """Write every byte: an unbuffered file may take fewer than it is given before it says that the disk is full.

    Args:
        file: open for writing, unbuffered.
        content: bytes, or a view of them.
    """
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
