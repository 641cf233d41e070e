"""What can be trained, from nothing to weights and card: ``mmlib train NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from mmlib.errors import InputError, unknown
from mmlib.progress import Progress, silent
from mmlib.zoo import Card, weights_folder

FAMILIES = (
    "quality_run", "focus_paper", "focus_best", "deblur_paper", "deblur_best", "fuse_paper", "fuse_best",
)  # fmt: skip
"""Modules of this room that each train a family of nets; one name here is all that a new one needs."""


class Family(Protocol):
    """What a family's module offers."""

    RECIPES: Mapping[str, Any]
    """Name -> a frozen recipe with ``title`` and ``task``."""

    def run(self, name: str, **choices: Any) -> Card:
        """Train one; see `run`."""

    def score(self, name: str, **choices: Any) -> dict[str, str]:
        """Score one; see `score`."""


def families() -> dict[str, Family]:
    """Name every recipe and the module that trains it."""
    modules = [import_module(f"mmlib.train.{name}") for name in FAMILIES]
    return {name: module for module in modules for name in module.RECIPES}


def run(
    name: str,
    *,
    budget_s: float = 1500.0,
    device: str = "auto",
    resume: bool = False,
    steps: int | None = None,
    textures: Path | None = None,
    work: Path | None = None,
    output: Path | None = None,
    processes: int = 2,
    progress: Progress = silent,
) -> Card:
    """Train a net, from nothing to weights and card.

    Args:
        name: of a recipe, as `families` has it.
        budget_s: stop after this many seconds, whatever has been reached by then.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        resume: go on from the last checkpoint.
        steps: of the optimiser; the recipe's own if None.
        textures: a folder of pictures that more training scenes are made of, one folder in it for each source.
        work: where scenes and checkpoints are kept; `mmlib.train.scenes.work_folder` if None.
        output: where weights and card are written; where they are looked for if None.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        The card, with scores on what was never seen.

    Raises:
        InputError: if the name is not known, the device is not there, the folder of weights cannot be made, or the time
            is too short for any scenes.
    """
    shelf = output or weights_folder()
    try:  # an hour later would be late
        shelf.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {shelf} for the weights: {error.strerror}; name another") from None
    return _family(name).run(
        name, budget_s=budget_s, device=device, resume=resume, steps=steps, textures=textures, work=work,
        output=output, processes=processes, progress=progress,
    )  # fmt: skip


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there on what was never seen, making scenes where need be.

    Args:
        name: of a recipe.
        work: where scenes are kept.
        real: a folder of real stacks with reference pictures; only these are then scored.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        Words for each number.

    Raises:
        InputError: if the name is not known, or there are no weights or stacks.
    """
    return _family(name).score(name, work=work, real=real, processes=processes, progress=progress)


def _family(name: str) -> Family:
    known = families()
    if name not in known:
        raise unknown("recipe", name, known)
    return known[name]
