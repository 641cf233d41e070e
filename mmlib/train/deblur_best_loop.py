"""How the restorer learns: windows of moving scans, the error in dB, a slow average of the weights."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmlib.nets.refocuser import CONDITIONS as ALL_CONDITIONS
from mmlib.nets.refocuser import SHOWN, Refocuser, RefocuserConfig
from mmlib.nets.restorer import COLOURS, CONDITIONS, GatedUnet, Restorer, RestorerConfig
from mmlib.progress import Progress, silent
from mmlib.simulation.luck import Luck
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.deblur_windows import Mix, Windows, draw_windows, remember
from mmlib.zoo import load


@dataclass(frozen=True)
class RestorerRecipe:
    """Everything that decides what comes out, each number with a word of why.

    Attributes:
        net: sizes on a CPU: in twenty minutes a small net learns more than a large one.
        gpu_net: sizes on a GPU; what fits one second of a CPU at 720 x 960 when it is used.
        mix: which windows.
        steps: of the optimiser; the rate falls to nothing along them, or along the time where that is shorter.
        batch: windows of a step on a CPU.
        size: their edge on a CPU, px: what blur, noise and coding do is local.
        keep: windows that a CPU keeps to show again.
        every: a CPU draws fresh ones in one of so many steps.
        small: edge that windows are cut to on a CPU at first, px: more steps in the time.
        small_share: for so long.
        gpu_batch: windows of a step on a GPU.
        gpu_size: their edge on a GPU, px.
        rate: of AdamW, at its highest.
        warm: the rate climbs along this share of the way.
        decay: of the weights.
        floor: of the squared error: below -10 log10 of it, here 52 dB, nothing more is asked for.
        gradient: weight of the error of differences between neighbouring pixels: what is seen as sharp.
        unsure: weight of the likelihood of the error, which teaches the net to say how sure it is.
        average: share of the old weights that the slow average keeps in a step, once it has settled.
        check_every: steps between two validations.
        checked: validation windows.
        seed: of weights and windows.
        begin: the net of the zoo whose weights it begins with on a CPU, or none.
        learned: how far from there to what was learned the weights that are kept lie: on pictures unlike those of the
            training, a net part of the way errs less often (Wortsman et al. 2022, arXiv:2109.01903).
    """

    net: RestorerConfig = field(default_factory=lambda: RestorerConfig(width=16))
    gpu_net: RestorerConfig = field(default_factory=RestorerConfig)
    mix: Mix = field(default_factory=Mix)
    steps: int = 60000
    batch: int = 8
    size: int = 64
    keep: int = 1500
    every: int = 6
    small: int = 40
    small_share: float = 0.7
    gpu_batch: int = 64
    gpu_size: int = 128
    rate: float = 4e-3
    warm: float = 0.02
    decay: float = 1e-4
    floor: float = 6e-6
    gradient: float = 1.0
    unsure: float = 0.05
    average: float = 0.995
    check_every: int = 500
    checked: int = 48
    seed: int = 11
    begin: str = ""
    learned: float = 1.0


class Averaged(nn.Module):
    """A net and the slow average of its weights."""

    def __init__(self, net: GatedUnet) -> None:
        super().__init__()
        self.net = net
        self.mean = net_of(net.config).requires_grad_(False)
        self.mean.load_state_dict(net.state_dict())

    @torch.no_grad()
    def follow(self, keep: float) -> None:
        """Move the average towards the net."""
        for mean, now in zip(self.mean.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)


def train(
    recipe: RestorerRecipe,
    *,
    work: Path | None = None,
    textures: Path | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    budget_s: float = math.inf,
    device: torch.device | str = "cpu",
    processes: int = 2,
    progress: Progress = silent,
    **pool: Any,
) -> tuple[GatedUnet, Checkpoint]:
    """Train until the steps or the time are spent, and give the average that gained most on validation.

    Args:
        recipe: the numbers.
        work: where scenes are kept.
        textures: a folder of pictures that scenes are made of.
        checkpoint: a folder to save to at every validation, or None.
        resume: go on from the checkpoint, if there is one of this recipe.
        budget_s: take no more steps after this many seconds.
        device: where to work.
        processes: how many make scenes at once.
        progress: told how far it is.
        **pool: see `mmlib.train.deblur_windows.draw_windows`.

    Returns:
        The net, on the CPU, and what happened on the way.
    """
    device = torch.device(device)
    gpu = device.type != "cpu"
    started = time.monotonic()
    check = validation(recipe, device=device, work=work, textures=textures, processes=processes, **pool)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = net_of(recipe.gpu_net if gpu else recipe.net)
    if recipe.begin and not gpu:
        known = load(recipe.begin)
        if isinstance(known, Restorer) and isinstance(net, Refocuser):
            begin_with(net, known)
    begun = {name: tensor.clone() for name, tensor in net.state_dict().items()} if recipe.begin and not gpu else {}
    pair = Averaged(net).to(device)
    pair = pair.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(pair.net.parameters(), recipe.rate, betas=(0.9, 0.99), weight_decay=recipe.decay)
    state = Checkpoint.start(pair)
    if resume and checkpoint is not None:
        state = Checkpoint.load(checkpoint, recipe, pair, optimiser) or state
    windows = draw_windows(
        "train", generator=torch.Generator(device).manual_seed(recipe.seed * 1_000_003 + state.step),
        batch=recipe.gpu_batch if gpu else recipe.batch, size=recipe.gpu_size if gpu else recipe.size, device=device,
        mix=recipe.mix, work=work, textures=textures, processes=processes, budget_s=budget_s / 3, **pool,
    )  # fmt: skip
    luck = Luck(torch.Generator().manual_seed(recipe.seed + state.step), "cpu")
    if not gpu:
        windows = remember(windows, luck, batch=recipe.batch, keep=recipe.keep, every=recipe.every)
    before = state.seconds
    while state.step < recipe.steps and before + time.monotonic() - started < budget_s:
        along = max(state.step / recipe.steps, (before + time.monotonic() - started) / budget_s)
        for group in optimiser.param_groups:
            group["lr"] = _rate(recipe, along)
        shown = next(windows)
        if not gpu and along < recipe.small_share:
            shown = shown.cut(luck, recipe.small)
        state.losses.append(_step(pair, optimiser, shown, recipe))
        state.step += 1
        pair.follow(min(recipe.average, (1 + state.step) / (10 + state.step)))
        if state.step % recipe.check_every == 0:
            _note(state, pair, check, before + time.monotonic() - started)
            if checkpoint is not None:
                state.save(checkpoint, recipe, pair, optimiser)
        progress(min(along, 1.0), f"step {state.step}, best gain {max(state.best_score, 0):.2f} dB")
    _note(state, pair, check, before + time.monotonic() - started)
    if checkpoint is not None:
        state.save(checkpoint, recipe, pair, optimiser)
    pair.load_state_dict(state.best)
    kept = pair.mean.to("cpu").eval()
    if begun:
        kept.load_state_dict({n: begun[n].lerp(tensor, recipe.learned) for n, tensor in kept.state_dict().items()})
    return kept, state


def net_of(config: RestorerConfig) -> GatedUnet:
    """Make the net that a config is of."""
    return Refocuser(config) if isinstance(config, RefocuserConfig) else Restorer(config)


@torch.no_grad()
def begin_with(net: Refocuser, known: Restorer) -> None:
    """Let a net change its frame as one that sees fewer neighbours does: what only it sees counts for nothing yet.

    Args:
        net: to fill.
        known: of the same sizes.
    """
    weights = known.state_dict()
    first = weights["enter.weight"]
    seen = first.shape[1] - CONDITIONS
    wider = torch.zeros_like(net.enter.weight)
    wider[:, :seen] = first[:, :seen]
    wider[:, SHOWN : SHOWN + 2] = first[:, seen : seen + 2]  # whether the nearest two are there
    wider[:, SHOWN + ALL_CONDITIONS - 2 : SHOWN + ALL_CONDITIONS] = first[:, seen + 2 :]  # speed and aim
    net.load_state_dict({**net.state_dict(), **weights, "enter.weight": wider})


def _note(state: Checkpoint, pair: Averaged, check: list[Windows], seconds: float) -> None:
    state.seconds = seconds
    state.note(
        pair, float(np.mean(gains(pair.mean, check)) + np.mean(gains(pair.mean, [w.alone() for w in check]))) / 2
    )


def _rate(recipe: RestorerRecipe, along: float) -> float:
    """Climb, then fall along half a cosine."""
    return recipe.rate * min(1.0, along / recipe.warm) * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


def _step(pair: Averaged, optimiser: torch.optim.Optimizer, windows: Windows, recipe: RestorerRecipe) -> float:
    pair.net.train()
    given = windows.given.contiguous(memory_format=torch.channels_last)
    half = torch.autocast("cuda", torch.bfloat16) if given.is_cuda else contextlib.nullcontext()
    with half:
        answer = pair.net(given)
    loss = loss_of(answer.float(), windows.wanted, recipe)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(pair.net.parameters(), 0.5)
    optimiser.step()
    return float(loss.detach())


def loss_of(answer: Tensor, wanted: Tensor, recipe: RestorerRecipe) -> Tensor:
    """Give the error in nepers of each window, so that a faint error counts in a clean one, and the error of edges.

    Args:
        answer: (N, 4, H, W) of the net.
        wanted: (N, 3, H, W).
        recipe: the weights.

    Returns:
        One number. Its last part is the negative logarithm of a Laplace likelihood, for the fourth plane alone.
    """
    error = answer[:, :COLOURS] - wanted
    squared = error.square().mean(dim=(1, 2, 3))
    bends = (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) / 2
    spread = answer[:, COLOURS].clamp(-8, 0)
    unlikely = error.detach().abs().mean(dim=1) * torch.exp(-spread) + spread
    return (squared + recipe.floor).log().mean() / 2 + recipe.gradient * bends + recipe.unsure * unlikely.mean()


def validation(recipe: RestorerRecipe, *, device: torch.device | str = "cpu", **more: Any) -> list[Windows]:
    """Draw the windows of families that are kept out of training; always the same ones on a kind of device.

    Args:
        recipe: how many.
        device: where they live.
        **more: see `mmlib.train.deblur_windows.draw_windows`.

    Returns:
        Windows with all neighbours; see `mmlib.train.deblur_windows.Mix.checked`.
    """
    windows = draw_windows(
        "validation", generator=torch.Generator(device).manual_seed(99), batch=8, size=96, device=device,
        mix=recipe.mix.checked(), **more,
    )  # fmt: skip
    return list(itertools.islice(windows, max(1, recipe.checked // 8)))


@torch.inference_mode()
def gains(net: GatedUnet, windows: list[Windows]) -> NDArray[np.float64]:
    """Say how many dB nearer to what was wanted each window came.

    Args:
        net: which.
        windows: what it is shown.

    Returns:
        (N,) PSNR after less PSNR before, dB.
    """
    net.eval()
    found = []
    for one in windows:
        answer = net(one.given.contiguous(memory_format=torch.channels_last))[:, :COLOURS].clamp(0, 1)
        after, before = (
            (picture.float() - one.wanted).square().mean(dim=(1, 2, 3)).clamp(min=1e-7)
            for picture in (answer, one.given[:, :COLOURS])
        )
        found.append(10 * torch.log10(before / after))
    return torch.cat(found).cpu().numpy().astype(np.float64)


@torch.inference_mode()
def changes(net: GatedUnet, windows: list[Windows]) -> NDArray[np.float64]:
    """Say how little a net changes what it is shown.

    Args:
        net: which.
        windows: what it is shown.

    Returns:
        (N,) PSNR of the answer against the frame itself, dB, at most 70.
    """
    net.eval()
    found = []
    for one in windows:
        answer = net(one.given.contiguous(memory_format=torch.channels_last))[:, :COLOURS].clamp(0, 1)
        changed = (answer.float() - one.given[:, :COLOURS]).square().mean(dim=(1, 2, 3))
        found.append(-10 * torch.log10(changed.clamp(min=1e-7)))
    return torch.cat(found).cpu().numpy().astype(np.float64)
