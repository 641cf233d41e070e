"""How far a choice of frames can come: pictures that the truth puts together, which no method sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.experiments.tables.laying import best_shift, move
from mmlib.experiments.tables.scans import Scan
from mmlib.pictures import Picture, as_picture
from mmlib.registration import Alignment, align
from mmlib.stacks import ZStack

NEAREST = "nearest frame by true depth"
"""What picks, for each pixel, the frame that is truly nearest to focus."""
ALIKE = "frame most like the truth"
"""What picks, for each pixel, the frame that is most like the wanted picture around it."""
AROUND_PX = 4.0
"""How far around, as the standard deviation of a Gaussian: pixel by pixel even noise would seem right somewhere."""


def truly_nearest(scan: Scan) -> Picture:
    """Take each pixel from the frame that is nearest to focus there by the truth.

    Args:
        scan: of the benchmark set.

    Returns:
        (H, W, 3).
    """
    picture = scan.stack.picture(0).copy()
    nearest = np.abs(scan.defocus_dof(0))
    for frame in range(1, len(scan.stack)):
        away = np.abs(scan.defocus_dof(frame))
        nearer = away < nearest
        picture[nearer] = scan.stack.picture(frame)[nearer]
        nearest = np.minimum(nearest, away)
    return picture


def most_alike(stack: ZStack, wanted: Picture, field: NDArray[np.bool_]) -> Picture:
    """Take each pixel from the aligned frame that is most like the wanted picture around it.

    Args:
        stack: the frames.
        wanted: (H, W, 3), the truth or the picture in focus.
        field: (H, W) True where the specimen is seen.

    Returns:
        (H, W, 3).
    """
    alignment = align(stack, field=field)
    first = _picked(stack, alignment, wanted)  # shows where the reference frame lies
    right, down = best_shift(first, wanted, field)
    return _picked(stack, alignment, move(wanted, (-right, -down)))


def _picked(stack: ZStack, alignment: Alignment, wanted: Picture) -> Picture:
    picture, least = np.empty_like(wanted), np.full(wanted.shape[:2], np.inf, np.float32)
    for number, frame in enumerate(stack):
        seen = as_picture(alignment.warp(frame, number))
        unlike = cv2.GaussianBlur(np.square(seen - wanted).mean(axis=2), (0, 0), AROUND_PX)
        nearer = unlike < least
        picture[nearer] = seen[nearer]
        np.minimum(least, unlike, out=least)
    return picture
