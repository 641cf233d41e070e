"""The one door through which stacks and pictures come in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmlib.errors import InputError
from mmlib.io.archive import lone_member, open_zip, unpacked
from mmlib.io.arrays import open_npy
from mmlib.io.cache import Cache
from mmlib.io.folder import Item, gather, lone_video, open_folder
from mmlib.io.hashing import file_hash, joint_hash
from mmlib.io.limits import Limits
from mmlib.io.mapped import MappedArrays
from mmlib.io.notes import stack_notes, with_notes
from mmlib.io.picture_file import read_header
from mmlib.io.reasons import reading
from mmlib.io.sniff import HEAD_BYTES, PICTURES, VIDEOS, in_words, sniff
from mmlib.io.tiff import open_tiff
from mmlib.pictures import Frame
from mmlib.progress import Progress, report, silent
from mmlib.stacks import ZStack

_VERSION = "1"
"""Raised when a reader begins to give other frames, so that older cache entries are not found."""

_EXPECTED = "a video, a TIFF, a .npy, a zip or a folder of pictures was expected"


def open_stack(
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    cache: Cache | Literal["user"] | None = "user",
    progress: Progress = silent,
) -> ZStack:
    """Open a z-stack: what the file is, is told by its content and never by its name.

    Args:
        path: a video (mp4, mov, avi, mkv, webm), a TIFF, OME-TIFF or ImageJ hyperstack, a .npy, a zip or a folder of
            PNG, JPEG, TIFF, BMP or WebP pictures, a zip or a folder with one video or one TIFF of many pages, or one
            picture.
        limits: what is too large; None takes the defaults of `Limits`.
        cache: where a video is decoded to, once; ``"user"`` is the user's own, None a file that goes with the stack.
        progress: told while a video is decoded; may raise to stop.

    Returns:
        The stack; its frames are read when asked for.

    Raises:
        InputError: one sentence, if it cannot be opened.
    """
    where = Path(path)
    limits = limits or Limits()
    with reading(where):
        if where.is_dir():
            video = lone_video(where)
            if video is None:
                return open_folder(where, limits)
            where = video
        if not where.is_file() and where.exists():
            raise InputError(f"{where} is no regular file; {_EXPECTED}")
        with where.open("rb") as file:
            kind = sniff(file.read(HEAD_BYTES))
    if kind == "tiff":
        return open_tiff(where, limits)
    if kind in PICTURES:
        return _open_picture(where, limits)
    if kind == "npy":
        return open_npy(where, limits)
    if kind == "zip":
        alone = lone_member(where, limits)
        return open_zip(where, limits) if alone is None else _open_member(where, alone, limits, cache, progress)
    if kind in VIDEOS:
        return _open_video(where, kind, limits, Cache() if cache == "user" else cache, progress)
    raise InputError(f"{where} is {in_words(kind)}; {_EXPECTED}")


def _open_member(
    path: Path, name: str, limits: Limits, cache: Cache | Literal["user"] | None, progress: Progress
) -> ZStack:
    """Open the TIFF or video in a zip as what it would be outside; errors and warnings name both."""
    with unpacked(path, name) as place:
        here, known = str(place), f"{name} in {path}"
        try:
            stack = open_stack(place, limits=limits, cache=cache, progress=progress)
            content = stack.content_hash  # the file is gone afterwards
        except InputError as error:
            raise InputError(str(error).replace(here, known)) from None
    warnings = tuple(warning.replace(here, known) for warning in stack.warnings)
    return replace(stack, source=str(path), warnings=warnings, identify=lambda: content)


def _open_picture(path: Path, limits: Limits) -> ZStack:
    """Open one picture as a stack of one frame."""
    source = str(path)
    with reading(path), path.open("rb") as file:
        read_header(file, source, limits)  # says what is wrong in the words for one file
    item = Item(source, path.stat().st_size, lambda: path.open("rb"))
    return replace(gather([item], source, limits), identify=lambda: file_hash(path))


def _open_video(path: Path, kind: str, limits: Limits, cache: Cache | None, progress: Progress) -> ZStack:
    """Decode a video into the cache, or find it there."""
    from mmlib.io.video import VideoReader  # libav is large, and only videos need it

    with reading(path):
        content = file_hash(path)
    reader = VideoReader(path, kind, limits, progress)

    def notes() -> dict[str, Any]:
        times = {"times_s": reader.times_s or None, "bit_depth": reader.bit_depth}
        return {"source": str(path), "remarks": reader.remarks, **times}

    key = joint_hash(["video", _VERSION, content])
    if cache is None:
        frames, noted = _in_passing(reader, notes)
    else:
        frames, noted = cache.fill(key, reader, notes, progress=progress)
    limits.check_frame(frames.array.shape[1], frames.array.shape[2], str(path))
    limits.check_count(len(frames), str(path))
    limits.check_bytes(frames.array.nbytes, None, str(path))
    progress(1.0, "reading")
    stack = ZStack(
        frames=frames,
        shape=frames.array.shape[1:],
        dtype=frames.array.dtype,
        source=str(path),
        warnings=tuple(f"{path} {remark}" for remark in noted.get("remarks", ())),
        identify=lambda: content,
    )
    return with_notes(stack, noted)


def _in_passing(reader: Iterable[Frame], notes: Callable[[], dict[str, Any]]) -> tuple[MappedArrays, dict[str, Any]]:
    """Decode a video into a file of its own, which is gone when nobody has it open."""
    with tempfile.TemporaryDirectory(prefix="mmlib-", ignore_cleanup_errors=True) as home:
        return Cache(Path(home), max_bytes=1 << 62).fill("video", reader, notes)


def cached(stack: ZStack, cache: Cache | Literal["user"] = "user", progress: Progress = silent) -> ZStack:
    """Give the same stack with its frames memory-mapped, so that any is read at once and processes share them.

    Args:
        stack: any stack; one that is mapped already is given back as it is.
        cache: where the frames are kept; ``"user"`` is the user's own.
        progress: told while frames are decoded; may raise to stop.

    Returns:
        The stack with the same content hash and everything known about it.

    Raises:
        InputError: if it does not fit the cache or the disk.
    """
    if isinstance(stack.frames, MappedArrays):
        return stack
    place = Cache() if cache == "user" else cache
    content = stack.content_hash
    form = repr((len(stack), stack.shape, stack.dtype.str))
    frames, _ = place.fill(
        joint_hash(["stack", _VERSION, content, form]),
        report(stack, len(stack), "reading", progress),
        lambda: {"source": stack.source, "remarks": list(stack.warnings), **stack_notes(stack)},
        expected_bytes=int(np.prod(stack.shape)) * stack.dtype.itemsize * len(stack),
        progress=progress,
    )
    return replace(stack, frames=frames, identify=lambda: content)


def read_picture(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Frame:
    """Read one picture.

    Args:
        path: PNG, JPEG, TIFF, BMP, WebP or .npy.
        limits: what is too large; None takes the defaults of `Limits`.

    Returns:
        (H, W) or (H, W, 3), RGB, uint8 or uint16.

    Raises:
        InputError: one sentence, if it cannot be read or holds more than one frame.
    """
    stack = open_stack(path, limits=limits, cache=None)
    if len(stack) > 1:
        raise InputError(f"{path} holds {len(stack)} frames; one picture was expected; choose a frame and save it")
    frame = stack[0]
    return frame if frame.flags.writeable else frame.copy()
