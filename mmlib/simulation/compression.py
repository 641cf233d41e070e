"""What JPEG does to a picture, computed where the picture lives: no file, no trip to the CPU."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from mmlib.errors import InputError

BLOCK = 8
BRIGHTNESS_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
COLOUR_STEPS = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99,) * 8,) * 4,
)  # fmt: skip
"""Steps of quantisation at quality 50, in grey levels."""
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def compress(shown: torch.Tensor, quality: float) -> torch.Tensor:
    """Give a picture back as JPEG would: colour at half resolution, 8 x 8 blocks in coarse steps.

    Args:
        shown: (..., 3, H, W) in 0..1, of any size.
        quality: 1 (poor) to 100.

    Returns:
        The same shape, 0..1, not rounded to 8 bit.

    Raises:
        InputError: if the quality is outside 1 to 100.

    Source: ITU-T T.81, annexes A and K.
    """
    if not 1 <= quality <= 100:
        raise InputError(f"jpeg quality must be 1 to 100; got {quality}")
    share = (50 / quality if quality < 50 else 2 - quality / 50) if quality < 100 else 0.0
    height, width = shown.shape[-2:]
    flat = shown.reshape(-1, 3, height, width) * 255
    turn = shown.new_tensor(TO_YCC)
    ycc = torch.einsum("ij,njhw->nihw", turn, flat)
    ycc = F.pad(ycc, (0, -width % (2 * BLOCK), 0, -height % (2 * BLOCK)), mode="replicate")
    bright = _quantise(ycc[:, :1] - 128, (shown.new_tensor(BRIGHTNESS_STEPS) * share).round().clamp(1, 255)) + 128
    colour = _quantise(F.avg_pool2d(ycc[:, 1:], 2), (shown.new_tensor(COLOUR_STEPS) * share).round().clamp(1, 255))
    colour = F.interpolate(colour, scale_factor=2, mode="bilinear", align_corners=False)
    back = torch.cat([bright, colour], 1)[..., :height, :width]
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(turn), back)
    return (rgb / 255).clamp(0, 1).reshape(shown.shape)


def _quantise(plane: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Round the cosine transform of every block to its steps: (N, C, h, w) in grey levels."""
    count, channels, height, width = plane.shape
    place = torch.arange(BLOCK, dtype=plane.dtype, device=plane.device)
    cosines = torch.cos(math.pi / BLOCK * (place[None, :] + 0.5) * place[:, None]) * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    blocks = plane.reshape(count, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4)
    waves = cosines @ blocks @ cosines.T
    blocks = cosines.T @ ((waves / steps).round() * steps) @ cosines
    return blocks.transpose(3, 4).reshape(plane.shape)
