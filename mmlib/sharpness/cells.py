"""The sharpness of the cells of a grid, many at once."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Frame, check_shape
from mmlib.sharpness.frames import check_field, region_value
from mmlib.sharpness.measure import Grey, Mask, Measure, as_grey
from mmlib.sharpness.registry import find_measure

ENOUGH_FIELD = 0.5

Cells = tuple[NDArray[np.intp], NDArray[np.intp], int]
"""The tops and the lefts of cells and their edge, as `grid` gives them."""


def sharpness_map(
    frame: Frame, measure: str = "tenengrad", *, cell: int = 84, stride: int = 84, field: Mask | None = None
) -> NDArray[np.float64]:
    """Measure every cell of a grid over a frame, on the pixels of the field.

    Args:
        frame: (H, W) or (H, W, 3) RGB; uint8, uint16 or float in 0..1.
        measure: a key of `MEASURES`.
        cell: edge of a cell in pixels, 4 or more.
        stride: from one cell to the next in pixels, 1 or more.
        field: (H, W), True where pixels count; None counts all.

    Returns:
        (rows, columns), larger = sharper; NaN where less than half of a cell lies in the field.

    Raises:
        InputError: if the measure is not known, the frame is smaller than a cell, or the field has another size.
    """
    chosen = find_measure(measure)
    check_shape(frame, "frame")
    mask = None if field is None else check_field(field, frame.shape)
    return measure_cells(as_grey(frame), chosen, grid(frame.shape, cell, stride), mask)


def grid(shape: tuple[int, ...], cell: int, stride: int) -> Cells:
    """Lay cells over a frame: 0, stride, 2 stride, ... while the cell still fits.

    Args:
        shape: of the frame, (H, W) or (H, W, 3).
        cell: edge of a cell in pixels, 4 or more.
        stride: from one cell to the next in pixels, 1 or more.

    Returns:
        The tops (rows,), the lefts (columns,) and the edge of the cells.

    Raises:
        InputError: if the numbers make no sense, or not one cell fits.
    """
    if cell < 4 or stride < 1:
        raise InputError(f"cells need an edge of 4 px or more and a stride of 1 px or more; got {cell} and {stride}")
    height, width = shape[:2]
    if min(height, width) < cell:
        raise InputError(f"a frame of {width} x {height} px holds no cell of {cell} px; choose a smaller cell")
    return np.arange(0, height - cell + 1, stride), np.arange(0, width - cell + 1, stride), cell


def cell_means(quantity: NDArray[Any], cells: Cells) -> NDArray[np.float64]:
    """Average a quantity over every cell.

    Args:
        quantity: (H, W).
        cells: what `grid` gave.

    Returns:
        (rows, columns) means.
    """
    tops, lefts, cell = cells
    table = cv2.integral(quantity, sdepth=cv2.CV_64F)
    at = table[np.ix_(np.concatenate([tops, tops + cell]), np.concatenate([lefts, lefts + cell]))]
    rows, columns = len(tops), len(lefts)
    total = at[rows:, columns:] - at[:rows, columns:] - at[rows:, :columns] + at[:rows, :columns]
    means: NDArray[np.float64] = total / cell**2
    return means


def cell_share(field: Mask | None, cells: Cells) -> NDArray[np.float64]:
    """Give the share of every cell that lies in the field.

    Args:
        field: (H, W), or None for a field that is everywhere.
        cells: what `grid` gave.

    Returns:
        (rows, columns), 0..1.
    """
    if field is None:
        return np.ones((len(cells[0]), len(cells[1])))
    return cell_means(field.astype(np.float32), cells)


def measure_cells(grey: Grey, measure: Measure, cells: Cells, field: Mask | None) -> NDArray[np.float64]:
    """Apply one measure to every cell of a grid.

    Args:
        grey: (H, W) float32, 0..1.
        measure: the measure.
        cells: what `grid` gave.
        field: (H, W), or None for a field that is everywhere.

    Returns:
        (rows, columns); NaN where less than half of a cell lies in the field.
    """
    share = cell_share(field, cells)
    seen = share >= ENOUGH_FIELD
    if measure.local is not None:
        quantities = measure.local(grey)
        if field is not None:
            quantities = tuple(quantity * field for quantity in quantities)
        safe = np.where(seen, share, 1.0)
        means = np.stack([cell_means(quantity, cells) / safe for quantity in quantities])  # (n, rows, columns)
        return np.where(seen, measure.combine(means), np.nan)
    tops, lefts, edge = cells
    values = np.full(share.shape, np.nan)
    everywhere = np.ones((edge, edge), dtype=np.bool_)
    for row, column in zip(*np.nonzero(seen), strict=True):
        box = np.s_[tops[row] : tops[row] + edge, lefts[column] : lefts[column] + edge]
        values[row, column] = region_value(measure, grey[box], everywhere if field is None else field[box])
    return values
