"""What a hand and a phone do to a stack beyond the simulation, and what its fusion is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mmlib.metrics.halos import EMPTY
from mmlib.nets.pyramids import halve, join, split

FINE = 1
"""Levels of detail that count as fine."""
ALIKE = 0.015
"""Frames that differ by so much (root mean square, of 0..1) from the truth are still like it."""
NARROW = 1.5
"""A frame a plane off focus counts e to the minus so much."""
BLANK = 0.06
"""How much the distance to focus counts where there is nothing to see, beside where there is."""
NEAR_PX = 20
"""So far the rims of something thick reach."""
APART_PLANES = 4.0
"""Depths that lie so far apart within that distance are those of something thick."""
LEAST = -20.0
"""Logarithm of the weight below which no frame sinks by being unlike."""


@dataclass(frozen=True)
class Stacks:
    """Stacks to fuse and the truth about them.

    Attributes:
        frames: (B, K, 3, H, W) in 0..1.
        target: (B, 3, H, W), what the fused picture is held against.
        truth: (B, 3, H, W), all in focus, absorbing only.
        places: (B, K), where each frame lies, in planes.
        depth: (B, H, W), where the surface lies, in planes.
        field: (B, H, W) True where pictures and depth count.
        beside: (B, H, W) True where the field is empty beside something thick: what shows there is its rim.
    """

    frames: Tensor
    target: Tensor
    truth: Tensor
    places: Tensor
    depth: Tensor
    field: Tensor
    beside: Tensor


@dataclass(frozen=True)
class Troubles:
    """How often something goes wrong with a training stack.

    Attributes:
        unaligned: share of stacks whose frames keep the whole registration error of the simulation.
        left_px: what alignment leaves of it in the others, as a share.
        ruined: share with one frame shaken, out of exposure or of another scene.
        wheel: share in which the wheel goes back and forth.
        shuffled: share without any order.
    """

    unaligned: float = 0.15
    left_px: float = 0.25
    ruined: float = 0.12
    wheel: float = 0.15
    shuffled: float = 0.1


def prepare(
    batch: dict[str, Tensor], rng: np.random.Generator, *, troubles: Troubles | None, recorded: float | None
) -> Stacks:
    """Make stacks of a batch of scenes.

    Args:
        batch: from `mmlib.train.scenes.draw`.
        rng: where luck comes from.
        troubles: what goes wrong; None for nothing.
        recorded: the target is what a still camera could record: each pixel from the frames that `clearness` names; but
            of fine detail only this share, the rest from the frames that show most. None takes the truth, in which
            what only bends light does not show.

    Returns:
        The stacks.
    """
    shift = batch["shift_px"]
    unaligned = troubles is not None and rng.random() < troubles.unaligned
    left = 1.0 if unaligned else 0.25 if troubles is None else troubles.left_px
    frames = moved(batch["stack"], -shift * (1 - left))
    pitch = (batch["z_um"][:, -1:] - batch["z_um"][:, :1]) / max(frames.shape[1] - 1, 1)
    pitch = torch.where(pitch > 0, pitch, torch.ones_like(pitch))
    places = (batch["z_um"] - batch["z_um"][:, :1]) / pitch
    depth = (batch["depth_um"] - batch["z_um"][:, :1, None]) / pitch[..., None]
    target = batch["truth"]
    if recorded is not None:
        still = moved(batch["still"], -shift)
        clear = clearness(still, batch["truth"], places, depth)
        fine, rest = split((still * clear.softmax(1)[:, :, None]).sum(1), FINE)
        strong = strongest(still, clear)
        mixed = [recorded * a + (1 - recorded) * b for a, b in zip(fine, strong, strict=True)]
        target = join(mixed, rest[-1])
    order = _order(frames.shape[1], rng, troubles)
    frames, places = frames[:, order], places[:, order]
    if troubles is not None and frames.shape[1] > 2 and rng.random() < troubles.ruined:
        frames = _ruined(frames, rng)
    field = batch["field"] & ~batch["artefact"]
    return Stacks(frames, target, batch["truth"], places, depth, field, field & beside_thick(target, depth))


def moved(frames: Tensor, shift: Tensor) -> Tensor:
    """Move frames down and right.

    Args:
        frames: (B, K, 3, H, W).
        shift: (B, K, 2) in pixels.

    Returns:
        The same shape; what comes in at the border repeats it.
    """
    batch, count, _, height, width = frames.shape
    scale = shift.new_tensor([2 / height, 2 / width])
    matrix = torch.zeros(batch * count, 2, 3, device=frames.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1
    matrix[:, :, 2] = -(shift * scale).flip(-1).reshape(-1, 2)
    grid = functional.affine_grid(matrix, [batch * count, 3, height, width], align_corners=False)
    flat = functional.grid_sample(
        frames.flatten(0, 1), grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    return flat.clamp(0, 1).view_as(frames)


def clearness(still: Tensor, truth: Tensor, places: Tensor, depth: Tensor) -> Tensor:
    """Say which frames show each place clear of what lies above and below: near focus, but without the rims of others.

    Beside something thick, the frame in which clear ground is in focus shows the bright rim of what is not; a frame
    further up shows the ground as it is. So where depths lie far apart a frame counts as it is like the truth, unless
    none is, and where the truth shows nothing there, hardly by anything else. Elsewhere the frame nearest to focus
    counts, which shows what only bends light, too.

    Args:
        still: (B, K, 3, H, W).
        truth: (B, 3, H, W), all in focus.
        places: (B, K), in planes.
        depth: (B, H, W), in planes.

    Returns:
        (B, K, H, W), logarithms of weights.
    """
    batch, count, _, height, width = still.shape
    unlike = _around((still - truth[:, None]).flatten(0, 1), (height, width)).view(batch, count, height, width)
    fine, coarse = (_around(functional.interpolate(d, (height, width)), (height, width)) for d in split(truth, 2)[0])
    seen = fine + coarse
    within = depth.clamp(0, max(count - 1, 0))
    away = (places[..., None, None] - within[:, None]).abs()
    thick = ((_highest(depth) + _highest(-depth)) / APART_PLANES).clamp(0, 1)[:, None]
    strict = 1 - (1 - BLANK) * thick * ALIKE**2 / (seen + ALIKE**2)
    return -thick * unlike / (2 * (ALIKE**2 + unlike.amin(1, keepdim=True))) - NARROW * strict * away


def beside_thick(target: Tensor, depth: Tensor) -> Tensor:
    """Find where the target is empty and something thick that lies higher is near.

    Args:
        target: (B, 3, H, W).
        depth: (B, H, W), in planes.

    Returns:
        (B, H, W) True there.
    """
    smooth = functional.avg_pool2d(target, 9, stride=1, padding=4, count_include_pad=False)
    varies = (target - smooth).abs().mean(1, keepdim=True)
    empty = functional.avg_pool2d(varies, 7, stride=1, padding=3, count_include_pad=False)[:, 0] < EMPTY
    return empty & (depth < _highest(depth) - APART_PLANES)


def _highest(depth: Tensor) -> Tensor:
    reach = 2 * NEAR_PX + 1
    return functional.max_pool2d(depth[:, None], reach, stride=1, padding=NEAR_PX)[:, 0]


def _around(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Give the mean square of pictures (N, 3, H, W) around each place but for its finest detail: (N, 1, H, W)."""
    squares = halve(halve(pictures).square().mean(1, keepdim=True))
    smooth = functional.avg_pool2d(squares, 3, stride=1, padding=1)
    wide: Tensor = functional.interpolate(smooth, size, mode="bilinear", align_corners=False)
    return wide


