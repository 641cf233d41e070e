"""DeblurGAN: a generator of residual blocks, with two ways up, and the critic that it learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 4
"""Rows and columns must be a multiple of this."""
LEAST_VARIANCE = 1e-5
Statistics = tuple[Tensor, Tensor]
"""Mean and variance of each channel, (N or 1, C, 1, 1)."""


@dataclass(frozen=True)
class DeblurganConfig:
    """Sizes of the generator.

    Attributes:
        upgraded: the way up: False transposed convolutions, as published; True nearest neighbours and a convolution.
        width: channels at full resolution; two and four times as many at a half and a quarter.
        blocks: residual ones at a quarter.
        convolutions: in a block: 1 as in the authors' public code, 2 with dropout between as in their paper.
        dropout: between the two.
    """

    upgraded: bool = False
    width: int = 64
    blocks: int = 9
    convolutions: int = 1
    dropout: float = 0.5


@dataclass(frozen=True)
class CriticConfig:
    """Sizes of the critic.

    Attributes:
        width: channels of its first layer; doubled three times.
    """

    width: int = 64


class Stage(nn.Module):
    """One convolution and what goes before it; normalisation and ReLU come after, in the generator.

    Attributes:
        begins: whether the picture that comes in is kept to be added at the end of a block.
        ends: whether it is added here.
        bends: whether a ReLU comes after.
    """

    def __init__(self, *layers: nn.Module, begins: bool = False, ends: bool = False, bends: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.begins, self.ends, self.bends = begins, ends, bends

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve."""
        found: Tensor = self.layers(maps)
        return found


class Deblurgan(nn.Module):
    """The generator: the change that it wants is bounded by a tanh and added to the picture.

    Every convolution but the last is followed by an instance normalisation, which makes each pixel depend on the whole
    picture. For pictures that are shown in pieces `gather` says once what the means and variances are, and `forward`
    takes them as they are; on one picture that is shown whole the two give what instance normalisation gives.

    Source: Kupyn et al. 2018, DeblurGAN, arXiv:1711.07064; the resize-convolution: Odena, Dumoulin & Olah 2016,
        doi:10.23915/distill.00003.
    """

    def __init__(self, config: DeblurganConfig = DeblurganConfig()) -> None:
        super().__init__()
        self.config = config
        w = config.width
        stages = [
            Stage(nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7)),
            Stage(nn.Conv2d(w, 2 * w, 3, stride=2, padding=1)),
            Stage(nn.Conv2d(2 * w, 4 * w, 3, stride=2, padding=1)),
        ]
        for _ in range(config.blocks):
            stages += _block(4 * w, config)
        stages += [_up(4 * w, config.upgraded), _up(2 * w, config.upgraded)]
        self.stages = nn.ModuleList(stages)
        self.leave = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7))
        self.widths = [w, 2 * w, 4 * w, *[4 * w] * (config.blocks * config.convolutions), 2 * w, w]
        self.inputs = {"forward": ((1, 3, 64, 64), (1, 2 * sum(self.widths))), "gather": ((1, 3, 64, 64),)}
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0, 0.02)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor, statistics: Tensor | None = None) -> Tensor:
        """Restore pictures.

        Args:
            picture: (N, 3, H, W), 0..1; H and W multiples of 4.
            statistics: (1, S) from `gather`; None takes those of each picture itself.

        Returns:
            The same shape, 0..1.
        """
        place = 0

        def look(maps: Tensor) -> Statistics:
            nonlocal place
            if statistics is None:
                return _statistics(maps, (2, 3))
            width = maps.shape[1]
            mean, variance = statistics[:, place : place + 2 * width].chunk(2, dim=1)
            place += 2 * width
            return mean[:, :, None, None], variance[:, :, None, None]

        change = torch.tanh(self.leave(self._stages(2 * picture - 1, look)))  # -1..1 as the picture within the net
        return (picture + change / 2).clamp(0, 1)

    def gather(self, windows: Tensor) -> Tensor:
        """Say what the normalisations find in windows of one picture, taken together.

        Args:
            windows: (N, 3, h, w), 0..1.

        Returns:
            (1, S) means and variances of all layers.
        """
        found: list[Tensor] = []

        def look(maps: Tensor) -> Statistics:
            mean, variance = _statistics(maps, (0, 2, 3))
            found.extend([mean[:, :, 0, 0], variance[:, :, 0, 0]])
            return mean, variance

        self._stages(2 * windows - 1, look)
        return torch.cat(found, dim=1)

    def _stages(self, maps: Tensor, look: Callable[[Tensor], Statistics]) -> Tensor:
        kept = maps
        for stage in self.stages:
            kept = maps if stage.begins else kept
            maps = stage(maps)
            mean, variance = look(maps)
            maps = (maps - mean) * torch.rsqrt(variance + LEAST_VARIANCE)
            maps = functional.relu(maps) if stage.bends else maps
            if self.training and stage.begins and not stage.ends:
                maps = functional.dropout(maps, self.config.dropout)
            maps = maps + kept if stage.ends else maps
        return maps


class Critic(nn.Module):
    """A critic of patches: higher where it takes a picture for a sharp one; no bounds, for it is a Wasserstein critic.

    Source: Isola et al. 2017, arXiv:1611.07004 (patches); Gulrajani et al. 2017, arXiv:1704.00028 (the penalty).
    """

    def __init__(self, config: CriticConfig = CriticConfig()) -> None:
        super().__init__()
        self.config = config
        w = config.width
        layers: list[nn.Module] = [nn.Conv2d(3, w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for given, width, stride in ((w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 1)):
            layers += [
                nn.Conv2d(given, width, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(width),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * w, 1, 4, padding=1))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0, 0.02)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor) -> Tensor:
        """Judge pictures.

        Args:
            picture: (N, 3, H, W), 0..1.

        Returns:
            (N, 1, h, w), a number a patch.
        """
        found: Tensor = self.layers(2 * picture - 1)
        return found


def _block(width: int, config: DeblurganConfig) -> list[Stage]:
    """Give the convolutions of a residual block."""

    def convolution() -> tuple[nn.Module, nn.Module]:
        return nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3)

    if config.convolutions == 1:
        return [Stage(*convolution(), begins=True, ends=True)]
    return [Stage(*convolution(), begins=True), Stage(*convolution(), ends=True, bends=False)]


def _up(width: int, upgraded: bool) -> Stage:
    """Double the resolution and halve the channels."""
    if upgraded:
        return Stage(nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Conv2d(width, width // 2, 3, padding=1))
    return Stage(nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1))


def _statistics(maps: Tensor, over: tuple[int, ...]) -> Statistics:
    mean = maps.mean(over, keepdim=True)
    return mean, (maps - mean).square().mean(over, keepdim=True)
