"""Train the net that weighs the frames of a stack: simulated stacks, the truth, the step that brings fusion nearer."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mmlib.filters import level_count
from mmlib.nets.stack_looks import blend, find_depth, look
from mmlib.nets.stack_weights import StackWeights, StackWeightsConfig, spread
from mmlib.progress import Progress, silent
from mmlib.simulation.ranges import Ranges
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.fuse_stacks import Stacks, Troubles, again, prepare
from mmlib.train.scenes import Pool, draw

MARGIN = 8
"""Pixels at the border that no loss and no score counts."""
LEAST_RIM_PX = 50
"""Fewer empty pixels beside something thick count less."""


@dataclass(frozen=True)
class FuseBestRecipe:
    """Everything that decides what comes out, each number with a word of why.

    Attributes:
        channels: of the net; more take longer on every frame of every user.
        levels: scales of detail that it looks at.
        softer: the power to which the depth's weights are taken in use: the net is too sure of itself where planes lie
            close.
        steps: of the optimiser; the rate falls to nothing along them.
        batch: stacks in a step on a CPU.
        batch_gpu: the same on a GPU.
        size: rows and columns of a frame: the coarsest scale still has 8 x 8 places.
        planes: least and most frames of a stack; the weights of one frame do not depend on how many there are.
        rate: of AdamW, at its highest.
        warm: the rate climbs along this share of the steps.
        decay: of the weights.
        kept: batches that a CPU keeps to show again, turned and with other frames left out.
        again: how many of these it shows after each new one: drawing takes longer than a step.
        recorded: what fine detail is held against, see `fuse_stacks.prepare`.
        detail_weight: of the loss of fine detail beside that of the whole picture.
        rim_weight: of the loss in empty places beside something thick, where halos would stand.
        depth_weight: of the loss of the depth.
        blur_planes: how far off a depth may be before the loss takes it for wrong.
        validate_every: steps; the weights that do best on the validation families are kept.
        checks: validation batches.
        seed: of weights and batches.
        troubles: what goes wrong with training stacks.
        ranges: of the phone: from poor to as good as phones are; in noise alone a net learns only to average.
    """

    channels: int = 24
    levels: int = 4
    softer: float = 0.7
    steps: int = 6500
    batch: int = 2
    batch_gpu: int = 16
    size: int = 128
    planes: tuple[int, int] = (2, 14)
    rate: float = 3e-3
    warm: float = 0.03
    decay: float = 1e-4
    kept: int = 60
    again: int = 2
    recorded: float | None = 0.4
    detail_weight: float = 1.0
    rim_weight: float = 1.0
    depth_weight: float = 0.2
    blur_planes: float = 0.5
    validate_every: int = 400
    checks: int = 24
    seed: int = 3
    troubles: Troubles = field(default_factory=Troubles)
    ranges: Ranges = field(
        default_factory=lambda: Ranges(electrons=(1500, 300000), jpeg_quality=(50, 97), drift_px=(0, 2), smear=(0, 1.5))
    )


def make_net(recipe: FuseBestRecipe) -> StackWeights:
    """Give the net of a recipe with its first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return StackWeights(StackWeightsConfig(channels=recipe.channels, levels=recipe.levels, softer=recipe.softer))


