"""What a TIFF says about heights, times and the size of a pixel: OME-XML and ImageJ's notes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any

_UM = {
    "nm": 1e-3,
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "inch": 25_400.0,
    "m": 1e6,
}
_SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0}


@dataclass(frozen=True)
class TiffNotes:
    """What is known of a stack; None where nothing was said.

    Attributes:
        pixel_um: edge of a pixel.
        step_um: distance from frame to frame.
        z_um: height by place on the stack axis.
        step_s: time from frame to frame.
        times_s: time by place on the stack axis.
        bit_depth: bits that the camera really used.
    """

    pixel_um: float | None = None
    step_um: float | None = None
    z_um: dict[int, float] | None = None
    step_s: float | None = None
    times_s: dict[int, float] | None = None
    bit_depth: int | None = None


def ome_notes(xml: str, axis: str) -> TiffNotes:
    """Read the notes of an OME-TIFF; what is broken says nothing.

    Args:
        xml: its OME-XML.
        axis: the axis that frames lie along: ``Z``, ``T`` or another.

    Returns:
        What it says of its first picture.

    Source: the OME data model, Pixels and Plane.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return TiffNotes()
    pixels = next((part for part in root.iter() if part.tag.endswith("}Pixels") or part.tag == "Pixels"), None)
    if pixels is None:
        return TiffNotes()
    heights: dict[int, float] = {}
    times: dict[int, float] = {}
    for plane in (part for part in pixels if part.tag.endswith("Plane")):
        place = {name: _number(plane.get(f"The{name}")) or 0 for name in "ZCT"}
        if any(value for name, value in place.items() if name != axis):
            continue
        index = int(place.get(axis, 0))
        height = _in_unit(plane.get("PositionZ"), plane.get("PositionZUnit", "reference frame"), _UM)
        moment = _in_unit(plane.get("DeltaT"), plane.get("DeltaTUnit", "s"), _SECONDS)
        if height is not None:
            heights[index] = height
        if moment is not None:
            times[index] = moment
    depth = _number(pixels.get("SignificantBits"))
    return TiffNotes(
        pixel_um=_positive(_in_unit(pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm"), _UM)),
        step_um=_in_unit(pixels.get("PhysicalSizeZ"), pixels.get("PhysicalSizeZUnit", "µm"), _UM),
        z_um=heights if len(set(heights.values())) > 1 else None,
        step_s=_in_unit(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"), _SECONDS),
        times_s=times or None,
        bit_depth=None if depth is None else int(depth),
    )


def imagej_notes(said: dict[str, Any], pixels_per_unit: tuple[int, int] | None) -> TiffNotes:
    """Read the notes of an ImageJ hyperstack.

    Args:
        said: ImageJ's notes: ``unit``, ``spacing``, ``finterval``.
        pixels_per_unit: the resolution tag, a fraction.

    Returns:
        What they say.
    """
    unit = str(said.get("unit", "")).replace("\\u00B5", "µ").strip()
    pixel = None
    if pixels_per_unit is not None and pixels_per_unit[0] > 0:
        pixel = _in_unit(pixels_per_unit[1] / pixels_per_unit[0], unit, _UM)
    return TiffNotes(
        pixel_um=_positive(pixel),
        step_um=_in_unit(said.get("spacing"), unit, _UM),
        step_s=_positive(_number(said.get("finterval"))),
    )


def _in_unit(value: Any, unit: str, scale: dict[str, float]) -> float | None:
    number = _number(value)
    return None if number is None or unit not in scale else number * scale[unit]


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None
