"""The net of Liu et al. 2017: looks at two windows of 16 px and says which of them is in focus."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOW = 16
"""Rows and columns of a window."""
STEP = 2
"""Windows that `Liu.compare` looks at lie this many places of the maps apart, 4 px of the frames."""
HALO = 4
"""Pixels around a window that its answer depends on."""


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
        self.inputs = {"branch": ((1, 1, 64, 64),), "compare": ((1, third, 32, 32),) * 2}
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

    def judge(self, one: Tensor, other: Tensor) -> Tensor:
        """Give the logits of windows.

        Args:
            one: from `branch`.
            other: from `branch`, as large.

        Returns:
            (N, 2, rows, columns): the first frame is in focus, the second is; windows lie 4 px apart.
        """
        maps = torch.cat([one, other], 1)
        logits: Tensor = self.full2(functional.conv2d(maps, self.full1.weight, self.full1.bias, stride=STEP))
        return logits

    def compare(self, one: Tensor, other: Tensor) -> Tensor:
        """Say how probable it is that the first frame is the sharper one in each window.

        Args:
            one: from `branch`.
            other: from `branch`, as large.

        Returns:
            (N, 1, rows, columns), 0..1.
        """
        return torch.softmax(self.judge(one, other), 1)[:, :1]

    def forward(self, pair: Tensor) -> Tensor:
        """Compare two frames.

        Args:
            pair: (N, 2, H, W), 0..1, at least 16 px high and wide.

        Returns:
            See `compare`.
        """
        return self.compare(self.branch(pair[:, :1]), self.branch(pair[:, 1:]))
