"""Pictures of one folder, or one archive, as a stack: in natural order, all of one size, decoded one at a time."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmlib.errors import InputError
from mmlib.io.hashing import joint_hash, stream_hash
from mmlib.io.limits import Limits
from mmlib.io.notes import NOTES_FILE, with_notes
from mmlib.io.picture_file import PictureHeader, decode, read_header
from mmlib.io.reasons import reading
from mmlib.io.sniff import HEAD_BYTES, PICTURES, VIDEOS, sniff
from mmlib.io.tiff import open_tiff
from mmlib.pictures import Frame, to_uint16
from mmlib.stacks import ZStack

_NAMED = 3
"""How many left-out pictures a warning names."""


@dataclass(frozen=True)
class Item:
    """One file that may be a picture.

    Attributes:
        name: what the user calls it.
        size: of the file, in bytes.
        open: gives the file, opened for reading; it can seek.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Give the key that sorts ``z2`` before ``z10``.

    Args:
        name: the name of a file.

    Returns:
        A key for `sorted`.
    """
    pieces = re.split(r"([0-9]+)", name.casefold())
    key = [(0, int(piece), "") if piece.isdecimal() and piece.isascii() else (1, 0, piece) for piece in pieces if piece]
    return (*key, (-1, 0, name))


class PictureFrames:
    """Frames in picture files: each is read and decoded when asked for, once a pass."""

    def __init__(
        self, items: Sequence[Item], headers: Sequence[PictureHeader], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        """Keep where the pictures are.

        Args:
            items: the files, in order.
            headers: what each said of itself.
            shape: that every frame is to have: grey ones become RGB where it says so.
            dtype: that every frame is to have: 8 bit becomes 16 where it says so.
        """
        self._items = tuple(items)
        self._headers = tuple(headers)
        self._shape = shape
        self._dtype = dtype

    def __len__(self) -> int:
        """Say how many frames there are."""
        return len(self._items)

    def __getitem__(self, index: int) -> Frame:
        """Read and decode one frame."""
        item = self._items[index]
        with reading(item.name), item.open() as file:
            content = file.read()
        frame = decode(content, self._headers[index], item.name)
        if self._dtype == np.uint16:
            frame = to_uint16(frame)
        if frame.ndim < len(self._shape):
            frame = np.ascontiguousarray(np.broadcast_to(frame[:, :, None], self._shape))
        return frame

    def __iter__(self) -> Iterator[Frame]:
        """Read and decode every frame in order."""
        return (self[index] for index in range(len(self)))


def open_folder(path: Path, limits: Limits) -> ZStack:
    """Open the pictures of a folder as a stack; other files and folders inside it are passed over.

    Args:
        path: the folder.
        limits: what is too large.

    Returns:
        The stack, in natural order of the names.

    Raises:
        InputError: if it has no picture, or none of its sizes is that of more than half.
    """
    items = [
        Item(entry.name, entry.stat().st_size, lambda entry=entry: entry.open("rb"))  # type: ignore[misc]
        for entry, kind in _kinds(path)
        if kind in PICTURES or looks_like_picture(entry.name)
    ]
    if len(items) == 1 and _is_tiff(items[0]):
        return open_tiff(path / items[0].name, limits)  # its pages are the frames
    stack = gather(items, str(path), limits)
    notes = path / NOTES_FILE
    if not notes.is_file():
        return stack
    try:
        return with_notes(stack, json.loads(notes.read_text()))
    except (OSError, ValueError, TypeError, AttributeError):
        return replace(stack, warnings=(*stack.warnings, f"{notes} cannot be understood; it was passed over"))


def lone_video(path: Path) -> Path | None:
    """Find the one video of a folder without pictures.

    Args:
        path: the folder.

    Returns:
        The file; None where there are pictures, or not one video.
    """
    with reading(path):
        if any(looks_like_picture(entry.name) for entry in path.iterdir() if not entry.name.startswith(".")):
            return None
    kinds = _kinds(path)
    videos = [entry for entry, kind in kinds if kind in VIDEOS]
    return videos[0] if len(videos) == 1 and not any(kind in PICTURES for _, kind in kinds) else None


def _kinds(path: Path) -> list[tuple[Path, str]]:
    """List the files of a folder that do not hide, and what each is."""
    found = []
    with reading(path):
        for entry in sorted(path.iterdir()):
            if entry.name.startswith(".") or not entry.is_file():
                continue
            with reading(entry), entry.open("rb") as file:
                found.append((entry, sniff(file.read(HEAD_BYTES))))
    return found


def _is_tiff(item: Item) -> bool:
    with reading(item.name), item.open() as file:
        return sniff(file.read(HEAD_BYTES)) == "tiff"


def looks_like_picture(name: str) -> bool:
    """Say whether a name ends as a picture's does.

    Args:
        name: the name of a file.

    Returns:
        Whether it does.
    """
    return Path(name).suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


def in_picture_files(stack: ZStack) -> bool:
    """Say whether the frames of a stack are picture files of their own, in a folder or an archive.

    Args:
        stack: any stack; chosen frames are asked as the whole they come from.

    Returns:
        Whether they are.
    """
    return isinstance(stack.reader, PictureFrames)


def gather(items: Sequence[Item], source: str, limits: Limits) -> ZStack:
    """Make a stack of picture files: the size of more than half of them wins, the rest are reported and left out.

    Args:
        items: the files.
        source: what to call them together.
        limits: what is too large.

    Returns:
        The stack; each picture's header has been read, none is decoded.

    Raises:
        InputError: if there is no picture, all are damaged, or no size is that of more than half.
    """
    limits.check_count(len(items), source)
    found: list[tuple[Item, PictureHeader]] = []
    broken: list[str] = []
    for item in sorted(items, key=lambda item: natural_key(item.name)):
        try:
            with reading(item.name), item.open() as file:
                found.append((item, read_header(file, item.name, limits)))
        except InputError as error:
            broken.append(str(error))
    if not found:
        if broken:
            raise InputError(f"{source} has no picture that can be read: {broken[0]}")
        raise InputError(f"{source} has no pictures; PNG, JPEG, TIFF, BMP or WebP files were expected")
    sizes = Counter((header.height, header.width) for _, header in found)
    size, count = sizes.most_common(1)[0]
    if 2 * count <= len(found):
        told = ", ".join(f"{width} x {height}" for (height, width), _ in sizes.most_common(_NAMED))
        raise InputError(
            f"{source} has pictures of {len(sizes)} sizes ({told}) and none is the size of more than half; "
            "keep those of one size"
        )
    kept = [(item, header) for item, header in found if (header.height, header.width) == size]
    strangers = [item.name for item, header in found if (header.height, header.width) != size]
    headers = [header for _, header in kept]
    colour = any(header.colour for header in headers)
    deep = any(header.dtype == np.uint16 for header in headers)
    shape = (*size, 3) if colour else size
    dtype = np.dtype(np.uint16 if deep else np.uint8)
    warnings = [f"{sentence}; it was left out" for sentence in broken[:_NAMED]]
    if len(broken) > _NAMED:
        warnings.append(f"{len(broken) - _NAMED} more pictures could not be read and were left out")
    if strangers:
        height, width = size
        warnings.append(f"{_names(strangers)} left out: not {width} x {height} pixels as the other pictures")
    remarks: dict[str, list[str]] = {}
    for item, header in kept:
        for remark in header.remarks:
            remarks.setdefault(remark, []).append(item.name)
    warnings += [f"{_names(names)}: {remark}" for remark, names in remarks.items()]
    if deep and not all(header.dtype == np.uint16 for header in headers):
        warnings.append(f"{source} mixes 8 and 16 bit pictures; all are read as 16 bit")
    if colour and not all(header.colour for header in headers):
        warnings.append(f"{source} mixes grey and colour pictures; all are read as RGB")
    decoded = int(np.prod(shape)) * dtype.itemsize * len(kept)
    limits.check_bytes(decoded, sum(item.size for item, _ in kept), source)
    return ZStack(
        frames=PictureFrames([item for item, _ in kept], headers, shape, dtype),
        shape=shape,
        dtype=dtype,
        source=source,
        bit_depth=max(header.bit_depth for header in headers),
        warnings=tuple(warnings),
        identify=lambda: joint_hash(["pictures", *(_item_hash(item) for item, _ in kept)]),
    )


def _item_hash(item: Item) -> str:
    with reading(item.name), item.open() as file:
        return stream_hash(file)


def _names(names: Sequence[str]) -> str:
    """Name a few files and count the rest."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
