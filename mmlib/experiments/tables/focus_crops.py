"""Table 1's crops: which cells of which frames are truly in or out of focus, and which hold dirt alone."""

from __future__ import annotations

import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.experiments.tables.scans import Scan
from mmlib.pictures import to_grey
from mmlib.sharpness.cells import Cells, cell_means, grid
from mmlib.sharpness.measure import Grey
from mmlib.sharpness.truth import BLANK, COARSE_PX, DETAIL, FINE_PX, MOST, RIM_PX, SeenDetail, fine_structure

CELL, STRIDE = 84, 42
MOST_FIELD = 0.75
"""So much of a cell's area must lie in the field."""
CLEAN, DIRTY = 0.005, 0.03
"""Share of a cell under dirt below which it is clean, above which the dirt may fool a judge."""
LEAST_FREE = 0.25
"""A cell is called empty only where so much of it is neither dirt nor near it."""
MOVED_PX = 9
"""Dirt hides a strip half so wide about it: the slide moves during a scan, the dirt on the camera does not."""
EACH = 6
"""Crops of each kind that are taken of one scan, at most."""


def choose_crops(scan: Scan) -> list[dict[str, Any]]:
    """Choose crops of a scan by its truth alone; which of many are taken hangs on its name and speed only.

    Args:
        scan: of the benchmark set.

    Returns:
        For each crop frame, row and column of its cell, kind (``in``, ``out`` or ``dirt``), and true level 0..9:
        how far the cell is from focus between the nearest and the farthest plane of its scan.
    """
    cells = grid(scan.stack.shape, CELL, STRIDE)
    field = cell_means(scan.field.astype(np.float32), cells) >= MOST_FIELD
    dirt = cell_means(scan.dirt.astype(np.float32), cells)
    detail = detail_of(to_grey(scan.truth), scan.field, cells)
    seen = SeenDetail(to_grey(scan.truth), scan.field, cells)
    away = [np.abs(scan.defocus_dof(frame)) for frame in range(len(scan.stack))]
    near, far = np.stack([seen.near_and_far(d) for d in away], axis=1) >= MOST  # (K, rows, columns) each
    mean = np.stack([seen.mean(d) for d in away])
    low, high = mean.min(axis=0), mean.max(axis=0)
    level = 9 * (mean - low) / np.maximum(high - low, 1e-6)
    judged = field & (detail >= DETAIL) & (dirt < CLEAN)
    kinds = {"in": near & judged, "out": far & judged, "dirt": (far | is_empty(scan, cells)) & field & (dirt > DIRTY)}
    rng = np.random.default_rng([zlib.crc32(scan.specimen.encode()), scan.speed])
    crops = []
    for kind, where in kinds.items():
        places = np.argwhere(where)
        for i in np.sort(rng.permutation(len(places))[:EACH]):
            frame, row, column = (int(n) for n in places[i])
            true_level = round(float(level[frame, row, column]), 3)
            crops.append({"frame": frame, "row": row, "column": column, "kind": kind, "level": true_level})
    return crops


def is_empty(scan: Scan, cells: Cells) -> NDArray[np.bool_]:
    """Say in which cells there is no specimen to be seen, dirt aside.

    The truth has only what absorbs. Transparent cells are seen by their rims, which a camera records in focus too: so
    neither picture may show detail. The camera's has the dirt as well, which is left out with all that is near it.

    Args:
        scan: of the benchmark set.
        cells: of `mmlib.sharpness.cells.grid`.

    Returns:
        (rows, columns); False where dirt leaves too little to be sure.
    """
    free = scan.field & ~scan.dirt
    recorded = detail_of(to_grey(scan.in_focus), free, cells, known=_shrunk(free, MOVED_PX))
    enough = cell_means(_shrunk(free), cells) >= LEAST_FREE
    return enough & (recorded < BLANK) & (detail_of(to_grey(scan.truth), scan.field, cells) < BLANK)


def detail_of(
    grey: Grey, where: NDArray[np.bool_], cells: Cells, *, known: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """Say how much fine structure a picture has in each cell, relative to its light.

    Args:
        grey: (H, W).
        where: (H, W) True where it counts; a strip along the rim is left out.
        cells: of `mmlib.sharpness.cells.grid`.
        known: (H, W) 1 where the picture may be looked at, else 0; None looks at all of it.

    Returns:
        (rows, columns) root mean square of what lies between Gaussians of 1 and 4 px, over the mean.
    """
    inside = _shrunk(where)
    band = (fine_structure(grey) if known is None else _fine_of_known(grey, known)) * inside
    share = np.maximum(cell_means(inside, cells), 1e-3)
    light = np.maximum(cell_means(grey * inside, cells) / share, 1e-2)
    return np.asarray(np.sqrt(cell_means(band**2, cells) / share) / light)


def _fine_of_known(grey: Grey, known: NDArray[np.float32]) -> Grey:
    """Give `fine_structure` where every mean is taken over known places alone."""
    near, wide = (
        cv2.GaussianBlur(grey * known, (0, 0), px) / np.maximum(cv2.GaussianBlur(known, (0, 0), px), 1e-6)
        for px in (FINE_PX, COARSE_PX)
    )
    return np.asarray(near - wide)


def _shrunk(where: NDArray[np.bool_], edge: int = RIM_PX) -> NDArray[np.float32]:
    """Give 1 where all within half an edge is True, else 0."""
    return cv2.erode(where.astype(np.uint8), np.ones((edge, edge), np.uint8)).astype(np.float32)
