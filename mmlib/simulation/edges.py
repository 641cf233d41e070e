"""Borders for transforms that wrap around: what leaves on the right comes back on the left without a seam."""

from __future__ import annotations

import math

import torch


def pad_to_wrap(field: torch.Tensor, margin: tuple[int, int], grid: tuple[int, int]) -> torch.Tensor:
    """Pad a field with its mirror image, blended so that opposite borders meet.

    Args:
        field: (..., H, W).
        margin: rows above and columns left of the field.
        grid: rows and columns of the result, at least those of the field and its margin.

    Returns:
        (..., h, w): the field untouched in the middle, a border that closes on itself around it.
    """
    for axis, (before, total) in enumerate(zip(margin, grid, strict=True)):
        field = _pad(field, axis - 2, before, total)
    return field


def _pad(field: torch.Tensor, axis: int, before: int, total: int) -> torch.Tensor:
    size = field.shape[axis]
    border = total - size
    if border == 0:
        return field
    step = torch.arange(1, border + 1, device=field.device)
    onward = field.index_select(axis, _mirror(size - 1 + step, size))  # grows out of the last pixel
    backward = field.index_select(axis, _mirror(step - border - 1, size))  # runs into the first one
    weight = 0.5 - 0.5 * torch.cos(math.pi * step.to(field.dtype) / (border + 1))
    weight = weight.reshape([-1 if a == field.dim() + axis else 1 for a in range(field.dim())])
    bridge = torch.lerp(onward, backward, weight)
    after = border - before
    return torch.cat([bridge.narrow(axis, after, before), field, bridge.narrow(axis, 0, after)], axis)


def _mirror(index: torch.Tensor, size: int) -> torch.Tensor:
    """Fold any index into 0..size-1 as between two mirrors."""
    folded = index.remainder(2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)
