"""What a phone's video does to frames: half of the colour, coarse steps, errors handed on from frame to frame."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmlib.errors import InputError

TO_YCC = ((0.2126, 0.7152, 0.0722), (-0.1146, -0.3854, 0.5), (0.5, -0.4542, -0.0458))
BRIGHT_STEP, COLOUR_STEP = 219 / 255, 224 / 255
BLOCKS = (4, 8)


def film(
    frames: Tensor, *, quantiser: float, block: int = 4, predicted: bool = True, dead: float = 0.2, cosited: bool = True
) -> Tensor:
    """Give a sweep back as H.264 would keep it, near enough to learn from: no file and no codec is needed.

    Every frame is split into brightness and colour (BT.709, 8 bit, limited range), colour is halved, and the cosine
    transform of small blocks is rounded to steps; coefficients that are little more than half a step vanish.
    A predicted frame keeps what the one before it had and adds its rounded difference, so errors stay from frame to
    frame where nothing moves. Motion vectors, the loop filter and the choice among block sizes are left out.

    Args:
        frames: (B, K, 3, H, W) in 0..1.
        quantiser: 0 (best) to 51; a step doubles with every 6.
        block: 4 or 8 pixels.
        predicted: whether a frame builds on the one before it.
        dead: how much more than half a step a coefficient must reach to count, as a share of a step.
        cosited: whether colours are sampled at every other column, as in MPEG-2, or between two.

    Returns:
        The same shape, in 0..1, rounded to 8 bit.

    Raises:
        InputError: if the quantiser or the block is another.

    Source: ITU-T H.264, 8.5 (steps), 6.2 (colour sites); ITU-R BT.709.
    """
    if not 0 <= quantiser <= 51 or block not in BLOCKS:
        raise InputError(f"quantiser must be 0 to 51 and block 4 or 8; got {quantiser} and {block}")
    height, width = frames.shape[-2:]
    turn = frames.new_tensor(TO_YCC)
    ycc = torch.einsum("ij,bkjhw->bkihw", turn, (frames * 255).round())
    pad = (0, -width % (2 * block), 0, -height % (2 * block))
    padded = F.pad(ycc.flatten(0, 1), pad, mode="replicate")
    bright = (padded[:, :1] * BRIGHT_STEP).round()
    colour = (_halved(padded[:, 1:], cosited) * COLOUR_STEP).round()
    step = 0.625 * 2 ** (quantiser / 6)
    kept = []
    for plane in (bright, colour):
        stack = plane.reshape(*frames.shape[:2], *plane.shape[1:])  # (B, K, c, h, w)
        kept.append(_coded(stack, step, block, predicted, dead))
    bright = kept[0].flatten(0, 1).round() / BRIGHT_STEP
    colour = _doubled(kept[1].flatten(0, 1).round() / COLOUR_STEP, cosited)
    back = torch.cat([bright, colour], dim=1)[..., :height, :width]
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(turn), back)
    return (rgb.round().clamp(0, 255) / 255).reshape(frames.shape)


def _coded(stack: Tensor, step: float, block: int, predicted: bool, dead: float) -> Tensor:
    """Round each frame, or its difference from the one before: (B, K, c, h, w) in grey levels."""
    if not predicted:
        return _rounded(stack.flatten(0, 1) - 128, step, block, dead).reshape(stack.shape) + 128
    before = torch.full_like(stack[:, 0], 128)
    frames = []
    for number in range(stack.shape[1]):
        before = before + _rounded(stack[:, number] - before, step, block, dead)
        frames.append(before)
    return torch.stack(frames, dim=1)


def _rounded(plane: Tensor, step: float, block: int, dead: float) -> Tensor:
    """Round the cosine transform of every block: (N, c, h, w)."""
    count, channels, height, width = plane.shape
    place = torch.arange(block, dtype=plane.dtype, device=plane.device)
    cosines = torch.cos(math.pi / block * (place[None, :] + 0.5) * place[:, None]) * math.sqrt(2 / block)
    cosines[0] /= math.sqrt(2)
    blocks = plane.reshape(count, channels, height // block, block, width // block, block).transpose(3, 4)
    waves = cosines @ blocks @ cosines.T
    steps = torch.floor(waves.abs() / step + 0.5 - dead)
    blocks = cosines.T @ (steps.clamp(min=0) * step * waves.sign()) @ cosines
    return blocks.transpose(3, 4).reshape(plane.shape)


def _halved(colour: Tensor, cosited: bool) -> Tensor:
    if not cosited:
        return F.avg_pool2d(colour, 2)
    tall = F.avg_pool2d(colour, (2, 1))
    wide = F.pad(tall, (1, 1, 0, 0), mode="replicate")
    return (wide[..., :-2] + 2 * wide[..., 1:-1] + wide[..., 2:])[..., ::2] / 4


def _doubled(colour: Tensor, cosited: bool) -> Tensor:
    doubled = F.interpolate(colour, scale_factor=2, mode="bicubic", align_corners=False)
    if not cosited:
        return doubled
    # a sample belongs to the column on its left, half a column further left than between two
    left = F.pad(doubled, (0, 1, 0, 0), mode="replicate")
    return (left[..., :-1] + left[..., 1:]) / 2
