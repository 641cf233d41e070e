"""Every family at five heights and four speeds beside real stacks: ``python -m mmlib.experiments.contact_sheet``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.pictures import to_uint8
from mmlib.progress import Progress, report, silent
from mmlib.simulation import simulate
from mmlib.simulation.families import FAMILIES
from mmlib.specimens import catalogue, open_source
from mmlib.stacks import ZStack

_GAP = 3


def sheet(
    families: list[str], *, size: int = 160, planes: int = 13, seed: int = 1, progress: Progress = silent
) -> NDArray[np.uint8]:
    """Draw a row for each family: five heights of the slow scan, the truth, the middle frame at speeds 2, 3 and 4.

    Args:
        families: names of `FAMILIES`.
        size: edge of a picture, pixels.
        planes: of the slow scan.
        seed: which individuals.
        progress: told how far it is.

    Returns:
        (rows, columns, 3) uint8.
    """
    rows = []
    for family in report(families, len(families), "families", progress):
        slow = simulate(family, height=size, width=size, planes=planes, seed=seed)
        chosen, middle_um = _five(len(slow.stack)), float(np.median(slow.depth_um))
        shown = [slow.stack[i] for i in chosen]
        notes = [f"{z - middle_um:+.1f} um" for z in (slow.stack.z_um or ())]
        shown.append(to_uint8(slow.truth))
        for speed in (2, 3, 4):
            fast = simulate(family, height=size, width=size, planes=planes, seed=seed, speed=speed).stack
            shown.append(fast[len(fast) // 2])
        words = [*(notes[i] for i in chosen), "truth", "speed 2", "speed 3", "speed 4"]
        rows.append(_row(shown, [f"{family} {words[0]}", *words[1:]]))
    return np.concatenate(rows)


def real_rows(folder: Path, *, size: int = 160, columns: int = 9, skip: tuple[str, ...] = ()) -> NDArray[np.uint8]:
    """Draw a row for each real stack in a folder: five frames, whole, then four of them at full size where most is.

    Args:
        folder: where stacks of at least three frames lie.
        size: edge of a picture, pixels.
        columns: pictures in a row.
        skip: stacks whose names contain one of these are left out.

    Returns:
        (rows, columns, 3) uint8.

    Raises:
        InputError: if there are none.
    """
    rows = []
    for card in catalogue(folder):
        if card.built_in or any(word in card.name for word in skip):
            continue
        try:
            stack = open_source(card.name, data=folder)
        except InputError:
            continue
        if 3 <= len(stack) <= 60:
            rows.append(_row(_shown(stack, size, columns), [card.name]))
    if not rows:
        raise InputError(f"{folder} holds no stack of 3 to 60 frames; name a folder of folders of pictures")
    return np.concatenate(rows)


def _shown(stack: ZStack, size: int, columns: int) -> list[NDArray[np.uint8]]:
    """Give five whole frames, made small, and cuts of the place that shows most detail in any of them."""
    frames = [_colour(to_uint8(stack[i])) for i in _five(len(stack))]
    edge = min(stack.height, stack.width)
    top, left = (stack.height - edge) // 2, (stack.width - edge) // 2
    whole = [
        cv2.resize(frame[top : top + edge, left : left + edge], (size, size), interpolation=cv2.INTER_AREA)
        for frame in frames
    ]
    cut = min(size, edge)
    y, x = _place(frames, cut)
    cuts = [cv2.resize(frame[y : y + cut, x : x + cut], (size, size)) for frame in frames]
    return [np.asarray(picture, np.uint8) for picture in [*whole, *cuts][:columns]]


def _place(frames: list[NDArray[np.uint8]], cut: int) -> tuple[int, int]:
    """Find the square with the most detail in any frame, not counting single bright edges."""
    best, place = -1.0, (0, 0)
    for frame in frames:
        grey = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 2.0)  # not noise
        detail = cv2.boxFilter(np.minimum(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), 8), -1, (cut, cut))
        half = cut // 2
        inner = detail[half : frame.shape[0] - cut + half + 1, half : frame.shape[1] - cut + half + 1]
        _, most, _, (x, y) = cv2.minMaxLoc(inner)
        if most > best:
            best, place = most, (y, x)
    return place


def _five(count: int) -> list[int]:
    """Choose five frames from near the first to near the last."""
    return [round(float(at)) for at in np.linspace(0.06 * count, 0.94 * (count - 1), 5)]


def _colour(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frame if frame.ndim == 3 else np.repeat(frame[:, :, None], 3, axis=2)


def _row(shown: list[NDArray[np.uint8]], words: list[str]) -> NDArray[np.uint8]:
    """Put pictures side by side, with words above each of the first of them."""
    framed = [np.pad(_colour(to_uint8(p)), ((_GAP, _GAP), (_GAP, _GAP), (0, 0)), constant_values=255) for p in shown]
    pictures = np.concatenate(framed, axis=1)
    label = np.full((18, pictures.shape[1], 3), 255, np.uint8)
    for number, (picture, word) in enumerate(zip(framed, words, strict=False)):
        place = (4 + number * picture.shape[1], 14)
        cv2.putText(label, word, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (20, 20, 20), 1, cv2.LINE_AA)
    return np.concatenate([label, pictures])


def main(
    output: Annotated[Path, typer.Option("--output", "-o", help="the PNG")] = Path("contact_sheet.png"),
    only: Annotated[str, typer.Option(help="families, separated by commas; all if left out")] = "",
    real: Annotated[Path | None, typer.Option(help="folder of real stacks to show below")] = None,
    skip: Annotated[str, typer.Option(help="leave out real stacks whose names contain one of these words")] = "",
    size: Annotated[int, typer.Option(help="edge of a picture, pixels")] = 160,
    seed: Annotated[int, typer.Option(help="which individuals")] = 1,
) -> None:
    """Draw each family at five heights, its truth, and at speeds 2 to 4, beside real stacks."""
    families = [name.strip() for name in only.split(",") if name.strip()] or sorted(FAMILIES)
    try:
        drawn = sheet(families, size=size, seed=seed)
        if real is not None:
            left_out = tuple(word.strip() for word in skip.split(",") if word.strip())
            drawn = np.concatenate([drawn, real_rows(real, size=size, skip=left_out)])
        io.write_picture(output, drawn)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(str(output))


if __name__ == "__main__":
    typer.run(main)
