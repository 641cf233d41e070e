"""The net of Liu et al. 2017: looks at two windows of 16 px and says which of them is in focus."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOW = 16
"""Rows and columns of a window."""


@dataclass(frozen=True)
class LiuConfig:
    """Sizes of the net.

    Attributes:
        widths: maps of the three convolutions; 64, 128 and 256 in the paper.
        hidden: values between the two full layers; 256 in the paper.
    """

    widths: tuple[int, int, int] = (64, 128, 256)
    hidden: int = 256


class Liu(nn.Module):
    """Two equal branches, their maps side by side, two full layers written as convolutions: any size goes.

    Source: Liu, Chen, Peng & Wang 2017, doi:10.1016/j.inffus.2016.12.001.
    """

    def __init__(self, config: LiuConfig = LiuConfig()) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        self.conv1 = nn.Conv2d(1, first, 3, padding=1)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        self.full1 = nn.Conv2d(2 * third, config.hidden, WINDOW // 2)
        self.full2 = nn.Conv2d(config.hidden, 2, 1)

    def branch(self, grey: Tensor) -> Tensor:
        """Describe a frame.

        Args:
            grey: (N, 1, H, W), 0..1.

        Returns:
            (N, third width, H/2, W/2).
        """
        maps = functional.relu(self.conv2(functional.relu(self.conv1(grey - 0.5))))
        return functional.relu(self.conv3(functional.max_pool2d(maps, 2)))

    def judge(self, one: Tensor, other: Tensor, step: int = 1) -> Tensor:
        """Compare what two frames show.

        Args:
            one: from `branch`.
            other: from `branch`, as large.
            step: windows lie this many places of the maps apart, twice as many pixels.

        Returns:
            (N, 2, rows, columns) logits of the windows: the first is in focus, the second is.
        """
        maps = torch.cat([one, other], 1)
        logits: Tensor = self.full2(functional.conv2d(maps, self.full1.weight, self.full1.bias, stride=step))
        return logits

    def forward(self, pair: Tensor, step: int = 1) -> Tensor:
        """Compare two frames.

        Args:
            pair: (N, 2, H, W), 0..1, at least 16 px high and wide.
            step: see `judge`.

        Returns:
            (N, rows, columns): how probable it is, 0..1, that the first frame is the sharper one in each window.
        """
        one, other = self.branch(pair[:, :1]), self.branch(pair[:, 1:])
        return torch.softmax(self.judge(one, other, step), 1)[:, 0]