def strongest(still: Tensor, clear: Tensor) -> list[Tensor]:
    """Take fine detail from the frames that have most of it; in a still stack without noise that is no bad choice.

    Args:
        still: (B, K, 3, H, W).
        clear: (B, K, H, W), from `clearness`: the detail of a rim that is not in focus is none.

    Returns:
        Levels of detail (B, 3, h, w), fine first.
    """
    batch, count = still.shape[:2]
    details, _ = split(still.flatten(0, 1), FINE)
    picked = []
    for detail in details:
        size = detail.shape[-2:]
        energy = halve(detail.square().sum(1, keepdim=True))
        energy = functional.avg_pool2d(functional.pad(energy, (2, 2, 2, 2), mode="reflect"), 5, stride=1)
        wide = functional.interpolate((energy + 1e-6).log(), size, mode="bilinear", align_corners=False)
        allowed = functional.interpolate(clear, size, mode="bilinear", align_corners=False)
        allowed = (allowed - allowed.amax(1, keepdim=True)).clamp_min(LEAST)
        share = (4 * wide.view(batch, count, *size) + allowed)[:, :, None].softmax(1)
        picked.append((share * detail.view(batch, count, *detail.shape[1:])).sum(1))
    return picked


def again(stacks: Stacks, rng: np.random.Generator) -> Stacks:
    """Turn stacks that were seen before, and leave some of their frames out: new stacks for little work.

    Args:
        stacks: from `prepare`.
        rng: where luck comes from.

    Returns:
        Other stacks of the same scenes.
    """
    flips = [axis for axis in (-2, -1) if rng.random() < 0.5]
    swap = rng.random() < 0.5

    def turned(pictures: Tensor) -> Tensor:
        pictures = pictures.flip(flips)
        return pictures.transpose(-2, -1).contiguous() if swap else pictures

    count = stacks.frames.shape[1]
    kept = np.sort(rng.permutation(count)[: rng.integers(max(2, count - 2), count + 1)]) if count > 2 else range(count)
    return Stacks(
        turned(stacks.frames[:, list(kept)]), turned(stacks.target), turned(stacks.truth), stacks.places[:, list(kept)],
        turned(stacks.depth), turned(stacks.field), turned(stacks.beside),
    )  # fmt: skip


