"""The training of the paper's fusion nets: draw scenes, step, now and then look how it does on families never shown."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from mmlib.progress import Progress, part, silent
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.fuse_paper_learners import Batch, Learner
from mmlib.train.fuse_paper_recipe import FusePaperRecipe
from mmlib.train.scenes import draw

SCENES_SHARE = 0.4
"""How much of a time budget the scenes may take, where they are not there yet."""


def batches(
    recipe: FusePaperRecipe, split: str, seed: int, device: torch.device, work: Path, textures: Path | None,
    *, processes: int = 2, budget_s: float = math.inf, progress: Progress = silent,
) -> Iterator[Batch]:  # fmt: skip
    """Draw stacks of a split without end, as large and as many as the device likes.

    Args:
        recipe: sizes.
        split: ``"train"`` or ``"validation"``.
        seed: equal seeds give equal stacks.
        device: where they live.
        work: where scenes are kept.
        textures: a folder of pictures that scenes are made of, or None.
        processes: how many make scenes at once.
        budget_s: of making scenes.
        progress: told while scenes are made.

    Returns:
        What `mmlib.train.scenes.draw` yields.
    """
    gpu = device.type != "cpu"
    return draw(
        split, generator=torch.Generator().manual_seed(seed), batch=recipe.gpu_batch if gpu else recipe.batch,
        size=recipe.gpu_size if gpu else recipe.size, planes=recipe.planes, device=device, work=work,
        textures=textures, processes=processes, budget_s=budget_s, progress=progress,
    )  # fmt: skip


def train(
    learner: Learner,
    recipe: FusePaperRecipe,
    *,
    device: torch.device,
    work: Path,
    textures: Path | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    budget_s: float = math.inf,
    processes: int = 2,
    progress: Progress = silent,
) -> Checkpoint:
    """Train until steps or time are spent, and leave the weights in the learner that did best on unseen families.

    Args:
        learner: the net.
        recipe: what to do.
        device: where to work.
        work: where scenes are kept.
        textures: a folder of pictures that scenes are made of.
        checkpoint: a folder to save to at every validation, or None.
        resume: go on from the checkpoint, if there is one of this recipe.
        budget_s: take no more steps after this many seconds; the rate falls along the time where that is shorter.
        processes: how many make scenes at once.
        progress: told how far it is.

    Returns:
        What happened on the way.
    """
    started = time.monotonic()
    optimiser = torch.optim.Adam(learner.groups(), betas=recipe.betas)
    rates = [float(group["lr"]) for group in optimiser.param_groups]
    state = Checkpoint.start(learner.net)
    if resume and checkpoint is not None:
        state = Checkpoint.load(checkpoint, recipe, learner.net, optimiser) or state
    looked = batches(
        recipe, "validation", 5, device, work, textures, processes=processes,
        budget_s=SCENES_SHARE / 4 * budget_s, progress=part(progress, 0.0, 0.05),
    )  # fmt: skip
    checks = [next(looked) for _ in range(recipe.checks)]
    budget_s -= time.monotonic() - started
    beginning, at_step = state.seconds, state.step
    begun: float | None = None
    while state.step < recipe.steps:
        # a fresh source at every validation, so that a run that was broken off goes on with the same scenes
        source = batches(
            recipe, "train", recipe.seed * 1_000_003 + state.step, device, work, textures, processes=processes,
            budget_s=SCENES_SHARE * budget_s, progress=part(progress, 0.05, 0.1),
        )  # fmt: skip
        luck = torch.Generator().manual_seed(recipe.seed * 2_000_003 + state.step)
        over = False
        for _ in range(recipe.validate_every):
            batch = next(source)
            if begun is None:  # the first batch may have had scenes to make
                budget_s -= time.monotonic() - started if state.step == at_step else 0.0
                begun = time.monotonic()
            state.seconds = beginning + time.monotonic() - begun
            along = max(state.step / recipe.steps, (time.monotonic() - begun) / max(budget_s, 1e-6))
            if along >= 1:
                over = True
                break
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * min(1.0, along / recipe.warm) * 0.5 * (1 + math.cos(math.pi * along))
            learner.net.train()
            with _lean(device):
                state.losses.append(learner.step(batch, optimiser, luck, along))
            state.step += 1
            progress(min(1.0, 0.1 + 0.9 * along), f"step {state.step}, best on unseen families {state.best_score:.3f}")
        state.note(learner.net, _score(learner, checks))
        if checkpoint is not None:
            state.save(checkpoint, recipe, learner.net, optimiser)
        if over:
            break
    learner.net.load_state_dict(state.best)
    learner.net.eval()
    return state


def _score(learner: Learner, checks: list[Batch]) -> float:
    learner.net.eval()
    luck = torch.Generator().manual_seed(3)
    return sum(learner.score(batch, luck) for batch in checks) / len(checks)


def _lean(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Half precision where it pays."""
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()
