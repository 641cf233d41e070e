"""The paper's deblurring nets, from nothing to weights and card: ``mmlib train deblur-srcnn`` and the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.progress import Progress, silent
from mmlib.train.deblur_paper_loop import gains, train, validation
from mmlib.train.deblur_paper_recipe import OURS, PRINTED, DeblurPaperRecipe
from mmlib.train.orders import Order, Trainable, find, finish, halved, score_words, scores_of
from mmlib.train.perceptual import perceptual_net
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.zoo import Card, Limits, load

SCORED = 48
"""Crops that give the score; they are others than those that chose the best weights."""
SCORE_SEED = 1234


@dataclass(frozen=True)
class PaperNet(Trainable[DeblurPaperRecipe]):
    """A net of the paper.

    Attributes:
        multiple: of which its sides must be.
    """

    multiple: int


TITLES = {
    "srcnn": ("SRCNN", "srcnn.Srcnn", 1),
    "unet": ("U-Net", "unet.Unet", 8),
    "sdeblurgan": ("sDeblurGAN", "deblurgan.Deblurgan", 4),
    "udeblurgan": ("uDeblurGAN", "deblurgan.Deblurgan", 4),
}
TASK = "Turns a frame of a moving scan into what a steady hand would have seen, as in the paper"

RECIPES: Mapping[str, PaperNet] = {
    **{
        f"deblur-{net}": PaperNet(title, f"{TASK}.", kind, OURS[net], multiple)
        for net, (title, kind, multiple) in TITLES.items()
    },
    **{
        f"deblur-{net}-printed": PaperNet(
            f"{title}, by the printed recipe", f"{TASK}, trained as printed there.", kind, PRINTED[net], multiple
        )
        for net, (title, kind, multiple) in TITLES.items()
    },
}
"""What ``mmlib train`` knows of them: each net by a recipe for the time there is, and by the paper's own."""


def run(name: str, **choices: Any) -> Card:
    """Train a net; see `mmlib.train.recipes.run`."""
    order, known = Order(name, **choices), find(RECIPES, name)
    recipe = order.stepped(known.recipe)
    asked: dict[str, Any] = {"work": order.bench, "textures": order.textures, "processes": order.processes}
    net, state = train(
        recipe, device=order.place, checkpoint=order.checkpoint, resume=order.resume, budget_s=order.left_s,
        progress=order.progress, **asked,
    )  # fmt: skip
    halved(net)
    found = gains(net, validation(replace(recipe, checks=SCORED), seed=SCORE_SEED, **asked))
    return finish(
        order, known, net, limits=Limits(channels=3, multiple=known.multiple), seconds=state.seconds,
        trained_on=_trained_on(recipe, state.step, order.place.type != "cpu", order.textures),
        scores=scores_of(_table(found), f"{order.command} --score"),
    )  # fmt: skip


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there; see `mmlib.train.recipes.score`.

    Of real stacks whose middle plane is known to be in focus, the planes beside it are scored, before and after.
    """
    known = find(RECIPES, name)
    if real is not None:
        from mmlib.experiments.tables.deblur_scores import score_real
        from mmlib.experiments.tables.real import real_cases

        method, rows = name.removeprefix("deblur-"), {}
        for case in real_cases(real):
            if case.reference is None:
                before, after = (score_real(case.stack, one) for one in ("none", method))
                for key, title in (("psnr", "PSNR"), ("detail", "detail SNR")):
                    rows[f"{title} beside focus, {case.name}"] = (
                        f"{before[key]:.2f} dB before, {after[key]:.2f} dB after"
                    )
        return rows
    checked = validation(
        replace(known.recipe, checks=SCORED), seed=SCORE_SEED, work=work or work_folder(), processes=processes
    )
    return score_words(_table(gains(load(name), checked)))


def _table(found: NDArray[np.float64]) -> dict[str, Interval]:
    """Give the mean gain and the share of crops that came nearer, with intervals over crops."""
    values = {
        "PSNR gain over the blurred frame, dB, unseen families": found.tolist(),
        "share of frames that came nearer, unseen families": (found > 0).astype(float).tolist(),
    }
    return {name: bootstrap(one, generator=np.random.default_rng(1)) for name, one in values.items()}


def _trained_on(recipe: DeblurPaperRecipe, steps: int, gpu: bool, textures: Path | None) -> str:
    batch, size = (recipe.gpu_batch, recipe.gpu_size) if gpu else (recipe.batch, recipe.size)
    source = f"{recipe.pairs} pairs drawn once" if recipe.pairs else "pairs drawn anew"
    words = [
        f"{steps} of {recipe.steps} steps of {batch} crops of {size} px, {source}: frames of simulated moving scans"
        f"{' and scenes of textures given by the user' if textures else ''}, through a phone and a video; the target "
        f"is the same plane held still. Families {', '.join(VALIDATION)} chose the best weights and gave the score."
    ]
    if recipe.adversary:
        words.append(
            f"Loss: {recipe.content:g} content of {perceptual_net().title}, {recipe.adversarial:g} critic, "
            f"{recipe.structure:g} structure; {100 * recipe.pretraining:.0f} % of the time as the identity."
        )
    else:
        words.append(f"Loss: {'logarithm of the ' if recipe.relative else ''}mean square error.")
    return " ".join(words)
