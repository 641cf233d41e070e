"""Train the net that `mmlib.deblurring` recommends: ``mmlib train deblur-best``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.nets.refocuser import NEIGHBOURS, Refocuser, RefocuserConfig
from mmlib.nets.restorer import MULTIPLE, GatedUnet
from mmlib.progress import Progress, silent
from mmlib.train.deblur_best_loop import RestorerRecipe, changes, gains, train, validation
from mmlib.train.deblur_windows import Mix, Windows
from mmlib.train.orders import Order, Trainable, find, finish, halved, score_words, scores_of
from mmlib.train.scenes import VALIDATION
from mmlib.zoo import Card, Limits, load

RECIPES: Mapping[str, Trainable[RestorerRecipe]] = {
    "deblur-best": Trainable(
        "Restorer",
        "Takes motion, noise and compression out of a frame, with the planes beside it where there are any, and says "
        "how large an error it still expects.",
        "restorer.Restorer",
        RestorerRecipe(),
    ),
    "deblur-refocus": Trainable(
        "Refocuser",
        "Brings what is out of focus in a frame nearer to focus, with two planes on each side where there are any, and "
        "says how large an error it still expects.",
        "refocuser.Refocuser",
        RestorerRecipe(
            net=RefocuserConfig(width=16),
            gpu_net=RefocuserConfig(),
            rate=1e-3,
            mix=Mix(aimed=1.0, aims=(1.0, 1.0), neighbours=NEIGHBOURS, alone=0.25, astray=0.05),
            begin="deblur-best",
            learned=0.5,
        ),
    ),
}
"""What this family trains."""
IN_FOCUS = (
    "each pixel as in the plane of the stack that is nearest to its focus, held still, without noise, where one of the "
    "planes that are shown is near enough to know it"
)


def run(name: str, **choices: Any) -> Card:
    """Train the net; see `mmlib.train.recipes.run`."""
    order, known = Order(name, **choices), find(RECIPES, name)
    recipe = order.stepped(known.recipe)
    asked: dict[str, Any] = {"textures": order.textures, "processes": order.processes}
    net, state = train(
        recipe, work=order.bench, checkpoint=order.checkpoint, resume=order.resume, budget_s=order.left_s,
        device=order.place, progress=order.progress, **asked,
    )  # fmt: skip
    halved(net)
    gpu = order.place.type != "cpu"
    shown, edge = (recipe.gpu_batch, recipe.gpu_size) if gpu else (recipe.batch, recipe.size)
    return finish(
        order, known, net, limits=Limits(channels=3, multiple=MULTIPLE), seconds=state.seconds,
        trained_on=f"{state.step * shown} windows of {edge} px of simulated scans, each with the planes beside it or "
        f"without{', some of scenes made of pictures given by the user' if order.textures else ''}, moved, "
        f"photographed and filmed anew{'' if gpu else f' and shown about {recipe.every} times each'}; families kept "
        f"out, to choose the best weights and to score: {', '.join(VALIDATION)}. Target: "
        f"{'the same plane held still, without noise' if recipe.mix.aimed < 1 else IN_FOCUS}.",
        scores=scores_of(score_table(net, validation(recipe, work=order.bench, **asked)), f"{order.command} --score"),
    )  # fmt: skip


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there; see `mmlib.train.recipes.score`, and `mmlib.experiments.deblur_real`."""
    known = find(RECIPES, name)
    if real is not None:
        from mmlib.experiments.deblur_real import score_folder

        method = name.removeprefix("deblur-")
        return {key: str(value) for key, value in score_folder(real, method, progress=progress).items()}
    windows = validation(known.recipe, work=work, processes=processes)
    progress(0.3, "scenes are there")
    return score_words(score_table(load(name), windows))  # type: ignore[arg-type]


def score_table(net: GatedUnet, windows: list[Windows]) -> dict[str, Interval]:
    """Give the mean gains with their 95 % intervals.

    Args:
        net: which.
        windows: from `validation`.

    Returns:
        By names that a card can show.
    """
    found = {"PSNR gain on unseen families, with neighbours, dB": gains(net, windows)}
    if not isinstance(net, Refocuser):  # which is never asked alone
        alone = gains(net, [one.alone() for one in windows])
        clean = changes(net, [one.clean() for one in windows])
        found = {
            "PSNR gain on unseen families, one frame, dB": alone,
            **found,
            "PSNR of clean frames to themselves, dB": clean,
        }
    rng = np.random.default_rng(0)
    return {title: bootstrap(values, generator=rng) for title, values in found.items()}
