"""Make scenes of known quality, several at once, and keep them."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mmlib.errors import InputError
from mmlib.progress import Progress, silent
from mmlib.simulation.families import FAMILIES
from mmlib.train.making import make_missing, write_arrays
from mmlib.train.quality_scenes import Judged, PictureRecipe, draw_scene


def make_pictures(
    folder: Path,
    recipe: PictureRecipe,
    *,
    only: Sequence[str] | None = None,
    textures: Path | None = None,
    processes: int = 2,
    budget_s: float = math.inf,
    progress: Progress = silent,
) -> list[Path]:
    """Make every scene that is not in the folder yet; a file that is there is whole.

    Args:
        folder: where the scenes are kept, one ``.npz`` each.
        recipe: how many of what.
        only: families to make; all of them and the free scenes if None.
        textures: a folder of pictures that more training scenes are made of; their content says which scene it is, so
            that another folder never meets scenes of this one.
        processes: how many work at once.
        budget_s: begin no more scenes after this many seconds.
        progress: told how far it is.

    Returns:
        The files that are there, families in turn, so that a part of them holds every family.
    """
    of_one = {key: value for key, value in asdict(recipe).items() if key not in ("scenes", "free_scenes")}
    folder = folder / hashlib.sha256(json.dumps(of_one).encode()).hexdigest()[:12]  # more scenes: the first are kept
    folder.mkdir(parents=True, exist_ok=True)
    wanted: list[tuple[str, int, Path | None]] = []
    free = recipe.free_scenes / max(recipe.scenes, 1)
    for number in range(recipe.scenes):
        wanted += [(family, number, None) for family in FAMILIES if only is None or family in only]
        if only is not None:
            continue
        wanted += [("free", n, None) for n in range(round(number * free), round((number + 1) * free))]
    if textures is not None:
        wanted += [("texture", zlib.crc32(path.read_bytes()), path) for path in _pictures_of(textures)]
    files = {folder / f"{job[0]}-{job[1]:04d}.npz": (*job, recipe) for job in wanted}
    return make_missing(files, _make_one, processes=processes, budget_s=budget_s, words="pictures", progress=progress)


def read_pictures(files: Sequence[Path]) -> Iterator[Judged]:
    """Read scenes that `make_pictures` has written, in their order."""
    for path in files:
        with np.load(path, allow_pickle=False) as kept:
            yield Judged(path.stem.rsplit("-", 1)[0], kept["frames"], kept["kinds"], kept["targets"])


def _pictures_of(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff"})
    if not found:
        raise InputError(f"the texture folder {folder} has no pictures; put PNG, JPEG or TIFF pictures there")
    return found


def _make_one(file: Path, family: str, number: int, texture: Path | None, recipe: PictureRecipe) -> None:
    picture = None
    if texture is not None:
        from mmlib.io import read_picture

        picture = read_picture(texture)
    made = draw_scene(family, number, recipe, picture)
    write_arrays(file, {"frames": made.frames, "kinds": made.kinds, "targets": made.targets})
