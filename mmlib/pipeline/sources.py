"""Where a pipeline begins, and what its results say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmlib.progress import Progress, silent
from mmlib.specimens import open_source
from mmlib.stacks import ZStack, parse_frames
from mmlib.version import __version__


def open_frames(
    source: str,
    *,
    frames: str | None = None,
    speed: int | None = None,
    data: Path | None = None,
    progress: Progress = silent,
) -> ZStack:
    """Open a stack and choose some of its frames.

    Args:
        source: a path, the name of a built-in specimen, or a name in the data folder.
        frames: which frames, such as ``3:20:2``; None takes all.
        speed: scan speed 1..4 of a built-in specimen.
        data: the user's data folder.
        progress: told while a video is decoded.

    Returns:
        The stack, lazy.

    Raises:
        InputError: if the source cannot be opened or the choice is empty.
    """
    stack = open_source(source, speed=speed, data=data, progress=progress)
    return stack if frames is None else stack.select(parse_frames(frames, len(stack)))


def provenance(stack: ZStack, verb: str, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Say how a result was made: equal for equal results, so without time or place.

    Args:
        stack: what it was made from.
        verb: what was done, such as ``"fuse"``.
        method: the method that did it.
        parameters: its choices.

    Returns:
        A dictionary that JSON can hold.
    """
    return {
        "software": f"mmlib {__version__}",
        "verb": verb,
        "method": method,
        "parameters": parameters,
        "source": Path(stack.source).name,
        "content": stack.content_hash,
        "frames": len(stack),
    }


def depth_unit(stack: ZStack) -> str:
    """Say what a depth map of a stack counts: ``"um"`` where z is known, else ``"frame"``."""
    return "um" if stack.z_um is not None else "frame"
