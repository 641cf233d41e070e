"""Train CNNIQA or CNNIQA++: pictures of known quality, the mean over their patches, the step that brings it nearer."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mmlib.nets.cnniqa import PATCH, Cnniqa, CnniqaConfig, CnniqaPlus, CnniqaPlusConfig, normalise_patches, pool
from mmlib.progress import Progress, silent
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.quality_patches import Pictures, draw_patches, vary
from mmlib.train.quality_scenes import KINDS, PictureRecipe


@dataclass(frozen=True)
class QualityRecipe:
    """Everything that decides what comes out, each number with a word of why.

    Attributes:
        net: ``"cnniqa"`` or ``"cnniqa_plus"``.
        steps: of the optimiser; the rate falls to nothing along them.
        pictures: in a batch.
        patches: of each picture; their mean is held against the picture's score, for that is what the measure does.
        rate: of AdamW, at its highest.
        warm: the rate climbs along this share of the steps.
        decay: of the weights.
        dropout: share of hidden answers that are left out while it learns. Half of them, as in the paper, ranks the
            validation families worse after the same steps: these nets learn too little, not by heart.
        kind_weight: of the loss of the second head of CNNIQA++ beside that of the score.
        white: value of white where patches are normalised: near the paper's 255, so that faint detail counts as strong
            detail does, but not so near that the faint noise of every camera does, too.
        gains: least and most that the contrast of a picture is changed by; its score does not depend on it.
        smoothed: share of the blurred pictures that are also smoothed, as phones smooth noise away: without them a net
            learns that what has no noise is good.
        detail: patches count by their contrast to this power: an empty one shows no sharpness.
        validate_every: steps; the weights that rank the validation families best are kept.
        seed: of weights, batches and dropout.
        data: the pictures.
    """

    net: str = "cnniqa"
    steps: int = 2400
    pictures: int = 16
    patches: int = 12
    rate: float = 1e-3
    warm: float = 0.03
    decay: float = 1e-4
    dropout: float = 0.1
    kind_weight: float = 0.3
    white: float = 100.0
    gains: tuple[float, float] = (0.5, 1.6)
    smoothed: float = 0.5
    detail: float = 1.0
    validate_every: int = 300
    seed: int = 7
    data: PictureRecipe = field(default_factory=PictureRecipe)


MIDDLE, SPAN = 30.0, 20.0
"""Scores are learned as (score - MIDDLE) / SPAN and put back into the last layer when the weights are written."""


def make_net(recipe: QualityRecipe, learn: Pictures) -> Cnniqa | CnniqaPlus:
    """Give the net of a recipe with its first weights, which depend on the seed and the pictures alone.

    One layer after the other is scaled and centred until its answers have mean 0 and variance 1: largest and smallest
    values are far from 0, and a net that starts there learns slowly.

    Args:
        recipe: which net.
        learn: pictures to look at.

    Returns:
        The net, on the CPU.

    Source: Mishkin & Matas 2016, layer-sequential unit variance, arXiv:1511.06422.
    """
    luck = torch.Generator().manual_seed(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = (
            Cnniqa(CnniqaConfig(white=recipe.white, detail=recipe.detail))
            if recipe.net == "cnniqa"
            else CnniqaPlus(CnniqaPlusConfig(distortions=len(KINDS), white=recipe.white, detail=recipe.detail))
        )
    net.dropout.p = recipe.dropout
    net.eval()
    patches = draw_patches(learn.frames, torch.randint(len(learn.targets), (64,), generator=luck), 4, luck)
    seen = normalise_patches(patches, recipe.white)
    for layer in (part for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)):
        _settle(net, layer, seen)
    return net


@torch.no_grad()
def _settle(net: nn.Module, layer: nn.Conv2d | nn.Linear, seen: Tensor) -> None:
    """Scale and centre the answers of one layer."""
    answers: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _layer, _given, answer: answers.append(answer))
    net(seen)
    hook.remove()
    over = (0, 2, 3) if isinstance(layer, nn.Conv2d) else (0,)
    mean, spread = answers[0].mean(over), answers[0].std(over).mean().clamp_min(1e-6)
    layer.weight.div_(spread)
    if layer.bias is not None:
        layer.bias.sub_(mean).div_(spread)


def train(
    recipe: QualityRecipe,
    learn: Pictures,
    check: Pictures,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    budget_s: float = math.inf,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Cnniqa | CnniqaPlus, Checkpoint]:
    """Train a net until its steps or its time are spent, and give the weights that ranked unseen families best.

    Args:
        recipe: what to do.
        learn: the pictures to learn from.
        check: pictures of other families, which say when it was best.
        checkpoint: a folder to save to at every validation, or None.
        resume: go on from the checkpoint, if there is one of this recipe; the result is that of one long run.
        budget_s: take no more steps after this many seconds; the rate falls along the time where that is shorter than
            the steps.
        device: where to work.
        progress: told how far it is.

    Returns:
        The net, its scale put back, ready to judge; and what happened on the way.
    """
    device = torch.device(device)
    learn = learn.only(learn.targets > 0.01)  # not the truths: nothing else is free of noise
    net = make_net(recipe, learn).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    state = Checkpoint.start(net)
    if resume and checkpoint is not None:
        state = Checkpoint.load(checkpoint, recipe, net, optimiser) or state
    learn, check = learn.to(device), check.to(device)
    started = time.monotonic() - state.seconds
    while state.step < recipe.steps and time.monotonic() - started < budget_s:
        for group in optimiser.param_groups:
            group["lr"] = _rate(recipe, max(state.step / recipe.steps, (time.monotonic() - started) / budget_s))
        loss = _step(net, optimiser, learn, recipe, state.step)
        state.step += 1
        state.losses.append(loss)
        if state.step % recipe.validate_every == 0 or state.step == recipe.steps:
            state.seconds = time.monotonic() - started
            state.note(net, rank_correlation(judge(net, check, every=2), check.targets.cpu().numpy()))
            if checkpoint is not None:
                state.save(checkpoint, recipe, net, optimiser)
        progress(state.step / recipe.steps, f"step {state.step}, best rank correlation {max(state.best_score, 0):.3f}")
    state.seconds = time.monotonic() - started
    net.load_state_dict(state.best)
    return restore_scale(net).eval(), state


def _rate(recipe: QualityRecipe, along: float) -> float:
    """Climb, then fall along half a cosine; ``along`` is the share of the steps, or of the time if that is shorter."""
    return recipe.rate * min(1.0, along / recipe.warm) * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


def _step(
    net: Cnniqa | CnniqaPlus, optimiser: torch.optim.Optimizer, learn: Pictures, recipe: QualityRecipe, step: int
) -> float:
    """Take one step; all its luck comes from the seed and its number, so it is the same after a restart."""
    luck = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    chosen = torch.randint(len(learn.targets), (recipe.pictures,), generator=luck)
    patches = draw_patches(learn.frames, chosen, recipe.patches, luck)  # (P * n, 1, 32, 32)
    patches = vary(
        patches, learn.kinds[chosen].cpu(), learn.targets[chosen].cpu(),
        gains=recipe.gains, smoothed=recipe.smoothed, luck=luck,
    )  # fmt: skip
    net.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # for dropout
        seen = normalise_patches(patches, recipe.white)
        answers = net.head(strongest(net, seen)) if isinstance(net, Cnniqa) else net(seen)
    scores = answers[0] if isinstance(answers, tuple) else answers
    wanted = (learn.targets[chosen] - MIDDLE) / SPAN
    bags = (recipe.pictures, recipe.patches)
    pooled = pool(scores.reshape(bags), patches.reshape(*bags, PATCH, PATCH), recipe.detail)
    loss = functional.smooth_l1_loss(pooled, wanted, beta=0.1)
    if isinstance(answers, tuple):
        kinds = learn.kinds[chosen].repeat_interleave(recipe.patches)
        if bool((kinds >= 0).any()):
            loss = loss + recipe.kind_weight * functional.cross_entropy(
                answers[1], kinds.clamp_min(-1), ignore_index=-1
            )
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def strongest(net: Cnniqa, seen: Tensor) -> Tensor:
    """Give the largest and smallest answer of each kernel, as the net does, but learn from these places alone.

    Only where a kernel's answer is extreme does it learn anything; to look up these few places and forget the rest
    makes a step four times as quick.

    Args:
        net: its first layer is asked.
        seen: (N, 1, 32, 32) from `normalise_patches`.

    Returns:
        (N, 2 kernels), the largest first.
    """
    with torch.no_grad():
        maps = net.conv1(seen)
        places = _places(maps.flatten(2))  # (N, 2 kernels)
    kernel, across = net.config.kernel, maps.shape[-1]
    along = torch.arange(kernel, device=seen.device)
    rows = (places // across)[:, :, None, None] + along[:, None]
    columns = (places % across)[:, :, None, None] + along
    which = torch.arange(len(seen), device=seen.device)[:, None, None, None]
    windows = seen[which, 0, rows, columns].flatten(2)  # (N, 2 kernels, kernel^2)
    weight, bias = net.conv1.weight.flatten(1), net.conv1.bias
    found = (windows * torch.cat([weight, weight])).sum(-1)
    return found if bias is None else found + torch.cat([bias, bias])


def _places(answers: Tensor) -> Tensor:
    """Find where (N, C, P) answers are largest and smallest: (N, 2 C). NumPy does it far quicker on a processor."""
    if answers.device.type != "cpu":
        return torch.cat([answers.argmax(2), answers.argmin(2)], dim=1)
    found = answers.numpy()
    return torch.from_numpy(np.concatenate([found.argmax(2), found.argmin(2)], axis=1))


@torch.inference_mode()
def judge(net: Cnniqa | CnniqaPlus, pictures: Pictures, *, every: int = 1) -> NDArray[np.float64]:
    """Score pictures: the mean over their patches, side by side.

    Args:
        net: which.
        pictures: which.
        every: take every so manieth patch along each side, to be quicker.

    Returns:
        (N,) scores, on the scale of the net.
    """
    net.eval()
    frames = pictures.frames
    rows, columns = (length // PATCH for length in frames.shape[-2:])
    scores = []
    for start in range(0, len(frames), 32):
        part = frames[start : start + 32, : rows * PATCH, : columns * PATCH]
        tiles = part.reshape(len(part), rows, PATCH, columns, PATCH).permute(0, 1, 3, 2, 4)[:, ::every, ::every]
        patches = tiles.reshape(len(part), -1, PATCH, PATCH).float() / 255  # (n, P, 32, 32)
        answers = net(normalise_patches(patches.reshape(-1, 1, PATCH, PATCH), net.config.white))
        answer = answers[0] if isinstance(answers, tuple) else answers
        scores.append(pool(answer.reshape(patches.shape[:2]), patches, net.config.detail))
    return torch.cat(scores).cpu().numpy().astype(np.float64)


def rank_correlation(one: NDArray[Any], two: NDArray[Any]) -> float:
    """Give Spearman's rank correlation; ties share their ranks.

    Args:
        one: (N,) numbers.
        two: (N,) numbers.

    Returns:
        -1..1, 0 where either is constant.

    Source: Spearman 1904, doi:10.2307/1412159.
    """
    first, second = (_ranks(np.asarray(values, np.float64)) for values in (one, two))
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[which])


def restore_scale(net: Cnniqa | CnniqaPlus) -> Cnniqa | CnniqaPlus:
    """Put the scale of scores back into the last layer."""
    last = net.fc3 if isinstance(net, Cnniqa) else net.fc3_q
    with torch.no_grad():
        last.weight.mul_(SPAN)
        last.bias.mul_(SPAN).add_(MIDDLE)
    return net
