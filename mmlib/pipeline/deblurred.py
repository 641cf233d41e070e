"""From a source to deblurred frames on disk: one frame, or every frame of a stack."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from mmlib import io
from mmlib.deblurring import METHODS, Deblurred, deblur_stack
from mmlib.errors import InputError
from mmlib.field import find_field
from mmlib.pictures import Frame, to_uint16
from mmlib.pipeline.sources import open_frames, provenance
from mmlib.progress import Progress, part, silent
from mmlib.stacks import ZStack, from_array


def deblur_frame(
    stack: ZStack, frame: int, *, method: str = "best", speed: int | None = None, progress: Progress = silent
) -> Deblurred:
    """Deblur one frame of a stack, seen with its neighbours where the method wants them.

    Args:
        stack: frames in the order of z.
        frame: which one, 0 to K - 1.
        method: a name of `mmlib.deblurring.METHODS`, or ``best``.
        speed: scan speed 1 to 4; None takes the stack's own, if it is known.
        progress: told how far it is; may raise `Cancelled`.

    Returns:
        The frame; what `deblur_stack` gives for it in the whole stack.

    Raises:
        InputError: if a choice is wrong, or the weights of the method are missing.
    """
    if not 0 <= frame < len(stack):
        raise InputError(f"{stack.source} has frames 0 to {len(stack) - 1}; frame {frame} was asked for")
    reach = max(known.neighbours for known in METHODS.values())
    first, end = max(frame - reach, 0), min(frame + reach + 1, len(stack))
    near = stack.select(range(first, end))
    wanted = (frame - first,)
    found = next(
        deblur_stack(near, method=method, speed=speed, field=find_field(stack), frames=wanted, progress=progress)
    )
    return Deblurred(found.picture, found.unsure, found.method, found.parameters, found.seconds, frame)


def write_deblurred(found: Deblurred, stack: ZStack, path: Path) -> None:
    """Write a deblurred frame with its provenance inside: PNG 8 bit, TIFF 16 bit.

    Args:
        found: the result of `deblur_frame`.
        stack: what it comes from.
        path: where to; the ending names the format.

    Raises:
        InputError: if the file cannot be written.
    """
    made = provenance(stack, "deblur", found.method, {**found.parameters, "frame": found.frame})
    io.write_picture(path, found.picture, provenance=made)


def deblur_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Deblur one frame, or every frame where none is named, and write them.

    Args:
        source: see `open_frames`.
        folder: where the results go: deblurred.png (of one frame), deblurred.tif (16 bit), unsure.tif (of one frame:
            0 certain to 1 made up).
        progress: told how far it is; may raise `Cancelled`.
        **choices: method, frame, and frames, speed, data as in `open_frames`; the speed of a scan that does not know
            its own is told to the method.

    Returns:
        What a page shows beside the picture: numbers and words that JSON can hold.

    Raises:
        InputError: if the source or a choice is wrong, or the weights of the method are missing.
    """
    method, frame = choices.pop("method", "best"), choices.pop("frame", None)
    speed = choices.get("speed")
    stack = open_frames(source, progress=part(progress, 0, 0.1), **choices)
    told = part(progress, 0.1, 0.95)
    if frame is None and len(stack) > 1:
        last = write_all_deblurred(stack, folder / "deblurred.tif", method=method, speed=speed, progress=told)
        return {**_summary(last, stack), "seconds": last.seconds, "frames": len(stack)}
    found = deblur_frame(stack, frame or 0, method=method, speed=speed, progress=told)
    progress(0.95, "writing")
    write_deblurred(found, stack, folder / "deblurred.png")
    write_deblurred(found, stack, folder / "deblurred.tif")
    io.write_map(folder / "unsure.tif", found.unsure)
    progress(1.0, "done")
    return {**_summary(found, stack), "seconds": found.seconds, "frames": 1}


def write_all_deblurred(
    stack: ZStack,
    path: Path,
    *,
    method: str = "best",
    speed: int | None = None,
    progress: Progress = silent,
) -> Deblurred:
    """Deblur every frame and write them as a stack; they wait on disk, not in memory, until the file is written.

    Args:
        stack: frames in the order of z.
        path: where to; see `mmlib.io.write_stack` for the endings.
        method: a name of `mmlib.deblurring.METHODS`, or ``best``.
        speed: scan speed 1 to 4; None takes the stack's own, if it is known.
        progress: told how far it is; may raise `Cancelled`.

    Returns:
        The last frame, with the seconds of all.

    Raises:
        InputError: if a choice is wrong, the weights are missing, or the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".deblurring") as place:
            restoring = deblur_stack(stack, method=method, speed=speed, progress=part(progress, 0, 0.9))
            seconds, last = 0.0, next(restoring)

            def restored_frames() -> Iterator[Frame]:
                nonlocal seconds, last
                for found in chain([last], restoring):
                    seconds, last = seconds + found.seconds, found
                    yield to_uint16(found.picture)

            frames = io.spool(Path(place) / "frames.npy", restored_frames(), target=path)
            known = {name: getattr(stack, name) for name in ("z_um", "pixel_um", "times_s", "speed")}
            made = provenance(stack, "deblur", last.method, last.parameters)
            restored = from_array(frames, source=stack.source, **known)
            io.write_stack(path, restored, provenance=made, progress=part(progress, 0.9, 1))
            del frames, restored
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror or error}; choose another folder") from None
    return replace(last, seconds=seconds)


def _summary(found: Deblurred, stack: ZStack) -> dict[str, Any]:
    return {
        "method": found.method,
        "parameters": found.parameters,
        "frame": found.frame,
        "warnings": list(stack.warnings),
    }
