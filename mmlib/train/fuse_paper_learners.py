"""What each of the paper's fusion nets does in a step, and how well it does on scenes it does not learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmlib.nets.fusegan import FusionDiscriminator, FusionGenerator, FusionGeneratorConfig
from mmlib.nets.ifcnn import Ifcnn, IfcnnConfig
from mmlib.nets.liu import STEP, WINDOW, Liu, LiuConfig
from mmlib.train.fuse_paper_begin import begin_plainly
from mmlib.train.fuse_paper_pairs import Pairs, attainable, make_pairs
from mmlib.train.fuse_paper_recipe import FusePaperRecipe
from mmlib.train.perceptual import Edges, Vgg16, feature_distance, perceptual_net

CLEAR_DOF = 0.5
"""A window counts where one frame is this much nearer to focus than the other, in depths of field."""

Batch = dict[str, Tensor]


class Learner(ABC):
    """A net that learns.

    Attributes:
        net: all that has weights.
        used: the part of it that is written at the end.
    """

    net: Any
    used: Any

    @abstractmethod
    def groups(self) -> list[dict[str, Any]]:
        """Give the parameters and their rates, for Adam."""

    @abstractmethod
    def step(self, batch: Batch, optimiser: torch.optim.Optimizer, generator: torch.Generator, along: float) -> float:
        """Take one step; ``along`` is the share of the training that is over. Gives the loss."""

    @abstractmethod
    def score(self, batch: Batch, generator: torch.Generator) -> float:
        """Say how well it does on a batch; higher is better."""


class IfcnnLearner(Learner):
    """Whole stacks against the simulator's truth."""

    def __init__(self, recipe: FusePaperRecipe, device: torch.device) -> None:
        self.recipe = recipe
        self.net = self.used = Ifcnn(IfcnnConfig(recipe.width)).to(device)
        begin_plainly(self.used)
        self.critic = perceptual_net().to(device) if recipe.perceptual else None

    def groups(self) -> list[dict[str, Any]]:
        """Give the parameters."""
        return [{"params": list(self.net.parameters()), "lr": self.recipe.rate}]

    def step(self, batch: Batch, optimiser: torch.optim.Optimizer, generator: torch.Generator, along: float) -> float:
        """Fuse stacks and compare.

        Batches are too small and too unlike each other to be normalised by: that layer only scales and shifts.
        """
        self.net.eval()
        truth = attainable(batch["truth"], batch["still"], batch["defocus_dof"].abs())
        loss = _difference(self.net(batch["stack"]), truth, self.recipe, self.critic)
        return _descend(loss, optimiser, self.net)

    @torch.no_grad()
    def score(self, batch: Batch, generator: torch.Generator) -> float:
        """Give the PSNR of fused stacks."""
        return _psnr(self.net(batch["stack"]), attainable(batch["truth"], batch["still"], batch["defocus_dof"].abs()))


