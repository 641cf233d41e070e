"""Where the nets begin: as the plainest fusion that they can express, so that minutes go into what is hard."""

from __future__ import annotations

import torch
from torch import nn

from mmlib.nets.fusegan import DenseBlock, FusionGenerator, Stage
from mmlib.nets.ifcnn import Ifcnn

SMOOTH_PX = 1.5
"""Of the smoothing that parts colour from detail where IFCNN begins."""


@torch.no_grad()
def begin_plainly(net: Ifcnn | FusionGenerator, small: float = 0.1) -> None:
    """Let a net begin by passing its frames on: IFCNN takes the strongest detail, the generator about the mean.

    The first maps of IFCNN carry the colours, smoothed, and what smoothing takes away, each with both signs, for a ReLU
    follows. Later layers hand them on and add a little of the others, which are random.

    Args:
        net: to change; its weights were drawn before.
        small: random weights beside those that hand on are scaled by this.
    """
    if isinstance(net, Ifcnn):
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
            _hand_on(layer, range(12), 0, small)
        for layer in (first, net.encoder.conv2, net.decoder.conv3, last):
            _zero(layer)
        return
    head = net.get_submodule("head.0")
    if not isinstance(head, nn.Conv2d) or net.tail.bias is None:
        return
    for colour in range(3):
        head.weight[colour] = 0
        head.weight[colour, colour, 4, 4] = head.weight[colour, colour + 3, 4, 4] = 0.5
    _zero(head)
    base = net.config.base
    for stage, offset in ((net.down1, 0), (net.up1, 2 * base)):
        _hand_on(stage.conv, range(3), offset, small)
    for block in net.modules():
        if isinstance(block, DenseBlock):
            block.conv3.weight.mul_(small)
            _zero(block.conv3)
        elif isinstance(block, Stage):
            _zero(block.conv)
    net.tail.weight.mul_(small)
    for colour in range(3):
        net.tail.weight[colour, colour, 4, 4] = 2.6  # (tanh(t) + 1) / 2 is about a colour c for t = 2.6 (c - 0.5)
    net.tail.bias.fill_(-1.3)


def _hand_on(layer: nn.Conv2d, places: range, offset: int, small: float) -> None:
    middle = layer.kernel_size[0] // 2
    layer.weight[places.start : places.stop] *= small
    for place in places:
        layer.weight[place, place + offset, middle, middle] = 1.0


def _zero(layer: nn.Conv2d) -> None:
    if layer.bias is not None:
        layer.bias.zero_()
