"""The focus systems of the paper's Table 1, from nothing to weights and card: ``mmlib train focus-yang`` and others."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.focusing.svm import read_svm
from mmlib.nets.focus_svm import FocusSvmConfig
from mmlib.nets.yang import Yang
from mmlib.progress import Progress, part, silent
from mmlib.train.devices import choose_device, device_words
from mmlib.train.focus_paper_crops import KERNELS, CropRecipe, Crops, crop_set
from mmlib.train.focus_paper_machines import BLUR, SvmRecipe, describe, fit, in_focus, thinned, write_machine
from mmlib.train.focus_paper_nets import CROSS_ENTROPY, FocusNetRecipe, judge, shrink, train
from mmlib.train.focus_paper_scores import Told, balanced, levels_off, lost
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, card, load, weights_folder, weights_path

LICENCE = "BSD-3-Clause, as the repository"
SCANS = "crops of scans, unseen families"


@dataclass(frozen=True)
class Trainable:
    """A system that can be trained.

    Attributes:
        title: how it is printed.
        task: what it is for.
        recipe: the numbers, for a CPU.
        large: the numbers for a GPU.
    """

    title: str
    task: str
    recipe: FocusNetRecipe | SvmRecipe
    large: FocusNetRecipe | SvmRecipe


def _net(title: str, task: str, recipe: FocusNetRecipe) -> Trainable:
    crops = replace(recipe.crops, train=120_000, validation=6000)
    large = replace(recipe, crops=crops, whole=True, steps=24_000, batch=128, rate=3e-4, validate_every=1000)
    return Trainable(title, task, recipe, large)


def _machine(title: str, recipe: SvmRecipe) -> Trainable:
    task = "Tells a crop of 84 px in focus from one out of it, with the chance that it is."
    return Trainable(title, task, recipe, replace(recipe, crops=replace(recipe.crops, train=20_000), most=8000))


_LEVELS = "Gives a crop of 84 px a chance for each of {} levels of focus, 0 in focus."

RECIPES: Mapping[str, Trainable] = {
    "focus-yang": _net(
        "Yang et al. 2018",
        _LEVELS.format(11),
        FocusNetRecipe(crops=CropRecipe(KERNELS, levels=11, train=3300, validation=660), relative=False, gain=1.0),
    ),
    "focus-paper_rps": _net("The paper's net, RPS loss", _LEVELS.format(10), FocusNetRecipe()),
    "focus-paper_ce": _net(
        "The paper's net, cross-entropy", _LEVELS.format(10), FocusNetRecipe(loss=CROSS_ENTROPY, rate=3e-4)
    ),
    "focus-svm_hog": _machine("SVM on HOG", SvmRecipe()),
    "focus-svm_blur": _machine("SVM on blur features", SvmRecipe(BLUR, most=5000, rank=0, scaled=True)),
}
"""What this family knows."""


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
    recipe: FocusNetRecipe | SvmRecipe | None = None,
) -> Card:
    """Train a system, from nothing to weights and card.

    Args:
        name: of `RECIPES`.
        budget_s: take no more steps after this many seconds.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        resume: go on from the last checkpoint.
        steps: of the optimiser; the recipe's own if None.
        textures: a folder of pictures that more scenes are made of.
        work: where scenes, crops and checkpoints are kept.
        output: where weights and card are written; where they are looked for if None.
        processes: how many make scenes at once.
        progress: told how far it is.
        recipe: in place of the one that the device asks for.

    Returns:
        The card, with scores on families that were not learned from.

    Raises:
        InputError: if the name is not known, the device is not there, or scikit-learn is needed and missing.
    """
    known, place = _known(name), choose_device(device)
    work, output = work or work_folder(), output or weights_folder()
    used = recipe or (known.recipe if place.type == "cpu" else known.large)
    started = time.monotonic()
    sets = _sets(used.crops, place, work, textures, processes, part(progress, 0.0, 0.3))
    made_s = time.monotonic() - started
    file = output / f"{name}.safetensors"
    told: dict[str, Told] = {}
    if isinstance(used, SvmRecipe):
        seconds, sha256, size, kind, config = _run_machine(used, sets, file, told)
    else:
        used = used if steps is None else replace(used, steps=steps)
        net, state = train(
            used, sets["train"], sets["validation"], checkpoint=work / name, resume=resume,
            budget_s=max(budget_s - made_s, 1.0), device=place, progress=part(progress, 0.3, 0.95),
        )  # fmt: skip
        scans = sets if used.crops.kind != KERNELS else _scans(known, place, work, textures, processes, progress)
        small = _halved(shrink(net, used, sets["train"]).to("cpu"))  # what is scored is what is written
        if net.config.rank != small.config.rank:
            told["Accuracy that squeezing costs, points"] = _cost(net.to("cpu"), small, scans)
        told |= _tell(small, sets, scans, used.crops)
        seconds, kind, config = state.seconds, "yang.Yang", asdict(small.config)
        sha256, size = write_weights(small, config, file)
    command = f"mmlib train {name}"
    made = Card(
        name=name, title=known.title, task=known.task, net=kind, config=config, limits=Limits(channels=1, multiple=84),
        trained_on=_trained_on(used, sets, textures), device=device_words(place), seconds=round(seconds),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=tuple(
            Score(key, round(t.value, 4), round(t.low, 4), round(t.high, 4), f"{command} --score")
            for key, t in told.items()
            if np.isfinite([t.value, t.low, t.high]).all()
        ),
        licence=LICENCE, file=file.name, sha256=sha256, bytes=size,
    )  # fmt: skip
    write_card(made, output)
    progress(1.0, "done")
    return made


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there on crops of families that were not learned from.

    Args:
        name: of `RECIPES`.
        work: where scenes and crops are kept.
        real: refused: real stacks are scored by ``mmlib table 1 --real``.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        Words for each number, with its interval.

    Raises:
        InputError: if the name is not known, there are no weights, or real stacks are given.
    """
    known = _known(name)
    if real is not None:
        raise InputError("judges of focus meet real stacks in Table 1: mmlib table 1 --real FOLDER")
    card(name)
    place, work = torch.device("cpu"), work or work_folder()
    sets = _sets(known.recipe.crops, place, work, None, processes, progress)
    told: dict[str, Told] = {}
    if isinstance(known.recipe, SvmRecipe):
        machine = read_svm(weights_path(name))
        chances = {split: machine.chance(describe(known.recipe, crops)) for split, crops in sets.items()}
        told[f"Balanced accuracy, {SCANS}"] = balanced(chances, sets)
    else:
        net = load(name)
        scans = sets if known.recipe.crops.kind != KERNELS else _scans(known, place, work, None, processes, progress)
        told = _tell(net, sets, scans, known.recipe.crops)  # type: ignore[arg-type]
    return {key: f"{t.value:.3f} ({t.low:.3f} to {t.high:.3f})" for key, t in told.items()}


