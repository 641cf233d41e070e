"""A support vector machine of focus as a net, so that it is kept and loaded as the others are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FocusSvmConfig:
    """Sizes of the machine.

    Attributes:
        looks_at: ``"hog"`` or ``"blur"``, the features that it is given.
        features: how many there are.
        vectors: support vectors.
        rank: directions in which they are written; 0 keeps them whole.
    """

    looks_at: str = "hog"
    features: int = 6084
    vectors: int = 1000
    rank: int = 0


class FocusSvm(nn.Module):
    """A Gaussian kernel about each support vector; NumPy evaluates the same in `mmlib.focusing.svm`.

    Source: Cortes and Vapnik 1995, doi:10.1007/BF00994018.
    """

    def __init__(self, config: FocusSvmConfig = FocusSvmConfig()) -> None:
        super().__init__()
        self.config = config
        self.inputs = {"forward": ((1, config.features),)}
        shapes = {
            "directions": (config.rank, config.features),
            "coordinates": (config.vectors, config.rank or config.features),
            "lengths": (config.vectors,),
            "weights": (config.vectors,),
            "middle": (config.features,),
            "spread": (config.features,),
            "numbers": (4,),
        }
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))

    def forward(self, features: Tensor) -> Tensor:
        """Give the chance that crops are in focus.

        Args:
            features: (N, F).

        Returns:
            (N,), 0..1.
        """
        values = dict(self.named_buffers())
        gamma, offset, slope, bias = values["numbers"]
        scaled = (features - values["middle"]) / values["spread"]
        along = scaled @ values["directions"].T if self.config.rank else scaled
        square = scaled.square().sum(1, keepdim=True) + values["lengths"]
        distance = (square - 2 * along @ values["coordinates"].T).clamp_min(0)
        return torch.sigmoid(slope * (torch.exp(-gamma * distance) @ values["weights"] + offset) + bias)
