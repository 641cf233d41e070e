"""How good a focus curve is for finding focus: the criteria by which autofocus measures are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.sharpness.planes import best_planes


@dataclass(frozen=True)
class CurveQuality:
    """What a focus curve is worth.

    Attributes:
        error_planes: how far its maximum lies from the known best plane, in planes.
        error_um: the same in micrometres; None where z is not known.
        range_planes: planes from the minimum on one side of the maximum to the minimum on the other.
        false_maxima: how many maxima it has beside the highest.
        width_planes: full width at half of its height above its lowest value, in planes.
    """

    error_planes: float
    error_um: float | None
    range_planes: int
    false_maxima: int
    width_planes: float


def curve_quality(curve: NDArray[np.float64], best_plane: float, z_um: tuple[float, ...] | None = None) -> CurveQuality:
    """Judge a focus curve against a best plane that is known.

    Args:
        curve: (K,) values of a measure, larger = sharper; K is 3 or more.
        best_plane: the true best plane, 0..K-1, may have a fraction.
        z_um: height of each plane in micrometres, if known.

    Returns:
        Accuracy, range, false maxima and width.

    Raises:
        InputError: if the curve is shorter than three planes or not finite.

    Source: Groen et al. 1985, doi:10.1002/cyto.990060202; Santos et al. 1997.
    """
    curve = np.asarray(curve, dtype=np.float64)
    if curve.ndim != 1 or len(curve) < 3 or not np.isfinite(curve).all():
        raise InputError(f"a focus curve needs three finite values or more; got {curve.shape} values")
    planes = np.arange(len(curve))
    low, high = float(curve.min()), float(curve.max())
    height = np.maximum((curve - low) / max(high - low, 1e-300), 1e-9)
    found = float(best_planes(np.log(height)[:, None])[0])
    top = int(curve.argmax())
    error_um = None
    if z_um is not None:
        error_um = abs(float(np.interp(found, planes, z_um)) - float(np.interp(best_plane, planes, z_um)))
    steps = np.sign(np.diff(curve))
    steps = steps[steps != 0]
    maxima = int(((steps[:-1] > 0) & (steps[1:] < 0)).sum()) if len(steps) else 0
    if len(steps):
        maxima += int(steps[0] < 0) + int(steps[-1] > 0)
    left = int(curve[: top + 1].argmin())
    right = top + int(curve[top:].argmin())
    return CurveQuality(
        error_planes=abs(found - best_plane),
        error_um=error_um,
        range_planes=right - left,
        false_maxima=max(maxima - 1, 0),
        width_planes=_crossing(height, top, 1) + _crossing(height, top, -1),
    )


def _crossing(height: NDArray[np.float64], top: int, way: int) -> float:
    """Give the distance from the top to where the curve falls through one half, or to its end."""
    at = top
    while 0 <= at + way < len(height):
        if height[at + way] < 0.5:
            return abs(at - top) + float((height[at] - 0.5) / (height[at] - height[at + way]))
        at += way
    return float(abs(at - top))
