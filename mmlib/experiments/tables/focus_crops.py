"""Table 1's crops: which cells of which frames are truly in or out of focus, and which hold dirt alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.experiments.tables.scans import Scan
from mmlib.pictures import to_grey
from mmlib.sharpness.cells import Cells, cell_means, grid
from mmlib.sharpness.truth import SeenDetail, fine_structure

CELL, STRIDE = 84, 42
MOST = 0.75
"""So much of what a cell shows must be in focus or out of it, and of its area in the field, to be called so."""
DETAIL, BLANK = 0.008, 0.003
"""Contrast of the truth's fine structure, relative to the light, above which a cell has detail, below which none."""
CLEAN, DIRTY = 0.005, 0.03
"""Share of a cell under dirt below which it is clean, above which the dirt may fool a judge."""
EACH = 6
"""Crops of each kind that are taken of one scan, at most."""


def choose_crops(scan: Scan) -> list[dict[str, Any]]:
    """Choose crops of a scan by its truth alone; which of many are taken hangs on the content only.

    Args:
        scan: of the benchmark set.

    Returns:
        For each crop frame, row and column of its cell, kind (``in``, ``out`` or ``dirt``), and true level 0..9:
        how far the cell is from focus between the nearest and the farthest plane of its scan.
    """
    cells = grid(scan.stack.shape, CELL, STRIDE)
    field = cell_means(scan.field.astype(np.float32), cells) >= MOST
    dirt = cell_means(scan.dirt.astype(np.float32), cells)
    detail = detail_of(scan, cells)
    seen = SeenDetail(to_grey(scan.truth), scan.field, cells)
    away = [np.abs(scan.defocus_dof(frame)) for frame in range(len(scan.stack))]
    near, far = np.stack([seen.near_and_far(d) for d in away], axis=1) >= MOST  # (K, rows, columns) each
    mean = np.stack([seen.mean(d) for d in away])
    low, high = mean.min(axis=0), mean.max(axis=0)
    level = 9 * (mean - low) / np.maximum(high - low, 1e-6)
    judged = field & (detail >= DETAIL) & (dirt < CLEAN)
    kinds = {"in": near & judged, "out": far & judged, "dirt": (far | (detail < BLANK)) & field & (dirt > DIRTY)}
    rng = np.random.default_rng([int(scan.content[:8], 16), scan.speed])
    crops = []
    for kind, where in kinds.items():
        places = np.argwhere(where)
        for i in np.sort(rng.permutation(len(places))[:EACH]):
            frame, row, column = (int(n) for n in places[i])
            true_level = round(float(level[frame, row, column]), 3)
            crops.append({"frame": frame, "row": row, "column": column, "kind": kind, "level": true_level})
    return crops


def detail_of(scan: Scan, cells: Cells) -> NDArray[np.float64]:
    """Say how much fine structure the truth has in each cell, relative to its light.

    Args:
        scan: of the benchmark set.
        cells: of `mmlib.sharpness.cells.grid`.

    Returns:
        (rows, columns) root mean square of what lies between Gaussians of 1 and 4 px, over the mean.
    """
    grey = to_grey(scan.truth)
    inside = cv2.erode(scan.field.astype(np.uint8), np.ones((17, 17), np.uint8)).astype(np.float32)
    band = fine_structure(grey) * inside
    share = np.maximum(cell_means(inside, cells), 1e-3)
    light = np.maximum(cell_means(grey * inside, cells) / share, 1e-2)
    return np.asarray(np.sqrt(cell_means(band**2, cells) / share) / light)
