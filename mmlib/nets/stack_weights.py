"""A small net that says how much each frame of a stack counts where: for the finest detail, for the rest, for depth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmlib.nets.stack_constants import FEATURES, MOST, NEARLY


@dataclass(frozen=True)
class StackWeightsConfig:
    """Sizes of the net.

    Attributes:
        channels: at every scale.
        levels: scales of detail that it looks at.
        context: convolutions at the coarsest scale, which carry the word into places that show nothing.
        guard: how much more the strength of fine detail counts in use than in training: what is real is never quite
            what was simulated, and the strongest detail is a safe choice.
        guard_coarse: the same for the coarsest detail, and twice that for what is coarser still.
        softer: to which power the weights of the depth are taken in use.
        around: how much a frame counts that is sharp around a place where no frame shows as much: what shows there in
            other frames is the rim of something thick. In use alone: few training scenes are as thick as pollen is.
    """

    channels: int = 24
    levels: int = 4
    context: int = 3
    guard: float = 3.0
    guard_coarse: float = 2.0
    softer: float = 1.0
    around: float = 1.5


class StackWeights(nn.Module):
    """Two sweeps over the scales, from fine to coarse and back; then weights for fine detail, for the rest, for depth.

    Beside something thick the ground is in focus where the rim of what lies above is brightest: the frame that shows a
    place clear of rims need not be the one in focus there, so that the rest has a weight of its own. Where a place
    shows less than what lies around it, frames count besides as they are sharp around: these are clear of rims. Fine
    detail decides which frame is sharp, coarse detail where rims and blank places belong: each scale hears both and has
    kernels of its own.
    """

    def __init__(self, config: StackWeightsConfig) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.down = nn.ModuleList(
            nn.Conv2d(FEATURES + (width if level else 0), width, 3, padding=1) for level in range(config.levels)
        )
        self.deep = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(config.context))
        self.up = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for _ in range(config.levels))
        self.head = nn.Conv2d(width + FEATURES, 3, 1)
        with torch.no_grad():
            for number in self.head.parameters():
                number.zero_()
            next(self.head.parameters())[:, width + 1] = 12.0  # at first by the strength of detail alone

    def forward(self, looks: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Weigh frames.

        Args:
            looks: for each level, fine first, (N, 13, h, w) as `look` gives them.

        Returns:
            On the grid of the first look, each (N, 1, h, w): the logarithms of the weight of the finest detail, of the
            weight of all else, and of how likely the frame is the one in focus.
        """
        found: list[Tensor] = []
        for level, told in enumerate(looks):
            told = told[:, :FEATURES]
            if level:
                told = torch.cat([told, _pool(found[-1])], 1)
            found.append(functional.relu(self.down[level](told)))
        deep = found[-1]
        for convolution in self.deep:
            deep = deep + functional.relu(convolution(deep))
        for level in reversed(range(len(looks))):
            if level < len(looks) - 1:
                deep = functional.interpolate(deep, found[level].shape[-2:], mode="bilinear", align_corners=False)
            deep = functional.relu(self.up[level](torch.cat([found[level], deep], 1)))
        all_three = self.head(torch.cat([deep, looks[0][:, :FEATURES]], 1)).clamp(-MOST, MOST)
        fine, clear, depth = all_three[:, :1], all_three[:, 1:2], all_three[:, 2:]
        if not self.training:
            fine, depth = fine + self.config.guard * looks[0][:, 1:2], depth * self.config.softer
            clear = clear + self.config.around * clear_of_rims(looks)
        return fine, clear, depth


def clear_of_rims(looks: list[Tensor]) -> Tensor:
    """Say which frames are sharp around each place, where it shows less than what lies around.

    Args:
        looks: what the net was told, fine first.

    Returns:
        (N, 1, h, w) on the grid of the first, 0 for the sharpest frame and where as much shows here; never below -MOST.
    """
    size = looks[0].shape[-2:]
    total = torch.zeros_like(looks[0][:, :1])
    for told in looks:
        part = (4 * told[:, 11:12] + NEARLY).clamp_max(0) * told[:, 12:13]
        if part.shape[-2:] != size:
            part = functional.interpolate(part, size, mode="bilinear", align_corners=False)
        total = total + part
    return total.clamp_min(-MOST)


def spread(fine: Tensor, clear: Tensor, looks: list[Tensor], guard: float) -> tuple[list[Tensor], Tensor]:
    """Give each level of detail its weights.

    Args:
        fine: (N, 1, h, w) of the finest detail.
        clear: (N, 1, h, w) of all else.
        looks: what the net was told, fine first.
        guard: how much the strength of detail counts besides at the coarsest level; twice that for the rest.

    Returns:
        A map for each level, fine first, and one for the rest; each half as large as the one before, but the first two.
    """
    weights = [fine]
    for _ in looks[1:]:
        weights.append(clear)
        clear = _pool(clear)
    strength = guard * looks[-1][:, 1:2]
    if len(weights) > 1:
        size = weights[-1].shape[-2:]
        weights[-1] = weights[-1] + functional.interpolate(strength, size, mode="bilinear", align_corners=False)
    return weights, clear + 2 * strength


def _pool(fine: Tensor) -> Tensor:
    height, width = fine.shape[-2:]
    if height % 2 or width % 2:
        fine = functional.pad(fine, (0, width % 2, 0, height % 2), mode="replicate")
    return functional.avg_pool2d(fine, 2)
