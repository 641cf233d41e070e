"""Fuse every real stack of a folder and look at it: ``python -m mmlib.experiments.fusion_real FOLDER``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.fusing import METHODS, fuse
from mmlib.metrics.detail import detail_snr
from mmlib.pictures import to_uint8
from mmlib.sharpness import frame_sharpness
from mmlib.stacks import ZStack, from_array

LONGEST = 1600
"""Frames with a longer side are made smaller, so that a sheet takes minutes."""

_LABEL = 20


def stacks_of(folder: Path) -> dict[str, tuple[ZStack, Path | None]]:
    """Find the stacks of a folder: each folder in it with at least two pictures of one size.

    Args:
        folder: where to look, at any depth.

    Returns:
        By name, the stack and its reference picture ``REF*.png`` if there is one; large frames are made smaller.

    Raises:
        InputError: if there are none.
    """
    found: dict[str, tuple[ZStack, Path | None]] = {}
    places = sorted({file.parent for file in folder.rglob("*") if file.suffix.lower() in (".png", ".jpg", ".tif")})
    for place in places:
        files = [file for file in place.iterdir() if file.suffix.lower() in (".png", ".jpg", ".tif")]
        planes = [file for file in files if not file.stem.startswith("REF")]
        marks = [file for file in files if file.stem.startswith("REF")]
        if not 2 <= len(planes) <= 60:
            continue
        planes.sort(key=lambda file: (len(file.stem), file.stem))
        frames = [_smaller(io.read_picture(plane)) for plane in planes]
        if len({(frame.shape, frame.dtype) for frame in frames}) == 1:
            found[place.name] = from_array(np.stack(frames), source=place.name), marks[0] if marks else None
    if not found:
        raise InputError(
            f"{folder} holds no stack of 2 to 60 pictures of one size; name a folder of folders of pictures"
        )
    return found


def sheet_row(stack: ZStack, reference: Path | None, methods: list[str], *, cut: int) -> tuple[NDArray[np.uint8], str]:
    """Fuse a stack with each method and cut the same part out of all pictures, where there is most detail.

    Args:
        stack: to fuse.
        reference: a picture made by other software, or None.
        methods: names of `mmlib.fusing.METHODS`.
        cut: edge of a part, pixels.

    Returns:
        A row of pictures with titles, and a line of numbers.
    """
    align = "off" if reference is not None else "auto"
    told = None if reference is None else io.read_picture(reference)
    shown: list[tuple[str, NDArray[np.uint8]]] = [("middle frame", to_uint8(stack[len(stack) // 2]))]
    words = []
    for method in methods:
        started = time.process_time()
        fused = fuse(stack, method=method, align=align)
        picture = to_uint8(fused.picture)
        field = find_field(picture)
        number = f"sharpness {frame_sharpness(picture, field=field):.3g}"
        if told is not None and told.shape == picture.shape:
            number = f"detail SNR {detail_snr(picture, told):.2f} dB"
        words.append(f"{method}: {number}, {time.process_time() - started:.1f} cpu s")
        shown.append((method, picture))
    if told is not None:
        shown.append(("reference", to_uint8(told)))
    top, left = _richest(shown[-1][1], cut)
    parts = [
        _titled(picture[top : top + cut, left : left + cut], f"{stack.source} {title}", cut) for title, picture in shown
    ]
    return np.concatenate(parts, axis=1), f"{stack.source} ({len(stack)} frames): " + "; ".join(words)


def _smaller(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    share = LONGEST / max(frame.shape[:2])
    if share >= 1:
        return frame
    return np.asarray(cv2.resize(frame, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), frame.dtype)


def _richest(picture: NDArray[np.uint8], cut: int) -> tuple[int, int]:
    grey = picture if picture.ndim == 2 else picture.mean(2)
    fine = grey.astype(np.float32) - cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 3)
    height, width = grey.shape
    inside = cv2.erode(find_field(picture).astype(np.float32), np.ones((25, 25)))  # without the rim of the disc
    energy = cv2.blur(np.minimum(fine * fine, 400) * inside, (min(cut, width), min(cut, height)))
    half = cut // 2
    inner = energy[min(half, height // 2) : max(height - half, height // 2 + 1)]
    inner = inner[:, min(half, width // 2) : max(width - half, width // 2 + 1)]
    y, x = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(y), int(x)


def _titled(picture: NDArray[np.uint8], title: str, cut: int) -> NDArray[np.uint8]:
    colour = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
    framed = np.full((cut + _LABEL, cut + 4, 3), 255, np.uint8)
    framed[_LABEL : _LABEL + colour.shape[0], : colour.shape[1]] = colour
    cv2.putText(framed, title, (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
    return framed


def main(
    folder: Annotated[Path, typer.Argument(help="where stacks lie, each in a folder of its own")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the PNG")] = Path("fusion_real.png"),
    methods: Annotated[str, typer.Option(help="names, separated by commas")] = "pyramid,wavelet,blend,learned",
    cut: Annotated[int, typer.Option(help="edge of the parts shown, pixels")] = 300,
) -> None:
    """Fuse every real stack with each method; show the part with most detail, and give the numbers there are."""
    names = [name.strip() for name in methods.split(",") if name.strip()]
    try:
        for name in names:
            if name not in METHODS:
                raise unknown("method", name, METHODS)
        rows = []
        for stack, reference in stacks_of(folder).values():
            row, words = sheet_row(stack, reference, names, cut=cut)
            rows.append(row)
            typer.echo(words)
        width = max(row.shape[1] for row in rows)
        rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
        io.write_picture(output, np.concatenate(rows))
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(str(output))


if __name__ == "__main__":
    typer.run(main)
