"""The focus net of Yang et al. 2018: how far a crop is from focus, as a distribution over levels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CROP = 84
"""Edge of the crops that the net sees, px."""
FEATURES = 64 * (CROP // 4) ** 2
"""Numbers that the convolutions hand on: 28224."""


@dataclass(frozen=True)
class YangConfig:
    """Sizes of the net.

    Attributes:
        levels: of focus: 11 in the original, 10 in the upgrade for mobile microscopes.
        hidden: width of the first fully connected layer.
        rank: how many numbers that layer is squeezed through; 0 leaves it whole, with 28.9 million weights.
        relative: take a crop relative to its own light, so that exposure counts for nothing; the original does not.
    """

    levels: int = 11
    hidden: int = 1024
    rank: int = 0
    relative: bool = False


class Yang(nn.Module):
    """Two convolutions, each halved by its largest values, and two fully connected layers.

    Source: Yang et al. 2018, Assessing microscope image focus quality with deep learning,
        doi:10.1186/s12859-018-2087-4.
    """

    def __init__(self, config: YangConfig = YangConfig()) -> None:
        super().__init__()
        self.config = config
        self.inputs = {"forward": ((1, 1, CROP, CROP),)}
        self.conv1 = nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        if config.rank:
            self.squeeze = nn.Linear(FEATURES, config.rank, bias=False)
        self.fc1 = nn.Linear(config.rank or FEATURES, config.hidden)
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(config.hidden, config.levels)

    def forward(self, crops: Tensor) -> Tensor:
        """Judge crops.

        Args:
            crops: (N, 1, 84, 84) grey, 0..1; of larger ones it sees the upper left corner.

        Returns:
            (N, levels) logits, level 0 in focus.
        """
        answers: Tensor = self.fc2(self.dropout(functional.relu(self.hidden(crops))))
        return answers

    def hidden(self, crops: Tensor) -> Tensor:
        """Give what the first fully connected layer answers, before it is rectified.

        Args:
            crops: (N, 1, 84, 84).

        Returns:
            (N, hidden).
        """
        crops = crops[..., :CROP, :CROP]
        if self.config.relative:
            crops = crops / crops.mean((1, 2, 3), keepdim=True).clamp_min(1e-3) - 1
        seen = functional.max_pool2d(functional.relu(self.conv1(crops)), 2)
        seen = functional.max_pool2d(functional.relu(self.conv2(seen)), 2).flatten(1)
        answers: Tensor = self.fc1(self.squeeze(seen) if self.config.rank else seen)
        return answers


@torch.no_grad()
def squeezed(net: Yang, crops: Tensor, rank: int) -> Yang:
    """Squeeze the great layer of a whole net through a few numbers: the directions in which its answers vary most.

    Args:
        net: with ``rank`` 0.
        crops: (N, 1, 84, 84), N above the rank, such as the net was trained on.
        rank: how many directions are kept.

    Returns:
        A net whose great layer has rank (28224 + hidden) weights in place of 28224 hidden; in all else it is the same.

    Source: principal components of a layer's answers, as in Zhang et al. 2016, doi:10.1109/TPAMI.2015.2502579.
    """
    config = YangConfig(net.config.levels, net.config.hidden, rank, net.config.relative)
    answers = torch.cat([net.hidden(crops[i : i + 64]) for i in range(0, len(crops), 64)]).double()
    middle = answers.mean(0)
    directions = torch.linalg.eigh((answers - middle).T @ (answers - middle)).eigenvectors[:, -rank:]  # (hidden, rank)
    small = Yang(config).to(crops.device)
    weights = {name: value for name, value in net.state_dict().items() if not name.startswith("fc1.")}
    off = net.fc1.bias.double() - middle
    weights["squeeze.weight"] = (directions.T @ net.fc1.weight.double()).float()
    weights["fc1.weight"] = directions.float()
    weights["fc1.bias"] = (middle + directions @ (directions.T @ off)).float()
    small.load_state_dict(weights)
    return small.train(net.training)


def ranked_probability_score(logits: Tensor, levels: Tensor) -> Tensor:
    """Give the ranked probability score: a guess costs more the more levels it is off.

    Args:
        logits: (N, K).
        levels: (N,) true ones, 0..K-1.

    Returns:
        (N,) sum over k of (cumulated guess - cumulated truth)^2, 0 best .. K - 1.

    Source: Epstein 1969, doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2.
    """
    guessed = logits.softmax(1).cumsum(1)
    true = torch.arange(logits.shape[1], device=logits.device) >= levels[:, None]
    return (guessed - true.to(guessed)).square().sum(1)
