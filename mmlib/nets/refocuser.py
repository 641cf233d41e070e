"""A net that brings a frame nearer to focus: it chooses among the planes beside it, and restores what it chose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmlib.nets.restorer import COLOURS, FAINT, STRONG, GatedUnet, RestorerConfig

NEIGHBOURS = 2
"""Frames seen on each side."""
FRAMES = 1 + 2 * NEIGHBOURS
CONDITIONS = 2 * NEIGHBOURS + 2
"""Planes that are constant over a picture: which neighbours are there, speed, aim."""
CHANNELS = FRAMES * COLOURS + CONDITIONS
"""What the net takes: the frame, the one before and the one after, the next of each, conditions."""
SHOWN = 4 * 12 * COLOURS
"""Maps of pictures that the U-net sees; what follows are conditions and detail."""
OWN, POWER = 1.0, 1.0
"""Before it has learned anything: the logarithm of how much more the frame counts than its neighbours, and the power of
a frame's detail that it counts with."""
WINDOW_PX = 7
"""Detail is averaged over so many pixels of half the resolution."""
FLOOR = 1e-6
"""Energy of detail that is nothing: a quarter of a step of 8 bit."""
BASE_PX = 9
"""What is blurred over so many pixels, twice, is chosen for itself, and what that takes away likewise."""


@dataclass(frozen=True)
class RefocuserConfig(RestorerConfig):
    """Sizes of the net: those of the U-net."""


class Refocuser(GatedUnet):
    """Five frames and conditions in; the middle one nearer to focus and how sure it is out.

    What comes out is an average of the frames, what is coarse and what is fine in them with weights of their own, and a
    change that is bounded, as in `mmlib.nets.restorer.Restorer`. Before it has learned anything a frame's weight is the
    energy of its detail; what it learns corrects that.
    """

    def __init__(self, config: RefocuserConfig = RefocuserConfig()) -> None:
        super().__init__(config, SHOWN + CONDITIONS + 2 * FRAMES)
        self.inputs = {"forward": ((1, CHANNELS, 64, 64),)}
        self.choose = nn.Conv2d(config.width, 2 * FRAMES, 3, padding=1)
        self.power = nn.Parameter(torch.full((2, 2), POWER))  # of what is coarse and fine, by fine and coarser detail
        with torch.no_grad():
            self.choose.weight.zero_()
            if self.choose.bias is not None:
                self.choose.bias.zero_()
                self.choose.bias[::FRAMES] = OWN

    @property
    def halo(self) -> int:
        """How far, in pixels, an answer looks: the detail that enters is seen from a little further."""
        return super().halo + 16

    def forward(self, given: Tensor) -> Tensor:
        """Bring frames nearer to focus.

        Args:
            given: (N, 21, H, W) frame, previous, next, the one before, the one after (RGB, 0..1; absent ones are copies
                of the frame), then planes that are constant: for each neighbour 1 where it is there, speed / 4 or 0
                where it is not known, and the aim, 1.

        Returns:
            (N, 4, H, W) RGB, not clipped, and the logarithm of the expected absolute error.
        """
        pictures = given[:, : FRAMES * COLOURS]
        frame = given[:, :COLOURS]
        detail = frame - functional.avg_pool2d(frame, 5, stride=1, padding=2, count_include_pad=False)
        around = pictures[:, COLOURS:] - frame.repeat(1, FRAMES - 1, 1, 1)
        bend = around[:, :COLOURS] + around[:, COLOURS : 2 * COLOURS]
        faint = functional.softsign(FAINT * torch.cat([detail, around], dim=1))
        apart = functional.softsign(STRONG * around)  # what is sharp in a neighbour alone is no faint difference
        shown = torch.cat([frame - 0.5, STRONG * detail, STRONG * bend, faint, apart], dim=1)
        conditions = given[:, FRAMES * COLOURS :, ::2, ::2]
        energy = detail_of(pictures)
        entering = [functional.pixel_unshuffle(shown, 2), conditions, energy.flatten(1, 2)]
        found, change, unsure = self.walk(torch.cat(entering, dim=1))
        counted = torch.einsum("pe,nefhw->npfhw", self.power, energy).flatten(1, 2)
        return torch.cat([chosen(pictures, self.choose(found) + counted) + change, unsure], dim=1)


def detail_of(pictures: Tensor) -> Tensor:
    """Say how much fine and how much coarser detail each frame has.

    Args:
        pictures: (N, 15, H, W).

    Returns:
        (N, 2, 5, H/2, W/2) logarithms, less their mean over the frames.
    """
    frames = torch.stack([frame.mean(dim=1) for frame in torch.split(pictures, COLOURS, dim=1)], dim=1)  # (N, 5, H, W)
    halved = functional.avg_pool2d(frames, 2)
    finest = functional.avg_pool2d((frames - _blurred(frames, 3)).square(), 2)
    coarser = (halved - _blurred(_blurred(halved, 3), 3)).square()
    found = torch.stack([_blurred(energy, WINDOW_PX) for energy in (finest, coarser)], dim=1)
    logarithm = (found + FLOOR).log()
    return logarithm - logarithm.mean(dim=2, keepdim=True)


def chosen(pictures: Tensor, votes: Tensor) -> Tensor:
    """Average frames, what is coarse and what is fine with weights of their own: this part can invent nothing.

    Args:
        pictures: (N, 15, H, W).
        votes: (N, 10, H/2, W/2) logarithms of the weights, of what is coarse first.

    Returns:
        (N, 3, H, W).
    """
    votes = functional.interpolate(votes, scale_factor=2.0, mode="bilinear", align_corners=False)
    coarse = _blurred(_blurred(pictures, BASE_PX), BASE_PX)
    of_coarse, of_fine = (torch.softmax(part, dim=1) for part in (votes[:, :FRAMES], votes[:, FRAMES:]))
    total = torch.zeros_like(pictures[:, :COLOURS])
    parts = zip(*(torch.split(maps, COLOURS, dim=1) for maps in (pictures, coarse)), strict=True)
    for number, (frame, base) in enumerate(parts):
        share = slice(number, number + 1)
        total = total + of_coarse[:, share] * base + of_fine[:, share] * (frame - base)
    return total


def _blurred(maps: Tensor, edge_px: int) -> Tensor:
    """Average over squares around each place, at the border over what is left of them."""
    return functional.avg_pool2d(maps, edge_px, 1, edge_px // 2, count_include_pad=False)
