"""All luck from the caller's generator: numbers, choices and smooth random fields."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F


class Luck:
    """Random numbers for one scene: single ones on the CPU, tensors on a device, both from one seed."""

    def __init__(self, generator: torch.Generator, device: torch.device | str) -> None:
        """Draw a seed from the caller's generator.

        Args:
            generator: the caller's.
            device: where tensors shall live.
        """
        seed = int(torch.randint(0, 2**62, (1,), generator=generator, device=generator.device))
        self.device = torch.device(device)
        self.number = np.random.default_rng(seed)
        self.generator = torch.Generator(self.device).manual_seed(seed % 2**62)

    def uniform(self, low: float, high: float) -> float:
        """Draw a number between two."""
        return float(self.number.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Draw a number between two positive ones, each factor alike."""
        return math.exp(self.number.uniform(math.log(low), math.log(high)))

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both among them."""
        return int(self.number.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """Say yes in this share of the cases."""
        return bool(self.number.random() < share)

    def tensor(self, values: Sequence[float]) -> torch.Tensor:
        """Put numbers on the device, float32."""
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def rand(self, *shape: int) -> torch.Tensor:
        """Draw numbers of 0..1 on the device."""
        return torch.rand(shape, generator=self.generator, device=self.device)

    def randn(self, *shape: int) -> torch.Tensor:
        """Draw normal numbers on the device."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def field(self, height: int, width: int, cells: int) -> torch.Tensor:
        """Draw a smooth random field.

        Args:
            height: rows.
            width: columns.
            cells: how many bumps fit along the shorter side.

        Returns:
            (H, W), about normal with standard deviation 1.
        """
        scale = cells / min(height, width)
        rows, columns = (max(2, math.ceil(n * scale) + 1) for n in (height, width))
        rough = self.randn(1, 1, rows, columns)
        return F.interpolate(rough, (height, width), mode="bicubic", align_corners=True)[0, 0] * 1.3
