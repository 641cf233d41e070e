"""The paper's fusion nets, from nothing to weights and card: ``mmlib train fuse-ifcnn`` and its kin."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mmlib.errors import InputError, unknown
from mmlib.metrics.intervals import bootstrap
from mmlib.nets.ifcnn import Ifcnn
from mmlib.progress import Progress, silent
from mmlib.train.devices import choose_device, device_words
from mmlib.train.fuse_paper_features import perceptual_net
from mmlib.train.fuse_paper_learners import CnnLearner, Learner, make_learner
from mmlib.train.fuse_paper_loop import batches, train
from mmlib.train.fuse_paper_recipe import FusePaperRecipe
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, cards, load, weights_folder

TEACHER = "fuse-ifcnn"
"""Its pictures are the truth of the paper's generators: train it first."""
SCORED_STACKS = 96


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
    recipe: FusePaperRecipe


_GAN = FusePaperRecipe(
    "gan", width=8, truth="ifcnn", pixel=1.0, adversarial=0.001, batch=4, betas=(0.5, 0.999), alone=0.3,
    start="fuse-sfuse",
)  # fmt: skip
_PAIR = "Fuses two frames and their masks into one picture; "

RECIPES: Mapping[str, Trainable] = {
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
        The card, with scores on families that were never learned from.

    Raises:
        InputError: if the name is not known, the device is not there, the teacher is missing, or time is too short.
    """
    started = time.monotonic()
    known = _known(name)
    place = choose_device(device)
    work, output = work or work_folder(), output or weights_folder()
    recipe = known.recipe if steps is None else replace(known.recipe, steps=steps)
    learner = make_learner(recipe, place, _teacher() if recipe.net == "gan" and recipe.truth == "ifcnn" else None)
    begun = _start(learner, recipe, place)
    state = train(
        learner, recipe, device=place, work=work, textures=textures, checkpoint=work / name, resume=resume,
        budget_s=budget_s - (time.monotonic() - started), processes=processes, progress=progress,
    )  # fmt: skip
    net = learner.used.to("cpu").to(torch.float16).float()  # what is scored is what is written
    learner.used = net
    config = asdict(net.config)
    sha256, size = write_weights(net, config, output / f"{name}.safetensors")
    command = f"mmlib train {name}"
    card = Card(
        name=name, title=known.title, task=known.task, net=known.kind, config=config,
        limits=Limits(channels=1 if recipe.net == "cnn" else 3, multiple=8 if recipe.net == "gan" else 1),
        trained_on=_trained_on(recipe, state.step, textures, begun), device=device_words(place),
        seconds=round(state.seconds), date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=tuple(_scores(learner, recipe, work, textures, processes, f"{command} --score")),
        licence="BSD-3-Clause, as the repository", file=f"{name}.safetensors", sha256=sha256, bytes=size,
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
        real: a folder of real stacks with references; only these are then scored, as Table 3 does.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        Words for each number.

    Raises:
        InputError: if the name is not known, or there are no weights or stacks.
    """
    known = _known(name)
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
    scores = _scores(learner, known.recipe, work or work_folder(), None, processes, "")
    return {one.name: f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in scores}


def _known(name: str) -> Trainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]


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


def _scores(
    learner: Learner, recipe: FusePaperRecipe, work: Path, textures: Path | None, processes: int, command: str
) -> list[Score]:
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
    interval = bootstrap(found, generator=np.random.default_rng(1))
    value, low, high = (round(float(one), 4) for one in (interval.estimate, interval.low, interval.high))
    return [Score(f"{name}, unseen families", value, low, high, command)]


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
