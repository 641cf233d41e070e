"""What focusing found: a table of cells, a curve, the best planes and which frames are worth keeping."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("frame", "x", "y", "size", "field", "detail", "level", "score", "label")

CELL_TYPE = np.dtype(
    [
        ("frame", np.int32),
        ("x", np.int32),
        ("y", np.int32),
        ("size", np.int32),
        ("field", np.float32),
        ("detail", np.float32),
        ("level", np.int8),
        ("score", np.float64),
        ("label", "U5"),
    ]
)
"""One row a cell and frame; where the label is ``blank`` the level is -1 and the score NaN."""


@dataclass(frozen=True)
class FrameAdvice:
    """Whether a frame is worth keeping.

    Attributes:
        frame: its number.
        verdict: ``sharp``, ``blurred`` or ``blank``.
        reason: one sentence.
    """

    frame: int
    verdict: str
    reason: str


@dataclass(frozen=True)
class FocusReport:
    """The focus of a stack.

    Attributes:
        cells: (n,) rows of `CELL_TYPE`, frame by frame, row by row.
        curve: (K,) sharpness of each frame over the cells that can be judged, larger = sharper.
        best_frame: the frame that is sharpest over all.
        best_plane: (rows, columns) plane at which each cell is sharpest, with its fraction; NaN in blank cells.
        depth: (H, W) float32, the best planes made smooth, in `depth_unit`; NaN where nothing could be judged.
        depth_unit: ``um`` where the stack knows its z, ``planes`` otherwise.
        keep: a verdict for each frame.
        field: (H, W) the field that was judged.
        method: the name of the method.
        source: the stack.
    """

    cells: NDArray[Any]
    curve: NDArray[np.float64]
    best_frame: int
    best_plane: NDArray[np.float64]
    depth: NDArray[np.float32]
    depth_unit: str
    keep: tuple[FrameAdvice, ...]
    field: NDArray[np.bool_]
    method: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold: everything but the field and the depth map.

        Returns:
            Plain numbers, strings, lists and dictionaries; None for NaN.
        """
        rows = [dict(zip(COLUMNS, (_plain(value) for value in row.item()), strict=True)) for row in self.cells]
        return {
            "source": self.source,
            "method": self.method,
            "best_frame": self.best_frame,
            "curve": [_plain(float(value)) for value in self.curve],
            "best_plane": [[_plain(float(value)) for value in row] for row in self.best_plane],
            "depth_unit": self.depth_unit,
            "field": float(self.field.mean()),
            "keep": [{"frame": a.frame, "verdict": a.verdict, "reason": a.reason} for a in self.keep],
            "cells": rows,
        }

    def write_csv(self, path: str | Path) -> None:
        """Write the table of cells; score and level of blank cells stay empty.

        Args:
            path: where to write.
        """
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for frame, x, y, size, field, detail, level, score, label in self.cells.tolist():
                known = [level, f"{score:.9g}"] if label != "blank" else ["", ""]
                writer.writerow([frame, x, y, size, f"{field:.4f}", f"{detail:.6g}", *known, label])


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
