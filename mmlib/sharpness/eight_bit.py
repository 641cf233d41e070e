"""The two busiest measures on 8-bit pictures, in integers: several times the speed of the float path."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import to_grey

WHITE_SQUARED = 255.0**2


def tenengrad(frame: NDArray[np.uint8]) -> float:
    """Give the mean squared Sobel gradient of a whole frame.

    Args:
        frame: (H, W) or (H, W, 3) RGB, uint8.

    Returns:
        What the measure ``tenengrad`` gives for grey in 0..1.
    """
    grey = to_grey(frame)
    gx, gy = cv2.spatialGradient(grey, borderType=cv2.BORDER_REFLECT_101)
    return (cv2.norm(gx, cv2.NORM_L2SQR) + cv2.norm(gy, cv2.NORM_L2SQR)) / (grey.size * WHITE_SQUARED)


def laplacian(frame: NDArray[np.uint8]) -> float:
    """Give the variance of the Laplacian of a whole frame.

    Args:
        frame: (H, W) or (H, W, 3) RGB, uint8.

    Returns:
        What the measure ``laplacian`` gives for grey in 0..1.
    """
    bend = cv2.Laplacian(to_grey(frame), cv2.CV_16S)
    mean = cv2.sumElems(bend)[0] / bend.size
    return max(cv2.norm(bend, cv2.NORM_L2SQR) / bend.size - mean**2, 0.0) / WHITE_SQUARED


FAST: dict[str, Callable[[NDArray[np.uint8]], float]] = {"tenengrad": tenengrad, "laplacian": laplacian}
"""Measures with a path of their own for whole 8-bit frames."""
