"""A zip of pictures as a stack: members are read where they are; only a TIFF or a video that is alone is unpacked."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from mmlib.errors import InputError
from mmlib.io.folder import Item, gather, looks_like_picture
from mmlib.io.hashing import file_hash
from mmlib.io.limits import Limits
from mmlib.io.notes import MOST_BYTES, NOTES_FILE, with_notes
from mmlib.io.reasons import reading, writing
from mmlib.io.sniff import HEAD_BYTES, PICTURES, VIDEOS, sniff
from mmlib.stacks import ZStack


def open_zip(path: Path, limits: Limits) -> ZStack:
    """Open the pictures of a zip as a stack: those of the folder inside that has most of them.

    Args:
        path: the archive.
        limits: what is too large.

    Returns:
        The stack, in natural order of the names.

    Raises:
        InputError: if it is damaged, locked, a decompression bomb, names places outside itself, or has no picture.
    """
    source, members = str(path), _members(path, limits)
    folders: dict[str, list[Item]] = {}
    counts: Counter[str] = Counter()
    for member in members:
        place = PurePosixPath(member.filename)
        if _hidden(place):
            continue
        opener = _Member(path, member.filename)
        if not (looks_like_picture(place.name) or opener.is_picture()):
            continue
        folders.setdefault(str(place.parent), []).append(Item(member.filename, member.file_size, opener))
        counts[str(place.parent)] += 1
    if not counts:
        raise InputError(f"{source} has no pictures; PNG, JPEG, TIFF, BMP or WebP files were expected in it")
    most = max(counts, key=lambda name: (counts[name], name))
    stack = gather(folders[most], source, limits)
    warnings = stack.warnings
    if len(counts) > 1:
        others = sum(counts.values()) - counts[most]
        warnings = (*warnings, f"{others} pictures in other folders than {most} of {source} were left out")
    stack = _noted(stack, path, PurePosixPath(most) / NOTES_FILE, members)
    return replace(stack, warnings=warnings, identify=lambda: file_hash(path))


def lone_member(path: Path, limits: Limits) -> str | None:
    """Find the one file of a zip that is a whole stack by itself: a TIFF that is its only picture, or else a video.

    Args:
        path: the archive.
        limits: what is too large.

    Returns:
        Its name inside the archive; None where there are pictures, or nothing.

    Raises:
        InputError: as in `open_zip`, or if there are several videos and no picture.
    """
    names = [member.filename for member in _members(path, limits) if not _hidden(PurePosixPath(member.filename))]
    if sum(map(looks_like_picture, names)) > 1:
        return None
    kinds = {name: "" if looks_like_picture(name) else _Member(path, name).kind() for name in names}
    pictures = [name for name, kind in kinds.items() if not kind or kind in PICTURES]
    videos = [name for name, kind in kinds.items() if kind in VIDEOS]
    if pictures:
        return pictures[0] if len(pictures) == 1 and _Member(path, pictures[0]).kind() == "tiff" else None
    if len(videos) > 1:
        raise InputError(f"{path} holds {len(videos)} videos; a stack is one: unpack them and open each by itself")
    return videos[0] if videos else None


@contextmanager
def unpacked(path: Path, name: str) -> Iterator[Path]:
    """Unpack one member into a folder that is removed again; whoever has opened the file keeps it.

    Args:
        path: the archive.
        name: of the member.

    Yields:
        The file, with the name that it has in the archive.

    Raises:
        InputError: if the member is damaged, or the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="mmlib-", ignore_cleanup_errors=True) as home:
        place = Path(home) / PurePosixPath(name).name
        with writing(f"{name} of {path}, unpacked"), place.open("wb") as file:
            _Member(path, name).copy(file)
        yield place


def _members(path: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    """List what is in an archive, if it can be trusted."""
    with reading(path):
        try:
            with zipfile.ZipFile(path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
            raise InputError(f"{path} is no whole zip archive; make or copy it again") from None
        stored = path.stat().st_size
    _check(members, stored, str(path), limits)
    return members


def _hidden(place: PurePosixPath) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in place.parts)


def _noted(stack: ZStack, path: Path, place: PurePosixPath, members: list[zipfile.ZipInfo]) -> ZStack:
    """Give a stack what `mmlib.io.write_stack` noted beside its pictures; other notes are passed over."""
    if not any(PurePosixPath(member.filename) == place and member.file_size < MOST_BYTES for member in members):
        return stack
    try:
        return with_notes(stack, json.loads(_Member(path, str(place))().read()))
    except (ValueError, TypeError, AttributeError):
        return stack


def _check(members: list[zipfile.ZipInfo], stored: int, source: str, limits: Limits) -> None:
    """Refuse, on the directory alone, what no honest archive of pictures holds."""
    for member in members:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
            raise InputError(f"{source} names a place outside itself ({member.filename!r}); it was not opened")
        if member.flag_bits & 1:
            raise InputError(f"{source} is locked with a password; save it without one")
    limits.check_count(sum(looks_like_picture(member.filename) for member in members), source)
    if sum(member.compress_size for member in members) > stored:
        raise InputError(
            f"{source} says that its members overlap, as only a decompression bomb does; it was not opened"
        )
    limits.check_bytes(sum(member.file_size for member in members), stored, source)
    for member in members:
        limits.check_bytes(member.file_size, member.compress_size, f"{member.filename} in {source}")


class _Member:
    """Opens one member of an archive; what is read never exceeds the size that its directory tells."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def __call__(self) -> BinaryIO:
        return io.BytesIO(self._read(-1))

    def kind(self) -> str:
        return sniff(self._read(HEAD_BYTES))

    def is_picture(self) -> bool:
        return self.kind() in PICTURES

    def copy(self, file: BinaryIO) -> None:
        with self._opened() as member:
            shutil.copyfileobj(member, file, 1 << 20)

    def _read(self, count: int) -> bytes:
        with self._opened() as member:
            return member.read(count)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(self._name) as member:
                yield member
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, KeyError):
            raise InputError(f"{self._name} in {self._path} is damaged; make the archive again") from None
