"""Train one of the paper's deblurring nets: frames of moving scans in, what a steady hand would have seen out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmlib.nets.deblurgan import Critic, Deblurgan, DeblurganConfig
from mmlib.nets.srcnn import Srcnn, SrcnnConfig
from mmlib.nets.unet import Unet, UnetConfig
from mmlib.progress import Progress, silent
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.deblur_paper_losses import Features, content, critic_loss, pixel_error, structure
from mmlib.train.deblur_paper_recipe import DeblurPaperRecipe
from mmlib.train.deblur_windows import Mix, draw_windows
from mmlib.train.perceptual import perceptual_net

Pair = tuple[Tensor, Tensor]
"""(N, 3, H, W) as photographed, and as it should be."""
CHECK_SIZE = 96
IDENTITY_SIZE = 64
"""Crops of the pre-training, px, as in the paper."""


def make_net(recipe: DeblurPaperRecipe) -> Srcnn | Unet | Deblurgan:
    """Give the net of a recipe with its first weights, which depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if recipe.net == "srcnn":
            return Srcnn(SrcnnConfig(residual=recipe.residual))
        if recipe.net == "unet":
            return Unet(UnetConfig(residual=recipe.residual))
        generator = Deblurgan(DeblurganConfig(upgraded=recipe.net == "udeblurgan"))
        last = generator.leave[1]
        if isinstance(last, nn.Conv2d):
            nn.init.normal_(last.weight, 0, recipe.last)
        return generator


def pairs(
    split: str, recipe: DeblurPaperRecipe, *, seed: int, batch: int, size: int, clean: float, **more: Any
) -> Iterator[Pair]:
    """Draw pairs without end, each frame alone.

    Args:
        split: ``"train"`` or ``"validation"``.
        recipe: not used but for its seed.
        seed: of these batches.
        batch: pairs in each.
        size: rows and columns.
        clean: share that is shown as it should be.
        **more: see `mmlib.train.deblur_windows.draw_windows`.

    Yields:
        Pairs.
    """
    device = more.get("device", "cpu")
    luck = torch.Generator(device).manual_seed(recipe.seed * 1_000_003 + seed)
    windows = draw_windows(
        split, generator=luck, batch=batch, size=size, mix=Mix(clean=clean, alone=1.0, aimed=0.0), **more
    )
    for window in windows:
        yield window.given[:, :3].contiguous(), window.wanted.contiguous()


