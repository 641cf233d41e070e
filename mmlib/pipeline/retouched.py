"""Retouch a fused picture by hand: take a place from one frame instead, with a soft edge."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.fusing import Fused
from mmlib.pictures import Picture, as_picture
from mmlib.pipeline.sources import open_frames
from mmlib.pipeline.writing import write_fused
from mmlib.progress import Progress, part, silent
from mmlib.registration import Alignment
from mmlib.stacks import ZStack

SOFT_PX = 8
"""How wide the edge of a place is, inside it."""


@dataclass(frozen=True)
class Patch:
    """A place that comes from one frame.

    Attributes:
        x: left edge, px.
        y: upper edge, px.
        width: px.
        height: px.
        frame: which of the fused frames, 0 for the first of them.
    """

    x: int
    y: int
    width: int
    height: int
    frame: int


def parse_patches(text: str) -> list[Patch]:
    """Read places such as ``10,20,80,60,7;0,0,30,30,2``: x, y, width, height and frame of each.

    Args:
        text: the places, separated by semicolons.

    Returns:
        Them in order; a later one lies over an earlier.

    Raises:
        InputError: if one is anything else.
    """
    patches = []
    for piece in filter(None, text.split(";")):
        try:
            patch = Patch(*map(int, piece.split(",")))
        except (ValueError, TypeError):
            raise InputError(
                f"a place to retouch is x,y,width,height,frame such as 10,20,80,60,7; got {piece!r}"
            ) from None
        if min(patch.width, patch.height) < 1:
            raise InputError(f"a place to retouch must have a width and a height; got {piece!r}")
        patches.append(patch)
    return patches


def retouch(fused: Fused, stack: ZStack, patches: str) -> Fused:
    """Take places of a fused picture from single frames, laid where the alignment says.

    Args:
        fused: what `fuse` gave; its picture is rounded to 16 bit, as a file keeps it.
        stack: the frames it was fused from.
        patches: see `parse_patches`.

    Returns:
        The retouched picture and index; the depth stays as it was found.

    Raises:
        InputError: if a place cannot be read, lies outside, or names no frame.
    """
    kept = np.rint(as_picture(fused.picture) * np.float32(65535)).astype(np.uint16)  # as a file rounds it
    picture = as_picture(kept)
    index = fused.index.copy()
    for patch in parse_patches(patches):
        if not 0 <= patch.frame < len(stack):
            raise InputError(f"frames 0 to {len(stack) - 1} were fused; the place to retouch asks for {patch.frame}")
        frame = as_picture(fused.alignment.warp(stack[patch.frame], patch.frame))
        weight = soft(patch, picture.shape)
        if not weight.any():
            raise InputError("the place to retouch lies outside the picture; draw it again")
        share = weight if picture.ndim == 2 else weight[:, :, None]
        picture = np.asarray(picture + share * (frame - picture), np.float32)
        index[weight >= 0.5] = patch.frame
    return replace(fused, picture=picture, index=index, parameters={**fused.parameters, "retouched": patches})


def soft(patch: Patch, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Give how much of each pixel comes from the frame of a place.

    Args:
        patch: the place.
        shape: of the picture.

    Returns:
        (H, W) float32, 0 outside, 1 well inside, a straight ramp between; no ramp along the picture's own edges.
    """

    def ramp(first: int, size: int, count: int) -> NDArray[np.float32]:
        at = np.arange(count)
        edge = min(SOFT_PX, max(size // 4, 1))
        from_low = np.full(count, np.inf) if first <= 0 else at - first + 0.5
        from_high = np.full(count, np.inf) if first + size >= count else first + size - at - 0.5
        return np.asarray(np.clip(np.minimum(from_low, from_high) / edge, 0, 1), np.float32)

    rows, columns = shape[:2]
    inside = (patch.y < rows, patch.x < columns, patch.y + patch.height > 0, patch.x + patch.width > 0)
    if not all(inside):
        return np.zeros((rows, columns), np.float32)
    weight: NDArray[np.float32] = np.outer(ramp(patch.y, patch.height, rows), ramp(patch.x, patch.width, columns))
    return weight


def write_alignment(alignment: Alignment, path: Path) -> None:
    """Write what is needed to lay frames where they were laid when they were fused.

    Args:
        alignment: of the fused picture.
        path: where to, JSON.
    """
    kept = {"matrices": alignment.matrices.tolist(), "decided": bool(alignment.decided), "reason": alignment.reason}
    path.write_text(json.dumps({**kept, "mode": alignment.mode, "size": list(alignment.size)}), encoding="utf-8")


def read_alignment(path: Path) -> Alignment:
    """Read what `write_alignment` wrote.

    Args:
        path: of the file.

    Returns:
        The alignment, without how well it was measured.
    """
    kept = json.loads(path.read_text(encoding="utf-8"))
    matrices = np.asarray(kept["matrices"], np.float64)
    count = len(matrices)
    return Alignment(
        matrices, np.ones(count, np.bool_), np.ones((count, 2), np.float32),
        kept["decided"], kept["reason"], kept["mode"], (kept["size"][0], kept["size"][1]),
    )  # fmt: skip


def retouch_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Retouch a picture that a job fused, and write it under the same names.

    Args:
        source: what it was fused from; see `open_frames`.
        folder: where the results go: fused.png, fused.tif, index.tif, and depth.tif as it was.
        progress: told how far it is; may raise `Cancelled`.
        **choices: made (the folder of the job that fused), patches, and frames, speed, data as in `open_frames`.

    Returns:
        The places.

    Raises:
        InputError: if a place is wrong, or the fused picture is no longer there.
    """
    made, patches = Path(choices.pop("made")), str(choices.pop("patches"))
    stack = open_frames(source, progress=part(progress, 0, 0.4), **choices)
    progress(0.4, "retouching")
    try:
        alignment = read_alignment(made / "alignment.json")
        record = json.loads((made / "result.json").read_text(encoding="utf-8"))["summary"]
    except OSError:
        raise InputError("the fused picture is no longer on the disk; fuse again, then retouch it") from None
    picture: Picture = as_picture(io.read_picture(made / "fused.tif"))
    index = np.asarray(io.read_picture(made / "index.tif"), np.uint16)
    blank = np.zeros(index.shape, np.float32)
    fused = Fused(picture, index, blank, blank, alignment, record["method"], record["parameters"])
    fused = retouch(fused, stack, patches)
    write_fused(fused, stack, folder / "fused.png")
    write_fused(fused, stack, folder / "fused.tif")
    io.write_picture(folder / "index.tif", fused.index)
    shutil.copyfile(made / "depth.tif", folder / "depth.tif")
    progress(1.0, "done")
    return {"patches": patches}
