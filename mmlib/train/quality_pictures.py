"""Make scenes of known quality, several at once, and keep them."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch

from mmlib.errors import InputError
from mmlib.progress import Progress, silent
from mmlib.simulation.families import FAMILIES
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
        textures: a folder of pictures that more training scenes are made of.
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
        wanted += [("texture", n, path) for n, path in enumerate(_pictures_of(textures))]
    files = {job: folder / f"{job[0]}-{job[1]:04d}.npz" for job in wanted}
    started = time.monotonic()
    todo = [job for job in wanted if not files[job].is_file()]
    waiting: set[Future[None]] = set()
    done = len(wanted) - len(todo)
    if todo:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            while todo or waiting:
                if time.monotonic() - started > budget_s:
                    todo.clear()
                while todo and len(waiting) < 2 * processes:
                    job = todo.pop(0)
                    waiting.add(pool.submit(_make_one, files[job], *job, recipe))
                if not waiting:
                    break
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    done += 1
                progress(done / len(wanted), "pictures")
    return [path for path in files.values() if path.is_file()]


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
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    picture = None
    if texture is not None:
        from mmlib.io import read_picture

        picture = read_picture(texture)
    made = draw_scene(family, number, recipe, picture)
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as out:
        np.savez(out, frames=made.frames, kinds=made.kinds, targets=made.targets)
    part.replace(file)
