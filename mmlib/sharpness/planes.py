"""Which plane is sharpest where: to a fraction of a plane, and as a smooth map of depth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FAR = 1e-3
"""Confidence that a cell has on its wider neighbourhood, so that cells with nothing to judge are filled from it."""


def best_planes(profiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the plane where each profile is highest, to a fraction of a plane.

    A parabola through the highest value and its two neighbours has its top within half a plane of the highest; of a
    logarithm it is exact where the profile is a Gaussian.

    Args:
        profiles: (K, ...) logarithms of a focus measure, larger = sharper; NaN where there is nothing to judge.

    Returns:
        (...) planes, 0..K-1; NaN where a profile has a NaN.

    Source: Nayar and Nakagawa 1994, doi:10.1109/34.308479.
    """
    known = np.isfinite(profiles).all(axis=0)
    safe = np.where(known, profiles, 0.0)
    top = safe.argmax(axis=0)
    count = len(profiles)
    inner = (top > 0) & (top < count - 1)
    below, at, above = (
        np.take_along_axis(safe, np.clip(top + step, 0, count - 1)[None], axis=0)[0] for step in (-1, 0, 1)
    )
    bend = below - 2 * at + above
    step = np.where(inner & (bend < 0), 0.5 * (below - above) / np.where(bend < 0, bend, -1.0), 0.0)
    return np.where(known, top + np.clip(step, -0.5, 0.5), np.nan)


def depth_map(
    planes: NDArray[np.float64],
    confidence: NDArray[np.float64],
    shape: tuple[int, int],
    *,
    cell: int,
    stride: int,
    z_um: tuple[float, ...] | None = None,
) -> NDArray[np.float32]:
    """Spread the best planes of cells over the picture, trusting each cell as far as its profile allows.

    Args:
        planes: (rows, columns) best planes; NaN where there is nothing to judge.
        confidence: (rows, columns), 0 or more.
        shape: (H, W) of the picture.
        cell: edge of a cell in pixels.
        stride: from one cell to the next in pixels.
        z_um: height of each plane in micrometres; None gives the map in planes.

    Returns:
        (H, W) float32, in micrometres or planes; NaN everywhere if no cell could be judged.
    """
    known = np.isfinite(planes) & (confidence > 0)
    if not known.any():
        return np.full(shape, np.nan, dtype=np.float32)
    depth = np.where(known, planes, 0.0)
    if z_um is not None:
        depth = np.where(known, np.interp(depth, np.arange(len(z_um)), z_um), 0.0)
    weight = np.where(known, confidence / confidence[known].max(), 0.0)
    near, far = (_spread(depth, weight, sigma) for sigma in (max(cell / stride, 1.0) * 0.6, max(planes.shape)))
    smooth = (near[0] + FAR * far[0]) / (near[1] + FAR * far[1])  # (rows, columns)
    rows = (np.arange(shape[0]) - (cell - 1) / 2) / stride
    columns = (np.arange(shape[1]) - (cell - 1) / 2) / stride
    column_map, row_map = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    large = cv2.remap(smooth.astype(np.float32), column_map, row_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(large, dtype=np.float32)


def _spread(
    depth: NDArray[np.float64], weight: NDArray[np.float64], sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Blur depth times weight, and weight, alike."""
    border = cv2.BORDER_REPLICATE
    return (
        np.asarray(cv2.GaussianBlur(depth * weight, (0, 0), sigma, borderType=border)),
        np.asarray(cv2.GaussianBlur(weight, (0, 0), sigma, borderType=border)),
    )
