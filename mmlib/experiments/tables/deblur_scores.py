"""Table 2's scores: frames of a moving scan, deblurred or left alone, against what a steady hand would have seen."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from mmlib.experiments.tables.scans import Scan
from mmlib.metrics.reference import psnr, ssim
from mmlib.pictures import Picture, as_picture
from mmlib.stacks import ZStack

ROOMS = ("deblurring", "metrics/reference.py", "metrics/pooled.py", "experiments/tables/deblur_scores.py")
NOTHING = "none"
MOST_DB = 99.0
"""What a picture equal to its reference counts: a mean cannot hold an infinite number."""


def deblurrers() -> list[str]:
    """List what there is: doing nothing, and every method of the deblurring room."""
    if importlib.util.find_spec("mmlib.deblurring") is None:
        return [NOTHING]
    room: Any = importlib.import_module("mmlib.deblurring")
    return [NOTHING, *(name for name in room.METHODS if name != NOTHING)]


def deblurred(picture: Picture, name: str) -> Picture:
    """Deblur a picture, or leave it alone.

    Args:
        picture: (H, W) or (H, W, 3), 0..1.
        name: one of `deblurrers`.

    Returns:
        The same size, 0..1.
    """
    if name == NOTHING:
        return picture
    room: Any = importlib.import_module("mmlib.deblurring")
    return np.asarray(room.deblur(picture, method=name), np.float32)


def score_deblurring(scan: Scan, name: str) -> dict[str, float]:
    """Compare frames of a scan with their still twins, within the eyepiece's disc.

    Args:
        scan: of the benchmark set.
        name: one of `deblurrers`.

    Returns:
        ``psnr`` in dB and ``ssim`` in hundredths, the mean of the frames that have a twin.
    """
    field = None if scan.field.all() else scan.field
    found = []
    for frame, still in scan.still().items():
        sharp, blurred = as_picture(still), deblurred(scan.stack.picture(frame), name)
        found.append((min(psnr(blurred, sharp, field=field), MOST_DB), 100 * ssim(blurred, sharp, field=field)))
    means = np.mean(found, axis=0)
    return {"psnr": float(means[0]), "ssim": float(means[1])}


def score_real(stack: ZStack, name: str) -> float:
    """Give the PSNR of the planes beside focus against the plane in focus, after deblurring.

    Args:
        stack: an odd number of planes, the middle one in focus.
        name: one of `deblurrers`.

    Returns:
        dB.
    """
    middle = len(stack) // 2
    sharp = stack.picture(middle)
    beside = [deblurred(stack.picture(i), name) for i in (middle - 1, middle + 1)]
    return float(np.mean([min(psnr(picture, sharp), MOST_DB) for picture in beside]))
