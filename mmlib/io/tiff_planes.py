"""The planes of a TIFF and how they make frames: which axis is the stack, which planes are colours."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.io.mapped import MappedArrays
from mmlib.pictures import Frame

_STACK_AXES = "ZQITRPMAHEVLB"
_MINISWHITE, _PALETTE, _SEPARATED = 0, 3, 5


@contextmanager
def hushed() -> Iterator[list[str]]:
    """Keep tifffile's log messages of this thread from everybody else.

    Yields:
        The messages so far.
    """
    heard: list[str] = []
    thread = threading.get_ident()

    def hold(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        heard.append(record.getMessage())
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(hold)
    try:
        yield heard
    finally:
        logger.removeFilter(hold)


class TiffPlanes:
    """Frames of the largest series of a TIFF, as the numbers that are stored: before levels, after colour."""

    def __init__(self, file: Path | BinaryIO) -> None:
        """Read the directory of the file and decide what its frames are.

        Args:
            file: its path, or the file itself, open.

        Raises:
            InputError: if nothing in it can be read as frames; the sentence lacks the name of the file.
        """
        self.remarks: list[str] = []
        with hushed():
            self.tif = tifffile.TiffFile(file, _multifile=False)
            weakref.finalize(self, self.tif.close)
            self.tif.filehandle.set_lock(True)
            every = [series for series in self.tif.series if "Y" in series.axes and "X" in series.axes and series.size]
            if not every:
                raise InputError("holds no pictures; save it again")
            series = max(every, key=lambda one: (len(one.pages), one.size))
            self.page = series.keyframe
            single = [one for one in every if len(one.pages) == 1 and one.shape == self.page.shape == series.shape]
            single = [one for one in single if one.keyframe.dtype == self.page.dtype]
            pages = [one.pages[0] for one in single]
            lost = self._ends_early()
            if lost and len(every) == len(series.pages) == 1:  # tifffile gives up all pages but the first
                there: Any = self.tif.pages
                pages = [page for page in there if page.keyframe.shape == self.page.shape]
            self._share_out(series, pages if len(pages) > 1 else None)
            if lost and not any("of its" in remark for remark in self.remarks):
                self.remarks.append(f"is cut short: {len(self)} frames can be read, the others are missing")
        others = sum(1 for one in every if one is not series and one not in single and not one.is_pyramidal)
        if others:
            self.remarks.append(f"also holds {others} pictures of another kind, which are left out")

    def _ends_early(self) -> bool:
        """Say whether the last page that is there names one more, which is not."""
        place = self.tif.pages.next_page_offset
        if place is None:
            return False
        self.tif.filehandle.seek(place)
        after = self.tif.filehandle.read(self.tif.tiff.offsetsize)
        return any(after)

    def _share_out(self, series: Any, pages: list[Any] | None) -> None:
        """Decide which planes make which frame, and drop the frames that the file does not hold whole.

        Args:
            series: the largest series.
            pages: equal pictures that were saved one by one, each a series of its own, where that is so.
        """
        page = self.page
        if "Z" in page.axes:
            raise InputError("holds volumes in single pages; save one page a frame")
        lead_axes, lead_shape = series.axes[: -page.ndim], series.shape[: -page.ndim]
        planes = int(np.prod(lead_shape, dtype=int))
        if pages is not None or series.shape[-page.ndim :] != page.shape:
            planes = len(pages or series.pages)
            lead_axes, lead_shape = "Q", (planes,)
        numbers = np.arange(planes).reshape(lead_shape)
        sizes = dict(zip(lead_axes, lead_shape, strict=True))
        long = [axis for axis in lead_axes if sizes[axis] > 1]
        candidates = [axis for axis in _STACK_AXES if axis in long] or [axis for axis in long if axis != "C"]
        merged = "C" in long and sizes["C"] == 3 and page.axes == "YX"
        self.axis = candidates[0] if candidates else "C" if "C" in long and not merged else ""
        for axis in reversed(lead_axes):
            place = lead_axes.index(axis)
            if axis == self.axis or (axis == "C" and merged):
                continue
            if sizes[axis] > 1:
                self.remarks.append(f"has {sizes[axis]} places along {axis}; only the first is read")
            numbers = numbers.take([0], axis=place)
        if merged:
            numbers = np.moveaxis(numbers, lead_axes.index("C"), -1).reshape(-1, 3)
            self.remarks.append("has 3 channels, read as red, green and blue")
        else:
            numbers = numbers.reshape(-1, 1)
        self._planes = self._open_planes(series, planes) if pages is None else pages
        frames = [tuple(int(n) for n in row) for row in numbers if all(self._has(int(n)) for n in row)]
        if len(frames) < len(numbers):
            if not frames:
                raise InputError("is cut short or damaged, none of its frames can be read; copy it again")
            self.remarks.append(f"is cut short: {len(frames)} of its {len(numbers)} frames can be read")
        self.places = [index for index, row in enumerate(numbers) if tuple(int(n) for n in row) in set(frames)]
        self._frames = frames
        self._merged = merged

    def _open_planes(self, series: Any, planes: int) -> Any:
        handle, page = self.tif.filehandle, self.page
        if series.dataoffset is None:
            return series.pages
        dtype = np.dtype(page.dtype).newbyteorder(self.tif.byteorder)
        held = (handle.size - series.dataoffset) // max(page.nbytes, 1)
        path = Path(handle.path)
        if not path.is_file() or held < 1:
            return series.pages
        return MappedArrays(path, series.dataoffset, min(planes, held), page.shape, dtype)

    def _has(self, number: int) -> bool:
        if number >= len(self._planes):
            return False
        if isinstance(self._planes, MappedArrays):
            return True
        page = self._planes[number]
        if page is None or page.keyframe.shape != self.page.shape:
            return False
        ends = (start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=False))
        return max(ends, default=0) <= self.tif.filehandle.size

    @property
    def mapped(self) -> MappedArrays | None:
        """The frames as they lie in the file, where they need nothing done."""
        plain = self._frames == [(number,) for number in range(len(self._frames))]
        plain = plain and self.page.axes in ("YX", "YXS") and self.shape == self.page.shape
        plain = plain and self.page.photometric not in (_MINISWHITE, _PALETTE, _SEPARATED)
        return self._planes if plain and isinstance(self._planes, MappedArrays) else None

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3) of a frame."""
        sizes = dict(zip(self.page.axes, self.page.shape, strict=True))
        colour = self._merged or sizes.get("S", 1) >= 3 or self.page.photometric == _PALETTE
        return (sizes["Y"], sizes["X"], 3) if colour else (sizes["Y"], sizes["X"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values that frames have."""
        return np.dtype(np.uint8) if self.page.photometric == _PALETTE else np.dtype(self.page.dtype)

    @property
    def bits(self) -> int:
        """Bits of a sample in the file."""
        bits: Any = self.page.bitspersample
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)

    def __len__(self) -> int:
        """Say how many frames there are."""
        return len(self._frames)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Read one frame; its values are those of the file."""
        try:
            with hushed():
                planes = [self._plane(number) for number in self._frames[index]]
        except InputError:
            raise
        except Exception:  # codecs raise whatever broken bytes make them raise
            raise InputError(f"frame {index} of {self.tif.filename} is damaged; copy the file again") from None
        return np.stack(planes, axis=-1) if self._merged else planes[0]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Read every frame in order."""
        mapped = self.mapped
        return iter(mapped) if mapped is not None else (self[index] for index in range(len(self)))

    def _plane(self, number: int) -> Frame:
        """Read one plane and give it its colours."""
        held = self._planes[number]
        plane: Frame = held if isinstance(held, np.ndarray) else held.asarray(maxworkers=1)
        if "S" in self.page.axes:
            plane = np.moveaxis(plane, self.page.axes.index("S"), -1)
        kind = self.page.photometric
        if kind == _PALETTE:
            colours = (np.asarray(self.page.colormap) >> 8).astype(np.uint8).T  # (2^bits, 3)
            return colours[plane]
        if kind == _MINISWHITE and plane.dtype.kind in "bu":
            plane = ~plane
        if kind == _SEPARATED and plane.ndim == 3 and plane.shape[2] >= 4:
            full = np.iinfo(plane.dtype).max
            ink = full - plane[:, :, :4].astype(np.uint32)
            return ((ink[:, :, :3] * ink[:, :, 3:] + full // 2) // full).astype(plane.dtype)
        if plane.ndim == 3:
            plane = plane[:, :, :3] if plane.shape[2] >= 3 else plane[:, :, 0]
        return plane
