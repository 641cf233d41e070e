"""Judges of quality, from nothing to weights and card: ``mmlib train cnniqa`` and ``cnniqa_plus``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.field import find_field
from mmlib.progress import Progress, part, silent
from mmlib.train.orders import Order, Trainable, find, finish, halved, score_words, scores_of
from mmlib.train.quality import QualityRecipe, judge, train
from mmlib.train.quality_patches import Pictures
from mmlib.train.quality_pictures import make_pictures, read_pictures
from mmlib.train.quality_scenes import KINDS, TARGET, TEST, PictureRecipe, split_of
from mmlib.train.quality_scores import SCORERS, real_planes, score_table, worse_by_degrees
from mmlib.train.scenes import work_folder
from mmlib.zoo import Card, Limits, load, weights_path

PICTURES_SHARE = 0.45
"""How much of a time budget the pictures may take, if they are not there yet."""


RECIPES: Mapping[str, Trainable[QualityRecipe]] = {
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
        QualityRecipe("cnniqa_plus", steps=2000, rate=2e-3, dropout=0.5),
    ),
}
"""What ``mmlib train`` knows."""


def run(name: str, *, pictures: PictureRecipe | None = None, **choices: Any) -> Card:
    """Train a judge; see `mmlib.train.recipes.run`.

    Args:
        name: of `RECIPES`.
        pictures: how many pictures of what; the recipe's own if None.
        **choices: see `mmlib.train.recipes.run`.
    """
    order, known = Order(name, **choices), find(RECIPES, name)
    place, recipe = order.place, order.stepped(known.recipe)
    recipe = recipe if pictures is None else replace(recipe, data=pictures)
    sets = quality_sets(
        recipe.data, order.bench, textures=order.textures, processes=order.processes,
        budget_s=order.budget_s * PICTURES_SHARE, progress=part(order.progress, 0.0, 0.3),
    )  # fmt: skip
    net, state = train(
        recipe, sets["train"], sets["validation"], checkpoint=order.checkpoint, resume=order.resume,
        budget_s=order.left_s, device=place, progress=part(order.progress, 0.3, 1.0),
    )  # fmt: skip
    halved(net)
    table = score_table(judge(net, sets["test"]), sets["test"])
    named = {f"SROCC on unseen families, {kind}": found for kind, found in table.items()}
    return finish(
        order, known, net, limits=Limits(channels=1, multiple=1), seconds=state.seconds,
        trained_on=_trained_on(sets, order.textures), scores=scores_of(named, f"{order.command} --score"),
    )  # fmt: skip


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
    known = find(RECIPES, name)
    if real is not None:
        return _real_rows(name, real)
    net = load(name)
    test = quality_sets(known.recipe.data, work or work_folder(), only=TEST, processes=processes, progress=progress)
    table = score_table(judge(net, test["test"]), test["test"])  # type: ignore[arg-type]
    return score_words({f"SROCC, {kind}": found for kind, found in table.items()}, digits=3)


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


def _trained_on(sets: Mapping[str, Pictures], textures: Path | None) -> str:
    counts = {split: (len(p.targets), len(np.unique(p.scenes.numpy()))) for split, p in sets.items()}
    return (
        f"{counts['train'][0]} pictures of {counts['train'][1]} simulated scenes"
        f"{' and of textures given by the user' if textures else ''} ({', '.join(KINDS)}, or several of them), 192 px; "
        f"families kept out: {counts['validation'][1]} scenes to choose the best weights, {counts['test'][1]} to score "
        f"({', '.join(TEST)}). Target: {TARGET}."
    )
