"""The learned judge of focus: how it learns from cells of simulated stacks."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mmlib.focusing.features import features
from mmlib.nets.focus_profile import LEVELS_DOF, FocusProfile, FocusProfileConfig
from mmlib.progress import Progress, silent
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.focus_cells import CellRecipe, FocusCells

QUANTILES = (0.05, 0.5, 0.95)
DETAIL, BLANK = 0.006, 0.003
"""Contrast of the truth's fine structure above which a cell teaches focus, and below which it is blank."""
CLEAN, DIRTY = 0.01, 0.03
MOST = 0.75
GROUPS = ((7, 11), (11, 17), (17, 20), (20, 23), (23, 41), (41, 44))
"""Kinds of features that are left out now and then, so that the net leans on none alone."""


@dataclass(frozen=True)
class FocusRecipe:
    """The numbers.

    Attributes:
        data: the cells.
        net: sizes.
        steps: of the optimiser.
        stacks: in a batch; nine cells each.
        rate: greatest learning rate; it rises over `warm_up` steps and falls to nothing as a cosine.
        warm_up: steps.
        decay: of the weights.
        blur: standard deviation of noise on the features: real ones are never quite like simulated ones.
        leave_out: chance that one kind of features is left out of a batch.
        lone: share of batches of one plane: there is a judgement without a stack, too.
        every: steps from one validation to the next.
        seed: of everything.
        weights: of the parts of the loss.
    """

    data: CellRecipe = field(default_factory=CellRecipe)
    net: FocusProfileConfig = field(default_factory=FocusProfileConfig)
    steps: int = 3000
    stacks: int = 24
    rate: float = 2e-3
    warm_up: int = 100
    decay: float = 1e-2
    blur: float = 0.05
    leave_out: float = 0.15
    lone: float = 0.08
    every: int = 250
    seed: int = 0
    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "sharp": 1.0, "best": 0.5, "visible": 0.3, "artefact": 0.5, "blank": 0.2, "defocus": 1.0, "level": 1.0
        }
    )  # fmt: skip


Batch = dict[str, Tensor]


