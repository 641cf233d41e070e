"""Measures of the first derivative: sharp edges are steep."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.sharpness.measure import Grey, Maps, Measure, shifted, spread

GAUSSIAN_SIGMA_PX = 1.0
DIRECTIONS = 8


def brenner(grey: Grey) -> Maps:
    """Square the differences of pixels two apart, along both axes."""
    across, down = shifted(grey, 0, 2) - grey, shifted(grey, 2, 0) - grey
    return (across * across + down * down,)


def absolute_gradient(grey: Grey) -> Maps:
    """Take the size of the differences of neighbours, along both axes."""
    return (np.abs(shifted(grey, 0, 1) - grey) + np.abs(shifted(grey, 1, 0) - grey),)


def squared_gradient(grey: Grey) -> Maps:
    """Square the differences of neighbours, along both axes."""
    across, down = shifted(grey, 0, 1) - grey, shifted(grey, 1, 0) - grey
    return (across * across + down * down,)


def tenengrad(grey: Grey) -> Maps:
    """Square the gradient by Sobel's 3 x 3 kernels."""
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return (np.asarray(gx * gx + gy * gy, dtype=np.float32),)


def sobel_magnitude(grey: Grey) -> Maps:
    """Take the length of Sobel's gradient, and its square."""
    (energy,) = tenengrad(grey)
    return np.sqrt(energy), energy


def gaussian_derivatives(grey: Grey, sigma_px: float = GAUSSIAN_SIGMA_PX) -> tuple[Grey, Grey]:
    """Differentiate a Gaussian-smoothed picture.

    Args:
        grey: (H, W).
        sigma_px: standard deviation of the Gaussian, in pixels.

    Returns:
        The derivatives along x and y, each (H, W).
    """
    radius = int(np.ceil(4 * sigma_px))
    at = np.arange(-radius, radius + 1, dtype=np.float64)
    bell = np.exp(-(at**2) / (2 * sigma_px**2))
    bell /= bell.sum()
    slope = at * bell / sigma_px**2  # correlation with this differentiates
    along_x = cv2.sepFilter2D(grey, cv2.CV_32F, slope, bell)
    along_y = cv2.sepFilter2D(grey, cv2.CV_32F, bell, slope)
    return np.asarray(along_x, dtype=np.float32), np.asarray(along_y, dtype=np.float32)


def gaussian_derivative(grey: Grey) -> Maps:
    """Square the gradient of the Gaussian-smoothed picture."""
    gx, gy = gaussian_derivatives(grey)
    return (gx * gx + gy * gy,)


def steerable(grey: Grey) -> Maps:
    """Take the largest answer of a Gaussian derivative that is steered to eight directions."""
    gx, gy = gaussian_derivatives(grey)
    largest = np.full(grey.shape, -np.inf, dtype=np.float32)
    for angle in 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        answer = np.float32(np.cos(angle)) * gx + np.float32(np.sin(angle)) * gy
        np.maximum(largest, answer, out=largest)
    return (largest,)


def contrast(grey: Grey) -> Maps:
    """Add the sizes of the differences to the eight neighbours."""
    total = np.zeros(grey.shape, dtype=np.float32)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1), (0, -1), (-1, 0), (-1, -1), (-1, 1)):
        cv2.add(total, cv2.absdiff(shifted(grey, down, right), grey), dst=total)
    return (total,)


def _root(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(means[0]))


MEASURES = (
    Measure("brenner", "Brenner", "Brenner et al. 1976, doi:10.1177/24.1.1254907", brenner),
    Measure("absolute_gradient", "Absolute gradient", "Jarvis 1976; Santos et al. 1997", absolute_gradient),
    Measure("squared_gradient", "Squared gradient", "Eskicioglu and Fisher 1995; Santos et al. 1997", squared_gradient),
    Measure("tenengrad", "Tenengrad", "Krotkov 1988, doi:10.1007/BF00127822", tenengrad),
    Measure("tenengrad_variance", "Tenengrad variance", "Pech-Pacheco et al. 2000", sobel_magnitude, spread),
    Measure("gaussian_derivative", "Gaussian derivative", "Geusebroek et al. 2000", gaussian_derivative),
    Measure("spatial_frequency", "Spatial frequency", "Eskicioglu and Fisher 1995", squared_gradient, _root),
    Measure("steerable", "Steerable filters", "Minhas et al. 2009", steerable),
    Measure("contrast", "Contrast of neighbours", "Nanda and Cutler 2001", contrast),
)
