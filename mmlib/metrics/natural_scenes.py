"""BRISQUE: how far the local statistics of a picture are from those of undistorted photographs.

It does not rank microscope pictures: it knows photographs, and a half-blurred frame can score better than the truth. It
is here because published tables print it, and nothing in mmlib chooses by it.
"""

from __future__ import annotations

from math import lgamma
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.pairs import Mask, check_field, check_size
from mmlib.metrics.support_vectors import published_brisque
from mmlib.pictures import as_picture

WINDOW, SIGMA_PX = 7, 7 / 6
LUMA = np.array([0.2125, 0.7154, 0.0721])
"""Luma of ITU-R BT.709, in which the published model is evaluated by its package."""

Map = NDArray[np.float64]


def brisque(picture: NDArray[Any], *, field: NDArray[Any] | None = None) -> float:
    """Give the BRISQUE score, with the trained regression that the package ``brisque`` ships.

    Args:
        picture: (H, W) or (H, W, 3), at least 16 px: uint8, uint16 or float in 0..1.
        field: (H, W) bool; with one, only windows that lie wholly in it are counted.

    Returns:
        About 0 (like an undistorted photograph) to 100; may lie outside. Lower is better, for photographs.

    Raises:
        InputError: if the picture is too small or too flat, or the package is not installed.

    Source: Mittal, Moorthy & Bovik 2012, doi:10.1109/TIP.2012.2214050.
    """
    features = brisque_features(picture, field=field)
    regression, low, high = published_brisque()
    return regression.predict(2 * (features - low) / (high - low) - 1)


def brisque_features(picture: NDArray[Any], *, field: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Give the 36 features: at full and at half size, the shape of the normalised picture and of its four products.

    Args:
        picture: (H, W) or (H, W, 3), at least 16 px: uint8, uint16 or float in 0..1.
        field: (H, W) bool; with one, only windows that lie wholly in it are counted.

    Returns:
        (36,) float64: for each scale shape and variance of the normalised picture, then shape, mean, left and right
        variance of its products with its right, lower, lower right and lower left neighbour.

    Raises:
        InputError: if the picture is too small or too flat.

    Source: Mittal, Moorthy & Bovik 2012, section III; window 7 x 7, sigma 7/6; zero beyond the edge.
    """
    checked = as_picture(picture)
    check_size(checked.shape, 16, "BRISQUE")
    mask = check_field(field, checked.shape)
    array = np.asarray(picture)
    grey = array / 255 if array.dtype == np.uint8 else checked.astype(np.float64)
    grey = grey.reshape(checked.shape) if checked.ndim == 2 else grey @ LUMA
    if np.ptp(grey if mask is None else grey[mask]) < 1e-6:
        raise InputError("the picture is constant in the field, so BRISQUE has no statistics to look at")
    half = np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC), np.float64)
    small = None
    if mask is not None:  # a half-size pixel is seen through 8 x 8 full-size ones at most
        near = cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8))
        small = cv2.resize(near, half.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    features: Map = np.asarray(_shapes(grey, mask) + _shapes(half, small), np.float64)
    return features


def normalised(grey: Map) -> Map:
    """Take the local mean off and divide by the local deviation.

    Args:
        grey: (H, W) float64 in 0..1.

    Returns:
        (H, W) float64: (grey - mean) / (deviation + 1/255), Gaussian window, zero beyond the edge.
    """
    from scipy.signal import convolve2d

    rows, columns = np.indices((WINDOW, WINDOW)) - WINDOW // 2
    kernel = 1 / (2 * np.pi * SIGMA_PX**2) * np.exp(-(columns**2 + rows**2) / (2 * SIGMA_PX**2))
    kernel /= kernel.sum()
    mean = convolve2d(grey, kernel, "same")  # not separably: in flat parts the sign of a rounding error decides
    deviation = np.sqrt(np.abs(mean**2 - convolve2d(grey**2, kernel, "same")))
    result: Map = (grey - mean) / (deviation + 1 / 255)
    return result


def _shapes(grey: Map, mask: Mask | None) -> list[float]:
    """Give the 18 features of one scale."""
    values = normalised(grey)
    inside = np.ones(grey.shape, np.bool_)
    if mask is not None:
        inside = cv2.erode(mask.astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0
    here, right = np.s_[:, :-1], np.s_[:, 1:]
    above, below = np.s_[:-1, :], np.s_[1:, :]
    shape, _, left_variance, right_variance = _fit(values[inside])
    features = [shape, (left_variance + right_variance) / 2]
    pairs = [
        (here, right),
        (above, below),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[1:, :-1], np.s_[:-1, 1:]),
    ]
    for one, two in pairs:
        products = values[one] * values[two]
        features += _fit(products if mask is None else products[inside[one] & inside[two]])
    return features


def _fit(values: Map) -> list[float]:
    """Fit an asymmetric generalised Gaussian by its moments: shape, mean, left and right variance."""
    squares = values * values
    negative = values < 0
    below, count = int(negative.sum()), values.size
    left_sum = float(squares[negative].sum())
    right_sum = float(squares.sum()) - left_sum
    if below in (0, count) or left_sum <= 0 or right_sum <= 0:
        raise InputError("the picture is too flat in the field for BRISQUE, which needs texture")
    left, right = np.sqrt(left_sum / below), np.sqrt(right_sum / (count - below))
    ratio = float(np.abs(values).sum() / count) ** 2 / ((left_sum + right_sum) / count)
    skew = left / right
    shape = _shape_of(ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2)
    mean = (right - left) * np.exp(lgamma(2 / shape) - (lgamma(1 / shape) + lgamma(3 / shape)) / 2)
    return [shape, float(mean), float(left**2), float(right**2)]


def _shape_of(ratio: float) -> float:
    """Find the shape whose E|x|^2 / E[x^2] is the ratio: 2 for a Gaussian, 1 for a Laplacian; 0.05 to 100."""
    from scipy.optimize import brentq

    def excess(log_shape: float) -> float:
        shape = np.exp(log_shape)
        return float(2 * lgamma(2 / shape) - lgamma(1 / shape) - lgamma(3 / shape) - np.log(ratio))

    low, high = np.log(0.05), np.log(100)
    if excess(low) >= 0:
        return 0.05
    if excess(high) <= 0:
        return 100.0
    return float(np.exp(brentq(excess, low, high, xtol=1e-12)))
