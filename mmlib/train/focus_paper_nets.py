"""Train the focus nets of the paper: crops of known focus, how far guessed levels are off, the step that mends it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmlib.nets.yang import Yang, YangConfig, ranked_probability_score, squeezed
from mmlib.progress import Progress, silent
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.focus_paper_crops import CropRecipe, Crops

RPS, CROSS_ENTROPY = "rps", "cross-entropy"


@dataclass(frozen=True)
class FocusNetRecipe:
    """Everything that decides what comes out, each number with a word of why.

    Attributes:
        loss: ``"rps"``, which asks how many levels a guess is off, or ``"cross-entropy"``.
        crops: that it learns from.
        relative: whether the net takes crops relative to their light: phones choose their exposure themselves.
        rank: directions that are left of the great layer; 64 keep the file under 4 MB.
        whole: train the great layer whole and squeeze it at the end; where steps are dear it is small at once.
        steps: of the optimiser; the rate falls to nothing along them.
        batch: crops a step; every level is as frequent as the others.
        rate: of Adam, at its highest; the paper's 1e-6 asks for more than a million steps.
        warm: the rate climbs along this share of the steps.
        gain: brightness is changed by up to this factor; 1 leaves it, as crops of kernels already vary.
        validate_every: steps; the weights whose mean level is nearest on validation are kept.
        seed: of weights, batches and dropout.
    """

    loss: str = RPS
    crops: CropRecipe = field(default_factory=CropRecipe)
    relative: bool = True
    rank: int = 64
    whole: bool = False
    steps: int = 600
    batch: int = 24
    rate: float = 5e-4
    warm: float = 0.05
    gain: float = 1.5
    validate_every: int = 60
    seed: int = 3


def make_net(recipe: FocusNetRecipe) -> Yang:
    """Give the net of a recipe with its first weights, which depend on the seed alone."""
    rank = 0 if recipe.whole else recipe.rank
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return Yang(YangConfig(levels=recipe.crops.levels, rank=rank, relative=recipe.relative))


def train(
    recipe: FocusNetRecipe,
    learn: Crops,
    check: Crops,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    budget_s: float = math.inf,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Yang, Checkpoint]:
    """Train a net until its steps or its time are spent, and give the weights that did best on unseen families.

    Args:
        recipe: what to do.
        learn: the crops to learn from.
        check: crops of other families, which say when it was best.
        checkpoint: a folder to save to at every validation, or None.
        resume: go on from the checkpoint, if there is one of this recipe; the result is that of one long run.
        budget_s: take no more steps after this many seconds; the rate falls along the time where that is shorter than
            the steps.
        device: where to work.
        progress: told how far it is.

    Returns:
        The net as it was trained, ready to judge, and what happened on the way.
    """
    device = torch.device(device)
    net = make_net(recipe).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.rate)  # the fused one mixes up moments that it reads back
    state = Checkpoint.start(net)
    if resume and checkpoint is not None:
        state = Checkpoint.load(checkpoint, recipe, net, optimiser) or state
    pixels, levels = torch.from_numpy(learn.pixels).to(device), torch.from_numpy(learn.levels).to(device)
    chance = 1 / np.bincount(learn.levels, minlength=recipe.crops.levels)[learn.levels].astype(np.float64)
    started = time.monotonic() - state.seconds
    while state.step < recipe.steps and time.monotonic() - started < budget_s:
        for group in optimiser.param_groups:
            group["lr"] = _rate(recipe, max(state.step / recipe.steps, (time.monotonic() - started) / budget_s))
        loss = _step(net, optimiser, pixels, levels, torch.from_numpy(chance), recipe, state.step)
        state.step += 1
        state.losses.append(loss)
        if state.step % recipe.validate_every == 0 or state.step == recipe.steps:
            state.seconds = time.monotonic() - started
            off = np.abs(judge(net, check.pixels) @ np.arange(recipe.crops.levels) - check.levels)
            state.note(net, 1 - float(off.mean()) / recipe.crops.levels)
            if checkpoint is not None:
                state.save(checkpoint, recipe, net, optimiser)
        nearest = recipe.crops.levels * (1 - max(state.best_score, 0.0))
        progress(state.step / recipe.steps, f"step {state.step}, loss {loss:.3f}, {nearest:.2f} levels off")
    state.seconds = time.monotonic() - started
    net.load_state_dict(state.best)
    return net.eval(), state


def shrink(net: Yang, recipe: FocusNetRecipe, learn: Crops) -> Yang:
    """Squeeze the great layer, where it is whole; see `mmlib.nets.yang.squeezed`.

    Args:
        net: as it was trained.
        recipe: how far to squeeze.
        learn: crops that it learned from; at most 4096 are looked at.

    Returns:
        The small net, or the net itself where it is small already.
    """
    if net.config.rank or not recipe.rank:
        return net
    some = np.linspace(0, len(learn.levels) - 1, min(len(learn.levels), 4096)).astype(np.intp)
    place = next(net.parameters()).device
    return squeezed(net.eval(), learn.only(some).inputs().to(place), recipe.rank)


def _rate(recipe: FocusNetRecipe, along: float) -> float:
    """Climb, then fall along half a cosine; ``along`` is the share of the steps, or of the time if that is shorter."""
    return recipe.rate * min(1.0, along / recipe.warm + 0.01) * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


def _step(
    net: Yang, optimiser: torch.optim.Optimizer, pixels: Tensor, levels: Tensor, chance: Tensor,
    recipe: FocusNetRecipe, step: int,
) -> float:  # fmt: skip
    """Take one step; all its luck comes from the seed and its number, so it is the same after a restart."""
    luck = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    chosen = torch.multinomial(chance, recipe.batch, generator=luck).to(pixels.device)
    crops = vary(pixels[chosen][:, None].float() / 255, recipe.gain, luck).contiguous(memory_format=torch.channels_last)
    net.train()
    with torch.random.fork_rng(devices=[crops.device] if crops.is_cuda else []):
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # for dropout
        with torch.autocast(crops.device.type, torch.bfloat16, enabled=crops.is_cuda):
            logits = net(crops).float()
    if recipe.loss == RPS:
        loss = ranked_probability_score(logits, levels[chosen]).mean()
    else:
        loss = functional.cross_entropy(logits, levels[chosen])
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


def vary(crops: Tensor, gain: float, luck: torch.Generator) -> Tensor:
    """Turn and mirror crops at will, each by its own luck, and change their brightness.

    Args:
        crops: (N, 1, S, S), 0..1.
        gain: most that brightness is changed by, up or down.
        luck: on the CPU.

    Returns:
        The same shape, 0..1.
    """
    down, right, swap = (torch.rand(3, len(crops), 1, 1, 1, generator=luck) < 0.5).to(crops.device)
    crops = torch.where(down, crops.flip(-2), crops)
    crops = torch.where(right, crops.flip(-1), crops)
    crops = torch.where(swap, crops.transpose(-2, -1), crops)
    if gain == 1:
        return crops
    factor = gain ** (2 * torch.rand(len(crops), 1, 1, 1, generator=luck) - 1)
    return (crops * factor.to(crops.device)).clamp(0, 1)


@torch.inference_mode()
def judge(net: Yang, pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Give the chance of each level.

    Args:
        net: which.
        pixels: (N, 84, 84) uint8.

    Returns:
        (N, levels), each row sums to 1.
    """
    net.eval()
    place = next(net.parameters()).device
    found = [
        net(torch.from_numpy(pixels[i : i + 64])[:, None].to(place).float() / 255).softmax(1)
        for i in range(0, len(pixels), 64)
    ]
    return torch.cat(found).double().cpu().numpy()
