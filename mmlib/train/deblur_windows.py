"""Frames of moving scans with their neighbours, and what a steady hand would have seen: what deblurring learns from."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mmlib.nets.restorer import COLOURS
from mmlib.progress import Progress, silent
from mmlib.simulation.batch import Ranges
from mmlib.simulation.luck import Luck
from mmlib.train.filming import film
from mmlib.train.scenes import draw

PLANES = 7
"""Frames of a stack that windows are cut from: neighbours are three planes apart at most."""

PHONE = Ranges(
    smear=(0.2, 1.0), drift_px=(0.0, 3.0), electrons=(2000.0, 600000.0), flicker=(0.0, 0.01), jpeg_quality=(50.0, 97.0),
    compressed_share=0.5, dirty_share=0.2,
)  # fmt: skip
"""The phones of deblurring: those of the focus nets are noisier, and most of what is lost here is lost by coding."""


@dataclass(frozen=True)
class Mix:
    """What share of the windows is what.

    Attributes:
        clean: shown as a steady hand would see them: to be left alone.
        alone: without neighbours.
        one_sided: share of the others that lack one of the two, as the first and the last frame do.
        astray: of those with neighbours, whose neighbours lie some pixels off: frames of a real stack are not always
            aligned, and nothing of a neighbour may then show.
        told: whose scan speed is known.
        aimed: that are asked to look as if in focus.
        aims: how far of the way, least and most.
        near: whose neighbours are one, two and three planes away.
        neighbours: how many are seen on each side, where the stack reaches so far.
        filmed: that went through a video.
        quantiser: of those, least and greatest.
        recover_dof: how far from focus half of the way back is still asked for.
    """

    clean: float = 0.1
    alone: float = 0.35
    one_sided: float = 0.1
    astray: float = 0.08
    told: float = 0.6
    aimed: float = 0.1
    aims: tuple[float, float] = (0.0, 1.0)
    near: tuple[float, float, float] = (0.6, 0.25, 0.15)
    neighbours: int = 1
    filmed: float = 0.8
    quantiser: tuple[float, float] = (12.0, 28.0)
    recover_dof: float = 1.5

    def checked(self) -> Mix:
        """Give the mix to choose weights by: the task itself, with all neighbours and no window of another kind."""
        usual = 1.0 if self.aimed == 1 else 0.0
        return replace(self, clean=0.0, alone=0.0, one_sided=0.0, astray=0.0, aimed=usual)


@dataclass(frozen=True)
class Windows:
    """A batch of frames to restore.

    Attributes:
        given: (N, channels, H, W) what `mmlib.nets.restorer.Restorer` or `mmlib.nets.refocuser.Refocuser` takes.
        wanted: (N, 3, H, W) what it should give.
    """

    given: Tensor
    wanted: Tensor

    @property
    def frames(self) -> int:
        """How many frames are seen at once."""
        return (self.given.shape[1] - 1) // (COLOURS + 1)  # and for each but one a plane, speed and aim

    def alone(self) -> Windows:
        """Give the same frames without their neighbours."""
        conditions = self.given[:, self.frames * COLOURS :].clone()
        conditions[:, : self.frames - 1] = 0
        repeated = self.given[:, :COLOURS].repeat(1, self.frames, 1, 1)
        return Windows(torch.cat([repeated, conditions], dim=1), self.wanted)

    def cut(self, luck: Luck, size: int) -> Windows:
        """Give a smaller part, mostly on the 8 px grid on which codecs work, as whole frames are.

        Args:
            luck: where it lies.
            size: its rows and columns, px; at most those of the windows.
        """
        room = self.given.shape[-1] - size
        step = 8 if luck.chance(0.7) else 1
        top, left = (step * luck.integer(0, max(room, 0) // step) for _ in range(2))
        rows, columns = slice(top, top + size), slice(left, left + size)
        return Windows(self.given[..., rows, columns], self.wanted[..., rows, columns])

    def clean(self) -> Windows:
        """Give the frames as they should become, without neighbours: a net has nothing to do here."""
        conditions = torch.zeros_like(self.given[:, self.frames * COLOURS :])
        return Windows(torch.cat([self.wanted.repeat(1, self.frames, 1, 1), conditions], dim=1), self.wanted)


def draw_windows(
    split: str,
    *,
    generator: torch.Generator,
    batch: int,
    size: int,
    device: torch.device | str = "cpu",
    mix: Mix | None = None,
    work: Path | None = None,
    textures: Path | None = None,
    processes: int = 2,
    budget_s: float = math.inf,
    progress: Progress = silent,
    **more: Any,
) -> Iterator[Windows]:
    """Draw windows without end; equal generators give equal windows on the same kind of device.

    Args:
        split: ``"train"`` or ``"validation"``.
        generator: where all luck comes from.
        batch: windows in a batch; two are cut from each stack.
        size: rows and columns.
        device: see `mmlib.train.scenes.draw`.
        mix: what share is what.
        work: see `mmlib.train.scenes.draw`.
        textures: see `mmlib.train.scenes.draw`.
        processes: how many make the pool of scenes at once.
        budget_s: for the pool.
        progress: told while the pool is made.
        **more: passed on to `mmlib.train.scenes.draw`, such as ``pool``.

    Yields:
        Windows.
    """
    mix = mix or Mix()
    luck = Luck(generator, "cpu")
    sources = {
        step: draw(
            split, generator=generator, batch=-(-batch // 2), size=size, planes=PLANES, device=device, work=work,
            textures=textures, processes=processes, budget_s=budget_s, progress=progress,
            ranges=replace(PHONE, smear=(PHONE.smear[0] * step, PHONE.smear[1] * step)), **more,
        )
        for step in (1, 2, 3)
    }  # fmt: skip
    while True:
        step = 1 + int(luck.number.choice(3, p=mix.near))
        stacks = next(sources[step])
        both = [_cut(luck, stacks, step, mix) for _ in range(2)]
        yield Windows(
            torch.cat([one.given for one in both])[:batch].contiguous(),
            torch.cat([one.wanted for one in both])[:batch].contiguous(),
        )


def remember(windows: Iterator[Windows], luck: Luck, *, batch: int, keep: int, every: int) -> Iterator[Windows]:
    """Show windows several times each: on a CPU drawing one takes as long as learning from one.

    Args:
        windows: fresh ones.
        luck: which are shown when.
        batch: windows in a batch.
        keep: how many are kept; the oldest go first.
        every: fresh ones are drawn in one of so many steps, and until a batch can be mixed from sixteen.

    Yields:
        Windows, mixed from those kept.
    """
    kept: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=keep)
    for step in itertools.count():
        if step % every == 0 or len(kept) < min(16 * batch, keep):
            fresh = next(windows)
            pictures = fresh.frames * COLOURS
            parts = (fresh.given[:, :pictures].half(), fresh.given[:, pictures:, 0, 0], fresh.wanted.half())
            kept.extend(zip(*parts, strict=True))
        chosen = [kept[luck.integer(0, len(kept) - 1)] for _ in range(batch)]
        frames, conditions, wanted = (torch.stack(parts).float() for parts in zip(*chosen, strict=True))
        planes = conditions[:, :, None, None].expand(-1, -1, *frames.shape[-2:])
        yield Windows(torch.cat([frames, planes], dim=1), wanted)


def _cut(luck: Luck, stacks: dict[str, Tensor], step: int, mix: Mix) -> Windows:
    """Take one window of each stack."""
    count = len(stacks["stack"])
    middle = luck.integer(step, PLANES - 1 - step)
    clean = [luck.chance(mix.clean) for _ in range(count)]
    places = [middle] + [middle + side * step * far for far in range(1, mix.neighbours + 1) for side in (-1, 1)]
    reached = [0 <= place < PLANES for place in places]
    shown = [place if there else middle for place, there in zip(places, reached, strict=True)]
    frames = _film(luck, stacks["stack"][:, shown], mix)  # (B, F, 3, H, W)
    still = stacks["still"][:, shown]
    frames = torch.where(_flags(clean, frames)[:, None, None, None, None] > 0, still, frames)
    aims = [luck.uniform(*mix.aims) if luck.chance(mix.aimed) else 0.0 for _ in range(count)]
    here = torch.tensor([_neighbours(luck, mix) for _ in range(count)]).to(frames)  # (B, F - 1)
    here = here * _flags(reached[1:], frames)
    astray = luck.chance(mix.astray)
    wanted = still[:, 0]
    if any(aims):
        useful = torch.zeros_like(here) if astray else here
        focused = in_focus(stacks, shown, useful, mix.recover_dof)
        wanted = torch.lerp(wanted, focused, _flags(aims, wanted)[:, None, None, None])
    keep = here[:, :, None, None, None]
    frame = frames[:, 0]
    around = frames[:, 1:]
    if astray:
        around = torch.roll(around, (luck.integer(-6, 6), luck.integer(-6, 6)), dims=(-2, -1))
    around = around * keep + frame[:, None] * (1 - keep)
    speeds = [_speed(luck, stacks, number, step) if luck.chance(mix.told) else 0.0 for number in range(count)]
    conditions = torch.cat([here, _flags(speeds, frame)[:, None], _flags(aims, frame)[:, None]], dim=1)
    planes = conditions[:, :, None, None].expand(-1, -1, *frame.shape[-2:])
    return Windows(torch.cat([frame, around.flatten(1, 2), planes], dim=1), wanted)


def in_focus(stacks: dict[str, Tensor], shown: Sequence[int], here: Tensor, recover_dof: float) -> Tensor:
    """Give a frame as if it were in focus, as far as what is shown of the stack lets one know it.

    Each pixel comes from the plane nearest to focus where one that is shown is not too far from it, and elsewhere from
    the nearest of those.

    Args:
        stacks: of `mmlib.train.scenes.draw`.
        shown: which planes are, the frame itself first.
        here: (B, len(shown) - 1) 0 where one of the others is not shown after all.
        recover_dof: at this distance from focus, in depths of field, half of the way back is asked for.

    Returns:
        (B, 3, H, W).
    """
    still = laid_on(stacks["still"], stacks["shift_px"], shown[0])
    away = stacks["defocus_dof"].abs()  # (B, K, H, W)
    least, sharpest = away.min(dim=1)
    missing = torch.cat([torch.zeros_like(here[:, :1]), 1 - here], dim=1)[:, :, None, None]
    seen = away[:, shown] + missing * away.max()
    nearest, index = seen.min(dim=1)
    base = _of_planes(still[:, shown], index)
    share = torch.exp2(-((nearest / recover_dof) ** 2) - (least / 0.7) ** 2)
    return torch.lerp(base, _of_planes(still, sharpest), share[:, None])


def laid_on(planes: Tensor, shift_px: Tensor, middle: int) -> Tensor:
    """Move planes by known amounts so that they lie on one of them.

    Args:
        planes: (B, K, 3, H, W).
        shift_px: (B, K, 2) how far down and right each lies.
        middle: which one stays.

    Returns:
        (B, K, 3, H, W); at the border the nearest pixels are repeated.
    """
    batch, count, _, height, width = planes.shape
    away = (shift_px - shift_px[:, middle : middle + 1]).flatten(0, 1).to(planes)  # (B K, 2)
    move = torch.eye(2, 3).to(planes).repeat(batch * count, 1, 1)
    move[:, 0, 2], move[:, 1, 2] = 2 * away[:, 1] / width, 2 * away[:, 0] / height
    grid = functional.affine_grid(move, [batch * count, 3, height, width], align_corners=False)
    moved = functional.grid_sample(
        planes.flatten(0, 1), grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    moved = moved.view_as(planes)
    return torch.cat([moved[:, :middle], planes[:, middle : middle + 1], moved[:, middle + 1 :]], dim=1)


def _of_planes(planes: Tensor, index: Tensor) -> Tensor:
    """Take each pixel (B, H, W) from the plane (B, K, 3, H, W) that is named for it."""
    return planes.gather(1, index[:, None, None].expand(-1, 1, 3, -1, -1))[:, 0]


def _film(luck: Luck, frames: Tensor, mix: Mix) -> Tensor:
    """Send most of the windows through a video, a few together."""
    filmed = []
    for first in range(0, len(frames), 4):
        part = frames[first : first + 4]
        if luck.chance(mix.filmed):
            part = film(
                part, quantiser=luck.uniform(*mix.quantiser), block=8 if luck.chance(0.7) else 4,
                predicted=luck.chance(0.6), dead=luck.uniform(0.1, 0.3), cosited=luck.chance(0.7),
            )  # fmt: skip
        filmed.append(part)
    return torch.cat(filmed)


def _neighbours(luck: Luck, mix: Mix) -> tuple[float, ...]:
    """Say which neighbours are there, the nearest first, before and after by turns."""
    both = (1.0, 1.0)
    if luck.chance(mix.alone):
        both = (0.0, 0.0)
    elif luck.chance(mix.one_sided):
        both = (1.0, 0.0) if luck.chance(0.5) else (0.0, 1.0)
    return both * mix.neighbours


def _speed(luck: Luck, stacks: dict[str, Tensor], number: int, step: int) -> float:
    """Guess which of the four speeds a hand would call it, as a share of the fastest; people differ."""
    z_um = stacks["z_um"][number]
    pitch_dof = float((z_um[1] - z_um[0]).abs() / stacks["depth_of_field_um"][number])
    smear_dof = float(stacks["smear_planes"][number]) * pitch_dof
    speed = 1 + 3 * math.log(max(smear_dof, 1e-3) / 0.4) / math.log(5) + 0.4 * float(luck.number.standard_normal())
    return min(max(speed, 1.0), 4.0) / 4


def _flags(values: list[Any], like: Tensor) -> Tensor:
    return like.new_tensor([float(value) for value in values])
