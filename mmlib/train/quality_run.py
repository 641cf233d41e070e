"""Judges of quality, from nothing to weights and card: ``mmlib train cnniqa`` and ``cnniqa_plus``."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.metrics.intervals import Interval
from mmlib.progress import Progress, part, silent
from mmlib.train.devices import choose_device, device_words
from mmlib.train.quality import QualityRecipe, judge, train
from mmlib.train.quality_patches import Pictures
from mmlib.train.quality_pictures import make_pictures, read_pictures
from mmlib.train.quality_scenes import KINDS, TARGET, TEST, PictureRecipe, split_of
from mmlib.train.quality_scores import SCORERS, real_planes, score_table, worse_by_degrees
from mmlib.train.scenes import work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, load, weights_folder, weights_path

PICTURES_SHARE = 0.45
"""How much of a time budget the pictures may take, if they are not there yet."""


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
    recipe: QualityRecipe


RECIPES: Mapping[str, Trainable] = {
    "cnniqa": Trainable(
        "CNNIQA",
        "Judges the quality of a picture without a reference, 0 (best) to 100, as the mean over 32 px patches.",
        "cnniqa.Cnniqa",
        QualityRecipe("cnniqa"),
    ),
    "cnniqa_plus": Trainable(
        "CNNIQA++",
        "Judges the quality of a picture without a reference, 0 (best) to 100, and which distortion each patch has: "
        + ", ".join(KINDS)
        + ".",
        "cnniqa.CnniqaPlus",
        QualityRecipe("cnniqa_plus", steps=2000, rate=2e-3),
    ),
}
"""What ``mmlib train`` knows."""


def run(
    name: str,
    *,
    budget_s: float = 1500.0,
    device: str = "auto",
    resume: bool = False,
    steps: int | None = None,
    pictures: PictureRecipe | None = None,
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
        pictures: how many pictures of what; the recipe's own if None.
        textures: a folder of pictures that more training scenes are made of.
        work: where pictures and checkpoints are kept; `work_folder` if None.
        output: where weights and card are written; where they are looked for if None.
        processes: how many make pictures at once.
        progress: told how far it is.

    Returns:
        The card, with the scores on families that were never seen.

    Raises:
        InputError: if the name is not known, the device is not there, or the time is too short for any pictures.
    """
    started = time.monotonic()
    known = _known(name)
    place = choose_device(device)
    work, output = work or work_folder(), output or weights_folder()
    recipe = known.recipe if steps is None else replace(known.recipe, steps=steps)
    recipe = recipe if pictures is None else replace(recipe, data=pictures)
    sets = quality_sets(
        recipe.data, work, textures=textures, processes=processes, budget_s=budget_s * PICTURES_SHARE,
        progress=part(progress, 0.0, 0.3),
    )  # fmt: skip
    made_s = time.monotonic() - started
    net, state = train(
        recipe, sets["train"], sets["validation"], checkpoint=work / name, resume=resume, budget_s=budget_s - made_s,
        device=place, progress=part(progress, 0.3, 1.0),
    )  # fmt: skip
    net = net.to("cpu").to(torch.float16).float()  # what is scored is what is written
    sha256, size = write_weights(net, asdict(net.config), output / f"{name}.safetensors")
    table = score_table(judge(net, sets["test"]), sets["test"])
    command = f"mmlib train {name}"
    card = Card(
        name=name, title=known.title, task=known.task, net=known.kind, config=asdict(net.config),
        limits=Limits(channels=1, multiple=1), trained_on=_trained_on(sets, textures), device=device_words(place),
        seconds=round(state.seconds), date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=_scores(table, f"{command} --score"), licence="BSD-3-Clause, as the repository",
        file=f"{name}.safetensors", sha256=sha256, bytes=size,
    )  # fmt: skip
    write_card(card, output)
    return card


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there on the families that were never seen, making the pictures where need be.

    Args:
        name: of `RECIPES`.
        work: where pictures are kept; `work_folder` if None.
        real: a folder of real stacks with reference pictures, to rank their planes and copies of the references made
            worse by degrees; see `quality_scores.real_planes`. Only these are then scored.
        processes: how many make pictures at once.
        progress: told how far it is.

    Returns:
        Words for each number: Spearman's rank correlation with the target and its 95 % interval.

    Raises:
        InputError: if the name is not known, or there are no weights or stacks.
    """
    known = _known(name)
    if real is not None:
        return _real_rows(name, real)
    net = load(name)
    test = quality_sets(known.recipe.data, work or work_folder(), only=TEST, processes=processes, progress=progress)
    table = score_table(judge(net, test["test"]), test["test"])  # type: ignore[arg-type]
    return {f"SROCC, {kind}": f"{i.estimate:.3f} ({i.low:.3f} to {i.high:.3f})" for kind, i in table.items()}


def _real_rows(name: str, folder: Path) -> dict[str, str]:
    """Rank real planes, and real pictures that are made worse by degrees."""
    path = weights_path(name)

    def said(picture: NDArray[Any]) -> float:
        field = find_field(picture)
        return SCORERS[name](picture, weights=path, field=None if field.all() else field)

    planes, references = real_planes(folder, said)
    rows = {f"planes of {case}": f"SROCC {rank:.2f}" for case, rank in planes.items()}
    rows["planes, mean"] = f"SROCC {np.mean(list(planes.values())):.3f} of {len(planes)} stacks"
    for way, ranks in worse_by_degrees(references, said).items():
        rows[f"{way} by degrees"] = f"SROCC {np.mean(ranks):.3f}, least {np.min(ranks):.2f}"
    return rows


def quality_sets(
    recipe: PictureRecipe,
    work: Path,
    *,
    only: Sequence[str] | None = None,
    textures: Path | None = None,
    processes: int = 2,
    budget_s: float = math.inf,
    progress: Progress = silent,
) -> dict[str, Pictures]:
    """Make or read the pictures, split by family.

    Args:
        recipe: how many of what.
        work: where they are kept.
        only: families to make; all if None.
        textures: a folder of pictures that more training scenes are made of.
        processes: how many work at once.
        budget_s: begin no more scenes after this many seconds.
        progress: told how far it is.

    Returns:
        ``"train"``, ``"validation"`` and ``"test"``, those that have pictures.

    Raises:
        InputError: if the time was too short to have some of each.
    """
    files = make_pictures(
        work / "quality", recipe, only=only, textures=textures, processes=processes, budget_s=budget_s,
        progress=progress,
    )  # fmt: skip
    scenes = list(read_pictures(files))
    sets = {}
    for split in ("train", "validation", "test"):
        part_of = [scene for scene in scenes if split_of(scene.family) == split]
        if part_of:
            sets[split] = Pictures.of(part_of)
        elif only is None:
            raise InputError(f"there was no time to make any {split} pictures; give a larger --budget-s")
    return sets


def _known(name: str) -> Trainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]


def _trained_on(sets: Mapping[str, Pictures], textures: Path | None) -> str:
    counts = {split: (len(p.targets), len(np.unique(p.scenes.numpy()))) for split, p in sets.items()}
    return (
        f"{counts['train'][0]} pictures of {counts['train'][1]} simulated scenes"
        f"{' and of textures given by the user' if textures else ''} ({', '.join(KINDS)}, or several of them), 192 px; "
        f"families kept out: {counts['validation'][1]} scenes to choose the best weights, {counts['test'][1]} to score "
        f"({', '.join(TEST)}). Target: {TARGET}."
    )


def _scores(table: Mapping[str, Interval], command: str) -> tuple[Score, ...]:
    def entry(name: str, found: Interval) -> Score:
        return Score(
            f"SROCC on unseen families, {name}", round(found.estimate, 4), round(found.low, 4), round(found.high, 4),
            command,
        )  # fmt: skip

    return tuple(entry(name, found) for name, found in table.items())
