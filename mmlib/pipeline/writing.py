"""Results as files, each with its provenance inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmlib import io
from mmlib.focusing import FocusReport
from mmlib.fusing import Fused
from mmlib.pipeline.sources import depth_unit, provenance
from mmlib.progress import Progress, silent
from mmlib.stacks import ZStack


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


def write_curve(report: FocusReport, stack: ZStack, path: Path) -> None:
    """Write the focus curve as CSV: frame, z_um (empty where nobody knows), sharpness.

    Args:
        report: what `focus` found.
        stack: what it was found in.
        path: where to.

    Raises:
        InputError: if the file cannot be written.
    """
    heights = stack.z_um or [""] * len(stack)
    rows = zip(range(len(stack)), heights, map(float, report.curve), strict=True)
    io.write_table(path, ["frame", "z_um", "sharpness"], rows)


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
