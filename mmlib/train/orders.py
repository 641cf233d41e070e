"""What every family of recipes shares: what a training is asked for, and its last act, weights and card."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from mmlib.errors import unknown
from mmlib.metrics.intervals import Interval
from mmlib.progress import Progress, silent
from mmlib.train.devices import choose_device, device_words
from mmlib.train.scenes import work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, weights_folder

R = TypeVar("R")
T = TypeVar("T")

LICENCE = "BSD-3-Clause, as the repository"


@dataclass(frozen=True)
class Trainable(Generic[R]):
    """A net that can be trained.

    Attributes:
        title: how it is printed.
        task: what it is for.
        kind: the class of the net, ``"module.Class"`` in `mmlib.nets`.
        recipe: the numbers.
    """

    title: str
    task: str
    kind: str
    recipe: R


@dataclass(frozen=True)
class Order:
    """What a training is asked for; its clock runs from when it is made.

    Attributes:
        name: of the recipe.
        budget_s: stop after this many seconds, whatever has been reached by then.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        resume: go on from the last checkpoint.
        steps: of the optimiser; the recipe's own if None.
        textures: a folder of pictures that more training scenes are made of, one folder in it for each source.
        work: where scenes and checkpoints are kept; `mmlib.train.scenes.work_folder` if None.
        output: where weights and card are written; where they are looked for if None.
        processes: how many make scenes at once.
        progress: told how far it is.
    """

    name: str
    budget_s: float = 1500.0
    device: str = "auto"
    resume: bool = False
    steps: int | None = None
    textures: Path | None = None
    work: Path | None = None
    output: Path | None = None
    processes: int = 2
    progress: Progress = silent
    started_s: float = field(default_factory=time.monotonic)

    @cached_property
    def place(self) -> torch.device:
        """Where the work is done.

        Raises:
            InputError: if the device is not there.
        """
        return choose_device(self.device)

    @property
    def bench(self) -> Path:
        """The folder of scenes and checkpoints."""
        return self.work or work_folder()

    @property
    def checkpoint(self) -> Path:
        """The folder of this recipe's checkpoint."""
        return self.bench / self.name

    @property
    def shelf(self) -> Path:
        """The folder of weights and cards."""
        return self.output or weights_folder()

    @property
    def left_s(self) -> float:
        """How much of the time is left."""
        return self.budget_s - (time.monotonic() - self.started_s)

    @property
    def command(self) -> str:
        """What one types for it."""
        return f"mmlib train {self.name}"

    def stepped(self, recipe: T) -> T:
        """Give a recipe, a dataclass, with the number of steps that is asked for."""
        return recipe if self.steps is None else replace(recipe, steps=self.steps)  # type: ignore[type-var]


def find(recipes: Mapping[str, T], name: str) -> T:
    """Find a recipe.

    Args:
        recipes: of a family.
        name: of one of them.

    Returns:
        The recipe.

    Raises:
        InputError: if no recipe has that name.
    """
    if name not in recipes:
        raise unknown("recipe", name, recipes)
    return recipes[name]


def halved(net: nn.Module) -> None:
    """Bring a net to the CPU with its weights rounded to half precision: what is scored is what is written."""
    net.to("cpu").half().float()


def scores_of(
    table: Mapping[str, Interval], command: str, *, lower: Collection[str] = (), neither: Collection[str] = ()
) -> tuple[Score, ...]:
    """Put intervals on a card.

    Args:
        table: what was measured, by its name on the card; what is not finite is left out.
        command: what prints them again.
        lower: names of those of which less is better.
        neither: names of those that are best at a value of their own; of the others more is better.

    Returns:
        The scores, to four digits.
    """
    return tuple(
        Score(
            name,
            round(found.estimate, 4),
            round(found.low, 4),
            round(found.high, 4),
            command,
            "none" if name in neither else "lower" if name in lower else "higher",
        )
        for name, found in table.items()
        if all(map(math.isfinite, (found.estimate, found.low, found.high)))
    )


def score_words(table: Mapping[str, Interval], digits: int = 2) -> dict[str, str]:
    """Write intervals as words: ``1.14 (1.02 to 1.25)``."""
    return {
        name: f"{found.estimate:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"
        for name, found in table.items()
    }


def finish(order: Order, known: Trainable[Any], net: Any, **about: Any) -> Card:
    """Write the weights of a net and its card: the last act of a training.

    Args:
        order: what was asked for.
        known: what the net is.
        net: with a frozen ``config``.
        **about: see `file_card`.

    Returns:
        The card.
    """
    config = asdict(net.config)
    written = write_weights(net, config, order.shelf / f"{order.name}.safetensors")
    return file_card(order, known, config=config, written=written, **about)


def file_card(
    order: Order,
    known: Trainable[Any],
    *,
    config: Mapping[str, Any],
    written: tuple[str, int],
    limits: Limits,
    trained_on: str,
    seconds: float,
    scores: tuple[Score, ...],
) -> Card:
    """Put the card of weights that are written into the registry.

    Args:
        order: what was asked for.
        known: what the net is.
        config: the sizes of the net.
        written: sha256 and bytes of the file.
        limits: what the net can take.
        trained_on: what it learned from.
        seconds: how long that took.
        scores: how well it does.

    Returns:
        The card.
    """
    sha256, size = written
    card = Card(
        name=order.name, title=known.title, task=known.task, net=known.kind, config=config, limits=limits,
        trained_on=trained_on, device=device_words(order.place), seconds=round(seconds),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=order.command, scores=scores,
        licence=LICENCE, file=f"{order.name}.safetensors", sha256=sha256, bytes=size,
    )  # fmt: skip
    write_card(card, order.shelf)
    return card
