"""What is known about a stack beside its frames, as words: in the cache, in a folder of frames, after a .npy."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmlib.stacks import ZStack

NOTES_END = b"mmlibnotes"
"""The last bytes of a .npy that carries notes after its array; NumPy reads such a file as any other."""

NOTES_FILE = "stack.json"
"""Where a folder or a zip of frames keeps what is known about it."""

MOST_BYTES = 1 << 24
"""Notes that are larger are none of ours."""


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
