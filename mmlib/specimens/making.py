"""Make a scan and write it: of a family by its name, or of the user's own pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmlib.errors import InputError
from mmlib.progress import Progress, silent
from mmlib.specimens.pictures_in import specimens_of
from mmlib.specimens.writing import write_simulated

if TYPE_CHECKING:
    from mmlib.simulation import Specimen

TEXTURE_PIXEL_UM = 0.5
"""What a pixel of a user's picture spans, where nothing is known of it."""

LARGEST = (720, 960)
"""Rows and columns that are cut from a larger picture: the frame of a phone."""


def make_simulated(
    specimen: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    speed: int = 1,
    planes: int | None = None,
    video: bool = False,
    progress: Progress = silent,
) -> list[Path]:
    """Scan a specimen with the simulated microscope and write the stack and its truth.

    Args:
        specimen: a name of `mmlib.simulation.families.FAMILIES`, a picture, or a folder of pictures: what is dark in
            a picture absorbs and delays light, and it lies on a drawn relief.
        folder: where it is written; scans of a folder of pictures go to folders in it.
        seed: which individual, or which relief.
        speed: 1 (slow) to 4 (fast).
        planes: frames that a slow scan takes; to suit the depth if None.
        video: write an MP4, as a phone keeps it, in place of a TIFF that keeps every bit.
        progress: told how far it is.

    Returns:
        The files.

    Raises:
        InputError: if the specimen is none of these, the folder cannot be made, or a number is out of range.
    """
    from mmlib.simulation import simulate

    home = Path(folder)
    files: list[Path] = []
    for place, one in _things(os.fspath(specimen), home, seed):
        made = simulate(one, seed=seed, speed=speed, planes=planes, progress=progress)
        files += write_simulated(made, place, kind="mp4" if video else "tiff")
    return files


def _things(named: str, home: Path, seed: int) -> Iterator[tuple[Path, Specimen | str]]:
    """Find what a name means, each with the folder that its scan goes to; what cannot be made is told first."""
    import torch

    from mmlib.simulation.families import FAMILIES

    path = Path(named)
    picture = named not in FAMILIES and path.exists()
    if not picture and (len(path.parts) > 1 or path.suffix):
        raise InputError(f"there is no picture or folder {named}; check the path, or name a family of specimens")
    if picture:
        luck = torch.Generator().manual_seed(seed)
        specimens = specimens_of(path, pixel_um=TEXTURE_PIXEL_UM, generator=luck, largest=LARGEST)
    if picture or named in FAMILIES:
        _make_folder(home)
    if not picture:
        yield home, named
        return
    taken: set[str] = set()
    for one in specimens:
        name = one.family if one.family not in taken else f"{one.family}_{len(taken)}"
        taken.add(name)
        yield (home if path.is_file() else home / name), one


def _make_folder(home: Path) -> None:
    """Raise before the long work if there is no place for what it gives."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {home}: {error.strerror}; choose another") from None
