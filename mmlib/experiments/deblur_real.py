"""Deblurring on real stacks: do frames one or two planes off come nearer to the plane that is in focus?

python -m mmlib.experiments.deblur_real FOLDER [--method best] [--method none] [-o DIR]
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.experiments.tables.real import real_cases
from mmlib.field import find_field
from mmlib.metrics.intervals import bootstrap
from mmlib.pictures import Picture, to_grey, to_uint8
from mmlib.progress import Progress, report, silent
from mmlib.registration import align
from mmlib.stacks import ZStack, from_array

CELL, STRIDE = 84, 42
OFF = (1, 2)
"""How many planes from focus."""
MOST_PX = 1000
"""Longer sides are halved until they are no longer than this: fine enough to judge, and quick."""
LEAST_SHARE = 0.6
"""Cells with less detail than this share of the others are not judged."""
Restore = Callable[[ZStack, int], Picture]
"""Gives a frame of a stack, deblurred."""


@dataclass(frozen=True)
class Judged:
    """A cell, or a whole frame, of a real stack.

    Attributes:
        case: the stack.
        off: planes from focus.
        before: detail SNR against the plane in focus as it was, dB.
        after: and as it became.
        whole: whether it is the whole frame.
    """

    case: str
    off: int
    before: float
    after: float
    whole: bool

    @property
    def gain(self) -> float:
        """How much nearer it came, dB."""
        return self.after - self.before


def detail(picture: Picture) -> NDArray[np.float32]:
    """Give the fine structure of the luma: what a Gaussian of 3 px takes away."""
    grey = np.asarray(to_grey(picture), np.float32)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), 3))


def signal(found: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    """Give the detail SNR of details in dB, blind to contrast; see `mmlib.metrics.detail.detail_snr`."""
    p, r = found.astype(np.float64).ravel(), true.astype(np.float64).ravel()
    gain = (p @ r) / max(float(p @ p), 1e-12)
    return float(10 * np.log10((r @ r) / max(float(((gain * p - r) ** 2).sum()), 1e-12)))


def judge(stack: ZStack, name: str, restore: Restore, sharp: int | None = None) -> Iterator[Judged]:
    """Restore every frame and hold it against the planes in focus.

    Args:
        stack: aligned planes.
        name: of the case.
        restore: what is tried.
        sharp: the plane known to be in focus; None finds it, for each cell of its own.

    Yields:
        Each cell with detail and each whole frame one or two planes off.
    """
    frames = [stack.picture(i) for i in range(len(stack))]
    field = cv2.erode(find_field(stack).astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    plain = [detail(frame) for frame in frames]
    made = [detail(restore(stack, i)) for i in range(len(stack))]
    energy = np.array([float((one[field] ** 2).mean()) for one in plain])
    best = int(energy.argmax()) if sharp is None else sharp
    rich = cv2.GaussianBlur(plain[best] ** 2, (0, 0), 4)
    where = field & (rich > np.percentile(rich[field], 90))
    for i in (best + side * off for off in OFF for side in (-1, 1)):
        if 0 <= i < len(frames):
            after, before = (signal(one[i][where], plain[best][where]) for one in (made, plain))
            yield Judged(name, abs(i - best), before, after, whole=True)
    boxes = [box for box in _boxes(stack.height, stack.width) if field[box].all()]
    powers = np.array([[float((one[box] ** 2).mean()) for one in plain] for box in boxes]).reshape(-1, len(frames))
    peaks = powers.max(axis=1)
    for box, power, peak in zip(boxes, powers, peaks, strict=True):
        if peak < np.quantile(peaks, LEAST_SHARE):
            continue
        own = int(power.argmax()) if sharp is None else sharp
        for i in (own + side * off for off in OFF for side in (-1, 1)):
            if 0 <= i < len(frames):
                after, before = (signal(one[i][box], plain[own][box]) for one in (made, plain))
                yield Judged(name, abs(i - own), before, after, whole=False)


def _boxes(height: int, width: int) -> list[tuple[slice, slice]]:
    return [
        (slice(y, y + CELL), slice(x, x + CELL))
        for y in range(0, height - CELL + 1, STRIDE)
        for x in range(0, width - CELL + 1, STRIDE)
    ]


def cases(folder: Path) -> dict[str, tuple[ZStack, int | None]]:
    """Read the real stacks of a folder, each with the plane known to be in focus, if one is.

    Args:
        folder: holds ``stacks_known_z``, ``stacks_ref`` and perhaps ``stacks``, one folder a stack in each.

    Returns:
        By name; large frames are made smaller, and those of ``stacks`` that drift are laid on each other.

    Raises:
        InputError: if there are none.
    """
    found: dict[str, tuple[ZStack, int | None]] = {}
    for case in real_cases(folder):
        found[case.name] = (case.stack, len(case.stack) // 2 if case.reference is None else None)
    for place in sorted((folder / "stacks").glob("*/")):
        found[place.name] = (_laid(_smaller(io.open_stack(place))), None)
    return found


def _laid(stack: ZStack) -> ZStack:
    """Lay the frames of a stack on each other: what lies elsewhere cannot be held against the plane in focus."""
    placed = align(stack, field=find_field(stack))
    if not placed.decided:
        return stack
    return from_array(np.stack([placed.warp(frame, i) for i, frame in enumerate(stack)]), source=stack.source)


def _smaller(stack: ZStack) -> ZStack:
    times = 1
    while max(stack.height, stack.width) / times > MOST_PX:
        times *= 2
    if times == 1:
        return stack
    size = (stack.width // times, stack.height // times)
    frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in stack]
    return from_array(np.stack(frames), source=stack.source)


def summary(judged: list[Judged]) -> dict[str, float | int | str]:
    """Sum up: the mean gain with its interval over stacks, and how many came nearer.

    Args:
        judged: cells and frames of any number of stacks.

    Returns:
        Numbers by name, gains in dB, shares in 0..1.
    """
    rows: dict[str, float | int | str] = {}
    for title, whole in (("frames", True), ("cells", False)):
        some = [one for one in judged if one.whole == whole]
        if not some:
            continue
        means = [np.mean([o.gain for o in some if o.case == case]) for case in sorted({o.case for o in some})]
        rows[f"{title}"] = len(some)
        rows[f"{title}, gain dB"] = round(float(np.mean([o.gain for o in some])), 3)
        if len(means) > 1:
            found = bootstrap(means, generator=np.random.default_rng(0))
            rows[f"{title}, gain dB, mean of stacks"] = f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"
        rows[f"{title}, nearer"] = round(float(np.mean([o.gain > 0 for o in some])), 3)
        for off in OFF:
            there = [o.gain for o in some if o.off == off]
            if there:
                rows[f"{title}, {off} off, gain dB"] = round(float(np.mean(there)), 3)
                rows[f"{title}, {off} off, nearer"] = round(float(np.mean(np.asarray(there) > 0)), 3)
    return rows


def by_room(method: str, *, neighbours: bool) -> Restore:
    """Give a method of the deblurring room.

    Args:
        method: its name.
        neighbours: whether it may see the planes beside a frame.

    Returns:
        What `judge` wants.
    """
    from mmlib.deblurring import deblur, deblur_stack

    fields: dict[str, NDArray[np.bool_]] = {}

    def restore(stack: ZStack, number: int) -> Picture:
        if stack.source not in fields:
            fields[stack.source] = find_field(stack)
        field = fields[stack.source]
        if not neighbours:
            return deblur(stack[number], method=method, field=field).picture
        return next(deblur_stack(stack, method=method, field=field, frames={number})).picture

    return restore


def score_folder(
    folder: Path, method: str, *, skip: tuple[str, ...] = (), progress: Progress = silent
) -> dict[str, float | int | str]:
    """Judge a method on all real stacks of a folder, one frame at a time and with neighbours.

    Args:
        folder: see `cases`.
        method: of `mmlib.deblurring.METHODS`.
        skip: leave out stacks whose names hold one of these words.
        progress: told how far it is.

    Returns:
        Numbers by name; see `summary`.
    """
    stacks = {name: one for name, one in cases(folder).items() if not any(word in name for word in skip)}
    rows: dict[str, float | int | str] = {"stacks": len(stacks)}
    for title, neighbours in (("one frame", False), ("with neighbours", True)):
        restore = by_room(method, neighbours=neighbours)
        judged: list[Judged] = []
        for name, (stack, sharp) in report(stacks.items(), len(stacks), title, progress):
            judged += judge(stack, name, restore, sharp)
        rows |= {f"{title}: {key}": value for key, value in summary(judged).items()}
    return rows


def draw_sheet(
    stacks: dict[str, tuple[ZStack, int | None]], methods: list[str], file: Path, *, side: int = 220
) -> None:
    """Draw crops of real stacks: a plane off focus as it was, as each method makes it, and the plane in focus.

    Args:
        stacks: see `cases`.
        methods: of `mmlib.deblurring.METHODS`; one that needs weights that are missing is left out.
        file: the PNG to write.
        side: edge of a crop, px.
    """
    rows = []
    for stack, sharp in stacks.values():
        plain = [detail(stack.picture(i)) for i in range(len(stack))]
        best = int(np.argmax([float((one**2).mean()) for one in plain])) if sharp is None else sharp
        off = best - 1 if best else best + 1
        power = cv2.blur(plain[best] ** 2, (side, side))[side // 2 : -side // 2, side // 2 : -side // 2]
        y, x = np.unravel_index(int(power.argmax()), power.shape) if power.size else (0, 0)
        box = (slice(int(y), int(y) + side), slice(int(x), int(x) + side))
        shown = [stack.picture(off), *(by_room(m, neighbours=n)(stack, off) for m in methods for n in (False, True))]
        crops = [picture[box] for picture in [*shown, stack.picture(best)]]
        low, high = np.percentile(crops[-1], (0.5, 99.5))
        crops = [np.clip((crop - low) / max(float(high - low), 1e-3), 0, 1) for crop in crops]
        colour = [crop if crop.ndim == 3 else np.repeat(crop[:, :, None], 3, axis=2) for crop in crops]
        edge = [(0, side + 4 - colour[0].shape[0]), (0, side + 4 - colour[0].shape[1]), (0, 0)]
        rows.append(np.concatenate([np.pad(crop, edge, constant_values=1) for crop in colour], axis=1))
    io.write_picture(file, to_uint8(np.concatenate(rows).astype(np.float32)))


def main(
    folder: Annotated[Path, typer.Argument(help="folder of real stacks")],
    method: Annotated[list[str] | None, typer.Option(help="of the deblurring room; may be given again")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="a PNG of crops: plane off focus, each method, plane in focus")
    ] = None,
    skip: Annotated[str, typer.Option(help="leave out stacks whose names hold one of these words")] = "",
) -> None:
    """Say how much nearer to the planes in focus deblurring brings those beside them."""
    methods = method or ["best"]
    words = tuple(word.strip() for word in skip.split(",") if word.strip())
    try:
        for name in methods:
            typer.echo(json.dumps({"method": name, **score_folder(folder, name, skip=words)}, indent=1))
        if sheet is not None:
            stacks = {name: one for name, one in cases(folder).items() if not any(word in name for word in words)}
            draw_sheet(stacks, methods, sheet)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
