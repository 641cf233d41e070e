"""The paper's deblurring nets, from nothing to weights and card: ``mmlib train deblur-srcnn`` and the others."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import replace as changed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import unknown
from mmlib.metrics.intervals import bootstrap
from mmlib.progress import Progress, silent
from mmlib.train.deblur_paper_loop import gains, train, validation
from mmlib.train.deblur_paper_recipe import OURS, PRINTED, DeblurPaperRecipe
from mmlib.train.devices import choose_device, device_words
from mmlib.train.fuse_paper_features import perceptual_net
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, load, weights_folder

SCORED = 48
"""Crops that give the score; they are others than those that chose the best weights."""
SCORE_SEED = 1234


@dataclass(frozen=True)
class Trainable:
    """A net that can be trained.

    Attributes:
        title: how it is printed.
        task: what it is for.
        kind: the class of the net.
        multiple: rows and columns must be a multiple of this.
        recipe: the numbers.
    """

    title: str
    task: str
    kind: str
    multiple: int
    recipe: DeblurPaperRecipe


TITLES = {
    "srcnn": ("SRCNN", "srcnn.Srcnn", 1),
    "unet": ("U-Net", "unet.Unet", 8),
    "sdeblurgan": ("sDeblurGAN", "deblurgan.Deblurgan", 4),
    "udeblurgan": ("uDeblurGAN", "deblurgan.Deblurgan", 4),
}
TASK = "Turns a frame of a moving scan into what a steady hand would have seen, as in the paper"

RECIPES: Mapping[str, Trainable] = {
    **{
        f"deblur-{net}": Trainable(title, f"{TASK}.", kind, multiple, OURS[net])
        for net, (title, kind, multiple) in TITLES.items()
    },
    **{
        f"deblur-{net}-printed": Trainable(
            f"{title}, by the printed recipe", f"{TASK}, trained as printed there.", kind, multiple, PRINTED[net]
        )
        for net, (title, kind, multiple) in TITLES.items()
    },
}
"""What ``mmlib train`` knows of them: each net by a recipe for the time there is, and by the paper's own."""


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
        work: where scenes and checkpoints are kept.
        output: where weights and card are written; where they are looked for if None.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        The card, with the gain on families that were never learned from.

    Raises:
        InputError: if the name is not known, the device is not there, or the time is too short for any scenes.
    """
    started = time.monotonic()
    known = _known(name)
    place = choose_device(device)
    work, output = work or work_folder(), output or weights_folder()
    recipe = known.recipe if steps is None else changed(known.recipe, steps=steps)
    net, state = train(
        recipe, device=place, work=work, textures=textures, processes=processes, checkpoint=work / name, resume=resume,
        budget_s=budget_s - (time.monotonic() - started), progress=progress,
    )  # fmt: skip
    net = net.to("cpu").half().float()  # what is scored is what is written
    config = asdict(net.config)
    sha256, size = write_weights(net, config, output / f"{name}.safetensors")
    checked = validation(
        changed(recipe, checks=SCORED), seed=SCORE_SEED, work=work, textures=textures, processes=processes
    )
    command = f"mmlib train {name}"
    card = Card(
        name=name, title=known.title, task=known.task, net=known.kind, config=config,
        limits=Limits(channels=3, multiple=known.multiple),
        trained_on=_trained_on(recipe, state.step, place.type != "cpu", textures), device=device_words(place),
        seconds=round(state.seconds), date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=_scores(gains(net, checked), f"{command} --score"), licence="BSD-3-Clause, as the repository",
        file=f"{name}.safetensors", sha256=sha256, bytes=size,
    )  # fmt: skip
    write_card(card, output)
    return card


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there on families that were never learned from, or on real stacks.

    Args:
        name: of `RECIPES`.
        work: where scenes are kept.
        real: a folder of real stacks whose middle plane is known to be in focus; only these are then scored: the planes
            beside it, before and after.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        Words for each number.

    Raises:
        InputError: if the name is not known, or there are no weights or stacks.
    """
    known = _known(name)
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
        changed(known.recipe, checks=SCORED), seed=SCORE_SEED, work=work or work_folder(), processes=processes
    )
    scores = _scores(gains(load(name), checked), "")
    return {one.name: f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in scores}


def _known(name: str) -> Trainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]


def _scores(found: NDArray[np.float64], command: str) -> tuple[Score, ...]:
    """Give the mean gain and the share of crops that came nearer, with intervals over crops."""

    def entry(name: str, values: Sequence[float]) -> Score:
        interval = bootstrap(values, generator=np.random.default_rng(1))
        value, low, high = (round(float(one), 4) for one in (interval.estimate, interval.low, interval.high))
        return Score(name, value, low, high, command)

    return (
        entry("PSNR gain over the blurred frame, dB, unseen families", found.tolist()),
        entry("share of frames that came nearer, unseen families", (found > 0).astype(float).tolist()),
    )


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
