"""What is chosen on the Focus page as Python and as a command: both give the same bytes as the page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mmlib.pages.focus_choices import FocusChoices
from mmlib.pages.sources import data_folder


def as_python(choices: FocusChoices, method: str, kept: Sequence[int]) -> str:
    """Write choices as Python.

    Args:
        choices: of the Focus page.
        method: the one whose grid is shown.
        kept: the frames to keep.

    Returns:
        A short script that writes cells.csv, curve.csv and frames.ome.tif.
    """
    speed = f", speed={choices.speed}" if choices.speed else ""
    frames = str(list(kept))
    if not choices.kept and not choices.dropped:
        frames = '[advice.frame for advice in report.keep if advice.verdict == "sharp"]'
    return (
        "from pathlib import Path\n\nimport mmlib\n"
        "from mmlib.pipeline import open_frames, write_curve, write_frames\n\n"
        f"stack = open_frames({_source(choices)!r}{speed})\n"
        f"report = mmlib.focus(stack, method={method!r}, cell={choices.cell}, stride={choices.cell})\n"
        'report.write_csv("cells.csv")\n'
        'write_curve(report, stack, Path("curve.csv"))\n'
        + (f'write_frames(stack, {frames}, Path("frames.ome.tif"))\n' if kept else "")
    )


def as_command(choices: FocusChoices, method: str) -> str:
    """Write choices as a command.

    Args:
        choices: of the Focus page.
        method: the one whose grid is shown.

    Returns:
        One line for a terminal, which writes cells.csv.
    """
    edge = str(choices.cell)
    words = ["mmlib", "focus", _source(choices), "--method", method, "--cell", edge, "--stride", edge]
    words += ["--speed", str(choices.speed)] if choices.speed else []
    return shlex.join([*words, "-o", "cells.csv"])


def _source(choices: FocusChoices) -> str:
    path = data_folder() / choices.source
    return str(path) if path.exists() else choices.source
