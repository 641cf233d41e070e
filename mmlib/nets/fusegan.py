"""The generator and the discriminator of FFusionCGAN: two frames and their masks become one picture."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
MULTIPLE = 8
"""Rows and columns must be a multiple of this many pixels."""


@dataclass(frozen=True)
class FusionGeneratorConfig:
    """Sizes of the generator.

    Attributes:
        base: maps of the first stage; 64 in the paper, each later stage has twice as many.
    """

    base: int = 64


class DenseBlock(nn.Module):
    """Three convolutions, each of which sees the sum of all before it; half of the last is added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Refine maps."""
        first = functional.leaky_relu(self.conv1(maps), SLOPE)
        near = maps + first
        second = functional.leaky_relu(self.conv2(near), SLOPE)
        far = near + second
        refined: Tensor = maps + 0.5 * self.conv3(near + far)
        return refined


class Stage(nn.Module):
    """One convolution to a new number of maps, and two dense blocks."""

    def __init__(self, given: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(given, width, 3, padding=1)
        self.act = nn.PReLU(width)
        self.blocks = nn.Sequential(DenseBlock(width), DenseBlock(width))

    def forward(self, maps: Tensor) -> Tensor:
        """Work on one scale."""
        refined: Tensor = self.blocks(self.act(self.conv(maps)))
        return refined


class FusionGenerator(nn.Module):
    """Down three scales and up again, with everything seen on the way down beside it on the way up.

    Source: Geng et al. 2020, FFusionCGAN; Guo et al. 2019, FuseGAN, doi:10.1109/TMM.2019.2895292.
    """

    inputs: ClassVar = {"forward": ((1, 8, 64, 64),)}
    """Shapes of an example."""

    def __init__(self, config: FusionGeneratorConfig = FusionGeneratorConfig()) -> None:
        super().__init__()
        self.config = config
        base = config.base
        self.head = nn.Sequential(nn.Conv2d(8, base, 9, padding=4), nn.PReLU(base))
        self.down1, self.down2, self.down3 = Stage(base, base), Stage(base, 2 * base), Stage(2 * base, 4 * base)
        self.bottom = nn.Sequential(
            nn.Conv2d(4 * base, 8 * base, 3, padding=1), nn.PReLU(8 * base),
            nn.Conv2d(8 * base, 8 * base, 3, padding=1), nn.PReLU(8 * base),
            nn.Conv2d(8 * base, 4 * base, 3, padding=1), nn.PReLU(4 * base),
        )  # fmt: skip
        self.up3, self.up2, self.up1 = Stage(8 * base, 4 * base), Stage(6 * base, 2 * base), Stage(3 * base, base)
        self.tail = nn.Conv2d(base, 3, 9, padding=4)

    def forward(self, given: Tensor) -> Tensor:
        """Fuse two frames.

        Args:
            given: (N, 8, H, W), 0..1: a frame, another, and their masks; H and W multiples of 8.

        Returns:
            (N, 3, H, W), 0..1.
        """
        maps = self.head(given)
        fine = self.down1(maps)
        middle = self.down2(functional.avg_pool2d(fine, 2))
        coarse = self.down3(functional.avg_pool2d(middle, 2))
        maps = self.bottom(functional.avg_pool2d(coarse, 2))
        for seen, stage in ((coarse, self.up3), (middle, self.up2), (fine, self.up1)):
            maps = stage(torch.cat([functional.interpolate(maps, scale_factor=2.0, mode="nearest"), seen], 1))
        picture: Tensor = (torch.tanh(self.tail(maps)) + 1) / 2
        return picture


class FusionDiscriminator(nn.Module):
    """Says for each patch of a picture how likely it is a true one; only training needs it.

    Source: Geng et al. 2020, FFusionCGAN.
    """

    def __init__(self, base: int = 64) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, base, 3, padding=1)
        widths = [base, base, 2 * base, 4 * base, 8 * base]
        self.pairs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(given, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE),
                nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE),
            )
            for given, width in itertools.pairwise(widths)
        )  # fmt: skip
        self.last = nn.Conv2d(8 * base, 1, 1)

    def features(self, picture: Tensor) -> list[Tensor]:
        """Give what each layer sees in pictures (N, 3, H, W), 0..1, fine first."""
        maps = functional.leaky_relu(self.first(picture * 2 - 1), SLOPE)
        seen = []
        for pair in self.pairs:
            maps = pair(maps)
            seen.append(maps)
        return seen

    def logits(self, features: list[Tensor]) -> Tensor:
        """Judge by the features; the sigmoid of the answer is the probability of a true picture."""
        maps = features[-1]
        judged: Tensor = self.last(functional.max_pool2d(maps, 4) if min(maps.shape[-2:]) >= 4 else maps)
        return judged

    def forward(self, picture: Tensor) -> Tensor:
        """Judge pictures.

        Args:
            picture: (N, 3, H, W), 0..1.

        Returns:
            (N, 1, rows, columns) logits, one a patch.
        """
        return self.logits(self.features(picture))
