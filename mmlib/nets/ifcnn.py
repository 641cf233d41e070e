"""IFCNN: one small encoder for every frame, the largest answer over all of them, one small decoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What the values of a picture are centred and scaled by."""


@dataclass(frozen=True)
class IfcnnConfig:
    """Sizes of IFCNN.

    Attributes:
        width: maps in each layer; 64 in the paper.
    """

    width: int = 64


class Encoder(nn.Module):
    """From a frame to what it shows, (N, 3, H, W) to (N, width, H, W)."""

    halo = 4
    """Pixels around each that its answer depends on."""
    mean: Tensor
    spread: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7)
        self.conv2 = nn.Conv2d(width, width, 3)
        self.norm2 = nn.BatchNorm2d(width)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("spread", torch.tensor(SPREAD)[:, None, None])

    def forward(self, frames: Tensor) -> Tensor:
        """Describe frames, 0..1."""
        maps = functional.pad((frames - self.mean) / self.spread, (3, 3, 3, 3), mode="replicate")
        maps = functional.pad(self.conv1(maps), (1, 1, 1, 1), mode="replicate")
        return functional.relu(self.norm2(self.conv2(maps)))


class Decoder(nn.Module):
    """From what all frames show to the picture, (N, width, H, W) to (N, 3, H, W)."""

    halo = 1
    """Pixels around each that its answer depends on."""
    mean: Tensor
    spread: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(width, width, 3)
        self.norm3 = nn.BatchNorm2d(width)
        self.conv4 = nn.Conv2d(width, 3, 1)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("spread", torch.tensor(SPREAD)[:, None, None])

    def forward(self, maps: Tensor) -> Tensor:
        """Draw the picture, about 0..1."""
        maps = functional.pad(maps, (1, 1, 1, 1), mode="replicate")
        picture: Tensor = self.conv4(functional.relu(self.norm3(self.conv3(maps)))) * self.spread + self.mean
        return picture


class Ifcnn(nn.Module):
    """Fuses any number of frames: the largest answer of the encoder at each place goes on to the decoder.

    Source: Zhang et al. 2020, IFCNN: a general image fusion framework, doi:10.1016/j.inffus.2019.07.011.
    """

    def __init__(self, config: IfcnnConfig = IfcnnConfig()) -> None:
        super().__init__()
        self.config = config
        self.inputs = {"encode": ((1, 3, 64, 64),), "decode": ((1, config.width, 64, 64),)}
        self.encoder = Encoder(config.width)
        self.decoder = Decoder(config.width)

    def encode(self, frames: Tensor) -> Tensor:
        """Describe frames, (N, 3, H, W) in 0..1, by maps of 0 or more, (N, width, H, W)."""
        maps: Tensor = self.encoder(frames)
        return maps

    def decode(self, maps: Tensor) -> Tensor:
        """Draw the picture, (N, 3, H, W) about 0..1, of the largest maps of all frames, (N, width, H, W)."""
        picture: Tensor = self.decoder(maps)
        return picture

    def forward(self, stack: Tensor) -> Tensor:
        """Fuse stacks.

        Args:
            stack: (B, K, 3, H, W), 0..1.

        Returns:
            (B, 3, H, W), about 0..1.
        """
        batch, planes = stack.shape[:2]
        maps = self.encoder(stack.flatten(0, 1)).unflatten(0, (batch, planes))  # (B, K, width, H, W)
        picture: Tensor = self.decoder(maps.amax(1))
        return picture
