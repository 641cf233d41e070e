"""Laplacian pyramids of batches: the very numbers that OpenCV's `pyrDown` and `pyrUp` give."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def halve(pictures: Tensor) -> Tensor:
    """Smooth and take every second pixel.

    Args:
        pictures: (N, C, H, W), at least 3 pixels high and wide.

    Returns:
        (N, C, H/2, W/2), rounded up.
    """
    count, colours, height, width = pictures.shape
    taps = pictures.new_tensor(_TAPS)
    framed = functional.pad(pictures, (2, 2, 2, 2), mode="reflect").reshape(count * colours, 1, height + 4, width + 4)
    along = functional.conv2d(framed, taps.view(1, 1, 1, 5), stride=(1, 2))
    both = functional.conv2d(along, taps.view(1, 1, 5, 1), stride=(2, 1))
    return both.reshape(count, colours, *both.shape[-2:])


def double(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Put a pixel between every two and smooth.

    Args:
        pictures: (N, C, h, w).
        size: rows and columns of the larger picture, twice those of the smaller or one less.

    Returns:
        (N, C, *size).
    """
    return _double(_double(pictures, size[0], -2), size[1], -1)


def split(pictures: Tensor, levels: int) -> tuple[list[Tensor], list[Tensor]]:
    """Split pictures into detail from fine to coarse.

    Args:
        pictures: (N, C, H, W).
        levels: how many.

    Returns:
        The levels of detail, and what each leaves over at half the size; the last of these is the rest.
    """
    details, coarse = [], []
    for _ in range(levels):
        half = halve(pictures)
        details.append(pictures - double(half, (pictures.shape[-2], pictures.shape[-1])))
        coarse.append(half)
        pictures = half
    return details, coarse


def join(details: list[Tensor], rest: Tensor) -> Tensor:
    """Put pyramids together again."""
    for detail in reversed(details):
        rest = double(rest, (detail.shape[-2], detail.shape[-1])) + detail
    return rest


def _double(pictures: Tensor, size: int, axis: int) -> Tensor:
    last = pictures.movedim(axis, -1)
    before = last[..., 1:2] if last.shape[-1] > 1 else last[..., :1]
    last = torch.cat([before, last, last[..., -1:]], -1)
    even = (last[..., :-2] + 6 * last[..., 1:-1] + last[..., 2:]) / 8
    odd = (last[..., 1:-1] + last[..., 2:]) / 2
    return torch.stack([even, odd], -1).flatten(-2)[..., :size].movedim(-1, axis)