def draw_cells(cells: FocusCells, recipe: FocusRecipe, luck: np.random.Generator) -> Batch:
    """Draw a batch: some stacks, some of their planes, forwards or backwards.

    Args:
        cells: to learn from.
        recipe: the numbers.
        luck: where it comes from.

    Returns:
        ``features`` (B, K, features) and what is true of them, each (B, K) or (B,).
    """
    most = cells.energy.shape[1]
    count = 1 if luck.random() < recipe.lone else int(luck.integers(2, most + 1))
    rows: list[dict[str, NDArray[np.float32]]] = []
    for stack in luck.integers(0, len(cells), recipe.stacks):
        step = int(luck.integers(1, max(1, (most - 1) // max(count - 1, 1)) + 1))
        first = int(luck.integers(0, most - step * (count - 1)))
        planes = first + step * np.arange(count)
        rows.append(look_at(cells, int(stack), planes[::-1] if luck.random() < 0.5 else planes))
    return {name: torch.from_numpy(np.concatenate([row[name] for row in rows])) for name in rows[0]}


def look_at(cells: FocusCells, stack: int, planes: NDArray[np.intp]) -> dict[str, NDArray[np.float32]]:
    """Give features and truth of the cells of a stack; backwards, the sign of defocus turns over.

    Args:
        cells: of many stacks.
        stack: which.
        planes: which, in the order in which they come.

    Returns:
        ``features`` (N, K, features), truths (N, K), and ``detail``, ``dirt``, ``field`` (N,).
    """
    backwards = len(planes) > 1 and planes[0] > planes[-1]
    defocus = cells.defocus_dof[stack, planes].T * np.float32(-1 if backwards else 1)
    return {
        "features": features(cells.profile(stack, planes.tolist())).transpose(1, 0, 2),
        "defocus": defocus,
        **{name: getattr(cells, name)[stack, planes].T for name in ("near", "far", "visible")},
        **{name: getattr(cells, name)[stack] for name in ("detail", "dirt", "field")},
    }


def losses(said: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """Say how wrong the net was, part by part.

    Args:
        said: of the net.
        batch: of `draw_cells`.

    Returns:
        The parts, each a mean over what it can be told by.
    """
    inside = batch["field"] > MOST
    clean = inside & (batch["dirt"] < CLEAN)
    taught = (clean & (batch["detail"] > DETAIL))[:, None].expand_as(batch["defocus"])
    away = batch["defocus"].abs()
    edges = away.new_tensor(LEVELS_DOF)
    level = (away[..., None] > edges).sum(dim=-1)
    cumulated = said["level"].softmax(dim=-1).cumsum(dim=-1)[..., :-1]
    wanted = (level[..., None] <= torch.arange(len(LEVELS_DOF))).float()
    near, far = batch["near"] >= MOST, batch["far"] >= MOST
    empty = (batch["detail"] < BLANK)[:, None].expand_as(far)
    dirty = inside & (batch["dirt"] > DIRTY)
    target = torch.asinh(batch["defocus"])
    wrong = target[..., None] - said["defocus"]
    quantiles = wrong.new_tensor(QUANTILES)
    pinball = torch.maximum(quantiles * wrong, (quantiles - 1) * wrong).sum(dim=-1)
    whole = taught[:, 0]
    found = {
        "sharp": _of_two(said["sharp"], near, taught & (near | far)),
        "level": _mean(((cumulated - wanted) ** 2).sum(dim=-1), taught),
        "defocus": _mean(pinball, taught),
        "artefact": _of_two(
            said["artefact"],
            dirty[:, None] & (far | empty),
            (dirty[:, None] & (far | empty)) | clean[:, None].expand_as(far),
        ),
        "blank": _of_two(said["blank"], empty, (clean[:, None] & (empty | taught))),
    }
    if away.shape[1] > 1:
        nearest = (-(away**2) / 0.18).softmax(dim=1)
        seen = (batch["visible"] / 0.03).softmax(dim=1)
        for name, wish in (("best", nearest), ("visible", seen)):
            found[name] = _mean(-(wish * said[name][..., 0].log_softmax(dim=1)).sum(dim=1), whole)
    return found


def _of_two(logit: Tensor, yes: Tensor, told: Tensor) -> Tensor:
    """Weigh the two answers alike, however many of each there are."""
    loss = F.binary_cross_entropy_with_logits(logit[..., 0], yes.float(), reduction="none")
    return (_mean(loss, told & yes) + _mean(loss, told & ~yes)) / 2


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp(min=1)


def train(
    recipe: FocusRecipe,
    cells: FocusCells,
    held_out: FocusCells,
    *,
    checkpoint: Path,
    resume: bool = False,
    budget_s: float = math.inf,
    progress: Progress = silent,
) -> tuple[FocusProfile, Checkpoint]:
    """Train; the net is so small that a GPU would only wait for its features.

    Args:
        recipe: the numbers.
        cells: to learn from.
        held_out: of other families, to choose the best weights by.
        checkpoint: folder to go on from.
        resume: go on from the checkpoint there.
        budget_s: stop after this many seconds.
        progress: told how far it is.

    Returns:
        The net with the weights that did best, and how it went.
    """
    started = time.monotonic()
    torch.manual_seed(recipe.seed)
    net = FocusProfile(recipe.net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    state = (Checkpoint.load(checkpoint, recipe, net, optimiser) if resume else None) or Checkpoint.start(net)
    before = state.seconds
    while state.step < recipe.steps:
        spent = time.monotonic() - started
        if spent > budget_s:
            break
        luck = np.random.default_rng([recipe.seed, state.step])
        share = max(state.step / recipe.steps, spent / budget_s)
        for group in optimiser.param_groups:
            group["lr"] = (
                recipe.rate * min(1.0, (state.step + 1) / recipe.warm_up) * (1 + math.cos(math.pi * share)) / 2
            )
        batch = draw_cells(cells, recipe, luck)
        batch["features"] = _worse(batch["features"], recipe, luck)
        parts = losses(net.train()(batch["features"]), batch)
        loss = sum((recipe.weights[name] * part for name, part in parts.items()), torch.zeros(()))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        state.step += 1
        state.losses.append(round(float(loss.detach()), 5))
        if state.step % recipe.every == 0 or state.step == recipe.steps:
            found = validate(net, held_out)
            state.note(net, found["balanced"] + found["auc"] - 0.2 * found["plane_error"])
            state.seconds = before + time.monotonic() - started
            state.save(checkpoint, recipe, net, optimiser)
            words = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
            progress(share, f"step {state.step}: loss {np.mean(state.losses[-recipe.every :]):.3f}, {words}")
    state.seconds = before + time.monotonic() - started
    net.load_state_dict(state.best)
    return net.eval(), state


def _worse(found: Tensor, recipe: FocusRecipe, luck: np.random.Generator) -> Tensor:
    """Put noise on the features and leave a kind of them out now and then."""
    found = found + recipe.blur * torch.from_numpy(luck.standard_normal(found.shape, dtype=np.float32))
    for first, last in GROUPS:
        if luck.random() < recipe.leave_out:
            found[..., first:last] = 0
    return found


def validate(net: FocusProfile, cells: FocusCells, step: int = 1) -> dict[str, float]:
    """Judge whole stacks.

    Args:
        net: to judge by.
        cells: of stacks.
        step: from plane to plane.

    Returns:
        ``balanced`` accuracy and ``auc`` of cells in against cells out of focus, ``plane_error`` of the best plane
        where the stack goes through focus, ``covered`` share of truths in the interval, ``artefact`` found and
        ``false_artefact`` shares, ``dirt`` called sharp.
    """
    from scipy import stats

    planes = np.arange(0, cells.energy.shape[1], step)
    rows = [look_at(cells, stack, planes) for stack in range(len(cells))]
    batch = {name: torch.from_numpy(np.concatenate([row[name] for row in rows])) for name in rows[0]}
    with torch.inference_mode():
        said = {name: value.numpy() for name, value in net.eval()(batch["features"]).items()}
    true = {name: value.numpy() for name, value in batch.items()}
    inside = true["field"] > MOST
    judged = (inside & (true["dirt"] < CLEAN) & (true["detail"] > 0.008))[:, None]
    near, far = (true["near"] >= MOST) & judged, (true["far"] >= MOST) & judged
    logit = said["sharp"][..., 0]
    ranks = stats.rankdata(np.concatenate([logit[near], logit[far]]))[: near.sum()]
    auc = (ranks.mean() - (near.sum() + 1) / 2) / far.sum()
    through = judged[:, 0] & (np.abs(true["defocus"]).min(axis=1) < 0.5)
    chosen = np.abs(true["defocus"]).argmin(axis=1)
    error = np.abs(said["best"][..., 0].argmax(axis=1) - chosen)[through]
    visible = np.abs(said["visible"][..., 0].argmax(axis=1) - chosen)[through]
    low, middle, high = np.moveaxis(said["defocus"], 2, 0)
    target = np.arcsinh(true["defocus"])
    where = np.broadcast_to(judged, target.shape)
    dirty = (inside & (true["dirt"] > DIRTY))[:, None] & ((true["far"] >= MOST) | (true["detail"] < BLANK)[:, None])
    artefact = said["artefact"][..., 0] > 0
    return {
        "balanced": float(((logit[near] > 0).mean() + (logit[far] < 0).mean()) / 2),
        "auc": float(auc),
        "plane_error": float(error.mean()),
        "visible_error": float(visible.mean()),
        "dof_error": float(np.abs(np.sinh(middle) - true["defocus"])[where].mean()),
        "covered": float(((target >= low) & (target <= high))[where].mean()),
        "artefact": float(artefact[dirty].mean()),
        "false_artefact": float(artefact[where].mean()),
        "dirt": float(((logit > 0) & ~artefact)[dirty].mean()),
    }
