"""A U-Net as the authors used it for deblurring: the encoder of VGG11, bilinear ways up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 8
"""Rows and columns must be a multiple of this."""


@dataclass(frozen=True)
class UnetConfig:
    """Sizes of the net.

    Attributes:
        widths: channels of the three levels and of the bottom.
        residual: whether the net gives the change of the picture, beginning at none, rather than the picture.
    """

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    residual: bool = False


def double(given: int, width: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each normalised over the batch."""
    return nn.Sequential(
        nn.Conv2d(given, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
    )  # fmt: skip


class Unet(nn.Module):
    """Down by pooling, up by bilinear interpolation, each level joined with its twin.

    Source: Ronneberger, Fischer & Brox 2015, arXiv:1505.04597.
    """

    def __init__(self, config: UnetConfig = UnetConfig()) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.down = nn.ModuleList([double(3, a), double(a, b), double(b, c)])
        self.bottom = double(c, d)
        self.up = nn.ModuleList([double(d + c, c), double(c + b, b), double(b + a, a)])
        self.leave = nn.Conv2d(a, 3, 1)
        if config.residual:
            nn.init.zeros_(self.leave.weight)
            nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor) -> Tensor:
        """Restore pictures.

        Args:
            picture: (N, 3, H, W), 0..1; H and W multiples of 8.

        Returns:
            The same shape, not clipped.
        """
        maps, twins = picture, []
        for level in self.down:
            maps = level(maps)
            twins.append(maps)
            maps = functional.max_pool2d(maps, 2)
        maps = self.bottom(maps)
        for level, twin in zip(self.up, reversed(twins), strict=True):
            wide = functional.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
            maps = level(torch.cat([twin, wide], dim=1))
        found: Tensor = self.leave(maps)
        return picture + found if self.config.residual else found
