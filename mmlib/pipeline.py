"""From a source to results on disk: open, choose frames, work, write; each verb is one function in `VERBS`."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmlib import io
from mmlib.errors import unknown
from mmlib.focusing import FocusReport, focus
from mmlib.fusing import Fused, fuse
from mmlib.progress import Progress, part, silent
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


def write_fused(fused: Fused, stack: ZStack, path: Path) -> None:
    """Write a fused picture with its provenance inside: PNG 8 bit, TIFF 16 bit.

    Args:
        fused: the result of `fuse`.
        stack: what it was fused from.
        path: where to; the ending names the format.

    Raises:
        InputError: if the file cannot be written.
    """
    made = provenance(stack, "fuse", fused.method, fused.parameters)
    io.write_picture(path, fused.picture, provenance=made)


def write_depth(fused: Fused, stack: ZStack, path: Path) -> None:
    """Write the depth map as a float32 TIFF in micrometres, or in frames where z is not known.

    Args:
        fused: the result of `fuse`.
        stack: what it was fused from.
        path: where to, ending in .tif.

    Raises:
        InputError: if the file cannot be written.
    """
    made = provenance(stack, "fuse", fused.method, fused.parameters)
    made["unit"] = depth_unit(stack)
    io.write_map(path, fused.depth, provenance=made)


def fuse_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Fuse a stack into one sharp picture and write picture, depth and index.

    Args:
        source: see `open_frames`.
        folder: where the results go: fused.png, fused.tif, depth.tif, index.tif.
        progress: told how far it is; may raise `Cancelled`.
        **choices: method, align, and frames, speed, data as in `open_frames`.

    Returns:
        What a page shows beside the picture: numbers and words that JSON can hold.

    Raises:
        InputError: if the source or a choice is wrong.
    """
    method, align = choices.pop("method", "best"), choices.pop("align", "auto")
    stack = open_frames(source, progress=part(progress, 0, 0.2), **choices)
    fused = fuse(stack, method=method, align=align, progress=part(progress, 0.2, 0.9))
    progress(0.9, "writing")
    write_fused(fused, stack, folder / "fused.png")
    write_fused(fused, stack, folder / "fused.tif")
    write_depth(fused, stack, folder / "depth.tif")
    io.write_picture(folder / "index.tif", fused.index)
    progress(1.0, "done")
    return {
        "method": fused.method,
        "parameters": fused.parameters,
        "frames": len(stack),
        "depth_unit": depth_unit(stack),
        "alignment": fused.alignment.reason,
        "seconds": fused.seconds,
        "warnings": list(stack.warnings),
    }


def focus_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Judge the focus of every cell of every frame and write cells.csv, cells.npz and curve.csv.

    Args:
        source: see `open_frames`.
        folder: where the results go.
        progress: told how far it is; may raise `Cancelled`.
        **choices: method, cell, stride, and frames, speed, data as in `open_frames`.

    Returns:
        What a page shows beside the grid: numbers and words that JSON can hold; the cells are in the files.

    Raises:
        InputError: if the source or a choice is wrong.
    """
    named = {name: choices.pop(name) for name in ("method", "cell", "stride") if name in choices}
    stack = open_frames(source, progress=part(progress, 0, 0.2), **choices)
    started = time.perf_counter()
    report: FocusReport = focus(stack, progress=part(progress, 0.2, 0.95), **named)
    progress(0.95, "writing")
    report.write_csv(folder / "cells.csv")
    np.savez_compressed(folder / "cells.npz", cells=report.cells)
    write_curve(report, stack, folder / "curve.csv")
    progress(1.0, "done")
    told = {name: value for name, value in report.to_dict().items() if name != "cells"}
    return {**told, "seconds": time.perf_counter() - started, "warnings": list(stack.warnings)}


def write_curve(report: FocusReport, stack: ZStack, path: Path) -> None:
    """Write the focus curve as CSV: frame, z_um (empty where nobody knows), sharpness.

    Args:
        report: what `focus` found.
        stack: what it was found in.
        path: where to.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["frame", "z_um", "sharpness"])
        heights = stack.z_um or [""] * len(stack)
        rows.writerows(zip(range(len(stack)), heights, map(float, report.curve), strict=True))


def write_frames(stack: ZStack, frames: Sequence[int], path: Path, *, progress: Progress = silent) -> None:
    """Write some frames of a stack, as they are, with their heights and with which they were.

    Args:
        stack: the whole stack.
        frames: their numbers.
        path: where to; see `mmlib.io.write_stack` for the endings.
        progress: told as frames are written.

    Raises:
        InputError: if there are none, or the file cannot be written.
    """
    made = provenance(stack, "select", "frames", {"frames": list(frames)})
    io.write_stack(path, stack.select(frames), provenance=made, progress=progress)


def select_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Write some frames of a stack as frames.ome.tif and as frames.zip.

    Args:
        source: see `open_frames`.
        folder: where the results go.
        progress: told how far it is; may raise `Cancelled`.
        **choices: frames, such as ``0,3,4``, and speed, data as in `open_frames`.

    Returns:
        The numbers of the frames and the sizes of the files in bytes.

    Raises:
        InputError: if the source or a choice is wrong.
    """
    frames = choices.pop("frames", None)
    stack = open_frames(source, progress=part(progress, 0, 0.2), **choices)
    chosen = parse_frames(frames or ":", len(stack))
    sizes = {}
    for name, low, high in (("frames.ome.tif", 0.2, 0.5), ("frames.zip", 0.5, 1.0)):
        write_frames(stack, chosen, folder / name, progress=part(progress, low, high))
        sizes[name] = (folder / name).stat().st_size
    return {"frames": chosen, "bytes": sizes}


VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "focus": focus_source,
    "fuse": fuse_source,
    "select": select_source,
}
"""What can be run as a job: (source, folder, *, progress, **choices) -> a summary."""


def run_verb(verb: str, source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Run one verb by name.

    Args:
        verb: a key of `VERBS`.
        source: see `open_frames`.
        folder: an existing folder for the results.
        progress: told how far it is; may raise `Cancelled`.
        **choices: what the verb takes.

    Returns:
        The verb's summary.

    Raises:
        InputError: if the verb, the source or a choice is wrong.
    """
    if verb not in VERBS:
        raise unknown("verb", verb, VERBS)
    return VERBS[verb](source, folder, progress=progress, **choices)
