"""Pictures of known quality as tensors, and the patches that a net sees of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mmlib.nets.cnniqa import PATCH
from mmlib.train.quality_scenes import KINDS, Judged

DEFOCUS, SMEAR = KINDS.index("defocus"), KINDS.index("smear")


@dataclass(frozen=True)
class Pictures:
    """Scenes, laid end to end.

    Attributes:
        frames: (N, H, W) uint8.
        targets: (N,) score, 0 perfect to 100.
        kinds: (N,) index into `KINDS`, below 0 for none.
        scenes: (N,) which scene it is of.
    """

    frames: Tensor
    targets: Tensor
    kinds: Tensor
    scenes: Tensor

    @classmethod
    def of(cls, scenes: Sequence[Judged]) -> Pictures:
        """Lay scenes end to end."""
        return cls(
            torch.from_numpy(np.concatenate([scene.frames for scene in scenes])),
            torch.from_numpy(np.concatenate([scene.targets for scene in scenes])),
            torch.from_numpy(np.concatenate([scene.kinds for scene in scenes])).long(),
            torch.repeat_interleave(torch.arange(len(scenes)), torch.tensor([len(scene.kinds) for scene in scenes])),
        )

    def only(self, which: Tensor) -> Pictures:
        """Keep some: (N,) bool."""
        return Pictures(self.frames[which], self.targets[which], self.kinds[which], self.scenes[which])

    def to(self, device: torch.device) -> Pictures:
        """Move to a device."""
        return Pictures(self.frames.to(device), self.targets.to(device), self.kinds.to(device), self.scenes.to(device))


def draw_patches(frames: Tensor, chosen: Tensor, count: int, luck: torch.Generator) -> Tensor:
    """Cut patches from anywhere in pictures, turned and mirrored at will.

    Args:
        frames: (N, H, W) uint8.
        chosen: (P,) which pictures.
        count: patches of each.
        luck: where they lie.

    Returns:
        (P * count, 1, 32, 32), 0..1, those of a picture side by side.
    """
    height, width = frames.shape[-2:]
    total = len(chosen) * count
    top = torch.randint(height - PATCH + 1, (total, 1, 1), generator=luck)
    left = torch.randint(width - PATCH + 1, (total, 1, 1), generator=luck)
    along = torch.arange(PATCH)
    which = chosen.repeat_interleave(count)[:, None, None]
    cut = frames[which.to(frames.device), (top + along[:, None]).to(frames.device), (left + along).to(frames.device)]
    turn = torch.randint(8, (1,), generator=luck).item()
    cut = torch.rot90(cut, int(turn) % 4, (1, 2))
    cut = cut.flip(2) if turn >= 4 else cut
    return cut[:, None].float() / 255


def vary(
    patches: Tensor,
    kinds: Tensor,
    targets: Tensor,
    *,
    gains: tuple[float, float],
    smoothed: float,
    luck: torch.Generator,
) -> Tensor:
    """Change what the score does not depend on: contrast, and the noise of pictures that are blurred anyway.

    Args:
        patches: (P * n, 1, h, w), those of a picture side by side.
        kinds: (P,) distortion of each picture.
        targets: (P,) score of each.
        gains: least and most that contrast is changed by.
        smoothed: share of the blurred pictures that are smoothed.
        luck: where chance comes from.

    Returns:
        Other patches of the same shape.
    """
    count = len(patches) // len(kinds)
    factors = torch.empty(len(kinds)).uniform_(*map(math.log, gains), generator=luck).exp()
    blurred = ((kinds == DEFOCUS) | (kinds == SMEAR)) & (targets > 20)
    soft = blurred & (torch.rand(len(kinds), generator=luck) < smoothed)
    which = soft.repeat_interleave(count).to(patches.device)
    patches = patches.clone()
    patches[which] = _smooth(patches[which])
    return patches * factors.to(patches.device).repeat_interleave(count)[:, None, None, None]


def _smooth(patches: Tensor) -> Tensor:
    """Smooth patches by a pixel: (N, 1, h, w) with the binomial kernel of 5 x 5."""
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=patches.device) / 16
    framed = functional.pad(patches, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(framed, torch.outer(line, line)[None, None])