def _run_machine(
    recipe: SvmRecipe, sets: Mapping[str, Crops], file: Path, told: dict[str, Told]
) -> tuple[float, str, int, str, dict[str, Any]]:
    started = time.monotonic()
    learn = sets["train"]
    rng = np.random.default_rng(recipe.seed)
    some = np.sort(rng.permutation(len(learn.levels))[: recipe.most])
    learn = learn.only(some)
    whole = fit(recipe, describe(recipe, learn), in_focus(learn.levels, recipe.crops.levels))
    seconds = time.monotonic() - started
    machine, sha256, size = write_machine(thinned(whole, recipe.rank), file)
    features = {split: describe(recipe, crops) for split, crops in sets.items()}
    before, after = ({split: m.chance(found) for split, found in features.items()} for m in (whole, machine))
    told[f"Balanced accuracy, {SCANS}"] = balanced(after, sets)
    if recipe.rank:
        told["Accuracy that thinning costs, points"] = lost(before, after, sets)
    config = FocusSvmConfig(recipe.features, len(machine.middle), len(machine.weights), len(machine.directions))
    return seconds, sha256, size, "focus_svm.FocusSvm", asdict(config)


def _tell(net: Yang, sets: Mapping[str, Crops], scans: Mapping[str, Crops], recipe: CropRecipe) -> dict[str, Told]:
    sharpness = {split: -_level(net, crops) for split, crops in scans.items()}
    own = "crops blurred by kernels" if recipe.kind == KERNELS else "crops of scans"
    check = sets["validation"]
    return {
        f"Balanced accuracy, {SCANS}": balanced(sharpness, scans),
        f"Levels off of {recipe.levels}, {own}, unseen families": levels_off(_level(net, check), check),
    }


def _level(net: Yang, crops: Crops) -> NDArray[np.float64]:
    return np.asarray(judge(net, crops.pixels) @ np.arange(net.config.levels))


def _cost(whole: Yang, small: Yang, sets: Mapping[str, Crops]) -> Told:
    before, after = ({split: -_level(net, crops) for split, crops in sets.items()} for net in (whole, small))
    return lost(before, after, sets)


def _halved(net: Yang) -> Yang:
    """Round weights as the file does."""
    return net.to(torch.float16).float().eval()


def _sets(
    recipe: CropRecipe, place: torch.device, work: Path, textures: Path | None, processes: int, progress: Progress
) -> dict[str, Crops]:
    return {
        split: crop_set(
            recipe, split, device=place, work=work, textures=textures, processes=processes,
            progress=part(progress, i / 2, (i + 1) / 2),
        )
        for i, split in enumerate(("train", "validation"))
    }  # fmt: skip


def _scans(
    known: Trainable, place: torch.device, work: Path, textures: Path | None, processes: int, progress: Progress
) -> dict[str, Crops]:
    """Give the crops of scans, for a net that learned from others."""
    other = RECIPES["focus-paper_rps"]
    recipe = other.recipe if place.type == "cpu" else other.large
    return _sets(recipe.crops, place, work, textures, processes, part(progress, 0.95, 1.0))


def _known(name: str) -> Trainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]


def _trained_on(recipe: FocusNetRecipe | SvmRecipe, sets: Mapping[str, Crops], textures: Path | None) -> str:
    learn, check = sets["train"], sets["validation"]
    count = min(len(learn.levels), recipe.most) if isinstance(recipe, SvmRecipe) else len(learn.levels)
    what = (
        "flat scenes blurred by the picture of a shining point, 11 levels 2 um apart"
        if recipe.crops.kind == KERNELS
        else "simulated scans through focus, 10 levels half a depth of field apart"
    )
    return (
        f"{count} crops of 84 px of {what}, from {len(np.unique(learn.scenes))} scenes"
        f"{' and textures given by the user' if textures else ''}; {len(check.levels)} crops of families kept out "
        f"({', '.join(VALIDATION)}) choose the best weights and score."
    )
