"""Pairs of frames to fuse, their masks, and what a perfect fusion of the two would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmlib.fusing.masks import pair_masks

SHARP_DOF, SOFT_DOF = 0.5, 1.5
"""Up to so many depths of field from focus a pixel counts as sharp; beyond the second as blurred."""


@dataclass(frozen=True)
class Pairs:
    """Pairs to learn from.

    Attributes:
        frames: (B, 2, 3, H, W), 0..1, as photographed.
        masks: (B, 2, H, W), they sum to 1.
        shows: (B, 1, H, W) 1 where either frame shows detail.
        truth: (B, 3, H, W): the scene in focus where either frame is in focus, else the nearer frame without noise.
        away: (B, 2, H, W) distance from focus in depths of field.
    """

    frames: Tensor
    masks: Tensor
    shows: Tensor
    truth: Tensor
    away: Tensor

    @property
    def nearer(self) -> Tensor:
        """(B, 2, H, W) 1 for the frame that is truly nearer to focus."""
        second = (self.away[:, 1] < self.away[:, 0]).float()
        return torch.stack([1 - second, second], 1)

    @property
    def given(self) -> Tensor:
        """What the generator takes, (B, 8, H, W)."""
        return torch.cat([self.frames.flatten(1, 2), self.masks], 1)


def make_pairs(batch: dict[str, Tensor], generator: torch.Generator, *, masks: bool = True) -> Pairs:
    """Choose two frames of each stack.

    Args:
        batch: of `mmlib.train.scenes.draw`, with two planes or more.
        generator: on the CPU; which two, and which comes first.
        masks: whether masks are wanted; zeros are given otherwise.

    Returns:
        The pairs, where the batch lives.
    """
    stack = batch["stack"]
    scenes, planes = stack.shape[:2]
    chosen = torch.stack([torch.randperm(planes, generator=generator)[:2] for _ in range(scenes)]).to(stack.device)
    rows = torch.arange(scenes, device=stack.device)[:, None]
    frames, still = stack[rows, chosen], batch["still"][rows, chosen]
    away = batch["defocus_dof"][rows, chosen].abs()
    soft, shows = find_masks(frames) if masks else (torch.zeros_like(away), torch.zeros_like(away[:, :1]))
    return Pairs(frames, soft, shows, attainable(batch["truth"], still, away), away)


def attainable(truth: Tensor, still: Tensor, away: Tensor) -> Tensor:
    """Say what a perfect fusion would show: the truth where a frame is in focus, else the nearest frame, still.

    Args:
        truth: (B, 3, H, W), all in focus.
        still: (B, K, 3, H, W) the frames without motion and noise.
        away: (B, K, H, W) distance from focus in depths of field, 0 or more.

    Returns:
        (B, 3, H, W).
    """
    least, which = away.min(1)
    best = still.gather(1, which[:, None, None].expand(-1, 1, *still.shape[2:]))[:, 0]
    blurred = ((least - SHARP_DOF) / (SOFT_DOF - SHARP_DOF)).clamp(0, 1)[:, None]
    return truth * (1 - blurred) + best * blurred


def find_masks(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Make the masks of pairs exactly as they are made in use.

    Args:
        frames: (B, 2, 3, H, W), 0..1.

    Returns:
        (B, 2, H, W) masks and (B, 1, H, W) where detail shows, on the device of the frames.
    """
    pictures = frames.detach().float().permute(0, 1, 3, 4, 2).cpu().numpy()
    found = [pair_masks(one, other) for one, other in pictures]
    masks = torch.from_numpy(np.stack([np.stack([first, second]) for first, second, _ in found]))
    shows = torch.from_numpy(np.stack([shown[None] for _, _, shown in found])).float()
    return masks.to(frames.device), shows.to(frames.device)
