"""What is chosen on the Fuse page as Python and as a command: both give the same bytes as the page."""

from __future__ import annotations

import shlex

from mmlib.pages.fuse_choices import FuseChoices
from mmlib.pages.sources import data_folder


def as_python(choices: FuseChoices) -> str:
    """Write choices as Python.

    Args:
        choices: of the Fuse page.

    Returns:
        A short script that writes fused.png.
    """
    frames = f", frames={choices.frames!r}" if choices.frames else ""
    speed = f", speed={choices.speed}" if choices.speed else ""
    prefer = f", prefer={choices.prefer!r}" if choices.prefer != "clearest" else ""
    named = "open_frames, retouch, write_fused" if choices.patches else "open_frames, write_fused"
    retouched = f"fused = retouch(fused, stack, {choices.patches!r})\n" if choices.patches else ""
    return (
        f"from pathlib import Path\n\nimport mmlib\nfrom mmlib.pipeline import {named}\n\n"
        f"stack = open_frames({_source(choices)!r}{frames}{speed})\n"
        f"fused = mmlib.fuse(stack, method={choices.method!r}, align={choices.align!r}{prefer})\n"
        f"{retouched}"
        'write_fused(fused, stack, Path("fused.png"))\n'
    )


def as_command(choices: FuseChoices) -> str:
    """Write choices as a command.

    Args:
        choices: of the Fuse page.

    Returns:
        One line for a terminal, which writes fused.png.
    """
    words = ["mmlib", "fuse", _source(choices), "--method", choices.method, "--align", choices.align]
    words += ["--prefer", choices.prefer] if choices.prefer != "clearest" else []
    words += ["--frames", choices.frames] if choices.frames else []
    words += ["--speed", str(choices.speed)] if choices.speed else []
    return shlex.join([*words, "-o", "fused.png"])


def _source(choices: FuseChoices) -> str:
    path = data_folder() / choices.source
    return str(path) if path.exists() else choices.source
