"""How sharp a picture is: every focus measure, per frame, per stack and per cell."""

from mmlib.sharpness.autofocus import CurveQuality, curve_quality
from mmlib.sharpness.cells import sharpness_map
from mmlib.sharpness.frames import focus_curve, frame_sharpness
from mmlib.sharpness.measure import Measure
from mmlib.sharpness.planes import best_planes, depth_map
from mmlib.sharpness.registry import MEASURES

__all__ = [
    "MEASURES",
    "CurveQuality",
    "Measure",
    "best_planes",
    "curve_quality",
    "depth_map",
    "focus_curve",
    "frame_sharpness",
    "sharpness_map",
]
