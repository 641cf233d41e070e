"""Train the net that `mmlib.deblurring` recommends: ``mmlib train deblur-best``."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mmlib.errors import unknown
from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.nets.restorer import MULTIPLE, Restorer
from mmlib.progress import Progress, silent
from mmlib.train.deblur_best_loop import RestorerRecipe, changes, gains, train, validation
from mmlib.train.deblur_windows import Windows
from mmlib.train.devices import choose_device, device_words
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, load, weights_folder


@dataclass(frozen=True)
class Trainable:
    """A net that can be trained.

    Attributes:
        title: how it is printed.
        task: what it is for.
        kind: the class of the net.
        recipe: the numbers.
    """

    title: str
    task: str
    kind: str
    recipe: RestorerRecipe


RECIPES: Mapping[str, Trainable] = {
    "deblur-best": Trainable(
        "Restorer",
        "Takes motion, noise and compression out of a frame, with the planes beside it where there are any, and says "
        "how large an error it still expects.",
        "restorer.Restorer",
        RestorerRecipe(),
    ),
}
"""What this family trains."""


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
        name: of `RECIPES`.
        budget_s: stop after this many seconds, whatever has been reached by then.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        resume: go on from the last checkpoint.
        steps: of the optimiser; the recipe's own if None.
        textures: a folder of pictures that more training scenes are made of.
        work: where scenes and checkpoints are kept; `mmlib.train.scenes.work_folder` if None.
        output: where weights and card are written; where they are looked for if None.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        The card, with the scores on families that were never learned from.

    Raises:
        InputError: if the name is not known, the device is not there, or the time is too short for any scenes.
    """
    started = time.monotonic()
    known, place = _known(name), choose_device(device)
    work, output = work or work_folder(), output or weights_folder()
    recipe = known.recipe if steps is None else replace(known.recipe, steps=steps)
    net, state = train(
        recipe, work=work, textures=textures, checkpoint=work / name, resume=resume, processes=processes,
        budget_s=budget_s - (time.monotonic() - started), device=place, progress=progress,
    )  # fmt: skip
    net = net.half().float()  # what is scored is what is written
    sha256, size = write_weights(net, asdict(net.config), output / f"{name}.safetensors")
    windows = validation(recipe, work=work, textures=textures, processes=processes)
    command = f"mmlib train {name}"
    gpu = place.type != "cpu"
    shown, edge = (recipe.gpu_batch, recipe.gpu_size) if gpu else (recipe.batch, recipe.size)
    card = Card(
        name=name, title=known.title, task=known.task, net=known.kind, config=asdict(net.config),
        limits=Limits(channels=3, multiple=MULTIPLE),
        trained_on=f"{state.step * shown} windows of {edge} px of simulated scans, each with the planes beside it or "
        f"without{', some of scenes made of pictures given by the user' if textures else ''}, moved, photographed and "
        f"filmed anew{'' if gpu else f' and shown about {recipe.every} times each'}; families kept out, to choose the "
        f"best weights and to score: {', '.join(VALIDATION)}. Target: the same plane held still, without noise.",
        device=device_words(place), seconds=round(state.seconds),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=tuple(
            Score(key, round(found.estimate, 4), round(found.low, 4), round(found.high, 4), f"{command} --score")
            for key, found in score_table(net, windows).items()
        ),
        licence="BSD-3-Clause, as the repository", file=f"{name}.safetensors", sha256=sha256, bytes=size,
    )  # fmt: skip
    write_card(card, output)
    return card


def score(
    name: str,
    *,
    work: Path | None = None,
    real: Path | None = None,
    textures: Path | None = None,
    processes: int = 2,
    progress: Progress = silent,
) -> dict[str, str]:
    """Score the weights that are there.

    Args:
        name: of `RECIPES`.
        work: where scenes are kept; `work_folder` if None.
        real: a folder of real stacks: only these are then scored, see `mmlib.experiments.deblur_real`.
        textures: a folder of pictures that scenes are made of.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        Words for each number.

    Raises:
        InputError: if the name is not known, or there are no weights or stacks.
    """
    known = _known(name)
    if real is not None:
        from mmlib.experiments.deblur_real import score_folder

        return {key: str(value) for key, value in score_folder(real, "best", progress=progress).items()}
    windows = validation(known.recipe, work=work, textures=textures, processes=processes)
    progress(0.3, "scenes are there")
    table = score_table(load(name), windows)  # type: ignore[arg-type]
    return {key: f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})" for key, found in table.items()}


def score_table(net: Restorer, windows: list[Windows]) -> dict[str, Interval]:
    """Give the mean gains with their 95 % intervals.

    Args:
        net: which.
        windows: from `validation`.

    Returns:
        By names that a card can show.
    """
    alone = [one.alone() for one in windows]
    found = {
        "PSNR gain on unseen families, one frame, dB": gains(net, alone),
        "PSNR gain on unseen families, with neighbours, dB": gains(net, windows),
        "PSNR of clean frames to themselves, dB": changes(net, [one.clean() for one in windows]),
    }
    rng = np.random.default_rng(0)
    return {title: bootstrap(values, generator=rng) for title, values in found.items()}


def _known(name: str) -> Trainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
