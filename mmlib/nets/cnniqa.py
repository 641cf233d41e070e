"""CNNIQA and CNNIQA++: small nets that judge the quality of a picture patch by patch, without a reference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class CnniqaConfig:
    """Sizes of CNNIQA.

    Attributes:
        kernels: how many filters the convolution has.
        kernel: edge of each, px.
        hidden: width of the two fully connected layers.
        white: value of white where patches are normalised; see `normalise_patches`.
        detail: how much more patches with contrast count than flat ones; see `pool`.
    """

    kernels: int = 50
    kernel: int = 7
    hidden: tuple[int, int] = (800, 800)
    white: float = 1.0
    detail: float = 0.0


@dataclass(frozen=True)
class CnniqaPlusConfig:
    """Sizes of CNNIQA++.

    Attributes:
        kernels: how many filters the two convolutions have.
        kernel: edge of each, px.
        hidden: width of the two fully connected layers.
        distortions: how many kinds of distortion it tells apart.
        white: value of white where patches are normalised; see `normalise_patches`.
        detail: how much more patches with contrast count than flat ones; see `pool`.
    """

    kernels: tuple[int, int] = (8, 32)
    kernel: int = 3
    hidden: tuple[int, int] = (128, 512)
    distortions: int = 5
    white: float = 1.0
    detail: float = 0.0


PATCH = 32
"""Edge of the patches that both nets see, px."""


def normalise_patches(patches: Tensor, white: float = 1.0) -> Tensor:
    """Take the mean of the 3 x 3 neighbourhood off and divide by its deviation plus one.

    Args:
        patches: (N, 1, 32, 32) grey, 0..1.
        white: value that white is brought to first. 255, as in the paper, makes the one that is added small, so that
            faint detail counts as strong detail does; the public weights trained on LIVE were made with 1, which takes
            off little more than the mean.

    Returns:
        (N, 1, 32, 32).

    Source: Kang et al. 2014, section 3.1, 3 x 3 windows mirrored at the edge of the patch, constant 1.
    """
    if white != 1:
        patches = patches * white
    framed = functional.pad(patches, (1, 1, 1, 1), mode="replicate")
    mean = functional.avg_pool2d(framed, 3, stride=1)
    variance = functional.avg_pool2d(framed * framed, 3, stride=1) - mean * mean
    return (patches - mean) / (variance.clamp_min(0).sqrt() + 1)


def pool(scores: Tensor, patches: Tensor, detail: float = 0.0) -> Tensor:
    """Give the score of each picture: the mean over its patches.

    Args:
        scores: (..., P) of the patches of a picture.
        patches: (..., P, H, W) grey, 0..1.
        detail: power of a patch's standard deviation that it is weighed by. 0, as in the paper, is the plain mean; with
            1 an empty part of the slide, which shows no sharpness, says little.

    Returns:
        (...) scores.
    """
    if detail == 0:
        return scores.mean(-1)
    weights = (patches.std(dim=(-2, -1)) + 0.003) ** detail  # a little under one step of 8 bit
    return (scores * weights).sum(-1) / weights.sum(-1)


def extremes(maps: Tensor) -> Tensor:
    """Give the largest and the smallest value of each map.

    Args:
        maps: (N, C, H, W).

    Returns:
        (N, 2 C), the largest first.
    """
    return torch.cat([maps.amax(dim=(2, 3)), maps.amin(dim=(2, 3))], dim=1)


class Cnniqa(nn.Module):
    """One convolution, global maximum and minimum, two hidden layers, one score.

    Source: Kang, Ye, Li & Doermann 2014, figure 2, doi:10.1109/CVPR.2014.224.
    """

    def __init__(self, config: CnniqaConfig = CnniqaConfig()) -> None:
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv2d(1, config.kernels, config.kernel)
        self.fc1 = nn.Linear(2 * config.kernels, config.hidden[0])
        self.fc2 = nn.Linear(*config.hidden)
        self.fc3 = nn.Linear(config.hidden[1], 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, patches: Tensor) -> Tensor:
        """Judge patches.

        Args:
            patches: (N, 1, 32, 32) from `normalise_patches`.

        Returns:
            (N,) scores, on the scale that the net was trained on.
        """
        return self.head(extremes(self.conv1(patches)))  # from (N, 100)

    def head(self, found: Tensor) -> Tensor:
        """Judge what the convolution found.

        Args:
            found: (N, 2 kernels) largest and smallest answers of each kernel.

        Returns:
            (N,) scores.
        """
        hidden = self.dropout(functional.relu(self.fc1(found)))
        scores: Tensor = self.fc3(functional.relu(self.fc2(hidden)))[:, 0]
        return scores


class CnniqaPlus(nn.Module):
    """Two small convolutions, global maximum and minimum, and two heads: the score and the kind of distortion.

    Source: Kang, Ye, Li & Doermann 2015, doi:10.1109/ICIP.2015.7351311.
    """

    def __init__(self, config: CnniqaPlusConfig = CnniqaPlusConfig()) -> None:
        super().__init__()
        self.config = config
        first, second = config.kernels
        self.conv1 = nn.Conv2d(1, first, config.kernel)
        self.conv2 = nn.Conv2d(first, second, config.kernel)
        self.fc1 = nn.Linear(2 * second, config.hidden[0])
        self.fc2 = nn.Linear(*config.hidden)
        self.fc3_q = nn.Linear(config.hidden[1], 1)
        self.fc3_d = nn.Linear(config.hidden[1], config.distortions)
        self.dropout = nn.Dropout(0.5)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Judge patches.

        Args:
            patches: (N, 1, 32, 32) from `normalise_patches`.

        Returns:
            (N,) scores on the scale that the net was trained on, and (N, D) logits of the kind of distortion.
        """
        found = extremes(self.conv2(functional.max_pool2d(self.conv1(patches), 2)))  # (N, 64)
        hidden = functional.relu(self.fc2(self.dropout(functional.relu(self.fc1(found)))))
        return self.fc3_q(hidden)[:, 0], self.fc3_d(hidden)
