"""Table 1's scores: what every judge of focus says of the chosen crops, and of real planes whose order is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.experiments.tables.focus_crops import CELL, STRIDE
from mmlib.field import find_field
from mmlib.focusing import METHODS, focus
from mmlib.focusing.judging import levels_of_values
from mmlib.focusing.paper import PAPER, crop_judge, mean_level
from mmlib.pictures import to_grey
from mmlib.sharpness import MEASURES, frame_sharpness, sharpness_map
from mmlib.stacks import ZStack
from mmlib.zoo import cards, weights_path

ROOMS = ("field.py", "sharpness", "focusing", "pictures.py", "inference", "nets/yang.py",
         "experiments/tables/focus_crops.py", "experiments/tables/focus_scores.py")  # fmt: skip
ALONE = "alone"
"""Judges that see one crop and nothing else, under one threshold for all crops: focus measures, the paper's systems."""
STACK = "stack"
"""Judges that see the crop in all frames of its stack."""
THROUGH = ("laplacian", "tenengrad", "vollath4")
"""Measures that are also judged by where a crop lies between the best and the worst of its cell."""


def judges() -> list[tuple[str, str]]:
    """List every judge there is, as (name, how it judges); those of the paper only where their weights are."""
    ours = [(name, STACK) for name in METHODS if name not in MEASURES and name not in PAPER]
    paper = [(name, ALONE) for name in PAPER if _there(name)]
    return [*((name, ALONE) for name in MEASURES), *paper, *ours, *((name, STACK) for name in THROUGH)]


def made_of(name: str) -> str:
    """Name the weights of a judge, so that its answers count no more when it is trained anew.

    Args:
        name: of the judge.

    Returns:
        Their sha256; empty for a judge without weights.
    """
    known = cards()
    weights = f"focus-{name}"
    return known[weights].sha256 if weights in known else ""


def _there(name: str) -> bool:
    try:
        weights_path(f"focus-{name}")
    except InputError:
        return False
    return True


def score_crops(stack: ZStack, crops: Sequence[dict[str, Any]], name: str, how: str) -> dict[str, list[float | None]]:
    """Ask one judge about crops of one stack.

    Args:
        stack: whose frames they are.
        crops: of `choose_crops`.
        name: of the judge.
        how: `ALONE` or `STACK`.

    Returns:
        ``score``, larger = sharper; for judges of stacks also ``sharp`` (1 in focus, 0 not) and ``level`` 0..9, None
        for a cell in which the judge sees nothing to judge.
    """
    if not crops:
        return {"score": []} if how == ALONE else {"score": [], "sharp": [], "level": []}
    if name in PAPER:
        return _of_paper(stack, crops, name)
    if how == ALONE:
        return {"score": [_alone(stack, crop, name) for crop in crops]}
    profile, level, sharp = _through(stack, name)
    places = [(crop["frame"], crop["row"], crop["column"]) for crop in crops]
    fall = profile - np.where(np.isfinite(profile), profile, -np.inf).max(axis=0)
    return {
        "score": [_known(fall[place]) for place in places],
        "sharp": [float(sharp[place]) for place in places],
        "level": [float(level[place]) if level[place] >= 0 else None for place in places],
    }


def _alone(stack: ZStack, crop: dict[str, Any], name: str) -> float | None:
    top, left = crop["row"] * STRIDE, crop["column"] * STRIDE
    return _known(
        frame_sharpness(np.ascontiguousarray(stack[crop["frame"]][top : top + CELL, left : left + CELL]), name)
    )


def _of_paper(stack: ZStack, crops: Sequence[dict[str, Any]], name: str) -> dict[str, list[float | None]]:
    """Ask a system of the paper; machines know two kinds, not levels."""
    seen = []
    for crop in crops:
        top, left = crop["row"] * STRIDE, crop["column"] * STRIDE
        seen.append(to_grey(stack.picture(crop["frame"]))[top : top + CELL, left : left + CELL])
    level = mean_level(crop_judge(name)(np.stack(seen).astype(np.float32)))
    score: list[float | None] = [-float(one) for one in level]
    return {"score": score} if name.startswith("svm") else {"score": score, "level": [float(one) for one in level]}


def _through(stack: ZStack, name: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Give profile, level and verdict of every cell in every frame, each (K, rows, columns)."""
    if name in MEASURES:
        field = find_field(stack)
        profile = np.stack([sharpness_map(frame, name, cell=CELL, stride=STRIDE, field=field) for frame in stack])
        level = levels_of_values(profile)
        return profile, level, (level >= 0) & (level <= 2)
    report = focus(stack, method=name, cell=CELL, stride=STRIDE)
    shape = (len(stack), *report.best_plane.shape)
    table = report.cells.reshape(shape)
    return table["score"], table["level"], table["label"] == "in"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def sharpest_found(stack: ZStack, name: str, how: str) -> tuple[int, int]:
    """Count in how many cells with detail a judge finds the middle plane of a real stack sharpest.

    The middle plane is known to be in focus. Light is made even first, since measures of one crop know no light.

    Args:
        stack: an odd number of planes.
        name: of the judge.
        how: `ALONE` or `STACK`.

    Returns:
        (cells in which it was right, cells).
    """
    middle = len(stack) // 2
    plane = stack.picture(middle)
    grey = plane if plane.ndim == 2 else np.asarray(cv2.cvtColor(plane, cv2.COLOR_RGB2GRAY))
    even = grey / np.maximum(cv2.GaussianBlur(grey, (0, 0), 40), 1e-3)
    band = cv2.GaussianBlur(even, (0, 0), 1) - cv2.GaussianBlur(even, (0, 0), 4)
    energy = sharpness_of_cells(band)
    chosen = energy >= np.percentile(energy, 60)
    if how == ALONE:
        maps = []
        for i in range(len(stack)):
            one = stack.picture(i)
            one = one if one.ndim == 2 else np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY))
            flat = one / np.maximum(cv2.GaussianBlur(one, (0, 0), 40), 1e-3)
            flat = np.asarray(np.clip(flat / 2, 0, 1), np.float32)
            maps.append(_map_of_paper(flat, name, chosen) if name in PAPER else
                        sharpness_map(flat, name, cell=CELL, stride=STRIDE))  # fmt: skip
        profile = np.stack(maps)
    else:
        profile = _through(stack, name)[0]
    right = np.where(np.isfinite(profile), profile, -np.inf).argmax(axis=0) == middle
    right &= np.isfinite(profile).all(axis=0)
    return int(right[chosen].sum()), int(chosen.sum())


def _map_of_paper(grey: NDArray[Any], name: str, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give how near to focus a system of the paper finds the chosen cells; the others are NaN."""
    rows, columns = np.nonzero(chosen)
    corners = zip(rows * STRIDE, columns * STRIDE, strict=True)
    crops = np.stack([grey[top : top + CELL, left : left + CELL] for top, left in corners]).astype(np.float32)
    found = np.full(chosen.shape, np.nan)
    found[chosen] = -mean_level(crop_judge(name)(crops))
    return found


def sharpness_of_cells(band: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the mean energy of detail in each cell: (rows, columns)."""
    from mmlib.sharpness.cells import cell_means, grid

    return cell_means((band * band).astype(np.float32), grid(band.shape, CELL, STRIDE))
