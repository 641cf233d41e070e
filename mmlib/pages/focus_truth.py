"""What is truly in focus in a simulated stack, cell by cell, and how a judge's word compares with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmlib.field import find_field
from mmlib.pages.focus_answer import FocusAnswer, Values
from mmlib.pictures import to_grey, to_uint8
from mmlib.sharpness.cells import Cells, cell_means
from mmlib.sharpness.truth import DETAIL, MOST, SeenDetail, fine_structure
from mmlib.specimens import Truth
from mmlib.stacks import ZStack

SAID = ("in", "out", "blank", "artefact")


@dataclass(frozen=True, eq=False)
class CellTruth:
    """What is true of cells; K frames, rows and columns as in the answer it was made for.

    Attributes:
        kind: (K, rows, columns) ``in``, ``out``, or empty where it is neither or the cell holds no detail.
        away_dof: (K, rows, columns) mean distance from focus of what the cell shows, in depths of field.
    """

    kind: NDArray[np.str_]
    away_dof: Values


def cell_truth(answer: FocusAnswer, stack: ZStack, truth: Truth) -> CellTruth:
    """Work out what is true of the cells of an answer.

    Args:
        answer: for its cells.
        stack: what was judged; it knows its heights.
        truth: what is known of it.

    Returns:
        The truth.

    Raises:
        ValueError: if the stack has no heights.
    """
    if stack.z_um is None:
        raise ValueError("a simulated stack always knows its heights")
    cells = (answer.y.astype(np.intp), answer.x.astype(np.intp), answer.size)
    depth_um = truth.depth_um
    rows = (np.arange(len(depth_um)) + 0.5) / len(depth_um) - 0.5
    about = truth.parameters["speeds"].get(str(stack.speed or 1), {}).get("parameters", {}).get("outcome", {})
    offset_um = (float(about.get("readout_um", 0.0)) * rows).astype(np.float32)  # the shutter rolls down the frame
    dof_um = np.float32(truth.parameters["depth_of_field_um"])
    seen = SeenDetail(to_grey(truth.picture), find_field(to_uint8(truth.picture)), cells)
    shares, away = [], []
    for z_um in stack.z_um:
        distance = np.abs(np.float32(z_um) + offset_um[:, None] - depth_um) / dof_um
        shares.append(seen.near_and_far(distance))
        away.append(seen.mean(distance))
    asked = _detail(truth, cells) >= DETAIL
    near, far = (np.stack(shares, axis=1) >= MOST) & asked  # (K, rows, columns) each
    kind = np.where(near, "in", np.where(far, "out", ""))
    return CellTruth(kind, np.stack(away))


def _detail(truth: Truth, cells: Cells) -> Values:
    grey = to_grey(truth.picture)
    return np.asarray(np.sqrt(cell_means(fine_structure(grey) ** 2, cells)) / np.maximum(cell_means(grey, cells), 1e-2))


@dataclass(frozen=True)
class Confusion:
    """How often a judge was right.

    Attributes:
        counts: (truth, word) -> cells; truth is ``in`` or ``out``, the word one of `SAID`.
        balanced: mean of the shares right among cells in focus and out of it, 0..1; None where one kind is absent.
        auc: how often a cell in focus has the lower level of a pair, ties half; None where one kind is absent.
    """

    counts: dict[tuple[str, str], int]
    balanced: float | None
    auc: float | None

    @property
    def total(self) -> int:
        """Cells that were asked about."""
        return sum(self.counts.values())

    @property
    def right(self) -> int:
        """Cells in focus that were said to be, and cells out of focus that were not."""
        return sum(number for (true, said), number in self.counts.items() if (true == "in") == (said == "in"))


def confusion(answer: FocusAnswer, truth: CellTruth, threshold: int | None) -> Confusion:
    """Compare a judge's word with the truth.

    Args:
        answer: of the judge.
        truth: of the same cells.
        threshold: see `FocusAnswer.verdicts`.

    Returns:
        The table.
    """
    said = answer.verdicts(threshold)
    counts = {
        (true, word): int(((truth.kind == true) & (said == word)).sum()) for true in ("in", "out") for word in SAID
    }
    sharp, blurred = truth.kind == "in", truth.kind == "out"
    if not sharp.any() or not blurred.any():
        return Confusion(counts, None, None)
    balanced = float((said[sharp] == "in").mean() + (said[blurred] != "in").mean()) / 2
    rank = np.where(np.isin(answer.label, ("blank", "artefact")), 10, answer.level)
    inside = np.bincount(rank[sharp], minlength=11) / sharp.sum()
    outside = np.bincount(rank[blurred], minlength=11) / blurred.sum()
    later = outside[::-1].cumsum()[::-1] - outside  # share of the blurred cells at a higher level
    return Confusion(counts, balanced, float((inside * (later + outside / 2)).sum()))
