"""A small net that says how much each frame of a stack counts at each place and scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 11
"""What the net is told of a frame at one scale; `look` lists them."""

FINE = 2
"""So many levels are fine detail, for which there is a guard of its own."""

MOST = 24.0
"""Logarithms of weights stay within this of 0: sums of their exponentials fit float32, and a frame can be silent."""


@dataclass(frozen=True)
class StackWeightsConfig:
    """Sizes of the net.

    Attributes:
        channels: at every scale.
        levels: scales of detail; the rest below them is averaged with the weights of the coarsest.
        guard: how much more the strength of fine detail counts in use than in training: what is real is never quite
            what was simulated, and the strongest detail is a safe choice.
        guard_coarse: the same for coarse detail and the rest: an opaque specimen's rim, blurred in most frames, must
            not lay a veil over what it hides.
    """

    channels: int = 16
    levels: int = 4
    guard: float = 3.0
    guard_coarse: float = 8.0


class StackWeights(nn.Module):
    """Two sweeps over the scales, from fine to coarse and back; then weights for each scale and one for the depth.

    Fine detail decides which frame is sharp, coarse detail where rims and blank places belong: each scale hears both.
    Every scale has kernels of its own.
    """

    def __init__(self, config: StackWeightsConfig) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.down = nn.ModuleList(
            nn.Conv2d(FEATURES + (width if level else 0), width, 3, padding=1) for level in range(config.levels)
        )
        self.deep = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for _ in range(config.levels))
        self.head = nn.ModuleList(nn.Conv2d(width + FEATURES, 2, 1) for _ in range(config.levels))
        self.rest = nn.Conv2d(width + FEATURES, 1, 1)
        with torch.no_grad():
            for number in [*self.head.parameters(), *self.rest.parameters()]:
                number.zero_()
            for level, head in enumerate(self.head):  # at first as a classical pyramid: by the strength of detail alone
                next(head.parameters())[:, width + 1] = 12.0 if level < 2 else 6.0

    def forward(self, looks: list[Tensor]) -> tuple[list[Tensor], Tensor, Tensor]:
        """Weigh frames.

        Args:
            looks: for each level, fine first, (N, FEATURES, h, w) as `look` gives them.

        Returns:
            The logarithm of the weight of each level (N, 1, h, w); that of the rest; that of the depth.
        """
        found: list[Tensor] = []
        for level, told in enumerate(looks):
            if level:
                told = torch.cat([told, _pool(found[-1])], 1)
            found.append(functional.relu(self.down[level](told)))
        deep = functional.relu(self.deep(found[-1]))
        weights: list[Tensor] = []
        rest = depth = deep
        for level in reversed(range(len(looks))):
            if level < len(looks) - 1:
                deep = functional.interpolate(deep, found[level].shape[-2:], mode="bilinear", align_corners=False)
            deep = functional.relu(self.up[level](torch.cat([found[level], deep], 1)))
            said = torch.cat([deep, looks[level]], 1)
            if level == len(looks) - 1:
                rest = _bounded(self.rest(said))
                if not self.training:
                    rest = rest + self.config.guard_coarse * looks[level][:, 1:2]
            both = _bounded(self.head[level](said))
            weight, depth = both[:, :1], both[:, 1:]
            if not self.training:
                guard = self.config.guard if level < FINE else self.config.guard_coarse
                weight = weight + guard * looks[level][:, 1:2]
            weights.append(weight)
        return weights[::-1], rest, depth


def _bounded(logarithm: Tensor) -> Tensor:
    return logarithm.clamp(-MOST, MOST)


def _pool(fine: Tensor) -> Tensor:
    height, width = fine.shape[-2:]
    if height % 2 or width % 2:
        fine = functional.pad(fine, (0, width % 2, 0, height % 2), mode="replicate")
    return functional.avg_pool2d(fine, 2)
