"""Where the nets begin: as the plainest fusion that they can express, so that minutes go into what is hard."""

from __future__ import annotations

import torch
from torch import nn

from mmlib.nets.fusegan import DenseBlock, FusionGenerator, Stage
from mmlib.nets.ifcnn import Ifcnn
from mmlib.nets.liu import Liu

SMOOTH_PX = 1.5
"""Of the smoothing that parts colour from detail where IFCNN begins."""
CONTRAST = 60.0
"""How surely Liu's net begins to decide by the difference of mean fine detail."""


@torch.no_grad()
def begin_plainly(net: Ifcnn | FusionGenerator | Liu, small: float = 0.02) -> None:
    """Let a net begin as a plain fusion.

    IFCNN takes the strongest detail: its first maps carry the colours, smoothed, and what smoothing takes away, each
    with both signs, for a ReLU follows. The generator takes each frame where its mask is 1: a colour plus its mask less
    1 is above 0 only there. Liu's net compares the mean of fine detail. Later layers hand these maps on, and add a
    little of the others, which are random.

    Args:
        net: to change; its weights were drawn before.
        small: random weights beside those that hand on are scaled by this.
    """
    if isinstance(net, Ifcnn):
        _begin_ifcnn(net, small)
    elif isinstance(net, Liu):
        _begin_liu(net, small)
    else:
        _begin_generator(net, small)


def _begin_ifcnn(net: Ifcnn, small: float) -> None:
    first, last = net.encoder.conv1, net.decoder.conv4
    smooth = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / (2 * SMOOTH_PX**2))
    smooth = smooth[:, None] * smooth / smooth.sum() ** 2
    sharp = -smooth.clone()
    sharp[3, 3] += 1
    last.weight.mul_(small)
    for colour in range(3):
        for kind, kernel in enumerate((smooth, -smooth, sharp, -sharp)):
            place = colour + 3 * kind
            first.weight[place] = 0
            first.weight[place, colour] = kernel
            last.weight[:, place] = 0
            last.weight[colour, place] = (-1.0) ** kind
    for layer in (net.encoder.conv2, net.decoder.conv3):
        _hand_on(layer, 12, 0, small)
    for layer in (first, net.encoder.conv2, net.decoder.conv3, last):
        _zero(layer)


def _begin_liu(net: Liu, small: float) -> None:
    bump = torch.tensor([1.0, 2.0, 1.0])[:, None] * torch.tensor([1.0, 2.0, 1.0]) / 16
    ring = torch.full((3, 3), -0.5)
    ring[1, 1] = 4.0
    net.conv1.weight[0, 0], net.conv1.weight[1, 0] = bump, -bump  # both signs, for a ReLU follows
    for place, sign in enumerate((1.0, -1.0)):
        net.conv2.weight[place] = 0
        net.conv2.weight[place, 0], net.conv2.weight[place, 1] = sign * ring, -sign * ring
    _hand_on(net.conv3, 2, 0, small)
    net.conv3.weight[:2, 2:] = 0
    third = net.config.widths[2]
    net.full1.weight.mul_(small)
    net.full2.weight.mul_(small)
    for unit, sign in enumerate((1.0, -1.0)):
        net.full1.weight[unit] = 0
        net.full1.weight[unit, :2], net.full1.weight[unit, third : third + 2] = sign, -sign
        net.full1.weight[unit] *= CONTRAST / net.full1.weight[unit, 0].numel()
        net.full2.weight[:, unit, 0, 0] = torch.tensor([1.0, -1.0]) * sign
    for layer in (net.conv1, net.conv2, net.conv3, net.full1, net.full2):
        _zero(layer)


def _begin_generator(net: FusionGenerator, small: float) -> None:
    head, act = net.get_submodule("head.0"), net.get_submodule("head.1")
    if not (isinstance(head, nn.Conv2d) and isinstance(act, nn.PReLU)) or head.bias is None or net.tail.bias is None:
        return
    head.bias.zero_()
    for place in range(6):  # three colours of one frame, three of the other
        head.weight[place] = 0
        head.weight[place, place, 4, 4] = head.weight[place, 6 + place // 3, 4, 4] = 1.0
        head.bias[place], act.weight[place] = -1.0, 0.0
    for block in net.modules():
        if isinstance(block, DenseBlock):
            block.conv3.weight.mul_(small)
            _zero(block.conv3)
        elif isinstance(block, Stage):
            _zero(block.conv)
    for stage, offset in ((net.down1, 0), (net.up1, 2 * net.config.base)):
        _hand_on(stage.conv, 6, offset, small)
    net.tail.weight.mul_(small)
    for colour in range(3):
        net.tail.weight[colour, :6] = 0
        for place in (colour, colour + 3):
            net.tail.weight[colour, place, 4, 4] = 2.6  # (tanh(t) + 1) / 2 is about a colour c for t = 2.6 (c - 0.5)
    net.tail.bias.fill_(-1.3)


def _hand_on(layer: nn.Conv2d, count: int, offset: int, small: float) -> None:
    """Let the first maps pass; ``offset`` is where they stand among what is given."""
    middle = layer.kernel_size[0] // 2
    layer.weight[:count] *= small
    for place in range(count):
        layer.weight[place, : offset + count] = 0
        layer.weight[place, place + offset, middle, middle] = 1.0


def _zero(layer: nn.Conv2d) -> None:
    if layer.bias is not None:
        layer.bias.zero_()
