"""Train the learned judge of focus, from nothing to weights and card: ``mmlib train focus-best``."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mmlib.errors import InputError, unknown
from mmlib.progress import Progress, part, silent
from mmlib.train.devices import choose_device, device_words
from mmlib.train.focus_best_loop import FocusRecipe, train
from mmlib.train.focus_best_scores import answers, calibrate, numbers
from mmlib.train.focus_cells import FocusCells, make_cells
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score, load, weights_folder

CELLS_SHARE = 0.75
"""How much of a time budget the cells may take, if they are not there yet."""
DRAWN = 200
WORDS = {
    "balanced": "balanced accuracy, in or out of focus",
    "auc": "AUC, in or out of focus",
    "plane_error": "error of the best plane, planes",
    "dof_error": "error of defocus, depths of field",
    "covered": "truths within the 90 % interval",
    "false_artefact": "clean cells called artefacts",
    "dirt": "dirty cells called in focus",
}


@dataclass(frozen=True)
class FocusTrainable:
    """A judge that can be trained.

    Attributes:
        title: how it is printed.
        task: what it is for.
        kind: the class of the net.
        recipe: the numbers.
    """

    title: str
    task: str
    kind: str
    recipe: FocusRecipe


RECIPES: Mapping[str, FocusTrainable] = {
    "focus-best": FocusTrainable(
        "Focus along z",
        "Judges from a few dozen numbers a cell and plane, read along z, how far each cell is from focus and whether "
        "dirt is what one sees.",
        "focus_profile.FocusProfile",
        FocusRecipe(),
    ),
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
    """Train a judge; see `mmlib.train.recipes.run`.

    The net is so small that the features of its cells, which the processor works out once, take nearly all the time; a
    device of another kind is used for the steps of the optimiser alone.
    """
    started = time.monotonic()
    known = _known(name)
    recipe = known.recipe if steps is None else replace(known.recipe, steps=steps)
    place = choose_device(device)
    work, output = work or work_folder(), output or weights_folder()
    sets: dict[str, FocusCells] = {}
    for number, split in enumerate(("validation", "train")):
        sets[split] = make_cells(
            split, recipe.data, work, textures=textures, processes=processes,
            budget_s=budget_s * CELLS_SHARE * (0.2, 0.8)[number],
            progress=part(progress, 0.35 * number, 0.35 * (number + 1)),
        )  # fmt: skip
    net, _ = train(
        recipe, sets["train"], sets["validation"], checkpoint=work / name, resume=resume, device=place,
        budget_s=budget_s - (time.monotonic() - started), progress=part(progress, 0.7, 1.0),
    )  # fmt: skip
    calibrate(net, answers(net, sets["validation"]))
    net = net.cpu().to(torch.float16).float()  # what is scored is what is written
    sha256, size = write_weights(net, asdict(net.config), output / f"{name}.safetensors")
    command = f"mmlib train {name}"
    card = Card(
        name=name, title=known.title, task=known.task, net=known.kind, config=asdict(net.config),
        limits=Limits(channels=1, multiple=1),
        trained_on=f"{9 * len(sets['train'])} cells of {len(sets['train'])} simulated stacks"
        f"{' and of textures given by the user' if textures else ''}, {recipe.data.planes} planes each, of which "
        "training takes 1 to all; weights chosen on other families of specimens.",
        device=device_words(place), seconds=round(time.monotonic() - started),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(), command=command,
        scores=scores_of(answers(net, sets["validation"]), f"{command} --score"),
        licence="BSD-3-Clause, as the repository", file=f"{name}.safetensors", sha256=sha256, bytes=size,
    )  # fmt: skip
    write_card(card, output)
    return card


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there; see `mmlib.train.recipes.score`."""
    recipe = _known(name).recipe
    if real is not None:
        return real_rows(real)
    net = load(name)
    cells = make_cells("validation", recipe.data, work or work_folder(), processes=processes, progress=progress)
    found = scores_of(answers(net, cells), "")  # type: ignore[arg-type]
    return {one.name: f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in found}


def real_rows(folder: Path) -> dict[str, str]:
    """Count in how many cells of real stacks the plane that is known to be sharp is found, and the bands beside.

    Args:
        folder: holds one folder a stack of an odd number of planes, z0.png and on, the middle one in focus.

    Returns:
        Words for each stack and judge.

    Raises:
        InputError: if there is no such stack.
    """
    from mmlib.focusing import focus
    from mmlib.io import open_stack

    rows = {}
    for case in sorted(path for path in folder.iterdir() if path.is_dir()):
        stack = open_stack(case)
        if len(stack) % 2 == 0:
            continue
        for method in ("best", "bands"):
            report = focus(stack, method=method, stride=42)
            score = report.cells["score"].reshape(len(stack), *report.best_plane.shape)
            known = np.isfinite(score).all(axis=0)
            detail = report.cells["detail"].reshape(score.shape)[0]
            chosen = known & (detail >= np.percentile(detail[known], 60)) if known.any() else known
            right = score.argmax(axis=0)[chosen] == len(stack) // 2
            rows[f"{case.name}, {method}"] = f"middle plane sharpest in {int(right.sum())} of {right.size} cells"
    if not rows:
        raise InputError(f"{folder} holds no stack of an odd number of planes; name a folder of folders of z0.png, ...")
    return rows


def scores_of(said: dict[str, np.ndarray], command: str) -> tuple[Score, ...]:
    """Give numbers with intervals, drawing stacks anew.

    Args:
        said: of `answers`.
        command: what prints them.
    """
    rng = np.random.default_rng(0)
    count = len(said["detail"])
    exact, spread = numbers(said), []
    for _ in range(DRAWN):
        chosen = rng.integers(0, count, count)
        spread.append(numbers({name: value[chosen] for name, value in said.items()}))
    found = []
    for key, words in WORDS.items():
        values = np.array([one[key] for one in spread])
        low, high = np.percentile(values[np.isfinite(values)], [2.5, 97.5]) if np.isfinite(values).any() else (0.0, 0.0)
        if np.isfinite(exact[key]):
            name = f"{words} (simulated, unseen families: {', '.join(VALIDATION)})"
            found.append(Score(name, round(exact[key], 4), round(float(low), 4), round(float(high), 4), command))
    return tuple(found)


def _known(name: str) -> FocusTrainable:
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
