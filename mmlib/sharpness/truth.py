"""What is truly in focus where the truth is known: of what a cell shows, not of its area.

Clear glass looks the same at any height. A cell of glass with one bacterium on it is in focus where the bacterium is
sharp, so each place counts by the detail that it shows when everything is sharp.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.sharpness.cells import Cells, cell_means
from mmlib.sharpness.measure import Grey, Mask

IN_DOF, OUT_DOF = 0.5, 2.0
"""In focus is nearer than half a depth of field, out of focus farther than two; in between nobody is asked."""
MOST = 0.75
"""A cell is in focus or out of it where so much of what it shows is."""
DETAIL, BLANK = 0.008, 0.003
"""Contrast of fine structure, relative to the light, from which a cell is asked about, and below which it is empty."""
FINE_PX, COARSE_PX = 1, 4
"""Detail is what lies between Gaussians of these widths."""
LIGHT_PX, LEAST_LIGHT = 20, 0.02
"""It counts relative to the light, a Gaussian of this width, and no darker."""
RIM_PX = 17
"""The rim of the field hides the detail of a strip half so wide."""
PLAIN = 0.1
"""A place without detail counts a tenth of the picture's average: where nothing is seen, the area decides."""


def fine_structure(grey: Grey) -> Grey:
    """Give what lies between Gaussians of `FINE_PX` and `COARSE_PX`.

    Args:
        grey: (H, W).

    Returns:
        (H, W).
    """
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), FINE_PX) - cv2.GaussianBlur(grey, (0, 0), COARSE_PX))


class SeenDetail:
    """The detail of a picture in which everything is sharp, and means over cells weighed by it.

    Attributes:
        inside: (H, W) 1 within the field and off its rim, else 0.
        fine: (H, W) the detail of the sharp picture, relative to the light.
    """

    def __init__(self, sharp: Grey, field: Mask | None, cells: Cells) -> None:
        """Find the detail.

        Args:
            sharp: (H, W), 0..1, everything in focus.
            field: (H, W) where the picture is, or None for everywhere.
            cells: of `mmlib.sharpness.cells.grid`.
        """
        self.cells = cells
        self.light = np.maximum(cv2.GaussianBlur(sharp, (0, 0), LIGHT_PX), np.float32(LEAST_LIGHT))
        self.inside = np.ones_like(sharp) if field is None else field.astype(np.float32)
        rim = np.ones((RIM_PX, RIM_PX), np.float32)
        self.inside = np.asarray(cv2.erode(self.inside, rim, borderType=cv2.BORDER_REPLICATE))
        self.fine = self.structure(sharp)
        power = self.fine**2
        self._weight = power + np.float32(PLAIN * float(power.mean()) + 1e-9)
        self._total = cell_means(self._weight, cells)

    def structure(self, picture: Grey) -> Grey:
        """Give the detail of another picture of the same place, relative to the same light.

        Args:
            picture: (H, W), 0..1.

        Returns:
            (H, W).
        """
        return np.asarray(fine_structure(picture) / self.light * self.inside, dtype=np.float32)

    def near_and_far(self, away_dof: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Say how much of what each cell shows is in focus, and how much out of it.

        Args:
            away_dof: (H, W) distance from focus, in depths of field.

        Returns:
            Two of (rows, columns), 0..1.
        """
        return self.mean(away_dof < IN_DOF), self.mean(away_dof > OUT_DOF)

    def mean(self, quantity: NDArray[Any]) -> NDArray[np.float64]:
        """Average over each cell what is true of its pixels, or give the share of its detail for which it holds.

        Args:
            quantity: (H, W) numbers, or True where something holds.

        Returns:
            (rows, columns).
        """
        return cell_means(np.asarray(quantity * self._weight, dtype=np.float32), self.cells) / self._total