def fused(net: StackWeights, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Fuse stacks that are wholly in memory.

    Args:
        net: the net.
        frames: (B, K, 3, H, W) in 0..1.

    Returns:
        (B, 3, H, W) pictures, and (B * K, 1, H/2, W/2) the logarithm of each frame's weight in the depth.
    """
    with torch.no_grad():
        looks = look(frames, level_count(frames.shape[-2], frames.shape[-1], most=net.config.levels))
    half = torch.autocast("cuda", torch.bfloat16) if frames.is_cuda else contextlib.nullcontext()
    with half:
        fine, clear, depth = net(looks)
    guard = 0.0 if net.training else net.config.guard_coarse
    picture = blend(frames, *spread(fine.float(), clear.float(), looks, guard))
    return picture, depth.float()


def picture_loss(picture: Tensor, target: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Give the logarithms of the mean square errors of the picture and of its fine detail, for each stack.

    Args:
        picture: (B, 3, H, W).
        target: the same shape.
        inside: (B, H, W) True where it counts.

    Returns:
        Two of (B,). The first is the PSNR but for a factor; in the second detail counts where the target has most.
    """
    count = inside.flatten(1).sum(1).clamp_min(1)
    error = ((picture - target) ** 2).mean(1) * inside
    whole = (error.flatten(1).sum(1) / count + 1e-5).log()
    p, r = _fine(picture), _fine(target)
    wanted = _smooth(r * r, 4.0)[:, 0] * inside
    share = (wanted / wanted.flatten(1).amax(1)[:, None, None].clamp_min(1e-9)) ** 0.5 * inside
    p, r = p[:, 0], r[:, 0]
    gain = (share * p * r).flatten(1).sum(1) / ((share * p * p).flatten(1).sum(1) + 1e-6)
    gain = gain.clamp(0.5, 2.0)[:, None, None]
    wrong = (share * (gain * p - r) ** 2).flatten(1).sum(1)
    return whole, (wrong / ((share * r * r).flatten(1).sum(1) + 1e-5) + 1e-3).log()


def rim_loss(picture: Tensor, stacks: Stacks) -> Tensor:
    """Give the logarithm of the mean square error where the field is empty beside something thick.

    Args:
        picture: (B, 3, H, W).
        stacks: with targets.

    Returns:
        (B,); the same for every picture of a stack without such places.
    """
    beside = _inner(stacks.beside, MARGIN)
    error = (((picture - stacks.target) ** 2).mean(1) * beside).flatten(1).sum(1)
    return (error / beside.flatten(1).sum(1).clamp_min(LEAST_RIM_PX) + 1e-5).log()


def depth_loss(weight: Tensor, stacks: Stacks, blur: float) -> Tensor:
    """Give the negative logarithm of the share that lies near the true depth: the weights become probabilities.

    Args:
        weight: (B * K, 1, h, w) logarithms.
        stacks: with places, depth and field.
        blur: how near, in planes.

    Returns:
        ().
    """
    batch, count = stacks.places.shape
    size = weight.shape[-2:]
    share = weight.view(batch, count, *size).log_softmax(1)
    true = functional.interpolate(stacks.depth[:, None], size, mode="area")[:, 0]
    inside = _inner(functional.interpolate(stacks.field[:, None].float(), size, mode="area")[:, 0] > 0.99, MARGIN // 2)
    inside &= (true > stacks.places.amin(1)[:, None, None] - 0.5) & (true < stacks.places.amax(1)[:, None, None] + 0.5)
    away = (stacks.places[..., None, None] - true[:, None]).abs() / blur
    likely = (share - away).logsumexp(1)
    mean, _ = find_depth(weight, stacks.places)
    off = (mean - true).abs()
    lost = functional.relu(5 + likely) - 5  # what is hopeless counts no more than that
    return ((off - lost) * inside).sum() / inside.sum().clamp_min(1)


def train(
    recipe: FuseBestRecipe,
    *,
    work: Path | None = None,
    textures: Path | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    budget_s: float = math.inf,
    processes: int = 2,
    pool: Pool | None = None,
    pool_budget_s: float = math.inf,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[StackWeights, Checkpoint]:
    """Train the net until its steps or its time are spent, and give the weights that did best on unseen families.

    Args:
        recipe: what to do.
        work: where the pool of scenes is kept.
        textures: a folder of pictures that scenes are made of.
        checkpoint: a folder to save to at every validation, or None.
        resume: go on from the checkpoint.
        budget_s: take no more steps after this many seconds; the rate falls along the time where that is shorter.
        processes: how many make the pool at once.
        pool: what is in the pool; its own numbers if None.
        pool_budget_s: begin no more scenes of the pool after this many seconds.
        device: where to work.
        progress: told how far it is.

    Returns:
        The net and what happened on the way.
    """
    started = time.monotonic()
    net = make_net(recipe).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    state = Checkpoint.load(checkpoint, recipe, net, optimiser) if resume and checkpoint is not None else None
    state = state or Checkpoint.start(net)
    state.best_score = max(state.best_score, -1e9) if state.scores else -1e9
    source = {
        "work": work, "textures": textures, "processes": processes, "device": device, "pool": pool,
        "budget_s": pool_budget_s,
    }  # fmt: skip
    checks = validation(recipe, **source)
    learn = _learn(recipe, state.step, source)
    before = state.seconds
    while state.step < recipe.steps:
        spent = time.monotonic() - started
        done = max(state.step / recipe.steps, spent / budget_s)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1, done / recipe.warm + 0.05) * 0.5 * (1 + math.cos(math.pi * done))
        stacks = next(learn)
        net.train()
        picture, depth = fused(net, stacks.frames)
        whole, fine = picture_loss(picture, stacks.target, _inner(stacks.field, MARGIN))
        loss = whole.mean() + recipe.detail_weight * fine.mean()
        loss = loss + recipe.rim_weight * rim_loss(picture, stacks).mean()
        loss = loss + recipe.depth_weight * depth_loss(depth, stacks, recipe.blur_planes)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        state.step += 1
        state.losses.append(float(loss.detach()))
        state.seconds = before + time.monotonic() - started
        if state.step % recipe.validate_every == 0:
            state.note(net, together(check(net, checks)))
            if checkpoint is not None:
                state.save(checkpoint, recipe, net, optimiser)
        progress(done, f"step {state.step}, loss {np.mean(state.losses[-50:]):.3f}")
    state.note(net, together(check(net, checks)))
    if checkpoint is not None:
        state.save(checkpoint, recipe, net, optimiser)
    net.load_state_dict(state.best)
    return net, state


@torch.inference_mode()
def check(net: StackWeights, checks: list[Stacks]) -> dict[str, list[float]]:
    """Score a net on stacks of families it has not learned from.

    Args:
        net: the net.
        checks: from `validation`.

    Returns:
        For each stack ``psnr`` (dB), ``detail`` (dB) and ``depth`` (mean error in planes), against the target; for
        those with empty places beside something thick ``rims``, the PSNR there.
    """
    net.eval()
    found: dict[str, list[float]] = {"psnr": [], "detail": [], "depth": [], "rims": []}
    for stacks in checks:
        picture, weight = fused(net, stacks.frames)
        picture = picture.clamp(0, 1)
        whole, fine = picture_loss(picture, stacks.target, _inner(stacks.field, MARGIN))
        found["psnr"] += (-whole * (10 / math.log(10))).tolist()
        found["detail"] += (-fine * (10 / math.log(10))).tolist()
        there = _inner(stacks.beside, MARGIN).flatten(1).sum(1) > LEAST_RIM_PX
        found["rims"] += (-rim_loss(picture, stacks)[there] * (10 / math.log(10))).tolist()
        depth, _ = find_depth(weight, stacks.places)
        true = functional.interpolate(stacks.depth[:, None], depth.shape[-2:], mode="area")[:, 0]
        found["depth"] += (depth - true).abs()[:, 4:-4, 4:-4].mean((1, 2)).tolist()
    net.train()
    return found


def together(found: dict[str, list[float]]) -> float:
    """Make one number of the scores, in dB: what training keeps the best of."""
    rims = np.mean(found["rims"]) if found["rims"] else 0.0
    return float(np.mean(found["psnr"]) + np.mean(found["detail"]) - np.mean(found["depth"]) + rims / 2)


def validation(recipe: FuseBestRecipe, **source: Any) -> list[Stacks]:
    """Draw the stacks that say when it was best: always the same ones on the same kind of device.

    Args:
        recipe: their number and size.
        **source: what `mmlib.train.scenes.draw` takes: ``work``, ``textures``, ``device``, ...

    Returns:
        The stacks.
    """
    luck, rng = torch.Generator().manual_seed(recipe.seed + 1000), np.random.default_rng(recipe.seed + 1000)
    drawn = draw(
        "validation", generator=luck, batch=2, size=recipe.size, planes=recipe.planes, ranges=recipe.ranges, **source
    )
    return [prepare(next(drawn), rng, troubles=None, recorded=recipe.recorded) for _ in range(recipe.checks)]


def _learn(recipe: FuseBestRecipe, step: int, source: dict[str, Any]) -> Iterator[Stacks]:
    """Draw stacks to learn from; going on draws others than from the start."""
    seed = recipe.seed + 7919 * step
    luck, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    on_gpu = torch.device(source["device"]).type == "cuda"
    drawn = draw(
        "train", generator=luck, batch=recipe.batch_gpu if on_gpu else recipe.batch, size=recipe.size,
        planes=recipe.planes, ranges=recipe.ranges, **source,
    )  # fmt: skip
    kept: list[Stacks] = []
    for batch in drawn:
        stacks = prepare(batch, rng, troubles=recipe.troubles, recorded=recipe.recorded)
        yield stacks
        if on_gpu:
            continue
        kept = [*kept[-(recipe.kept - 1) :], stacks]
        for _ in range(recipe.again):
            yield again(kept[int(rng.integers(len(kept)))], rng)


def _inner(field: Tensor, margin: int) -> Tensor:
    inner = field.clone()
    inner[:, :margin] = inner[:, -margin:] = False
    inner[:, :, :margin] = inner[:, :, -margin:] = False
    return inner


def _fine(picture: Tensor) -> Tensor:
    weights = picture.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = (picture * weights).sum(1, keepdim=True)
    return grey - _smooth(grey, 3.0)


def _smooth(grey: Tensor, sigma: float) -> Tensor:
    reach = round(3 * sigma)
    at = torch.arange(-reach, reach + 1, device=grey.device, dtype=grey.dtype)
    taps = (-(at**2) / (2 * sigma**2)).exp()
    taps = taps / taps.sum()
    framed = functional.pad(grey, (reach,) * 4, mode="reflect")
    along = functional.conv2d(framed, taps.view(1, 1, 1, -1))
    return functional.conv2d(along, taps.view(1, 1, -1, 1))
