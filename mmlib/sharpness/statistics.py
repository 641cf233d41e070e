"""Measures of spread and of correlation: blur draws grey values together and makes neighbours alike."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.sharpness.measure import Grey, Maps, Measure, shifted, spread

LOCAL_WINDOW_PX = 9
RATIO_WINDOW_PX = 9
DARKEST = np.float32(1 / 255)


def grey_moments(grey: Grey) -> Maps:
    """Take the grey value and its square."""
    return grey, grey * grey


def vollath(grey: Grey) -> Maps:
    """Take what the covariances with the next pixel and the one after it are made of, along x."""
    near, far = shifted(grey, 0, 1), shifted(grey, 0, 2)
    return grey, near, far, grey * near, grey * far


def vollath4(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the covariance two pixels away from the one a pixel away."""
    here, near, far, with_near, with_far = means
    return np.asarray((with_near - here * near) - (with_far - here * far))


def vollath5(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the covariance with the next pixel."""
    here, near, _, with_near, _ = means
    return np.asarray(with_near - here * near)


def local_variance(grey: Grey) -> Maps:
    """Take the variance of each 9 x 9 window, and its square."""
    window = (LOCAL_WINDOW_PX, LOCAL_WINDOW_PX)
    centred = grey - np.float32(grey.mean())
    mean = cv2.blur(centred, window)
    variance = np.maximum(cv2.blur(centred * centred, window) - mean * mean, 0).astype(np.float32)
    return variance, variance * variance


def helmli(grey: Grey) -> Maps:
    """Take the ratio of a pixel and the mean of its 9 x 9 window, whichever way it is above 1."""
    here = np.maximum(grey, DARKEST)
    mean = np.maximum(cv2.blur(grey, (RATIO_WINDOW_PX, RATIO_WINDOW_PX)), DARKEST)
    ratio = mean / here
    return (np.maximum(ratio, 1 / ratio).astype(np.float32),)


def _normalised(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(spread(means) / np.maximum(means[0], 1e-6))


MEASURES = (
    Measure("variance", "Variance", "Groen et al. 1985, doi:10.1002/cyto.990060202", grey_moments, spread),
    Measure("normalised_variance", "Normalised variance", "Groen et al. 1985", grey_moments, _normalised),
    Measure("local_variance", "Grey-level local variance", "Pech-Pacheco et al. 2000", local_variance, spread),
    Measure("vollath4", "Vollath F4", "Vollath 1987", vollath, vollath4),
    Measure("vollath5", "Vollath F5", "Vollath 1988", vollath, vollath5),
    Measure("helmli", "Helmli's mean ratio", "Helmli and Scherer 2001", helmli),
)
