"""Where a stack is in focus: every cell of every frame judged, by the method we recommend or by any focus measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import unknown
from mmlib.field import find_field
from mmlib.focusing.bands import Cells, frame_bands
from mmlib.focusing.judging import OUT_ABOVE, Judged, judge, levels_of_profile, levels_of_values, levels_of_width
from mmlib.focusing.reporting import CELL_TYPE, COLUMNS, FocusReport, FrameAdvice
from mmlib.progress import Progress, part, report, silent
from mmlib.sharpness import MEASURES, best_planes, depth_map
from mmlib.sharpness.cells import ENOUGH_FIELD, cell_share, grid, measure_cells
from mmlib.sharpness.frames import check_field, inner_field
from mmlib.sharpness.measure import as_grey
from mmlib.stacks import ZStack

__all__ = ["COLUMNS", "METHODS", "FocusReport", "FrameAdvice", "focus"]

METHODS = ("best", *MEASURES)
"""``best`` weighs four scales of detail by what each has to say; the others are the focus measures by name."""
KEEP_SHARE = 0.1
BEST_SHARE = 0.02
"""A frame is kept if so many of the cells are in focus in it, or so many are nowhere sharper."""


def focus(
    stack: ZStack,
    *,
    method: str = "best",
    cell: int = 84,
    stride: int = 84,
    field: NDArray[np.bool_] | None = None,
    progress: Progress = silent,
) -> FocusReport:
    """Judge the focus of every cell of every frame, keeping none in memory.

    Args:
        stack: the stack; one frame is enough.
        method: ``best`` or a focus measure, one of `METHODS`.
        cell: edge of a cell in pixels, 4 or more.
        stride: from one cell to the next in pixels.
        field: (H, W), True where to judge; None finds the bright disc.
        progress: whom to tell how far it is.

    Returns:
        The table of cells, the focus curve, the best planes, the depth and advice on frames.

    Raises:
        InputError: if the method is not known, no cell fits into a frame, or the field has another size.
    """
    if method not in METHODS:
        raise unknown("focus method", method, METHODS)
    cells = grid(stack.shape, cell, stride)
    where = find_field(stack) if field is None else check_field(field, stack.shape)
    whole = None if bool(where.all()) else where
    inner = inner_field(whole)
    bands, values = [], []
    for frame in report(stack, len(stack), "judging focus", part(progress, 0.05, 0.95)):
        bands.append(frame_bands(frame, cells, whole, inner))
        if method != "best":
            values.append(measure_cells(as_grey(frame), MEASURES[method], cells, inner))
    judged = judge(bands)
    share = cell_share(whole, cells)
    blank = judged.blank | (share < ENOUGH_FIELD)
    score = np.where(blank, np.nan, np.stack(values) if values else judged.score)  # (K, rows, columns)
    level = _levels(method, score, judged)
    profiles = score if method == "best" else np.log(_positive(score))
    planes = best_planes(profiles)
    result = FocusReport(
        cells=_table(cells, share, judged.detail, level, score),
        curve=_curve(profiles),
        best_frame=int(np.argmax(_curve(profiles))),
        best_plane=planes,
        depth=depth_map(
            planes,
            np.where(blank, 0.0, judged.confidence + 1e-6),
            (stack.height, stack.width),
            cell=cell,
            stride=stride,
            z_um=stack.z_um,
        ),
        depth_unit="planes" if stack.z_um is None else "um",
        keep=_advice(level, planes),
        field=where,
        method=method,
        source=stack.source,
    )
    progress(1.0, "judging focus")
    return result


def _levels(method: str, score: NDArray[np.float64], judged: Judged) -> NDArray[np.int8]:
    if method != "best":
        return levels_of_values(score)
    return levels_of_profile(score) if len(score) > 1 else levels_of_width(judged.width_px, np.isfinite(score))


def _positive(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lift values that a measure may have at or below zero, so that their logarithm can be taken."""
    known = score[np.isfinite(score)]
    return np.maximum(score, 1e-9 * max(float(known.max()), 1e-300)) if known.size else score


def _curve(profiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the geometric mean over the cells that can be judged; 0 where there are none."""
    known = np.isfinite(profiles).all(axis=0)
    if not known.any():
        return np.zeros(len(profiles))
    return np.asarray(np.exp(profiles[:, known].mean(axis=1)))


def _table(
    cells: Cells,
    share: NDArray[np.float64],
    detail: NDArray[np.float64],
    level: NDArray[np.int8],
    score: NDArray[np.float64],
) -> NDArray[np.void]:
    tops, lefts, edge = cells
    table = np.zeros(score.shape, dtype=CELL_TYPE)  # (K, rows, columns)
    table["frame"] = np.arange(len(score))[:, None, None]
    table["x"], table["y"], table["size"] = lefts[None, None], tops[None, :, None], edge
    table["field"], table["detail"] = share, detail
    table["level"], table["score"] = level, score
    table["label"] = np.where(level < 0, "blank", np.where(level > OUT_ABOVE, "out", "in"))
    return table.reshape(-1)


def _advice(level: NDArray[np.int8], planes: NDArray[np.float64]) -> tuple[FrameAdvice, ...]:
    judged = level[0] >= 0
    count = int(judged.sum())
    advice = []
    for frame, levels in enumerate(level):
        sharp = int((levels[judged] <= OUT_ABOVE).sum())
        best = int((np.round(planes[judged]) == frame).sum())
        if not count:
            verdict, reason = "blank", "no cell has detail to judge"
        elif best >= BEST_SHARE * count or sharp >= KEEP_SHARE * count:
            verdict, reason = "sharp", f"{sharp} of {count} cells are in focus, {best} of them at their best"
        else:
            verdict, reason = (
                "blurred",
                f"only {sharp} of {count} cells are in focus, and nearly all are sharper elsewhere",
            )
        advice.append(FrameAdvice(frame, verdict, reason))
    return tuple(advice)