def validation(recipe: DeblurPaperRecipe, *, seed: int = 99, **more: Any) -> list[Pair]:
    """Draw pairs of families that are kept out of training; always the same ones on a kind of device."""
    drawn = pairs("validation", recipe, seed=seed, batch=8, size=CHECK_SIZE, clean=0.0, **more)
    return list(islice(drawn, -(-recipe.checks // 8)))


@torch.inference_mode()
def gains(net: nn.Module, known: list[Pair]) -> NDArray[np.float64]:
    """Say how many dB nearer to what was wanted each crop came.

    Args:
        net: which.
        known: what it is shown.

    Returns:
        (N,) PSNR after less PSNR before, dB.
    """
    net.eval()
    found = []
    for given, wanted in known:
        answer = net(given).float().clamp(0, 1)
        after, before = ((picture - wanted).square().mean(dim=(1, 2, 3)).clamp(min=1e-7) for picture in (answer, given))
        found.append(10 * torch.log10(before / after))
    return torch.cat(found).cpu().numpy().astype(np.float64)


class Learners(nn.Module):
    """A net and, where it has one, its critic: one checkpoint holds both."""

    def __init__(self, recipe: DeblurPaperRecipe) -> None:
        super().__init__()
        self.net = make_net(recipe)
        self.critic: Critic | None = None
        if recipe.adversary:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(recipe.seed + 1)
                self.critic = Critic()


def train(
    recipe: DeblurPaperRecipe,
    *,
    device: torch.device,
    checkpoint: Path | None = None,
    resume: bool = False,
    budget_s: float = math.inf,
    progress: Progress = silent,
    **more: Any,
) -> tuple[Srcnn | Unet | Deblurgan, Checkpoint]:
    """Train a net until its steps or its time are spent, and give the weights that gained most on unseen families.

    Args:
        recipe: what to do.
        device: where to work.
        checkpoint: a folder to save to at every validation, or None.
        resume: go on from the checkpoint, if there is one of this recipe.
        budget_s: take no more steps after this many seconds; the rate falls along the time where that is shorter.
        progress: told how far it is.
        **more: see `mmlib.train.deblur_windows.draw_windows`: ``work``, ``textures``, ``processes``.

    Returns:
        The net, and what happened on the way.
    """
    more = {**more, "device": device}
    both = Learners(recipe).to(device)
    both = both.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(both.parameters(), lr=recipe.rate, betas=recipe.betas)
    state = Checkpoint.start(both)
    if resume and checkpoint is not None:
        state = Checkpoint.load(checkpoint, recipe, both, optimiser) or state
    features = perceptual_net().to(device) if recipe.adversary else None
    started = time.monotonic() - state.seconds
    known = validation(recipe, **more)
    few = _few(recipe, device, more) if recipe.pairs else None
    drawn: Iterator[Pair] = iter(())
    identity = None
    while state.step < recipe.steps and time.monotonic() - started < budget_s:
        along = max(state.step / recipe.steps, (time.monotonic() - started) / budget_s)
        copying = along < recipe.pretraining
        if state.step % recipe.validate_every == 0 or copying != identity:  # the same batches after a restart
            drawn, identity = _batches(recipe, device, copying, state.step, few, more), copying
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * (0.5 * (1 + math.cos(math.pi * min(along, 1))) if recipe.falls else 1)
        given, wanted = (half.contiguous(memory_format=torch.channels_last) for half in next(drawn))
        luck = torch.Generator().manual_seed(recipe.seed * 1_000_003 + state.step)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed * 1_000_003 + state.step)  # for dropout
            loss = _step(both, optimiser, features, recipe, given, wanted, copying=copying, luck=luck)
        state.step += 1
        state.losses.append(loss)
        if state.step % recipe.validate_every == 0 or state.step == recipe.steps:
            state.seconds = time.monotonic() - started
            state.note(both, float(gains(both.net, known).mean()))
            if checkpoint is not None:
                state.save(checkpoint, recipe, both, optimiser)
        done = max(state.step / recipe.steps, (time.monotonic() - started) / budget_s)
        progress(min(1.0, done), f"step {state.step}, best gain {max(state.best_score, -99):.2f} dB")
    state.seconds = time.monotonic() - started
    state.note(both, float(gains(both.net, known).mean()))
    both.load_state_dict(state.best)
    return both.net.eval(), state


def _batches(
    recipe: DeblurPaperRecipe, device: torch.device, copying: bool, step: int, few: Pair | None, more: dict[str, Any]
) -> Iterator[Pair]:
    """Give batches from a step on."""
    gpu = device.type != "cpu"
    batch, size = (recipe.gpu_batch, recipe.gpu_size) if gpu else (recipe.batch, recipe.size)
    if few is not None:
        return _chosen(few, batch, recipe.seed * 1_000_003 + step, IDENTITY_SIZE if copying else 0)
    if copying:
        drawn = pairs("train", recipe, seed=step + 1, batch=batch, size=IDENTITY_SIZE, clean=0.0, **more)
        return ((given, given) for given, _ in drawn)  # scenes are mirrored and turned as they are drawn
    return pairs("train", recipe, seed=step + 1, batch=batch, size=size, clean=recipe.clean, **more)


def _few(recipe: DeblurPaperRecipe, device: torch.device, more: dict[str, Any]) -> Pair:
    """Draw the pairs that are all there is."""
    size = recipe.size if device.type == "cpu" else recipe.gpu_size
    drawn = islice(pairs("train", recipe, seed=0, batch=8, size=size, clean=0.0, **more), -(-recipe.pairs // 8))
    given, wanted = zip(*drawn, strict=True)
    return torch.cat(given)[: recipe.pairs], torch.cat(wanted)[: recipe.pairs]


def _chosen(few: Pair, batch: int, seed: int, crop: int) -> Iterator[Pair]:
    """Choose among pairs; for the pre-training crops of them, mirrored and turned, to be given back."""
    luck = np.random.default_rng(seed)
    while True:
        chosen = luck.integers(len(few[0]), size=batch)
        given, wanted = few[0][chosen], few[1][chosen]
        if crop:
            top, left = (int(luck.integers(0, max(1, side - crop + 1))) for side in given.shape[-2:])
            given = torch.rot90(given[..., top : top + crop, left : left + crop], int(luck.integers(4)), (-2, -1))
            given = given.flip(-1) if luck.random() < 0.5 else given
            wanted = given
        yield given, wanted


def _step(
    both: Learners,
    optimiser: torch.optim.Optimizer,
    features: Features | None,
    recipe: DeblurPaperRecipe,
    given: Tensor,
    wanted: Tensor,
    *,
    copying: bool,
    luck: torch.Generator,
) -> float:
    """Take one step of the net, after those of its critic."""
    both.train()
    critic = both.critic
    if critic is None or features is None:
        half = torch.autocast("cuda", torch.bfloat16) if given.is_cuda else contextlib.nullcontext()
        with half:
            answer = both.net(given)
        return _descend(both.net, optimiser, pixel_error(answer.float(), wanted, relative=recipe.relative))
    if not copying:
        with torch.no_grad():
            made = both.net(given)
        for _ in range(recipe.critic_steps):
            _descend(critic, optimiser, critic_loss(critic, wanted, made, recipe.penalty, luck))
    answer = both.net(given)
    if copying:
        loss = recipe.pixel * pixel_error(answer, wanted, relative=False)
        loss = loss + recipe.structure * (1 - structure(answer, wanted))
    else:
        critic.requires_grad_(False)
        loss = recipe.content * content(features, answer, wanted) - recipe.adversarial * critic(answer).mean()
        if recipe.faithful:
            loss = loss + recipe.faithful * pixel_error(answer, wanted, relative=True)
        if recipe.structure:
            loss = loss - recipe.structure * torch.log(0.5 * (1 + structure(answer, wanted)))
    found = _descend(both.net, optimiser, loss)
    critic.requires_grad_(True)
    return found


def _descend(net: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    """Move one of the two: the other has no gradient then, and the optimiser leaves it alone."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())
