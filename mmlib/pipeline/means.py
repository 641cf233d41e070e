"""The numbers of a run that are means over cells or frames, each with the interval that holds the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmlib.focusing import FocusReport
from mmlib.fusing import Fused
from mmlib.metrics.intervals import Interval, accuracy_interval, bootstrap
from mmlib.metrics.measurement import Better
from mmlib.registration import Alignment

DRAWS = 999
CELL_PX = 84
"""Pixels beside each other agree; cells of this edge are counted as one look each."""


@dataclass(frozen=True)
class Mean:
    """A number with its interval.

    Attributes:
        title: what it is.
        interval: the mean, and where the truth lies with 95 %.
        unit: of the number, empty where it has none.
        better: which direction is better; ``"none"`` where neither is.
        over: what it is the mean of, such as ``"84 cells"``.
    """

    title: str
    interval: Interval
    unit: str
    better: Better
    over: str

    def words(self) -> str:
        """Write it with its interval, such as ``31.2 (28.4 to 34.0) %``."""
        told = self.interval
        numbers = f"{told.estimate:.3g} ({told.low:.3g} to {told.high:.3g})"
        return f"{numbers} {self.unit}" if self.unit else numbers

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        told = self.interval
        return {"title": self.title, "value": told.estimate, "low": told.low, "high": told.high, "unit": self.unit,
                "direction": self.better, "over": self.over}  # fmt: skip


def focus_means(report: FocusReport) -> list[Mean]:
    """Say how much of a stack is in focus, blank or dirty.

    Args:
        report: of the focus judge.

    Returns:
        Shares in percent; the cells of one place in all frames count as one, since they are alike.
    """
    labels = _by_place(report)  # (K, places)
    judged = labels[:, (labels != "blank").any(axis=0)]
    places = f"{judged.shape[1]} cells with detail"
    found = []
    if judged.size:
        shares = 100 * (judged == "in").mean(axis=0)
        found.append(Mean("cells in focus in a frame", _interval(shares), "%", "higher", places))
        once = accuracy_interval(int((judged == "in").any(axis=0).sum()), judged.shape[1])
        found.append(Mean("cells in focus in one frame or more", once.percent, "%", "higher", places))
        dirty = 100 * (judged == "artefact").mean(axis=0)
        if dirty.any():
            found.append(Mean("cells where dirt is what one sees", _interval(dirty), "%", "lower", places))
    if labels.size:
        blank = accuracy_interval(labels.shape[1] - judged.shape[1], labels.shape[1])
        over = f"{labels.shape[1]} cells"
        found.append(Mean("cells without detail to judge", blank.percent, "%", "none", over))
    return found


def fusion_means(fused: Fused, field: NDArray[np.bool_] | None = None) -> list[Mean]:
    """Say how far the depth can be trusted, and how steady the frames were.

    Args:
        fused: the fused picture.
        field: (H, W) True where the specimen is seen; None for the whole picture.

    Returns:
        One number a question that can be answered.
    """
    return [*_sure(fused.confidence, field), *_steady(fused.alignment)]


def frame_sharpness(report: FocusReport) -> list[Interval] | None:
    """Give the curve of sharpness with intervals over the cells.

    What a cell has more of than others in every frame is taken out first, where the curve is a geometric mean: the
    interval says how sure the order of the frames is, not how unlike the cells are.

    Args:
        report: of the focus judge.

    Returns:
        An interval a frame; None where fewer than two cells can be judged.
    """
    each = report.each
    if each is None or each.shape[1] < 2:
        return None
    if report.each_is == "chance":
        return [_interval(values) for values in each]
    alike = each - each.mean(axis=0) + each.mean()
    found = [_interval(values) for values in alike]
    return [Interval(*(float(np.exp(end)) for end in (one.estimate, one.low, one.high))) for one in found]


def _sure(confidence: NDArray[np.float32], field: NDArray[np.bool_] | None) -> list[Mean]:
    height, width = confidence.shape
    size = (max(width // CELL_PX, 1), max(height // CELL_PX, 1))
    inside = np.ones_like(confidence) if field is None else field.astype(np.float32)
    share = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(np.nan_to_num(confidence) * inside, size, interpolation=cv2.INTER_AREA)
    known = np.atleast_2d(share) > 0.5
    if not known.any():
        return []
    cells = np.atleast_2d(total)[known] / np.atleast_2d(share)[known]
    return [Mean("trust in the depth, 0 to 1", _interval(cells), "", "higher", f"{cells.size} cells")]


def _steady(alignment: Alignment) -> list[Mean]:
    if len(alignment) < 3:
        return []
    steps = np.hypot(*np.diff(alignment.drift_px, axis=0).T)
    return [Mean("move from frame to frame", _interval(steps), "px", "lower", f"{steps.size} steps")]


def _by_place(report: FocusReport) -> NDArray[Any]:
    """Give the labels of all cells, (K, places)."""
    count = int(report.cells["frame"].max()) + 1 if report.cells.size else 1
    return np.asarray(report.cells["label"]).reshape(count, -1)


def _interval(values: ArrayLike) -> Interval:
    return bootstrap(values, generator=np.random.default_rng(0), resamples=DRAWS)
