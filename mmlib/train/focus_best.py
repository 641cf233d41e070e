"""Train the learned judge of focus, from nothing to weights and card: ``mmlib train focus-best``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.focusing.learned import LONE
from mmlib.metrics.intervals import Interval
from mmlib.nets.focus_profile import FocusProfile
from mmlib.progress import Progress, part, silent
from mmlib.train.focus_best_loop import FocusRecipe, train
from mmlib.train.focus_best_scores import answers, calibrate, numbers
from mmlib.train.focus_cells import FocusCells, make_cells
from mmlib.train.orders import Order, Trainable, find, finish, halved, score_words, scores_of
from mmlib.train.scenes import VALIDATION, work_folder
from mmlib.zoo import Card, Limits, load

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
    "lone": "balanced accuracy of lone pictures",
}
LOWER, NEITHER = ("plane_error", "dof_error", "false_artefact", "dirt"), ("covered",)
"""Numbers of which less is better, and those that are best at a value of their own."""


RECIPES: Mapping[str, Trainable[FocusRecipe]] = {
    "focus-best": Trainable(
        "Focus along z",
        "Judges from a few dozen numbers a cell and plane, read along z, how far each cell is from focus and whether "
        "dirt is what one sees.",
        "focus_profile.FocusProfile",
        FocusRecipe(),
    ),
}
"""What this family trains."""


def run(name: str, **choices: Any) -> Card:
    """Train a judge; see `mmlib.train.recipes.run`.

    The net is so small that the features of its cells, which the processor works out once, take nearly all the time; a
    device of another kind is used for the steps of the optimiser alone.
    """
    order, known = Order(name, **choices), find(RECIPES, name)
    recipe, place = order.stepped(known.recipe), order.place
    sets: dict[str, FocusCells] = {}
    for number, split in enumerate(("validation", "train")):
        sets[split] = make_cells(
            split, recipe.data, order.bench, textures=order.textures, processes=order.processes,
            budget_s=order.budget_s * CELLS_SHARE * (0.2, 0.8)[number],
            progress=part(order.progress, 0.35 * number, 0.35 * (number + 1)),
        )  # fmt: skip
    net, _ = train(
        recipe, sets["train"], sets["validation"], checkpoint=order.checkpoint, resume=order.resume,
        device=place, budget_s=order.left_s, progress=part(order.progress, 0.7, 1.0),
    )  # fmt: skip
    calibrate(net, answers(net, sets["validation"]))
    halved(net)
    return finish(
        order, known, net, limits=Limits(channels=1, multiple=1), seconds=order.budget_s - order.left_s,
        trained_on=f"{9 * len(sets['train'])} cells of {len(sets['train'])} simulated stacks"
        f"{' and of textures given by the user' if order.textures else ''}, {recipe.data.planes} planes each, of which "
        "training takes 1 to all; weights chosen on other families of specimens.",
        scores=scores_of(
            score_table(net, sets["validation"]), f"{order.command} --score",
            lower=[titled(key) for key in LOWER], neither=[titled(key) for key in NEITHER],
        ),
    )  # fmt: skip


def score(
    name: str, *, work: Path | None = None, real: Path | None = None, processes: int = 2, progress: Progress = silent
) -> dict[str, str]:
    """Score the weights that are there; see `mmlib.train.recipes.score`."""
    recipe = find(RECIPES, name).recipe
    if real is not None:
        return real_rows(real)
    net = load(name)
    cells = make_cells("validation", recipe.data, work or work_folder(), processes=processes, progress=progress)
    return score_words(score_table(net, cells), digits=3)  # type: ignore[arg-type]


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


def titled(key: str) -> str:
    """Name a number as the card does.

    Args:
        key: of `WORDS`.
    """
    return f"{WORDS[key]} (simulated, unseen families: {', '.join(VALIDATION)})"


def score_table(net: FocusProfile, cells: FocusCells) -> dict[str, Interval]:
    """Give numbers with intervals, drawing stacks anew.

    Args:
        net: to score.
        cells: of stacks that it has not learned from.

    Returns:
        By names that a card can show.
    """
    stacks, pictures = answers(net, cells), answers(net, cells, lone=True)

    def all_numbers(chosen: NDArray[np.intp]) -> dict[str, float]:
        whole = numbers({name: value[chosen] for name, value in stacks.items()})
        alone = numbers({name: value[chosen] for name, value in pictures.items()}, least=LONE)
        return {**whole, "lone": alone["balanced"]}

    rng = np.random.default_rng(0)
    exact = all_numbers(np.arange(len(cells)))
    spread = [all_numbers(rng.integers(0, len(cells), len(cells))) for _ in range(DRAWN)]
    found = {}
    for key in WORDS:
        values = np.array([one[key] for one in spread])
        low, high = np.percentile(values[np.isfinite(values)], [2.5, 97.5]) if np.isfinite(values).any() else (0.0, 0.0)
        if np.isfinite(exact[key]):
            found[titled(key)] = Interval(exact[key], float(low), float(high))
    return found
