"""A small U-net of gated convolutions that undoes what a moving scan, noise and compression did to a frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

COLOURS = 3
CONDITIONS = 4
"""Planes that are constant over a picture: previous there, next there, speed, aim."""
CHANNELS = 3 * COLOURS + CONDITIONS
"""What the net takes: frame, previous frame, next frame, conditions."""
MULTIPLE = 8
"""Rows and columns must be a multiple of this."""
STRONG, FAINT = 8.0, 80.0
"""What detail is multiplied by, as it is and before it is bent: noise and blur of a hundredth of full scale are what
the net is about, and a net learns slowly from what is small."""
STEP = 0.03
"""What the last layer's answers are multiplied by: a usual change."""


@dataclass(frozen=True)
class RestorerConfig:
    """Sizes of the net.

    Attributes:
        width: channels at half resolution; doubled at each level below.
        encode: blocks at half and at a quarter of the resolution, on the way down.
        middle: blocks at an eighth.
        decode: blocks at a quarter and at half of the resolution, on the way up.
        reach: largest change of a pixel, as a share of full scale.
    """

    width: int = 24
    encode: tuple[int, int] = (2, 3)
    middle: int = 3
    decode: tuple[int, int] = (2, 2)
    reach: float = 0.35


class GatedBlock(nn.Module):
    """One 3 x 3 convolution, half of which gates the other half, one 1 x 1, added to what came in.

    A NAF block without its normalisation and its channel attention, which look at the whole picture and make a tile
    differ from the frame; its thin convolutions are one dense convolution here, which a CPU does faster.

    Source: Chen et al. 2022, simple baselines for image restoration, arXiv:2204.04676.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.out = nn.Conv2d(width, width, 1)
        self.scale = nn.Parameter(torch.full((1, width, 1, 1), 0.2))

    def forward(self, features: Tensor) -> Tensor:
        """Add what the block found: (N, C, h, w) to the same."""
        value, gate = self.mix(features).chunk(2, dim=1)
        found: Tensor = self.out(value * torch.sigmoid(gate)) * self.scale
        return features + found


class GatedUnet(nn.Module):
    """A U-net of gated blocks from half to an eighth of the resolution: a change of a frame, and how sure it is.

    Nothing in it looks further than its convolutions reach, so that a tile with `halo` pixels around it gives what the
    whole frame gives. Before it has learned anything it asks for no change.
    """

    def __init__(self, config: RestorerConfig, entering: int) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.enter = nn.Conv2d(entering, w, 3, padding=1)
        self.encode1 = nn.Sequential(*(GatedBlock(w) for _ in range(config.encode[0])))
        self.down1 = nn.Conv2d(w, 2 * w, 2, stride=2)
        self.encode2 = nn.Sequential(*(GatedBlock(2 * w) for _ in range(config.encode[1])))
        self.down2 = nn.Conv2d(2 * w, 4 * w, 2, stride=2)
        self.middle = nn.Sequential(*(GatedBlock(4 * w) for _ in range(config.middle)))
        self.up2 = nn.Conv2d(4 * w, 8 * w, 1)
        self.decode2 = nn.Sequential(*(GatedBlock(2 * w) for _ in range(config.decode[0])))
        self.up1 = nn.Conv2d(2 * w, 4 * w, 1)
        self.decode1 = nn.Sequential(*(GatedBlock(w) for _ in range(config.decode[1])))
        self.leave = nn.Conv2d(w, 4 * (COLOURS + 1), 3, padding=1)
        with torch.no_grad():
            self.leave.weight.zero_()
            bias = self.leave.bias
            if bias is not None:
                bias.zero_()
                bias[4 * COLOURS :] = -4.0

    @property
    def halo(self) -> int:
        """How far, in pixels, an answer looks: a tile needs so many more on each side."""
        c = self.config
        reach = 2 * (2 + c.encode[0] + c.decode[-1]) + 4 * (c.encode[1] + c.decode[0]) + 8 * c.middle
        return -(-(reach + 2 + 4 + 8) // MULTIPLE) * MULTIPLE

    def walk(self, entering: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Go down and up again.

        Args:
            entering: (N, C, H/2, W/2).

        Returns:
            (N, width, H/2, W/2) what it found, (N, 3, H, W) the change that it asks for, and (N, 1, H, W) the logarithm
            of the absolute error that it expects.
        """
        first: Tensor = self.encode1(self.enter(entering))  # (N, w, H/2, W/2)
        second: Tensor = self.encode2(self.down1(first))  # (N, 2 w, H/4, W/4)
        deep = self.middle(self.down2(second))  # (N, 4 w, H/8, W/8)
        second = self.decode2(second + functional.pixel_shuffle(self.up2(deep), 2))
        first = self.decode1(first + functional.pixel_shuffle(self.up1(second), 2))
        found = functional.pixel_shuffle(self.leave(first), 2)  # (N, 4, H, W)
        change = self.config.reach * torch.tanh(found[:, :COLOURS] * (STEP / self.config.reach))
        return first, change, found[:, COLOURS:]


class Restorer(GatedUnet):
    """Frame, neighbours and conditions in; the restored frame and how sure it is out.

    Before it has learned anything it passes the frame on unchanged.
    """

    def __init__(self, config: RestorerConfig = RestorerConfig()) -> None:
        super().__init__(config, 4 * 6 * COLOURS + CONDITIONS)
        self.inputs = {"forward": ((1, CHANNELS, 64, 64),)}

    def forward(self, given: Tensor) -> Tensor:
        """Restore frames.

        Args:
            given: (N, 13, H, W) frame, previous, next (RGB, 0..1; absent ones are copies of the frame), then planes
                that are constant: 1 where there is a previous frame, 1 where there is a next one, speed / 4 or 0 where
                it is not known, and the aim: 0 the same plane held still, 1 as if in focus.

        Returns:
            (N, 4, H, W) restored RGB, not clipped, and the logarithm of the expected absolute error.
        """
        frame = given[:, :COLOURS]
        detail = frame - functional.avg_pool2d(frame, 5, stride=1, padding=2, count_include_pad=False)
        around = given[:, COLOURS : 3 * COLOURS] - torch.cat([frame, frame], dim=1)
        bend = around[:, :COLOURS] + around[:, COLOURS:]  # what passing through focus during an exposure adds
        faint = functional.softsign(FAINT * torch.cat([detail, around], dim=1))
        halved = functional.pixel_unshuffle(torch.cat([frame - 0.5, STRONG * detail, STRONG * bend, faint], dim=1), 2)
        conditions = given[:, 3 * COLOURS :, ::2, ::2]
        _, change, unsure = self.walk(torch.cat([halved, conditions], dim=1))
        return torch.cat([frame + change, unsure], dim=1)
