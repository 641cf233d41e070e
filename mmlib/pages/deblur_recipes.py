"""What is chosen on the Deblur page as Python and as commands: both give the same bytes as the page."""

from __future__ import annotations

import shlex

from mmlib.pages.deblur_state import INPUT, DeblurState
from mmlib.pages.sources import data_folder


def as_python(state: DeblurState) -> str:
    """Write what is chosen as Python.

    Args:
        state: of the Deblur page.

    Returns:
        A short script that writes a folder for each method, with deblurred.png and deblurred.tif.
    """
    choices = state.choices
    frame = "" if choices.whole else f", frame={choices.frame}"
    speed = f", speed={choices.speed}" if choices.speed else ""
    methods = [name for name in state.wanted if name != INPUT]
    return (
        "from pathlib import Path\n\nfrom mmlib.pipeline import deblur_source\n\n"
        f"for method in {methods!r}:\n"
        "    folder = Path(method)\n"
        "    folder.mkdir(exist_ok=True)\n"
        f"    deblur_source({_source(choices.source)!r}, folder, method=method{frame}{speed})\n"
    )


def as_commands(state: DeblurState) -> str:
    """Write what is chosen as commands.

    Args:
        state: of the Deblur page.

    Returns:
        A line for each method; of a frame it writes a PNG, of a whole stack a TIFF.
    """
    choices = state.choices
    lines = []
    for name in (name for name in state.wanted if name != INPUT):
        words = ["mmlib", "deblur", _source(choices.source), "--method", name]
        words += [] if choices.whole else ["--frame", str(choices.frame)]
        words += ["--speed", str(choices.speed)] if choices.speed else []
        lines.append(shlex.join([*words, "-o", f"deblurred_{name}.{'tif' if choices.whole else 'png'}"]))
    return "\n".join(lines)


def _source(source: str) -> str:
    path = data_folder() / source
    return str(path) if path.exists() else source
