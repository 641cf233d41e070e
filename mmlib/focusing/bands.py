"""The detail of a frame, cell by cell and scale by scale, freed of uneven light."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.means import CellMeans
from mmlib.sharpness.cells import ENOUGH_FIELD, Cells, cell_share
from mmlib.sharpness.measure import Grey, Mask

SIGMAS_PX = (0.7, 1.0, 1.4, 2.0, 2.8)
"""Half-octave Gaussians: what two neighbours differ in is one scale of detail, four in all."""
GAINS = (0.1796, 0.1124, 0.0841, 0.0562)
"""What each scale keeps of white noise, as a share of its standard deviation."""
LIGHT_PX = 40
"""The light is even over about this many pixels; what is coarser is illumination."""
LEAST_LIGHT = 0.05


@dataclass(frozen=True)
class Bands:
    """The detail of the cells of one frame.

    Attributes:
        energy: (4, rows, columns) mean square of the relative contrast at each scale, fine first; NaN off the field.
        noise: standard deviation of the noise relative to the light, if it were white.
    """

    energy: NDArray[np.float64]
    noise: float


def even_light(grey: Grey, field: Mask | None) -> Grey:
    """Divide a picture by its illumination, a wide Gaussian of itself within the field.

    Args:
        grey: (H, W), 0..1.
        field: (H, W), or None for everywhere.

    Returns:
        (H, W), about 1 on average; exactly 1 outside the field.
    """
    height, width = grey.shape
    step = max(min(LIGHT_PX // 5, height // 8, width // 8), 1)
    small = (max(width // step, 1), max(height // step, 1))
    inside = np.ones_like(grey) if field is None else field.astype(np.float32)
    light, share = (
        cv2.GaussianBlur(
            cv2.resize(part, small, interpolation=cv2.INTER_AREA),
            (0, 0),
            LIGHT_PX / step,
            borderType=cv2.BORDER_REFLECT,
        )
        for part in (grey * inside, inside)
    )
    light = light / np.maximum(share, np.float32(1e-3))
    lit = share > 0.01
    floor = LEAST_LIGHT * float(np.median(light[lit])) if lit.any() else 0.0
    wide = cv2.resize(np.maximum(light, max(floor, 1e-4)), (width, height), interpolation=cv2.INTER_LINEAR)
    even: Grey = grey / wide
    if field is not None:
        even[~field] = 1.0
    return even


def differences(even: Grey) -> tuple[Grey, ...]:
    """Split a picture into four scales of detail.

    Args:
        even: (H, W).

    Returns:
        Four (H, W) differences of Gaussians, fine first.

    Source: difference of Gaussians, Marr and Hildreth 1980, doi:10.1098/rspb.1980.0020.
    """
    details = []
    finer = cv2.GaussianBlur(even, (0, 0), SIGMAS_PX[0])
    for fine_px, coarse_px in pairwise(SIGMAS_PX):
        coarser = cv2.GaussianBlur(finer, (0, 0), float(np.sqrt(coarse_px**2 - fine_px**2)))
        details.append(np.asarray(cv2.subtract(finer, coarser), dtype=np.float32))
        finer = coarser
    return tuple(details)


def measure_bands(even: Grey, details: tuple[Grey, ...], cells: Cells, inner: Mask | None) -> Bands:
    """Measure the detail of every cell of a frame at four scales.

    Args:
        even: what `even_light` gave.
        details: what `differences` gave.
        cells: what `mmlib.sharpness.cells.grid` gave.
        inner: what `mmlib.sharpness.frames.inner_field` gave.

    Returns:
        The energies of the differences of Gaussians and the noise.
    """
    share = cell_share(inner, cells)
    seen = share >= ENOUGH_FIELD / 2
    safe = np.where(seen, share, 1.0)
    mean = CellMeans(cells, even.shape)
    energies = []
    for detail in details:
        energy = np.asarray(cv2.multiply(detail, detail), dtype=np.float32)
        if inner is not None:
            energy *= inner
        energies.append(np.where(seen, mean(energy) / safe, np.nan))
    return Bands(np.stack(energies), _noise(even, inner))


def _noise(even: Grey, inner: Mask | None) -> float:
    """Estimate the noise from the median size of a mixed second difference, which edges hardly touch."""
    kernel = np.array([1.0, -2.0, 1.0])
    sizes = np.abs(cv2.sepFilter2D(even, cv2.CV_32F, kernel, kernel / 6)[::3, ::5])
    if inner is not None:
        sizes = sizes[inner[::3, ::5]]
    return float(np.median(sizes)) / 0.6745 if sizes.size else 0.0
