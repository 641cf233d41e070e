"""TIFF, OME-TIFF and ImageJ hyperstacks as stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmlib.errors import InputError
from mmlib.io.hashing import file_hash
from mmlib.io.levels import Levels, fitted, kept
from mmlib.io.limits import Limits
from mmlib.io.mapped import LevelledFrames
from mmlib.io.reasons import reading
from mmlib.io.tiff_notes import TiffNotes, imagej_notes, ome_notes
from mmlib.io.tiff_planes import TiffPlanes, hushed
from mmlib.pictures import Frame
from mmlib.stacks import ZStack

_SEPARATED = 5


def open_tiff(path: Path, limits: Limits) -> ZStack:
    """Open a TIFF as a stack: mapped where it is uncompressed, else one page decoded at a time.

    Args:
        path: the file.
        limits: what is too large.

    Returns:
        The stack, with z and the size of a pixel where the file says them.

    Raises:
        InputError: if it is damaged, too large, or has values that are not finite.
    """
    with reading(path):
        try:
            return _opened(path, limits)
        except (InputError, OSError):
            raise
        except Exception:  # tifffile raises whatever broken bytes make it raise
            raise InputError(f"{path} is cut short or damaged; copy it again") from None


def _opened(path: Path, limits: Limits) -> ZStack:
    source = str(path)
    try:
        planes = TiffPlanes(path)
    except InputError as error:
        raise InputError(f"{source} {error}") from None
    shape = planes.shape
    limits.check_frame(shape[0], shape[1], source)
    limits.check_count(len(planes), source)
    limits.check_bytes(int(np.prod(shape)) * planes.dtype.itemsize * len(planes), path.stat().st_size, source)
    remarks = [*planes.remarks, *_colour_remarks(planes)]
    levels = _kept(planes) or fitted(planes, planes.dtype, source)
    if levels.remark:
        remarks.append(levels.remark)
    frames: Any = planes.mapped
    if frames is None or frames.array.dtype != levels.dtype or levels.scale != 1:
        frames = LevelledFrames(planes, levels)
    notes = _notes(planes)
    bits = planes.bits
    return ZStack(
        frames=frames,
        shape=shape,
        dtype=levels.dtype,
        source=source,
        z_um=_along(notes.z_um, notes.step_um if planes.axis not in ("C", "T") else None, planes.places),
        pixel_um=notes.pixel_um,
        times_s=_along(notes.times_s, notes.step_s if planes.axis == "T" else None, planes.places),
        bit_depth=notes.bit_depth or (bits if levels.scale == 1 and 8 <= bits <= 16 else 8 * levels.dtype.itemsize),
        warnings=tuple(f"{source} {remark}" for remark in remarks),
        identify=lambda: file_hash(path),
    )


def _colour_remarks(planes: TiffPlanes) -> list[str]:
    samples = dict(zip(planes.page.axes, planes.page.shape, strict=True)).get("S", 1)
    if planes.page.photometric == _SEPARATED and samples >= 4:
        return ["is CMYK, shown as RGB without a colour profile"]
    return ["has an alpha channel, which is left out"] if samples in (2, 4) else []


def _kept(planes: TiffPlanes) -> Levels | None:
    bits = planes.bits
    if planes.dtype == np.uint8 and bits < 8 and planes.page.photometric != 3:
        return Levels(0, 255 / (2**bits - 1), np.dtype(np.uint8))
    return kept(planes.dtype)


def _along(known: dict[int, float] | None, step: float | None, places: list[int]) -> tuple[float, ...] | None:
    """Give a value for each frame: the known ones if all are known, else multiples of the step."""
    if known is not None and all(place in known for place in places):
        return tuple(known[place] for place in places)
    return None if step is None or len(places) < 2 else tuple(place * step for place in places)


def _notes(planes: TiffPlanes) -> TiffNotes:
    with hushed():
        if planes.tif.is_ome:
            return ome_notes(planes.tif.ome_metadata or "", planes.axis or "Z")
        if planes.tif.is_imagej:
            tag = planes.page.tags.get("XResolution")
            return imagej_notes(planes.tif.imagej_metadata or {}, None if tag is None else tag.value)
    return TiffNotes()


def first_frame_form(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any], tuple[str, ...]]:
    """Say what the first frame of an open TIFF will be, without decoding it.

    Args:
        file: the open file.

    Returns:
        (shape, uint8 or uint16, remarks).

    Raises:
        InputError: if nothing in it can be read as a frame; the sentence lacks the name of the file.
    """
    planes = TiffPlanes(file)
    levels = _kept(planes)
    more = (f"holds {len(planes)} frames, of which the first is read",) if len(planes) > 1 else ()
    dtype = np.dtype(np.uint16) if levels is None else levels.dtype
    return planes.shape, dtype, (*more, *_colour_remarks(planes))


def first_frame(file: BinaryIO) -> Frame:
    """Decode the first frame of an open TIFF.

    Args:
        file: the open file.

    Returns:
        (H, W) or (H, W, 3), uint8 or uint16.

    Raises:
        InputError: if it is damaged, or its values would need a range that is common to several files.
    """
    planes = TiffPlanes(file)
    frame = planes[0]
    levels = _kept(planes) or fitted([frame], planes.dtype, "the TIFF")
    if levels.remark:
        raise InputError(f"the TIFF {levels.remark.split(',')[0]}; scale it to 0..1 or save one TIFF with all frames")
    return levels.apply(frame)
