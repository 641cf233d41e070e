"""The paper's fusion nets, from nothing to weights and card: ``mmlib train fuse-ifcnn`` and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmlib.errors import InputError
from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.nets.ifcnn import Ifcnn
from mmlib.progress import Progress, silent
from mmlib.train.fuse_paper_learners import CnnLearner, Learner, make_learner
from mmlib.train.fuse_paper_loop import batches, train
from mmlib.train.fuse_paper_recipe import FusePaperRecipe
from mmlib.train.orders import Order, Trainable, find, finish, halved, score_words, scores_of
from mmlib.train.perceptual import perceptual_net
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.zoo import Card, Limits, cards, load

TEACHER = "fuse-ifcnn"
"""Its pictures are the truth of the paper's generators: train it first."""
SCORED_STACKS = 96


_GAN = FusePaperRecipe(
    "gan", width=8, truth="ifcnn", pixel=1.0, adversarial=0.001, batch=4, betas=(0.5, 0.999), alone=0.3,
    start="fuse-sfuse",
)  # fmt: skip
_PAIR = "Fuses two frames and their masks into one picture; "

RECIPES: Mapping[str, Trainable[FusePaperRecipe]] = {
    "fuse-ifcnn": Trainable(
        "IFCNN",
        "Fuses any number of frames: the largest answer of an encoder at each place goes to a decoder.",
        "ifcnn.Ifcnn",
        FusePaperRecipe("ifcnn", width=32, gradients=1.0, perceptual=0.02, batch=4, planes=(2, 4), rate=1e-3),
    ),
    "fuse-cnn": Trainable(
        "CNN (Liu 2017)",
        "Says which of two frames is in focus in windows of 16 px.",
        "liu.Liu",
        FusePaperRecipe("cnn", width=16, batch=12, gpu_batch=128, rate=1e-3),
    ),
    "fuse-sfuse": Trainable(
        "sFuse",
        _PAIR + "trained as in the paper: BCE + L1 + perceptual loss of VGG16, IFCNN's pictures as truth.",
        "fusegan.FusionGenerator",
        replace(_GAN, features="vgg", perceptual=0.05, start=""),
    ),
    "fuse-sfusegan": Trainable(
        "sFuseGAN",
        _PAIR + "trained as in the paper: BCE + L1 + perceptual loss of the discriminator, IFCNN's pictures as truth.",
        "fusegan.FusionGenerator",
        replace(_GAN, features="discriminator", perceptual=0.02),
    ),
    "fuse-ufusegan": Trainable(
        "uFuseGAN",
        _PAIR + "trained as in the paper: BCE + uL1 + perceptual loss of the discriminator, IFCNN's pictures as truth.",
        "fusegan.FusionGenerator",
        replace(_GAN, features="discriminator", perceptual=0.02, masked=True),
    ),
    "fuse-ufusegan_truth": Trainable(
        "uFuseGAN, trained on true pictures",
        _PAIR + "as uFuseGAN, but with the simulator's truth in place of IFCNN's pictures, and true masks in the loss.",
        "fusegan.FusionGenerator",
        replace(_GAN, features="discriminator", perceptual=0.02, masked=True, truth="simulator"),
    ),
}
"""What ``mmlib train`` knows of them."""