class CnnLearner(Learner):
    """Windows of two frames: which one is nearer to focus?"""

    def __init__(self, recipe: FusePaperRecipe, device: torch.device) -> None:
        first = recipe.width
        self.recipe = recipe
        self.net = self.used = Liu(LiuConfig((first, 2 * first, 4 * first), 4 * first)).to(device)

    def groups(self) -> list[dict[str, Any]]:
        """Give the parameters."""
        return [{"params": list(self.net.parameters()), "lr": self.recipe.rate}]

    def step(self, batch: Batch, optimiser: torch.optim.Optimizer, generator: torch.Generator, along: float) -> float:
        """Judge windows and compare with the truth."""
        logits, wanted, clear = self._judge(batch, generator)
        losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        return _descend((losses * clear).sum() / clear.sum().clamp_min(1), optimiser, self.net)

    @torch.no_grad()
    def score(self, batch: Batch, generator: torch.Generator) -> float:
        """Give the share of windows judged right."""
        logits, wanted, clear = self._judge(batch, generator)
        right = ((logits > 0).float() == wanted).float()
        return float((right * clear).sum() / clear.sum().clamp_min(1))

    def _judge(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        pairs = make_pairs(batch, generator, masks=False)
        weights = pairs.frames.new_tensor([0.299, 0.587, 0.114])[:, None, None]
        grey = (pairs.frames * weights).sum(2)  # (B, 2, H, W)
        maps = [self.net.branch(grey[:, place : place + 1]) for place in (0, 1)]
        logits = self.net.judge(maps[0], maps[1])
        away = functional.avg_pool2d(pairs.away.clamp_max(4), WINDOW, 2 * STEP)  # (B, 2, rows, columns)
        seen = functional.avg_pool2d(grey**2, WINDOW, 2 * STEP) - functional.avg_pool2d(grey, WINDOW, 2 * STEP) ** 2
        gap = away[:, 1] - away[:, 0]
        clear = (gap.abs() > CLEAR_DOF) & (seen.amax(1) > (3 / 255) ** 2)  # not where there is nothing to see
        return logits[:, 0] - logits[:, 1], (gap > 0).float(), clear.float()


class GanLearner(Learner):
    """A generator and a discriminator, in turns."""

    def __init__(self, recipe: FusePaperRecipe, device: torch.device, teacher: Ifcnn | None) -> None:
        self.recipe = recipe
        self.used = FusionGenerator(FusionGeneratorConfig(recipe.width)).to(device)
        begin_plainly(self.used)
        self.judge = FusionDiscriminator(recipe.discriminator_base).to(device)
        self.net = nn.ModuleDict({"generator": self.used, "discriminator": self.judge})
        self.teacher = teacher.to(device) if teacher is not None else None
        self.critic = perceptual_net().to(device) if recipe.features == "vgg" else None

    def groups(self) -> list[dict[str, Any]]:
        """Give the parameters; the discriminator has a rate of its own."""
        return [
            {"params": list(self.used.parameters()), "lr": self.recipe.rate},
            {"params": list(self.judge.parameters()), "lr": self.recipe.discriminator_rate},
        ]

    def step(self, batch: Batch, optimiser: torch.optim.Optimizer, generator: torch.Generator, along: float) -> float:
        """Teach the discriminator, then the generator."""
        recipe, pairs = self.recipe, make_pairs(batch, generator)
        truth = self._truth(pairs)
        fused = self.used(pairs.given)
        playing = along >= recipe.alone
        seen_truth: list[Tensor] = []
        if playing:
            optimiser.zero_grad(set_to_none=True)
            seen_truth = self.judge.features(truth)
            true, false = self.judge.logits(seen_truth), self.judge(fused.detach())
            _descend(_bce(true, 1) + _bce(false, 0), optimiser, self.judge)
        loss = recipe.pixel * (self._masked(fused, pairs) if recipe.masked else (fused - truth).abs().mean())
        loss = loss + recipe.gradients * _slopes(fused, truth)
        if self.critic is not None:
            loss = loss + recipe.perceptual * feature_distance(self.critic(fused), self.critic(truth))
        if playing:
            seen = self.judge.features(fused)
            loss = loss + recipe.adversarial * _bce(self.judge.logits(seen), 1)
            if self.critic is None:
                loss = loss + recipe.perceptual * feature_distance(seen, [one.detach() for one in seen_truth])
        return _descend(loss, optimiser, self.used)

    @torch.no_grad()
    def score(self, batch: Batch, generator: torch.Generator) -> float:
        """Give the PSNR of fused pairs against what it is taught, whichever truth that is."""
        pairs = make_pairs(batch, generator)
        return _psnr(self.used(pairs.given), self._truth(pairs))

    def _truth(self, pairs: Pairs) -> Tensor:
        if self.teacher is None:
            return pairs.truth
        with torch.no_grad():
            taught: Tensor = self.teacher(pairs.frames).clamp(0, 1)
        return taught

    def _masked(self, fused: Tensor, pairs: Pairs) -> Tensor:
        """uL1: the fused picture under the combined mask against the frames under their own.

        With the simulator's truth the masks are the true ones.
        """
        masks = pairs.nearer if self.teacher is None else pairs.masks
        combined = torch.ones_like(pairs.shows) if self.teacher is None else pairs.shows
        wanted = (pairs.frames * masks[:, :, None]).sum(1)
        return (combined * (fused - wanted)).abs().mean()


def make_learner(recipe: FusePaperRecipe, device: torch.device, teacher: Ifcnn | None = None) -> Learner:
    """Make a net with the weights of the recipe's seed, ready to learn.

    Args:
        recipe: which net.
        device: where it works.
        teacher: IFCNN, where its pictures are the truth.

    Returns:
        The learner.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if recipe.net == "ifcnn":
            return IfcnnLearner(recipe, device)
        if recipe.net == "cnn":
            return CnnLearner(recipe, device)
        return GanLearner(recipe, device, teacher)


def _difference(fused: Tensor, truth: Tensor, recipe: FusePaperRecipe, critic: Vgg16 | Edges | None) -> Tensor:
    loss = recipe.pixel * (fused - truth).abs().mean() + recipe.gradients * _slopes(fused, truth)
    if critic is not None:
        loss = loss + recipe.perceptual * feature_distance(critic(fused), critic(truth))
    return loss


def _slopes(fused: Tensor, truth: Tensor) -> Tensor:
    away = fused - truth
    return (away[..., 1:] - away[..., :-1]).abs().mean() + (away[..., 1:, :] - away[..., :-1, :]).abs().mean()


def _bce(logits: Tensor, wanted: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, wanted))


def _descend(loss: Tensor, optimiser: torch.optim.Optimizer, net: nn.Module) -> float:
    """Move one net; the gradients of the others are thrown away."""
    optimiser.zero_grad(set_to_none=True)
    parameters = [one for one in net.parameters() if one.requires_grad]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    return float(loss.detach())


def _psnr(fused: Tensor, truth: Tensor) -> float:
    away = ((fused.clamp(0, 1) - truth) ** 2).flatten(1).mean(1).clamp_min(1e-9)
    return float((-10 * away.log10()).mean())
