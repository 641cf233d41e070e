"""What focusing found: a table of cells, a curve, the best planes and which frames are worth keeping."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.advice import Autofocus, FrameAdvice

COLUMNS = ("frame", "x", "y", "size", "field", "detail", "level", "score", "label")
ESTIMATES = ("defocus_dof", "defocus_low_dof", "defocus_high_dof", "certainty")
"""Further columns, empty where nobody knows: the distance from focus in depths of field, positive where focus lies
above the surface, the interval that holds it nine times in ten, and how sure the judge is, 0..1."""

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
        ("label", "U8"),
        *((name, np.float64) for name in ESTIMATES),
    ]
)
"""One row a cell and frame, labelled ``in``, ``out``, ``blank`` (level -1, score NaN) or ``artefact``."""


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
        autofocus: where the focus belongs.
        field: (H, W) the field that was judged.
        method: the name of the method.
        source: the stack.
        z_um: height of each frame, or None where nobody knows.
        each: (K, N) sharpness of each cell that can be judged; the curve is its mean over the cells.
        each_is: ``chance`` of being in focus, or ``logarithm``, of which the curve is the exponential.
    """

    cells: NDArray[Any]
    curve: NDArray[np.float64]
    best_frame: int
    best_plane: NDArray[np.float64]
    depth: NDArray[np.float32]
    depth_unit: str
    keep: tuple[FrameAdvice, ...]
    autofocus: Autofocus
    field: NDArray[np.bool_]
    method: str
    source: str
    z_um: tuple[float, ...] | None = None
    each: NDArray[np.float64] | None = None
    each_is: Literal["chance", "logarithm"] = "logarithm"

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold: everything but the field and the depth map.

        Returns:
            Plain numbers, strings, lists and dictionaries; None for NaN.
        """
        names = (*COLUMNS, *ESTIMATES)
        rows = [dict(zip(names, (_plain(value) for value in row.item()), strict=True)) for row in self.cells]
        return {
            "source": self.source,
            "method": self.method,
            "best_frame": self.best_frame,
            "curve": [_plain(float(value)) for value in self.curve],
            "best_plane": [[_plain(float(value)) for value in row] for row in self.best_plane],
            "depth_unit": self.depth_unit,
            "field": float(self.field.mean()),
            "keep": [
                {"frame": a.frame, "verdict": a.verdict, "reason": a.reason, **self._move(a.frame)} for a in self.keep
            ],
            "autofocus": {name: _plain(value) for name, value in asdict(self.autofocus).items()},
            "cells": rows,
        }

    def rows(self) -> dict[str, str]:
        """Give what a person reads: one line a fact, then one line a frame.

        Returns:
            Names and words; all else is in `to_dict` and `write_csv`.
        """
        now, away = self.autofocus, "um" if self.z_um is not None else "frames"
        height = "" if now.z_um is None else f", z {now.z_um:.3g} um"
        beyond = {-1: "; focus may lie before the first frame", 0: "", 1: "; focus may lie behind the last frame"}
        belongs = f"plane {now.plane:.1f}{height}{beyond[now.beyond]}" if np.isfinite(now.plane) else ""
        spread = f"most cells are at their best between planes {now.low_plane:.1f} and {now.high_plane:.1f}"
        judged = int(np.isfinite(self.best_plane).sum())
        rows = {
            "source": self.source,
            "method": self.method,
            "field": f"{self.field.mean():.0%} of the frame",
            "cells": f"{self.best_plane.size} in a frame, {judged} with detail to judge",
            "best frame": str(self.best_frame),
            "focus belongs to": belongs,
            "depth": spread if belongs else "",
        }
        for told, sharpness in zip(self.keep, self.curve, strict=True):
            far, way = now.move(told.frame, self.z_um)
            move = "" if way == "stay" else f"; focus is {far:.3g} {away} {way} from here"
            value = f"{sharpness:.4g}" if np.isfinite(sharpness) else "-"
            rows[f"frame {told.frame}"] = f"{value:<10} {told.verdict:<9} {told.reason}{move}"
        return rows

    def write_csv(self, path: str | Path) -> None:
        """Write the table of cells; score and level of blank cells stay empty.

        Args:
            path: where to write.

        Raises:
            InputError: if it cannot be written; then nothing is left behind.
        """
        rows = []
        for frame, x, y, size, field, detail, level, score, label, *estimates in self.cells.tolist():
            known = [level, f"{score:.9g}"] if label != "blank" else ["", ""]
            told = [f"{value:.4g}" if np.isfinite(value) else "" for value in estimates]
            rows.append([frame, x, y, size, f"{field:.4f}", f"{detail:.6g}", *known, label, *told])
        from mmlib.io import write_table  # training judges needs none of what reads stacks

        write_table(path, (*COLUMNS, *ESTIMATES), rows)

    def _move(self, frame: int) -> dict[str, Any]:
        away, way = self.autofocus.move(frame, self.z_um)
        return {"move": way, "move_um" if self.z_um is not None else "move_planes": round(away, 3)}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
