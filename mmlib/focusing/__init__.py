"""Where a stack is in focus: every cell of every frame judged, by the method we recommend or by any other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import unknown
from mmlib.field import find_field
from mmlib.focusing.advice import BESIDE, Autofocus, FrameAdvice, advise, find_focus, worth_fusing
from mmlib.focusing.bands import Bands, differences, even_light, measure_bands
from mmlib.focusing.judges import Judge, Judgement, Look, Method, View
from mmlib.focusing.judging import OUT_ABOVE, Evidence, weigh
from mmlib.focusing.methods import METHODS
from mmlib.focusing.reporting import CELL_TYPE, COLUMNS, ESTIMATES, FocusReport
from mmlib.progress import Progress, part, report, silent
from mmlib.sharpness import best_planes, depth_map
from mmlib.sharpness.cells import ENOUGH_FIELD, cell_share, grid
from mmlib.sharpness.frames import check_field, inner_field
from mmlib.sharpness.measure import Grey, as_grey
from mmlib.stacks import ZStack

__all__ = [
    "BESIDE",
    "COLUMNS",
    "ESTIMATES",
    "METHODS",
    "Autofocus",
    "FocusReport",
    "FrameAdvice",
    "Judge",
    "Judgement",
    "Look",
    "Method",
    "View",
    "focus",
    "worth_fusing",
]

SAME_DETAIL = 0.995
SAME_ENERGY = 0.02
"""Two frames show the same if their detail correlates so well and its energy differs by no more at every scale."""


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
        method: ``best`` or another of `METHODS`.
        cell: edge of a cell in pixels, 4 or more.
        stride: from one cell to the next in pixels.
        field: (H, W), True where to judge; None finds the bright disc.
        progress: whom to tell how far it is.

    Returns:
        The table of cells, the focus curve, the best planes, the depth and advice on frames.

    Raises:
        InputError: if the method is not known or its weights are missing, no cell fits into a frame, or the field has
            another size.
    """
    if method not in METHODS:
        raise unknown("focus method", method, METHODS)
    cells = grid(stack.shape, cell, stride)
    where = find_field(stack) if field is None else check_field(field, stack.shape)
    whole = None if bool(where.all()) else where
    view = View(cells, whole, inner_field(whole), cell_share(whole, cells), len(stack), stack.z_um)
    judge = METHODS[method].make(view)
    bands, same = _look_through(stack, view, judge, progress)
    evidence = weigh(bands)
    evidence.blank[:] |= view.share < ENOUGH_FIELD
    evidence.score[:, evidence.blank] = np.nan
    found = judge.finish(evidence)
    profile = found.score if found.profile is None else found.profile
    planes = best_planes(profile) if found.best_plane is None else found.best_plane
    known = found.level >= 0
    artefact = np.zeros_like(known) if found.artefact is None else found.artefact & known
    sharp = (found.level <= OUT_ABOVE) & known if found.sharp is None else found.sharp & known
    each = _profiles(profile) if found.chances is None else found.chances
    curve = _curve(each, chances=found.chances is not None)
    result = FocusReport(
        cells=_table(view, evidence, found, sharp, artefact),
        curve=curve,
        best_frame=int(np.argmax(curve)),
        best_plane=planes,
        depth=depth_map(
            planes,
            np.where(np.isfinite(planes), evidence.confidence + 1e-6, 0.0),
            (stack.height, stack.width),
            cell=cell,
            stride=stride,
            z_um=stack.z_um,
        ),
        depth_unit="planes" if stack.z_um is None else "um",
        keep=advise(sharp & ~artefact, found.level, artefact, planes, same),
        autofocus=find_focus(planes, len(stack), stack.z_um),
        field=where,
        method=method,
        source=stack.source,
        z_um=stack.z_um,
        each=each,
        each_is="logarithm" if found.chances is None else "chance",
    )
    progress(1.0, "judging focus")
    return result


def _look_through(stack: ZStack, view: View, judge: Judge, progress: Progress) -> tuple[list[Bands], NDArray[np.bool_]]:
    """Show every frame to the judge; give the detail of all, and which frames show what the one before shows."""
    bands: list[Bands] = []
    same = np.zeros(len(stack), dtype=np.bool_)
    before: Grey | None = None
    for number, frame in enumerate(report(stack, len(stack), "judging focus", part(progress, 0.05, 0.95))):
        grey = as_grey(frame)
        even = even_light(grey, view.field)
        details = differences(even)
        bands.append(measure_bands(even, details, view.cells, view.inner))
        judge.see(Look(number, frame, grey, even, details, bands[-1]))
        detail = details[2] if view.inner is None else details[2] * view.inner
        if before is not None:
            same[number] = _shows_the_same(detail, before, bands[-1], bands[-2])
        before = detail
    return bands, same


def _shows_the_same(now: Grey, before: Grey, bands: Bands, bands_before: Bands) -> bool:
    seen = np.isfinite(bands.energy).all(axis=0) & np.isfinite(bands_before.energy).all(axis=0)
    if not seen.any():
        return False
    energy, energy_before = (b.energy[:, seen].mean(axis=1) + 1e-12 for b in (bands, bands_before))
    if (np.abs(np.log(energy / energy_before)) > SAME_ENERGY).any():
        return False
    lengths = float(cv2.norm(now)) * float(cv2.norm(before))
    return lengths > 0 and float(now.ravel() @ before.ravel()) >= SAME_DETAIL * lengths


def _profiles(profiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the profiles of the cells that can be judged, (K, N)."""
    return np.asarray(profiles[:, np.isfinite(profiles).all(axis=0)])


def _curve(each: NDArray[np.float64], *, chances: bool) -> NDArray[np.float64]:
    """Take the mean over the cells, the geometric one of what are logarithms; 0 where there are none."""
    if not each.shape[1]:
        return np.zeros(len(each))
    means = each.mean(axis=1)
    return np.asarray(means if chances else np.exp(means))


def _table(
    view: View, evidence: Evidence, found: Judgement, sharp: NDArray[np.bool_], artefact: NDArray[np.bool_]
) -> NDArray[np.void]:
    tops, lefts, edge = view.cells
    table = np.zeros(found.score.shape, dtype=CELL_TYPE)  # (K, rows, columns)
    table["frame"] = np.arange(len(found.score))[:, None, None]
    table["x"], table["y"], table["size"] = lefts[None, None], tops[None, :, None], edge
    table["field"], table["detail"] = view.share, evidence.detail
    table["level"], table["score"] = found.level, found.score
    table["label"] = np.where(found.level < 0, "blank", np.where(artefact, "artefact", np.where(sharp, "in", "out")))
    for name in ESTIMATES:
        value = getattr(found, name)
        table[name] = np.nan if value is None else np.where(found.level < 0, np.nan, value)
    return table.reshape(-1)
