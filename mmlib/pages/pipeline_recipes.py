"""What is chosen on the Pipeline page as Python and as a command: both give the same files as the page."""

from __future__ import annotations

import shlex
from dataclasses import fields

from mmlib.pages.pipeline_state import PipelineChoices
from mmlib.pages.sources import data_folder
from mmlib.pipeline import Plan


def as_python(choices: PipelineChoices) -> str:
    """Write choices as Python.

    Args:
        choices: of the Pipeline page.

    Returns:
        A short script that writes a folder of results for each stack.
    """
    given = ", ".join(f"{name}={value!r}" for name, value in _unusual(choices).items())
    plan = f", plan=Plan({given})" if given else ""
    imports = "import mmlib\nfrom mmlib.pipeline import Plan\n" if given else "import mmlib\n"
    return f'{imports}\nmmlib.run({_sources(choices)!r}, "results"{plan})\n'


def as_command(choices: PipelineChoices) -> str:
    """Write choices as a command.

    Args:
        choices: of the Pipeline page.

    Returns:
        One line for a terminal, which writes a folder of results for each stack.
    """
    options = [word for name, value in _unusual(choices).items() for word in (f"--{name}", str(value))]
    return shlex.join(["mmlib", "run", *_sources(choices), *options, "-o", "results"])


def _unusual(choices: PipelineChoices) -> dict[str, object]:
    usual = {one.name: one.default for one in fields(Plan)}
    return {name: value for name, value in choices.plan().items() if value != usual[name]}


def _sources(choices: PipelineChoices) -> list[str]:
    home = data_folder()
    return [str(home / source) if (home / source).exists() else source for source in choices.sources]
