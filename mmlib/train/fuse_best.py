"""The net that weighs the frames of a stack, from nothing to weights and card: ``mmlib train fuse-best``."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mmlib.errors import unknown
from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.progress import Progress, silent
from mmlib.train.devices import choose_device, device_words
from mmlib.train.fuse_best_loop import FuseBestRecipe, check, make_net, train, validation
from mmlib.train.scenes import VALIDATION, make_pool, work_folder
from mmlib.train.scenes import Pool as ScenePool
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, load, weights_folder

POOL_SHARE = 0.4
"""How much of a time budget scenes may take, if they are not there yet."""


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
    recipe: FuseBestRecipe


RECIPES: Mapping[str, Trainable] = {
    "fuse-best": Trainable(
        "whole-stack fusion",
        "Says how much each frame of a stack counts at each place and scale, and where the surface lies.",
        "stack_weights.StackWeights",
        FuseBestRecipe(),
    )
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
    """Train the net, from nothing to weights and card.

    Args:
        name: of `RECIPES`.
        budget_s: stop after this many seconds, whatever has been reached by then.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        resume: go on from the last checkpoint.
        steps: of the optimiser; the recipe's own if None.
        textures: a folder of pictures that more training scenes are made of, one folder in it for each source.
        work: where scenes and checkpoints are kept; `work_folder` if None.
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
    if place.type == "cpu":
        for split in ("validation", "train"):
            make_pool(
                split, ScenePool(), work, textures=textures, processes=processes, budget_s=budget_s * POOL_SHARE / 2,
                progress=progress,
            )  # fmt: skip
    net, state = train(
        recipe, work=work, textures=textures, checkpoint=work / name, resume=resume, processes=processes,
        pool_budget_s=0, budget_s=budget_s - (time.monotonic() - started), device=place, progress=progress,
    )  # fmt: skip
    net = net.to("cpu").half().float()  # what is scored is what is written
    sha256, size = write_weights(net, asdict(net.config), output / f"{name}.safetensors")
    checks = validation(recipe, work=work, textures=textures, processes=processes)
    command = f"mmlib train {name}"
    card = Card(
        name=name, title=known.title, task=known.task, net=known.kind, config=asdict(net.config),
        limits=Limits(channels=3, multiple=1),
        trained_on=f"{state.step * (recipe.batch if place.type == 'cpu' else recipe.batch_gpu)} simulated stacks of "
        f"{recipe.planes[0]} to {recipe.planes[1]} frames, {recipe.size} px"
        f"{', some of them made of pictures given by the user' if textures else ''}; families kept out to choose the "
        f"best weights and to score: {', '.join(VALIDATION)}. Target: fine detail as a camera records it in focus, "
        "shades as the truth has them, absorbing only.",
        device=device_words(place), seconds=round(state.seconds),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=tuple(
            Score(key, round(found.estimate, 4), round(found.low, 4), round(found.high, 4), f"{command} --score")
            for key, found in score_table(check(net, checks)).items()
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
        real: a folder that holds ``stacks_ref/NAME/z0.png ... REF_edf.png``: only these are then scored.
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
        return _real_rows(real)
    checks = validation(known.recipe, work=work, textures=textures, processes=processes)
    progress(0.3, "scenes are there")
    table = score_table(check(load(name), checks))  # type: ignore[arg-type]
    first = score_table(check(make_net(known.recipe), checks))
    rows = {**table, **{f"{key}, before training": found for key, found in first.items()}}
    return {key: f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})" for key, found in rows.items()}


def score_table(found: Mapping[str, list[float]]) -> dict[str, Interval]:
    """Give the mean of each score with its 95 % interval.

    Args:
        found: from `check`.

    Returns:
        By names that a card can show.
    """
    names = {
        "psnr": "PSNR on unseen families, dB",
        "detail": "detail SNR on unseen families, dB",
        "depth": "depth error on unseen families, planes",
    }
    rng = np.random.default_rng(0)
    return {title: bootstrap(found[key], generator=rng) for key, title in names.items()}


def _real_rows(folder: Path) -> dict[str, str]:
    """Fuse real stacks and hold them against pictures that other software made of them."""
    from mmlib.experiments.tables.fusion_scores import score_real
    from mmlib.experiments.tables.real import real_cases

    rows, means = {}, []
    for case in real_cases(folder):
        if case.reference is None:
            continue
        ours, pyramid = (score_real(case.stack, case.reference, method) for method in ("learned", "pyramid"))
        rows[case.name] = f"detail SNR {ours:.2f} dB; pyramid {pyramid:.2f} dB"
        means.append((ours, pyramid))
    ours, pyramid = np.mean(means, axis=0)
    rows["mean"] = f"detail SNR {ours:.2f} dB; pyramid {pyramid:.2f} dB, of {len(means)} stacks"
    return rows


def _known(name: str) -> Trainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
