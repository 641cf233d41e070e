"""Stacks written to files, one frame at a time, whole or not at all, with what is known about them inside."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile

from mmlib.io.arrays import npy_header
from mmlib.io.notes import NOTES_FILE, notes_trailer, stack_notes
from mmlib.io.provenance import KEYWORD, to_words
from mmlib.io.replacing import replacing, replacing_folder
from mmlib.io.targets import check_ending
from mmlib.io.write import write_picture
from mmlib.progress import Progress, report, silent
from mmlib.stacks import ZStack


def write_stack(
    path: str | os.PathLike[str],
    stack: ZStack,
    *,
    provenance: dict[str, Any] | None = None,
    frame_rate_hz: float = 10.0,
    quality: int = 16,
    progress: Progress = silent,
) -> None:
    """Write a stack, streaming its frames.

    Args:
        path: ends in ``.tif`` or ``.tiff`` (OME-TIFF with z, times and the size of a pixel), ``.npy``, ``.mp4`` (a
            sweep, H.264, 8 bit, not lossless), ``.zip`` (PNG with all that is known beside them), or in nothing: the
            same as a folder. Equal stacks give equal bytes.
        stack: what to write.
        provenance: how it was made, kept inside for `read_provenance`.
        frame_rate_hz: of an mp4.
        quality: of an mp4: constant rate factor, 0 (best) to 51; six more take about half the bytes.
        progress: told as frames are written; may raise to stop.

    Raises:
        InputError: if the ending is another, or the disk refuses; then nothing is left behind.
    """
    where = Path(path)
    words = to_words(provenance)
    suffix = check_ending(where, "stack")
    writers: dict[str, Callable[[IO[bytes]], None]] = {
        ".tif": lambda file: _write_ome(file, stack, words, progress),
        ".tiff": lambda file: _write_ome(file, stack, words, progress),
        ".npy": lambda file: _write_npy(file, stack, provenance, progress),
        ".mp4": lambda file: _write_sweep(file, stack, words, frame_rate_hz, progress, quality),
        ".zip": lambda file: _write_zip(file, stack, provenance, progress),
    }
    if suffix == "":
        _write_folder(where, stack, provenance, progress)
    else:
        with replacing(where) as file:
            writers[suffix](file)


def _write_ome(file: IO[bytes], stack: ZStack, words: str, progress: Progress) -> None:
    count = len(stack)
    metadata: dict[str, Any] = {
        "axes": "ZYXS" if stack.colour else "ZYX",
        "Description": words,
        "SignificantBits": stack.bit_depth,
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{stack.content_hash} {stack_notes(stack)} {words}")),
    }
    if stack.pixel_um is not None:
        for axis in "XY":
            metadata |= {f"PhysicalSize{axis}": stack.pixel_um, f"PhysicalSize{axis}Unit": "µm"}
    planes: dict[str, list[Any]] = {}
    if stack.z_um is not None:
        planes |= {"PositionZ": [float(z) for z in stack.z_um], "PositionZUnit": ["µm"] * count}
        steps = np.diff(stack.z_um)
        if count > 1 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6):
            metadata |= {"PhysicalSizeZ": float(steps[0]), "PhysicalSizeZUnit": "µm"}
    if stack.times_s is not None:
        planes |= {"DeltaT": [float(moment) for moment in stack.times_s], "DeltaTUnit": ["s"] * count}
    if planes:
        metadata["Plane"] = planes
    with tifffile.TiffWriter(file, ome=True, bigtiff=_is_large(stack)) as writer:
        writer.write(
            (np.ascontiguousarray(frame) for frame in report(stack, count, "writing", progress)),
            shape=(count, *stack.shape),
            dtype=stack.dtype,
            photometric="rgb" if stack.colour else "minisblack",
            metadata=metadata,
            software="mmlib",
        )


def _is_large(stack: ZStack) -> bool:
    return int(np.prod(stack.shape)) * stack.dtype.itemsize * len(stack) > 3_900_000_000


def _write_npy(file: IO[bytes], stack: ZStack, provenance: dict[str, Any] | None, progress: Progress) -> None:
    file.write(npy_header((len(stack), *stack.shape), stack.dtype))
    for frame in report(stack, len(stack), "writing", progress):
        file.write(np.ascontiguousarray(frame).data.cast("B"))
    file.write(notes_trailer({KEYWORD: provenance or {}, **stack_notes(stack)}))


def _write_sweep(
    file: IO[bytes], stack: ZStack, words: str, frame_rate_hz: float, progress: Progress, quality: int
) -> None:
    from mmlib.io.sweep import write_sweep  # libav is large, and only videos need it

    write_sweep(file, stack, words, frame_rate_hz, progress, quality)


def _write_folder(path: Path, stack: ZStack, provenance: dict[str, Any] | None, progress: Progress) -> None:
    with replacing_folder(path) as folder:
        for index, frame in enumerate(report(stack, len(stack), "writing", progress)):
            write_picture(folder / f"frame_{index:04d}.png", frame)
        (folder / NOTES_FILE).write_text(_notes(stack, provenance))


def _write_zip(file: IO[bytes], stack: ZStack, provenance: dict[str, Any] | None, progress: Progress) -> None:
    with zipfile.ZipFile(file, "w") as archive, tempfile.TemporaryDirectory() as folder:
        for index, frame in enumerate(report(stack, len(stack), "writing", progress)):
            picture = Path(folder) / "frame.png"
            write_picture(picture, frame)
            archive.writestr(zipfile.ZipInfo(f"frame_{index:04d}.png"), picture.read_bytes())
        archive.writestr(zipfile.ZipInfo(NOTES_FILE), _notes(stack, provenance))


def _notes(stack: ZStack, provenance: dict[str, Any] | None) -> str:
    return json.dumps({KEYWORD: provenance or {}, **stack_notes(stack)}, indent=1)
