"""What a focus job found, read back from its files: levels, scores and labels of every cell in every frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing import ESTIMATES

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FocusAnswer:
    """The focus of a stack by one method; K frames, cells in rows and columns.

    Attributes:
        method: its name.
        folder: where the files of the job lie.
        summary: what the job reported.
        x: (columns,) left edges of the cells, px.
        y: (rows,) upper edges, px.
        size: edge of a cell, px.
        level: (K, rows, columns) 0 sharpest .. 9; -1 where there is nothing to judge.
        score: (K, rows, columns) larger = sharper; NaN where there is nothing to judge.
        label: (K, rows, columns) ``in``, ``out``, ``blank`` or ``artefact``, as the method says.
        estimates: those of `mmlib.focusing.ESTIMATES` that the method gives, (K, rows, columns) each.
        curve: (K,) sharpness of each frame.
        best_plane: (rows, columns) with its fraction; NaN where there is nothing to judge.
    """

    method: str
    folder: Path
    summary: dict[str, Any]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    size: int
    level: NDArray[np.int8]
    score: Values
    label: NDArray[np.str_]
    estimates: dict[str, Values] = field(default_factory=dict)
    curve: Values = field(default_factory=lambda: np.zeros(0))
    best_plane: Values = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.level.shape[1], self.level.shape[2]

    @property
    def advised(self) -> tuple[int, ...]:
        """The frames that the method would keep."""
        return tuple(told["frame"] for told in self.summary["keep"] if told["verdict"] == "sharp")

    def verdicts(self, threshold: int | None) -> NDArray[np.str_]:
        """Say of every cell what it is, where a level up to a threshold counts as in focus.

        Args:
            threshold: 0..9; None takes the method's own word.

        Returns:
            (K, rows, columns) ``in``, ``out``, ``blank`` or ``artefact``.
        """
        if threshold is None:
            return self.label
        kept = np.isin(self.label, ("blank", "artefact"))
        return np.where(kept, self.label, np.where(self.level <= threshold, "in", "out"))


def read_answer(folder: Path, summary: dict[str, Any]) -> FocusAnswer:
    """Read what a job of the verb ``focus`` wrote.

    Args:
        folder: of the job.
        summary: what it reported.

    Returns:
        The answer.

    Raises:
        OSError: if the files are no longer there.
    """
    with np.load(folder / "cells.npz") as kept:
        table = kept["cells"]
    x, y = np.unique(table["x"]), np.unique(table["y"])
    cells = table.reshape(-1, len(y), len(x))
    known = {name: np.ascontiguousarray(cells[name]) for name in ("level", "score", "label")}
    estimates = {name: cells[name] for name in ESTIMATES if np.isfinite(cells[name]).any()}
    numbers = [[np.nan if value is None else value for value in row] for row in summary["best_plane"]]
    return FocusAnswer(
        method=str(summary["method"]),
        folder=folder,
        summary=summary,
        x=x,
        y=y,
        size=int(table["size"][0]),
        **known,
        estimates={name: np.ascontiguousarray(values) for name, values in estimates.items()},
        curve=np.array([np.nan if value is None else value for value in summary["curve"]], np.float64),
        best_plane=np.array(numbers, np.float64).reshape(len(y), len(x)),
    )
