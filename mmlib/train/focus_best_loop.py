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

from mmlib.focusing.learned import MOVES_DOF
from mmlib.nets.focus_profile import LEVELS_DOF, FocusProfile, FocusProfileConfig
from mmlib.progress import Progress, silent
from mmlib.sharpness.truth import BLANK, MOST
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.focus_best_scores import CLEAN, DIRTY, answers, look_at, numbers
from mmlib.train.focus_cells import CellRecipe, FocusCells

QUANTILES = (0.05, 0.5, 0.95)
DETAIL = 0.006
"""Contrast of the truth's fine structure above which a cell teaches focus."""
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
        shuffled: share of batches whose planes come in any order: a scan by hand may go back and forth.
        every: steps from one validation to the next.
        seed: of everything.
        weights: of the parts of the loss.
    """

    data: CellRecipe = field(default_factory=CellRecipe)
    net: FocusProfileConfig = field(default_factory=FocusProfileConfig)
    steps: int = 4000
    stacks: int = 24
    rate: float = 2e-3
    warm_up: int = 100
    decay: float = 1e-2
    blur: float = 0.08
    leave_out: float = 0.15
    lone: float = 0.3
    shuffled: float = 0.2
    every: int = 100
    seed: int = 0
    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "sharp": 1.0, "dirt": 0.1, "best": 0.5, "visible": 0.3, "artefact": 0.5, "blank": 0.2, "defocus": 1.0,
            "level": 1.0,
        }
    )  # fmt: skip


Batch = dict[str, Tensor]


def draw_cells(cells: FocusCells, recipe: FocusRecipe, luck: np.random.Generator) -> Batch:
    """Draw a batch: some stacks, some of their planes, forwards, backwards or in any order.

    Args:
        cells: to learn from.
        recipe: the numbers.
        luck: where it comes from.

    Returns:
        ``features`` (B, K, features) and what is true of them, each (B, K) or (B,).
    """
    most = cells.energy.shape[1]
    count = 1 if luck.random() < recipe.lone else int(luck.integers(2, most + 1))
    shuffled = luck.random() < recipe.shuffled
    rows: list[dict[str, NDArray[np.float32]]] = []
    for stack in luck.integers(0, len(cells), recipe.stacks):
        step = int(luck.integers(1, max(1, (most - 1) // max(count - 1, 1)) + 1))
        first = int(luck.integers(0, most - step * (count - 1)))
        planes = first + step * np.arange(count)
        if shuffled:
            planes = luck.permutation(planes)
        elif luck.random() < 0.5:
            planes = planes[::-1]
        rows.append(look_at(cells, int(stack), planes))
    batch = {name: torch.from_numpy(np.concatenate([row[name] for row in rows])) for name in rows[0]}
    batch["in_order"] = torch.full((len(batch["field"]),), not shuffled)
    return batch


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
    wanted = (level[..., None] <= torch.arange(len(LEVELS_DOF), device=away.device)).float()
    near, far = batch["near"] >= MOST, batch["far"] >= MOST
    empty = (batch["shown"] < BLANK)[:, None].expand_as(far)
    # a stack that hardly moves does not teach what dirt is: what is in focus there changes as little
    moves = batch["defocus"].amax(dim=1) - batch["defocus"].amin(dim=1)
    dirty = inside & (batch["dirt"] > DIRTY) & ((moves > MOVES_DOF) | (away.shape[1] == 1))
    target = torch.asinh(batch["defocus"])
    wrong = target[..., None] - said["defocus"]
    quantiles = wrong.new_tensor(QUANTILES)
    pinball = torch.maximum(quantiles * wrong, (quantiles - 1) * wrong).sum(dim=-1)
    whole = taught[:, 0]
    fooling = dirty[:, None] & (far | empty)
    plain = taught & (near | far)
    found = {
        "sharp": _of_two(said["sharp"], near & ~fooling, plain | fooling),
        "dirt": _mean(F.softplus(said["sharp"][..., 0]), fooling & (away.shape[1] > 1)),  # too few to count above
        "level": _mean(((cumulated - wanted) ** 2).sum(dim=-1), taught),
        "defocus": _mean(pinball, taught & batch["in_order"][:, None]),
        "artefact": _of_two(said["artefact"], fooling, fooling | clean[:, None].expand_as(far)),
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
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[FocusProfile, Checkpoint]:
    """Train.

    Args:
        recipe: the numbers.
        cells: to learn from.
        held_out: of other families, to choose the best weights by.
        checkpoint: folder to go on from.
        resume: go on from the checkpoint there.
        budget_s: stop after this many seconds.
        device: where the net lives while it learns.
        progress: told how far it is.

    Returns:
        The net with the weights that did best, and how it went.
    """
    started = time.monotonic()
    torch.manual_seed(recipe.seed)
    net = FocusProfile(recipe.net).to(device)
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
        batch = {name: value.to(device) for name, value in batch.items()}
        parts = losses(net.train()(batch["features"]), batch)
        loss = sum((recipe.weights[name] * part for name, part in parts.items()), torch.zeros((), device=device))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        state.step += 1
        state.losses.append(round(float(loss.detach()), 5))
        if state.step % recipe.every == 0 or state.step == recipe.steps:
            found = numbers(answers(net, held_out))
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