def _order(count: int, rng: np.random.Generator, troubles: Troubles | None) -> list[int]:
    if troubles is None:
        return list(range(count))
    way = rng.random()
    if way < troubles.wheel:
        turning = np.cumsum(rng.choice([-1, 0, 1, 1], size=count + 4)) + rng.integers(0, count)
        folded = np.abs((turning + count - 1) % max(2 * count - 2, 1) - (count - 1))
        order = [int(place) for place in folded % count]
        return order if len(set(order)) > 1 else list(range(count))
    if way < troubles.wheel + troubles.shuffled:
        return [int(place) for place in rng.permutation(count)]
    return list(range(count))[:: -1 if rng.random() < 0.5 else 1]


def _ruined(frames: Tensor, rng: np.random.Generator) -> Tensor:
    frames = frames.clone()
    worst = int(rng.integers(frames.shape[1]))
    kind = rng.integers(3) if len(frames) > 1 else rng.integers(2)
    if kind == 0:  # shaken
        reach = int(rng.integers(3, 9))
        taps = frames.new_zeros(2 * reach + 1, 2 * reach + 1)
        angle = rng.uniform(0, np.pi)
        for step in np.linspace(-reach, reach, 4 * reach + 1):
            taps[round(reach + step * np.sin(angle)), round(reach + step * np.cos(angle))] += 1
        kernel = (taps / taps.sum()).expand(3, 1, -1, -1)
        framed = functional.pad(frames[:, worst], (reach,) * 4, mode="replicate")
        frames[:, worst] = functional.conv2d(framed, kernel, groups=3)
    elif kind == 1:  # out of exposure
        frames[:, worst] = (frames[:, worst] * float(rng.choice([0.3, 0.6, 1.5]))).clamp(0, 1)
    else:  # of another scene
        frames[:, worst] = frames[:, worst].roll(1, 0)
    return frames
