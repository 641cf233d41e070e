"""The net that weighs the frames of a stack, from nothing to weights and card: ``mmlib train fuse-best``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.progress import Progress, silent
from mmlib.train.fuse_best_loop import FuseBestRecipe, check, make_net, train, validation
from mmlib.train.orders import Order, Trainable, find, finish, halved, score_words, scores_of
from mmlib.train.scenes import VALIDATION, make_pool, work_folder
from mmlib.train.scenes import Pool as ScenePool
from mmlib.zoo import Card, Limits, load

POOL_SHARE = 0.4
"""How much of a time budget scenes may take, if they are not there yet."""
DEPTH = "depth error on unseen families, planes"
"""The one number on the card of which less is better."""


RECIPES: Mapping[str, Trainable[FuseBestRecipe]] = {
    "fuse-best": Trainable(
        "whole-stack fusion",
        "Says how much each frame of a stack counts at each place and scale, and where the surface lies.",
        "stack_weights.StackWeights",
        FuseBestRecipe(),
    )
}
"""What this family trains."""


def run(name: str, **choices: Any) -> Card:
    """Train the net; see `mmlib.train.recipes.run`."""
    order, known = Order(name, **choices), find(RECIPES, name)
    recipe, cpu = order.stepped(known.recipe), order.place.type == "cpu"
    asked: dict[str, Any] = {"textures": order.textures, "processes": order.processes}
    for split in ("validation", "train") if cpu else ():
        make_pool(
            split, ScenePool(), order.bench, budget_s=order.budget_s * POOL_SHARE / 2, progress=order.progress, **asked
        )
    net, state = train(
        recipe, work=order.bench, checkpoint=order.checkpoint, resume=order.resume, pool_budget_s=0,
        budget_s=order.left_s, device=order.place, progress=order.progress, **asked,
    )  # fmt: skip
    halved(net)
    checks = validation(recipe, work=order.bench, **asked)
    return finish(
        order, known, net, limits=Limits(channels=3, multiple=1), seconds=state.seconds,
        trained_on=f"{state.step * (recipe.batch if cpu else recipe.batch_gpu)} simulated stacks of "
        f"{recipe.planes[0]} to {recipe.planes[1]} frames, {recipe.size} px"
        f"{', some of them made of pictures given by the user' if order.textures else ''}; families kept out to choose "
        f"the best weights and to score: {', '.join(VALIDATION)}. Target: what a still camera records in focus, clear "
        "of the rims of what lies above and below.",
        scores=scores_of(score_table(check(net, checks)), f"{order.command} --score", lower=(DEPTH,)),
    )  # fmt: skip


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there, beside the net as its training begins; see `mmlib.train.recipes.score`.

    Real stacks are those that the folder's ``stacks_ref`` has, with pictures that other software made of them.
    """
    known = find(RECIPES, name)
    if real is not None:
        return _real_rows(real)
    checks = validation(known.recipe, work=work or work_folder(), processes=processes)
    progress(0.3, "scenes are there")
    table = score_table(check(load(name), checks))  # type: ignore[arg-type]
    first = score_table(check(make_net(known.recipe), checks))
    return score_words({**table, **{f"{key}, before training": found for key, found in first.items()}})


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
        "rims": "PSNR in empty places beside thick things of unseen families, dB",
        "depth": DEPTH,
    }
    rng = np.random.default_rng(0)
    return {title: bootstrap(found[key], generator=rng) for key, title in names.items() if found[key]}


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
