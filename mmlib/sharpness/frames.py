"""The sharpness of whole frames: one number a frame, one curve a stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Frame, check_shape
from mmlib.progress import Progress, report, silent
from mmlib.sharpness.eight_bit import FAST
from mmlib.sharpness.measure import Grey, Mask, Measure, as_grey
from mmlib.sharpness.registry import find_measure
from mmlib.stacks import ZStack

REACH_PX = 7
"""Pixels this near to the rim of the field are not judged: the widest kernels see beyond the rim."""


def frame_sharpness(frame: Frame, measure: str = "tenengrad", field: Mask | None = None) -> float:
    """Measure how sharp a whole frame is.

    Args:
        frame: (H, W) or (H, W, 3) RGB; uint8, uint16 or float in 0..1.
        measure: a key of `MEASURES`.
        field: (H, W), True where pixels count; None counts all.

    Returns:
        The measure, larger = sharper; NaN where the field holds too few pixels to tell.

    Raises:
        InputError: if the measure is not known, or the field has another size than the frame.
    """
    return _values(frame, [find_measure(measure)], field)[0]


def focus_curve(
    stack: ZStack,
    measures: Sequence[str] = ("tenengrad",),
    field: Mask | None = None,
    progress: Progress = silent,
) -> dict[str, NDArray[np.float64]]:
    """Measure every frame of a stack, reading each frame once.

    Args:
        stack: the stack.
        measures: keys of `MEASURES`.
        field: (H, W), True where pixels count; None counts all. Its rim is drawn in by the reach of the measures.
        progress: whom to tell how far it is.

    Returns:
        For each measure its curve, (K,), larger = sharper.

    Raises:
        InputError: if a measure is not known, or the field has another size than the frames.
    """
    chosen = [find_measure(name) for name in measures]
    inner = None if field is None else inner_field(check_field(field, stack.shape))
    rows = [_values(frame, chosen, inner) for frame in report(stack, len(stack), "measuring sharpness", progress)]
    curves = np.array(rows, dtype=np.float64).reshape(len(rows), len(chosen))  # (K, measures)
    return {measure.name: curves[:, i] for i, measure in enumerate(chosen)}


def inner_field(field: Mask | None) -> Mask | None:
    """Draw the field in by the reach of the measures, so that its rim is not taken for detail.

    Args:
        field: (H, W), or None for a field that is everywhere.

    Returns:
        (H, W) where detail can be judged, or None for everywhere.
    """
    if field is None or bool(field.all()):
        return None
    edge = 2 * REACH_PX + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge))
    return np.asarray(cv2.erode(field.astype(np.uint8), disc) > 0)


def check_field(field: NDArray[Any], shape: tuple[int, ...]) -> Mask:
    """Raise unless a field is as large as the frame, and give it as a mask.

    Args:
        field: (H, W), True or not 0 where pixels count.
        shape: of the frame.

    Returns:
        (H, W) bool.

    Raises:
        InputError: if the size is another.
    """
    mask = np.asarray(field, dtype=np.bool_)
    if mask.shape != shape[:2]:
        raise InputError(f"the field must be as large as the frame, {shape[:2]}; its shape is {mask.shape}")
    return mask


def region_value(measure: Measure, grey: Grey, mask: Mask) -> float:
    """Apply a measure of a whole region; a region without pixels has no value.

    Args:
        measure: one with `Measure.region`.
        grey: (H, W).
        mask: (H, W).

    Returns:
        The value, or NaN.
    """
    if measure.region is None or not mask.any():
        return float("nan")
    return measure.region(grey, mask)


def _values(frame: Frame, measures: Sequence[Measure], field: Mask | None) -> list[float]:
    check_shape(frame, "frame")
    mask = None if field is None else check_field(field, frame.shape)
    if mask is not None and mask.all():
        mask = None
    grey: Grey | None = None
    values: list[float] = []
    for measure in measures:
        if mask is None and frame.dtype == np.uint8 and measure.name in FAST:
            values.append(FAST[measure.name](frame))
            continue
        grey = as_grey(frame) if grey is None else grey
        if measure.local is None:
            everywhere = np.ones(grey.shape, dtype=np.bool_)
            values.append(region_value(measure, grey, everywhere if mask is None else mask))
        elif mask is not None and not mask.any():
            values.append(float("nan"))
        else:
            inside = None if mask is None else mask.view(np.uint8)
            means = [cv2.mean(quantity, inside)[0] for quantity in measure.local(grey)]
            values.append(float(measure.combine(np.array(means, dtype=np.float64))))
    return values
