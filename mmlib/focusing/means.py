"""Means over the cells of a grid, fast where the cells are few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.sharpness.cells import Cells, cell_means

MANY = 64
"""With more rows or columns of cells than this a table of sums is quicker than two products of matrices."""


class CellMeans:
    """Averages quantities over the same cells again and again."""

    def __init__(self, cells: Cells, shape: tuple[int, int]) -> None:
        """Prepare.

        Args:
            cells: of `mmlib.sharpness.cells.grid`.
            shape: (H, W) of the quantities.
        """
        tops, lefts, edge = cells
        self.cells = cells
        self.few = max(len(tops), len(lefts)) <= MANY
        if self.few:
            self.down = _windows(tops, edge, shape[0])  # (rows, H)
            self.across = _windows(lefts, edge, shape[1]).T  # (W, columns)

    def __call__(self, quantity: NDArray[Any]) -> NDArray[np.float64]:
        """Average.

        Args:
            quantity: (H, W) float32.

        Returns:
            (rows, columns) means.
        """
        if not self.few:
            return cell_means(quantity, self.cells)
        return np.asarray((self.down @ quantity) @ self.across, dtype=np.float64)


def _windows(starts: NDArray[np.intp], edge: int, length: int) -> NDArray[np.float32]:
    """Give a row for each cell that averages over its pixels."""
    at = np.arange(length)
    inside = (at >= starts[:, None]) & (at < starts[:, None] + edge)
    return np.asarray(inside / np.float32(edge), dtype=np.float32)
