"""What the paper's deblurring nets are told: errors, structure, features, and a critic's opinion."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmlib.train.perceptual import Edges, Vgg16

Features = Vgg16 | Edges
FLOOR = 1e-6
"""Mean square error that is as good as none: a quarter of a step of 8 bit."""


def pixel_error(answer: Tensor, wanted: Tensor, *, relative: bool) -> Tensor:
    """Give the mean square error, or half its logarithm.

    Args:
        answer: (N, 3, H, W).
        wanted: the same shape.
        relative: whether each picture counts by the logarithm of its own error, in nepers.

    Returns:
        One number.
    """
    squared = (answer - wanted).square().mean(dim=(1, 2, 3))
    return (squared + FLOOR).log().mean() / 2 if relative else squared.mean()


def structure(one: Tensor, other: Tensor) -> Tensor:
    """Give the structural similarity of pictures.

    Args:
        one: (N, 3, H, W), 0..1, at least 11 x 11.
        other: the same shape.

    Returns:
        One number, 1 where they are equal.

    Source: Wang, Bovik, Sheikh & Simoncelli 2004, doi:10.1109/TIP.2003.819861: Gaussian window of 11 px, sigma 1.5.
    """
    steps = torch.arange(11, dtype=one.dtype, device=one.device) - 5
    line = torch.exp(-(steps**2) / (2 * 1.5**2))
    line = line / line.sum()

    def mean(maps: Tensor) -> Tensor:
        flat = maps.flatten(0, 1)[:, None]
        across = functional.conv2d(flat, line[None, None, None, :])
        return functional.conv2d(across, line[None, None, :, None])

    first, second = mean(one), mean(other)
    spread_one = mean(one * one) - first * first
    spread_other = mean(other * other) - second * second
    shared = mean(one * other) - first * second
    light = (2 * first * second + 0.01**2) / (first * first + second * second + 0.01**2)
    return (light * (2 * shared + 0.03**2) / (spread_one + spread_other + 0.03**2)).mean()


def content(net: Features, answer: Tensor, wanted: Tensor) -> Tensor:
    """Give the mean square difference of features: the last of VGG16 that is taken, relu3_3, or all edges.

    Args:
        net: from `mmlib.train.perceptual.perceptual_net`.
        answer: (N, 3, H, W), 0..1.
        wanted: the same shape.

    Returns:
        One number.

    Source: Kupyn et al. 2018, arXiv:1711.07064, equation 4; theirs is VGG19 before its ReLU, whose first seven
        convolutions have the places of VGG16's.
    """
    with torch.no_grad():
        targets = net(wanted)
    found = net(answer)
    if isinstance(net, Vgg16):
        return functional.mse_loss(found[-1], targets[-1])
    return torch.stack([functional.mse_loss(a, b) for a, b in zip(found, targets, strict=True)]).mean()


def critic_loss(critic: nn.Module, real: Tensor, made: Tensor, penalty: float, luck: torch.Generator) -> Tensor:
    """Give what a Wasserstein critic lowers: its opinion of made pictures less that of real ones, and the penalty.

    Args:
        critic: gives a number a patch.
        real: (N, 3, H, W).
        made: the same shape, detached.
        penalty: weight of the squared distance of its gradient's norm from 1, between real and made.
        luck: where between.

    Returns:
        One number.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, equation 3.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=luck).to(real)
    between = torch.lerp(real, made, share).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).mean(dim=(1, 2, 3)).sum(), between, create_graph=True)
    steepness = (slope.square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
    found: Tensor = critic(made).mean() - critic(real).mean() + penalty * (steepness - 1).square().mean()
    return found
