"""What the perceptual loss compares: VGG16's features from a file of the user's, or edges of many sizes instead."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmlib.errors import InputError

VARIABLE = "MMLIB_VGG16"
"""Names a file of torchvision's VGG16 weights, .pth or .safetensors; none are shipped, for they are not ours."""
LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256)
TAPS = (2, 5, 9)
"""After relu1_2, relu2_2 and relu3_3."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg16(nn.Module):
    """The first three stages of VGG16.

    Source: Simonyan & Zisserman 2015, arXiv:1409.1556.
    """

    title = "VGG16"

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        given = 3
        for width in LAYERS:
            layers += [nn.Conv2d(given, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
            given = width or given
        self.features = nn.Sequential(*layers)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Give the features of pictures (N, 3, H, W), 0..1."""
        mean, spread = (picture.new_tensor(values)[:, None, None] for values in (MEAN, SPREAD))
        maps, seen, convolutions = (picture - mean) / spread, [], 0
        for layer in self.features:
            maps = layer(maps)
            convolutions += isinstance(layer, nn.ReLU)
            if isinstance(layer, nn.ReLU) and convolutions in (2, 4, 7):
                seen.append(maps)
        return seen


class Edges(nn.Module):
    """Stands in for VGG16 where its weights are not there: slopes of the picture at four sizes.

    It has no weights and knows no objects; blur changes its answer at every size, which is what the loss is for.
    """

    title = "edges at four sizes in place of VGG16, whose weights were not given"

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Give the slopes of pictures (N, 3, H, W), 0..1."""
        seen = []
        for _ in range(4):
            right = picture[..., :-1, 1:] - picture[..., :-1, :-1]
            down = picture[..., 1:, :-1] - picture[..., :-1, :-1]
            seen.append(10 * torch.cat([right, down], 1))
            picture = functional.avg_pool2d(picture, 2)
        return seen


def perceptual_net(path: Path | None = None) -> Vgg16 | Edges:
    """Give VGG16 with the weights of a file, or what stands in for it.

    Args:
        path: of the file; what `VARIABLE` names if None.

    Returns:
        The net, frozen.

    Raises:
        InputError: if the file is not there, or holds no VGG16.
    """
    told = path or os.environ.get(VARIABLE)
    if not told:
        return Edges()
    file = Path(told).expanduser()
    if not file.is_file():
        raise InputError(f"there is no file {file}; let {VARIABLE} name torchvision's VGG16 weights, or leave it out")
    net = Vgg16()
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors = load_file(file)
        else:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
        net.load_state_dict({name: tensors[name] for name in net.state_dict()})
    except Exception as error:  # a damaged file fails in many ways
        words = " ".join(str(error).split())[:120]
        raise InputError(f"{file} holds no weights of torchvision's VGG16: {words}") from None
    return net.eval().requires_grad_(False)


def feature_distance(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Give the mean absolute difference of features, averaged over the layers."""
    return torch.stack([(a - b).abs().mean() for a, b in zip(one, other, strict=True)]).mean()
