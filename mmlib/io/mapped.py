"""Equal arrays that lie one after another in a file, memory-mapped: .npy files, uncompressed TIFFs and the cache."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.io.levels import Levels
from mmlib.pictures import Frame


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
