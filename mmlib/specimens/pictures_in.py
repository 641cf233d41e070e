"""Specimens made of the user's own pictures: a texture folder becomes things to put under the microscope."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmlib import io
from mmlib.errors import InputError

if TYPE_CHECKING:
    import torch

    from mmlib.simulation import Specimen

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


def specimens_of(
    folder: str | os.PathLike[str],
    *,
    pixel_um: float,
    generator: torch.Generator,
    largest: tuple[int, int] | None = None,
    **choices: Any,
) -> Iterator[Specimen]:
    """Make a specimen of every picture in a folder, in the order of their names, one at a time.

    Args:
        folder: where the pictures lie, also in folders within it; or one picture.
        pixel_um: edge of a pixel in micrometres.
        generator: where all luck comes from.
        largest: rows and columns that are cut from larger pictures, and even ones from all, as films need them; None
            takes them whole.
        **choices: anything else that `mmlib.simulation.families.from_texture` takes.

    Returns:
        The specimens, each made when it is asked for.

    Raises:
        InputError: if the folder is not there or has no pictures, or a picture cannot be read.
    """
    home = Path(folder)
    if home.is_file():
        return _made([home], pixel_um, generator, largest, choices)
    if not home.is_dir():
        raise InputError(f"the texture folder {home} is not there; make it or name another")
    pictures = sorted(path for path in home.rglob("*") if path.suffix.lower() in _PICTURES and path.is_file())
    if not pictures:
        raise InputError(f"the texture folder {home} has no pictures; put PNG, JPEG or TIFF pictures there")
    return _made(pictures, pixel_um, generator, largest, choices)


def _made(
    pictures: list[Path],
    pixel_um: float,
    generator: torch.Generator,
    largest: tuple[int, int] | None,
    choices: dict[str, Any],
) -> Iterator[Specimen]:
    from mmlib.simulation.families import from_texture

    for path in pictures:
        picture = io.read_picture(path)
        told = {"name": path.stem, **choices}
        if largest is not None:
            height, width = (min(size, most) for size, most in zip(picture.shape, largest, strict=False))
            told |= {"height": max(2, height - height % 2), "width": max(2, width - width % 2)}
        yield from_texture(picture, pixel_um=pixel_um, generator=generator, **told)
