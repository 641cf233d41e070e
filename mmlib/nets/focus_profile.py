"""A net that judges the focus of a cell from a few numbers a plane, read along z."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS_DOF = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0)
"""Ten levels of distance from focus lie between these, in depths of field."""
HEADS = {"sharp": 1, "best": 1, "visible": 1, "artefact": 1, "blank": 1, "defocus": 3, "level": 10}
"""What the net says of a plane, and in how many numbers: logits, but for ``defocus``, see `FocusProfile.forward`."""


@dataclass(frozen=True)
class FocusProfileConfig:
    """Sizes.

    Attributes:
        features: numbers a cell and plane that come in.
        width: channels.
        dilations: of the residual blocks, in planes.
    """

    features: int = 45
    width: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 1)


class Block(nn.Module):
    """Looks at the planes beside, and at the whole stack at once, and adds what it found."""

    def __init__(self, width: int, dilation: int) -> None:
        """Build."""
        super().__init__()
        self.near = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.whole = nn.Linear(2 * width, width)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, K, width) and give the same."""
        whole = self.whole(torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1))
        found = F.relu(self.near(x.transpose(1, 2)).transpose(1, 2) + whole[:, None])
        out: Tensor = x + self.mix(found)
        return out


class FocusProfile(nn.Module):
    """Convolutions along z for any number of planes, from one up.

    Source: ours; residual dilated convolutions along a sequence are those of Bai et al. 2018, arXiv:1803.01271.
    """

    def __init__(self, config: FocusProfileConfig | None = None) -> None:
        """Build."""
        super().__init__()
        self.config = config or FocusProfileConfig()
        self.enter = nn.Linear(self.config.features, self.config.width)
        self.blocks = nn.ModuleList(Block(self.config.width, dilation) for dilation in self.config.dilations)
        self.leave = nn.Linear(self.config.width, sum(HEADS.values()))

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Judge cells.

        Args:
            features: (N, K, features) of `mmlib.focusing.features`.

        Returns:
            For each of `HEADS` (N, K, n); ``defocus`` holds the inverse hyperbolic sine of the signed distance in
            depths of field: its 5 %, 50 % and 95 % quantile, in order.
        """
        x = F.relu(self.enter(features))
        for block in self.blocks:
            x = block(x)
        said = dict(zip(HEADS, self.leave(x).split(list(HEADS.values()), dim=2), strict=True))
        low, middle, high = said["defocus"].split(1, dim=2)
        said["defocus"] = torch.cat([middle - F.softplus(low), middle, middle + F.softplus(high)], dim=2)
        return said
