"""From a source to results on disk: open, choose frames, work, write; each verb is one function in `VERBS`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmlib import io
from mmlib.errors import unknown
from mmlib.focusing import FocusReport, focus
from mmlib.fusing import fuse
from mmlib.pipeline.deblurred import deblur_source
from mmlib.pipeline.measured import measure_source
from mmlib.pipeline.retouched import retouch_source, write_alignment
from mmlib.pipeline.running import run_source
from mmlib.pipeline.sources import depth_unit, open_frames
from mmlib.pipeline.writing import write_curve, write_depth, write_frames, write_fused
from mmlib.progress import Progress, part, silent
from mmlib.stacks import parse_frames


def fuse_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Fuse a stack into one sharp picture and write picture, depth and index.

    Args:
        source: see `open_frames`.
        folder: where the results go: fused.png, fused.tif, depth.tif, index.tif, alignment.json.
        progress: told how far it is; may raise `Cancelled`.
        **choices: method, align, prefer, and frames, speed, data as in `open_frames`.

    Returns:
        What a page shows beside the picture: numbers and words that JSON can hold.

    Raises:
        InputError: if the source or a choice is wrong.
    """
    method, align = choices.pop("method", "best"), choices.pop("align", "auto")
    prefer = choices.pop("prefer", None) or "clearest"
    stack = open_frames(source, progress=part(progress, 0, 0.2), **choices)
    fused = fuse(stack, method=method, align=align, prefer=prefer, progress=part(progress, 0.2, 0.9))
    progress(0.9, "writing")
    write_fused(fused, stack, folder / "fused.png")
    write_fused(fused, stack, folder / "fused.tif")
    write_depth(fused, stack, folder / "depth.tif")
    io.write_picture(folder / "index.tif", fused.index)
    write_alignment(fused.alignment, folder / "alignment.json")
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
    "deblur": deblur_source,
    "focus": focus_source,
    "fuse": fuse_source,
    "measure": measure_source,
    "retouch": retouch_source,
    "run": run_source,
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
