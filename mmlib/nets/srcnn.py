"""SRCNN: three convolutions that turn a blurred picture into a sharp one."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class SrcnnConfig:
    """Sizes of the net.

    Attributes:
        widths: channels after the first and the second convolution.
        kernels: edge of each convolution, px.
        residual: whether the net gives the change of the picture, beginning at none, rather than the picture.
    """

    widths: tuple[int, int] = (64, 32)
    kernels: tuple[int, int, int] = (9, 5, 5)
    residual: bool = False


class Srcnn(nn.Module):
    """Patches are found, mapped to sharp ones and put together.

    Source: Dong, Loy, He & Tang 2015, arXiv:1501.00092; sizes 9-5-5 for RGB.
    """

    def __init__(self, config: SrcnnConfig = SrcnnConfig()) -> None:
        super().__init__()
        self.config = config
        (first, second), (a, b, c) = config.widths, config.kernels
        self.find = nn.Conv2d(3, first, a, padding=a // 2)
        self.map = nn.Conv2d(first, second, b, padding=b // 2)
        self.join = nn.Conv2d(second, 3, c, padding=c // 2)
        if config.residual:
            nn.init.zeros_(self.join.weight)
            nn.init.zeros_(self.join.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor) -> Tensor:
        """Restore pictures.

        Args:
            picture: (N, 3, H, W), 0..1.

        Returns:
            The same shape, not clipped.
        """
        found: Tensor = self.join(functional.relu(self.map(functional.relu(self.find(picture)))))
        return picture + found if self.config.residual else found