def run(name: str, **choices: Any) -> Card:
    """Train a net; see `mmlib.train.recipes.run`. The paper's generators learn from IFCNN's pictures: it goes first."""
    order, known = Order(name, **choices), find(RECIPES, name)
    recipe, place = order.stepped(known.recipe), order.place
    learner = make_learner(recipe, place, _teacher() if recipe.net == "gan" and recipe.truth == "ifcnn" else None)
    begun = _start(learner, recipe, place)
    state = train(
        learner, recipe, device=place, work=order.bench, textures=order.textures, checkpoint=order.checkpoint,
        resume=order.resume, budget_s=order.left_s, processes=order.processes, progress=order.progress,
    )  # fmt: skip
    halved(learner.used)
    table = _table(learner, recipe, order.bench, order.textures, order.processes)
    return finish(
        order, known, learner.used, seconds=state.seconds,
        limits=Limits(channels=1 if recipe.net == "cnn" else 3, multiple=8 if recipe.net == "gan" else 1),
        trained_on=_trained_on(recipe, state.step, order.textures, begun),
        scores=scores_of(table, f"{order.command} --score"),
    )  # fmt: skip


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there; see `mmlib.train.recipes.score`. Real stacks are scored as Table 3 does it."""
    known = find(RECIPES, name)
    if real is not None:
        from mmlib.experiments.tables.fusion_scores import score_real
        from mmlib.experiments.tables.real import real_cases

        method = name.removeprefix("fuse-")
        cases = [case for case in real_cases(real) if case.reference is not None]
        found = {
            case.name: score_real(case.stack, case.reference, method) for case in cases if case.reference is not None
        }
        rows = {f"detail SNR, {case}": f"{value:.2f} dB" for case, value in found.items()}
        return {**rows, "detail SNR, mean": f"{np.mean(list(found.values())):.2f} dB"}
    learner = make_learner(known.recipe, torch.device("cpu"))
    learner.used.load_state_dict(load(name).state_dict())
    learner.net.eval()
    return score_words(_table(learner, known.recipe, work or work_folder(), None, processes))


def _teacher() -> Ifcnn:
    if TEACHER not in cards():
        raise InputError(f"IFCNN's pictures are the truth here and it has no weights yet; first: mmlib train {TEACHER}")
    teacher = load(TEACHER)
    if not isinstance(teacher, Ifcnn):
        raise InputError(f"the weights {TEACHER} are not those of IFCNN; train them again: mmlib train {TEACHER}")
    return teacher


def _start(learner: Learner, recipe: FusePaperRecipe, device: torch.device) -> str:
    """Begin with another recipe's weights where a CPU's minutes are too few; gives its name, or nothing."""
    if not recipe.start or device.type != "cpu" or recipe.start not in cards():
        return ""
    learner.used.load_state_dict(load(recipe.start).state_dict())
    learner.used.requires_grad_(True)
    return recipe.start


def _table(
    learner: Learner, recipe: FusePaperRecipe, work: Path, textures: Path | None, processes: int
) -> dict[str, Interval]:
    """Score single stacks of unseen families, always against the simulator's truth."""
    cpu = torch.device("cpu")
    fair = replace(recipe, batch=1, truth="simulator")
    judge = make_learner(fair, cpu)
    judge.used.load_state_dict(learner.used.state_dict())
    judge.net.eval()
    source = batches(fair, "validation", 77, cpu, work, textures, processes=processes)
    luck = torch.Generator().manual_seed(9)
    found = [judge.score(next(source), luck) for _ in range(SCORED_STACKS)]
    name = "windows judged right" if isinstance(judge, CnnLearner) else "PSNR against the simulator's truth, dB"
    return {f"{name}, unseen families": bootstrap(found, generator=np.random.default_rng(1))}


def _trained_on(recipe: FusePaperRecipe, steps: int, textures: Path | None, begun: str) -> str:
    what = "stacks of 2 to 5 frames" if recipe.net == "ifcnn" else "pairs of frames"
    textured = ", some of textures given by the user" if textures else ""
    words = [
        f"{steps} steps of {recipe.batch} crops of {recipe.size} px (on a GPU {recipe.gpu_batch} of "
        f"{recipe.gpu_size} px), {what} of simulated scenes{textured}; "
        f"families {', '.join(VALIDATION)} chose the best weights and gave the score."
    ]
    if begun:
        words.append(f"Began with the weights of {begun}.")
    if recipe.net != "cnn":
        title = perceptual_net().title if recipe.features == "vgg" else "the discriminator"
        words.append(
            f"Loss: {recipe.pixel:g} {'uL1' if recipe.masked else 'L1'}, {recipe.perceptual:g} features of {title}"
            + (f", {recipe.gradients:g} slopes" if recipe.gradients else "")
            + (f", {recipe.adversarial:g} adversarial" if recipe.net == "gan" else "")
            + "."
        )
    truth = "what IFCNN makes of each pair" if recipe.truth == "ifcnn" else "the simulator's"
    return " ".join([*words, f"Truth: {truth}."])
