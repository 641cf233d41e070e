"""What a whole stack looks like to `StackWeights`, and the picture that its weights make of it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mmlib.nets.pyramids import halve, join, split
from mmlib.nets.stack_constants import AROUND, AS_MUCH, REAL, ROUNDING

NOISE_SHARE = (0.891, 0.0532, 0.0102, 0.00241)
"""Variance of white noise of variance 1 in each level of a Laplacian pyramid."""

STRONGEST = 2e5
"""Detail above so many times the noise counts as equally strong."""


def look(stack: Tensor, levels: int) -> list[Tensor]:
    """Describe every frame of stacks, scale by scale, beside its neighbours and beside the whole stack.

    Nothing of it depends on which way the stack runs. Of a frame, at a place and scale, in this order: how strong its
    detail is over the noise (logarithm over 4); the same less the strongest frame's, and less the mean over the frames;
    how its detail correlates with that of the mean of all frames, with that of its two neighbours (mean and
    difference), and theirs with each other: rims that only bend light turn from bright to dark in focus, what absorbs
    does not; how much less strong the weaker and the stronger neighbour are; how strong the mean's detail is; how
    much brighter the frame is than the mean of all; how strong detail is all around, less that of the frame where it is
    most; and whether any frame shows less here than that, 0 to 1: beside something sharp in another frame, what shows
    in this one may be no more than its rim.

    Args:
        stack: (B, K, 3, H, W) in 0..1, each side at least 2 ** levels * 2 pixels.
        levels: how many scales.

    Returns:
        For each level, fine first, (B * K, 13, h, w), on the grid of the next level.
    """
    batch, count = stack.shape[:2]
    weights = stack.new_tensor([0.299, 0.587, 0.114]).view(1, 1, 3, 1, 1)
    grey = (stack * weights).sum(2).mul(255).round()  # (B, K, H, W)
    noise = _noise(grey)
    details, coarse = split(grey.flatten(0, 1)[:, None], levels)
    told = []
    here = torch.arange(count, device=stack.device)
    before = (here - 1).abs().clamp_max(count - 1)  # an end frame has one neighbour, which counts twice
    after = (count - 1 - (count - 2 - here).abs()).clamp_min(0)
    for level, (flat, rest) in enumerate(zip(details, coarse, strict=True)):
        detail = flat.view(batch, count, *flat.shape[-2:])  # (B, K, h, w)
        mean = detail.mean(1, keepdim=True)
        alone = (NOISE_SHARE[level] * noise).view(batch, 1, 1, 1)
        energy, of_mean = _near(detail * detail), _near(mean * mean)
        strong = _strength(energy, alone)
        highest = strong.amax(1, keepdim=True)
        wide = _strength(_around(energy, AROUND), alone)
        widest = wide.amax(1, keepdim=True)
        less = (4 * (widest - highest) + AS_MUCH).clamp(0, 1) * (4 * widest - REAL).clamp(0, 1)
        usual = _usual(energy, alone, NOISE_SHARE[level] * ROUNDING)
        root, root_of_mean = (energy + alone).sqrt(), (of_mean + alone).sqrt()
        with_mean = _near(detail * mean) / (root * root_of_mean)
        with_before = _near(detail * detail[:, before]) / (root * root[:, before])
        with_after = _near(detail * detail[:, after]) / (root * root[:, after])
        around = _near(detail[:, before] * detail[:, after]) / (root[:, before] * root[:, after])
        lower = torch.minimum(strong[:, before], strong[:, after]) - strong
        higher = torch.maximum(strong[:, before], strong[:, after]) - strong
        left = rest.view(batch, count, *rest.shape[-2:])
        brighter = left - left.mean(1, keepdim=True)
        parts = [
            strong, strong - highest, strong - usual, with_mean, (with_before + with_after) / 2,
            (with_before - with_after).abs(), around, lower, higher,
            (_strength(of_mean, alone) - highest).expand_as(strong),
            brighter.sign() * (brighter.abs() / 2).log1p() / 3,
            wide - widest, less.expand_as(strong),
        ]  # fmt: skip
        told.append(torch.stack(parts, 2).flatten(0, 1))
    return told


def blend(stack: Tensor, weights: list[Tensor], rest: Tensor) -> Tensor:
    """Average stacks scale by scale.

    Args:
        stack: (B, K, 3, H, W).
        weights: for each level, fine first, the logarithm of the weight, (B * K, 1, h, w).
        rest: the same for the rest.

    Returns:
        (B, 3, H, W).
    """
    batch, count = stack.shape[:2]
    details, coarse = split(stack.flatten(0, 1), len(weights))
    joined = [
        _average(detail, weight, batch, count)
        for detail, weight in zip([*details, coarse[-1]], [*weights, rest], strict=True)
    ]
    return join(joined[:-1], joined[-1])


def find_depth(weight: Tensor, heights: Tensor) -> tuple[Tensor, Tensor]:
    """Give where the surface lies, as a mean over the frames, and how far that is spread.

    Args:
        weight: (B * K, 1, h, w), the logarithm of the weight for the depth.
        heights: (B, K), of the frames.

    Returns:
        (B, h, w) depth and (B, h, w) standard deviation, in the unit of the heights.
    """
    share = weight.view(*heights.shape, *weight.shape[-2:]).softmax(1)
    place = heights[..., None, None]
    depth = (share * place).sum(1)
    return depth, (share * (place - depth[:, None]) ** 2).sum(1).clamp_min(0).sqrt()


def _average(level: Tensor, weight: Tensor, batch: int, count: int) -> Tensor:
    size = level.shape[-2:]
    if weight.shape[-2:] != size:
        weight = functional.interpolate(weight, size, mode="bilinear", align_corners=False)
    share = weight.view(batch, count, 1, *size).softmax(1)
    return (share * level.view(batch, count, *level.shape[1:])).sum(1)


def _near(squares: Tensor) -> Tensor:
    half = halve(squares.flatten(0, 1)[:, None])
    blurred = functional.avg_pool2d(functional.pad(half, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    return blurred.view(*squares.shape[:2], *blurred.shape[-2:])


def _around(energy: Tensor, edge: int) -> Tensor:
    half = edge // 2
    for _ in range(2):
        framed = functional.pad(energy, (half,) * 4, mode="replicate")
        along = functional.avg_pool2d(framed, (1, edge), stride=1)
        energy = functional.avg_pool2d(along, (edge, 1), stride=1)
    return energy


def _strength(energy: Tensor, alone: Tensor) -> Tensor:
    return (energy / alone).clamp(1, STRONGEST).log() / 4


def _usual(energy: Tensor, alone: Tensor, least: float) -> Tensor:
    # the mean over the frames, in a form that needs no noise before the last frame has been seen
    mean = (energy / least).clamp_min(1).log().mean(1, keepdim=True)
    return (mean - (alone / least).log()).clamp_min(0) / 4


def _noise(grey: Tensor) -> Tensor:
    """Give the variance of the noise of each stack (B,): that of its quieter frames; a blind kernel's median tells."""
    kernel = grey.new_tensor([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]]).view(1, 1, 3, 3)
    left = functional.conv2d(grey.flatten(0, 1)[:, None], kernel).abs().flatten(1)
    variance = (left.median(1).values / (0.6745 * 6)) ** 2
    return variance.view(grey.shape[:2]).quantile(0.25, dim=1) + ROUNDING
