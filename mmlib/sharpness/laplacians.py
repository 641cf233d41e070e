"""Measures of the second derivative: sharp edges bend."""

from __future__ import annotations

import cv2
import numpy as np

from mmlib.sharpness.measure import Grey, Maps, Measure, shifted, spread


def laplacian(grey: Grey) -> Maps:
    """Take the five-point Laplacian, and its square."""
    bend = np.asarray(cv2.Laplacian(grey, cv2.CV_32F), dtype=np.float32)
    return bend, bend * bend


def laplacian_energy(grey: Grey) -> Maps:
    """Square the five-point Laplacian."""
    return laplacian(grey)[1:]


def modified_laplacian(grey: Grey) -> Maps:
    """Add the sizes of the second differences along x and y, so that they cannot cancel."""
    return (_second(grey, 0, 1) + _second(grey, 1, 0),)


def diagonal_laplacian(grey: Grey) -> Maps:
    """Add the second differences along the diagonals to the modified Laplacian, for their longer step by 1 / sqrt 2."""
    diagonal = (_second(grey, 1, 1) + _second(grey, 1, -1)) * np.float32(np.sqrt(0.5))
    return (modified_laplacian(grey)[0] + diagonal,)


def curvature(grey: Grey) -> Maps:
    """Fit c0 x + c1 y + c2 x^2 + c3 y^2 to each 3 x 3 patch, less its centre, and add the sizes of the coefficients."""
    ones = np.ones(3)
    slope, sides = np.array([-1, 0, 1]) / 6, np.array([1, 0, 1]) / 5
    c0 = cv2.sepFilter2D(grey, cv2.CV_32F, slope, ones)
    c1 = cv2.sepFilter2D(grey, cv2.CV_32F, ones, slope)
    beside = np.asarray(cv2.sepFilter2D(grey, cv2.CV_32F, sides, ones)) - np.float32(1.2) * grey
    above = np.asarray(cv2.sepFilter2D(grey, cv2.CV_32F, ones, sides)) - np.float32(1.2) * grey
    c2, c3 = np.float32(1.5) * beside - above, np.float32(1.5) * above - beside
    return (np.asarray(np.abs(c0) + np.abs(c1) + np.abs(c2) + np.abs(c3), dtype=np.float32),)


def _second(grey: Grey, down: int, right: int) -> Grey:
    bend: Grey = np.abs(2 * grey - shifted(grey, down, right) - shifted(grey, -down, -right))
    return bend


MEASURES = (
    Measure("laplacian", "Variance of the Laplacian", "Pech-Pacheco et al. 2000", laplacian, spread),
    Measure("laplacian_energy", "Energy of the Laplacian", "Subbarao et al. 1993", laplacian_energy),
    Measure("modified_laplacian", "Modified Laplacian", "Nayar and Nakagawa 1994", modified_laplacian),
    Measure("diagonal_laplacian", "Diagonal Laplacian", "Thelen et al. 2009", diagonal_laplacian),
    Measure("curvature", "Curvature", "Helmli and Scherer 2001", curvature),
)
