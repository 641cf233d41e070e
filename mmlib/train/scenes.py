"""Scenes to train on: drawn anew on a GPU; on a CPU cut from a pool of light fields that is made once and kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmlib.errors import InputError
from mmlib.experiments.recipes import TEST_ONLY
from mmlib.progress import Progress, silent
from mmlib.simulation.batch import Light, Ranges, draw_batches, draw_light, photograph
from mmlib.simulation.families import FAMILIES, build
from mmlib.simulation.luck import Luck
from mmlib.simulation.specimen import Specimen
from mmlib.train.making import make_missing, write_arrays

VALIDATION = ("feather", "onion_skin", "mould")
"""Families that only choose when to stop."""
THICK = ("pollen", "pond_life", "insect_leg", "fibres", *VALIDATION)
"""Families so thick that what lies above throws its rims on what lies below."""
WHOLE: dict[str, Any] = {
    "pitch_dof": (0.7, 1.7), "phase": (0.6, 1.5), "contrast_decades": (-0.3, 0.6), "specimen_share": 1.0,
}  # fmt: skip
"""How these are scanned: from below to above, and they bend light as they are; values of `Ranges`."""
SPLITS = ("train", "validation")
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")


@dataclass(frozen=True)
class Pool:
    """What is in the pool.

    Attributes:
        seed: of everything.
        train: scenes to learn from.
        validation: scenes to choose the best weights by.
        thick: scenes besides, of thick specimens that are scanned whole; a tenth as many for validation.
        size: rows and columns of a scene: crops are cut from it.
        planes: of a scene.
        points: directions of the condenser.
        pitch_dof: from plane to plane, in depths of field; cuts may skip planes.
        edition: of the simulation; raised when the light of a scene comes out otherwise than before.
    """

    seed: int = 0
    train: int = 1400
    validation: int = 60
    thick: int = 400
    size: int = 176
    planes: int = 14
    points: int = 7
    pitch_dof: tuple[float, float] = (0.3, 1.4)
    edition: int = 3

    def count(self, split: str) -> int:
        """Say how many scenes a split has, those of thick specimens left out."""
        return self.train if split == "train" else self.validation

    def count_thick(self, split: str) -> int:
        """Say how many scenes of thick specimens a split has besides."""
        return self.thick if split == "train" else self.thick // 10


def families_of(split: str) -> tuple[str, ...]:
    """Name the families that a split may show."""
    if split == "validation":
        return VALIDATION
    return tuple(name for name in FAMILIES if name not in (*TEST_ONLY, *VALIDATION))


def texture_files(folder: Path | None, split: str) -> list[Path]:
    """Find pictures that scenes may be made of; one source, a folder in the folder, is kept for validation.

    Args:
        folder: with one folder a source; None for no pictures.
        split: ``"train"`` or ``"validation"``.

    Returns:
        The files, sorted.

    Raises:
        InputError: if the folder holds no picture.
    """
    if folder is None:
        return []
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not found:
        raise InputError(f"{folder} holds no picture; name a folder of pictures, one folder in it for each source")
    sources = sorted({path.parent for path in found})
    kept = sources[-1] if len(sources) > 1 else None
    return [path for path in found if (path.parent == kept) == (split == "validation")]


def draw(
    split: str,
    *,
    generator: torch.Generator,
    batch: int,
    size: int,
    planes: int | tuple[int, int],
    device: torch.device | str = "cpu",
    work: Path | None = None,
    textures: Path | None = None,
    ranges: Ranges | None = None,
    pool: Pool | None = None,
    processes: int = 2,
    budget_s: float = math.inf,
    progress: Progress = silent,
) -> Iterator[dict[str, torch.Tensor]]:
    """Draw batches without end; equal generators give equal batches on the same kind of device.

    Args:
        split: ``"train"`` or ``"validation"``.
        generator: where all luck comes from.
        batch: stacks in a batch.
        size: rows and columns of a frame; up to the pool's on a CPU.
        planes: frames of a stack, or least and greatest; up to the pool's on a CPU.
        device: a GPU draws every scene anew; a CPU cuts, turns and photographs scenes of the pool anew.
        work: where the pool is kept; `work_folder` if None.
        textures: a folder of pictures that scenes are made of, one folder in it for each source.
        ranges: of the phone, and on a GPU of the scene too.
        pool: what is in the pool.
        processes: how many make the pool at once.
        budget_s: begin no more scenes of the pool after this many seconds.
        progress: told while the pool is made.

    Yields:
        What `mmlib.simulation.batch.draw_batches` yields.

    Raises:
        InputError: if the split is not known, sizes do not fit, or there was no time for any scene.
    """
    pool, ranges = pool or Pool(), ranges or Ranges()
    least, most = (planes, planes) if isinstance(planes, int) else planes
    if split not in SPLITS:
        raise InputError(f"the split must be train or validation; got {split!r}")
    if torch.device(device).type != "cpu":
        yield from _anew(split, generator, batch, size, (least, most), device, textures, ranges)
        return
    if size > pool.size or not 1 <= least <= most <= pool.planes:
        raise InputError(
            f"scenes of the pool have {pool.size} pixels and {pool.planes} planes; got {size} and {least} to {most}"
        )
    files = make_pool(
        split, pool, work or work_folder(), textures=textures, processes=processes, budget_s=budget_s, progress=progress
    )
    while True:
        count = Luck(generator, "cpu").integer(least, most)
        stacks = []
        for _ in range(batch):
            luck = Luck(generator, device)
            light = read_light(files[luck.integer(0, len(files) - 1)])
            stacks.append(photograph(luck, cut(luck, light, size, count), ranges))
        yield {name: torch.stack([stack[name] for stack in stacks]) for name in stacks[0]}


def cut(luck: Luck, light: Light, size: int, planes: int) -> Light:
    """Cut a part of a scene, turn it and leave planes out.

    Args:
        luck: where everything comes from.
        light: the scene.
        size: rows and columns of the part.
        planes: of the part.

    Returns:
        The part; its planes are evenly spaced.
    """
    count, height, width = light.planes.shape[0], *light.planes.shape[-2:]
    top, left = luck.integer(0, height - size), luck.integer(0, width - size)
    step = luck.integer(1, max(1, min(3, (count - 1) // max(planes - 1, 1))))
    first = luck.integer(0, count - 1 - step * (planes - 1))
    chosen = torch.arange(planes) * step + first
    rows, columns = slice(top, top + size), slice(left, left + size)
    down, right, swap = luck.chance(0.5), luck.chance(0.5), luck.chance(0.5)

    def turned(picture: torch.Tensor) -> torch.Tensor:
        picture = picture[..., rows, columns].float()
        picture = picture.flip(-2) if down else picture
        picture = picture.flip(-1) if right else picture
        return (picture.transpose(-2, -1) if swap else picture).contiguous()

    shift = light.shift_px[chosen] * light.shift_px.new_tensor([1 - 2 * down, 1 - 2 * right])
    return replace(
        light,
        planes=turned(light.planes[chosen]),
        sharp=turned(light.sharp),
        depth_um=turned(light.depth_um),
        z_um=light.z_um[chosen],
        shift_px=shift.flip(-1) if swap else shift,
    )


def make_pool(
    split: str,
    pool: Pool,
    work: Path,
    *,
    textures: Path | None = None,
    processes: int = 2,
    budget_s: float = math.inf,
    progress: Progress = silent,
) -> list[Path]:
    """Make every scene of a split that is not there yet; a file that is there is whole.

    Args:
        split: ``"train"`` or ``"validation"``.
        pool: what to make.
        work: where it is kept.
        textures: a folder of pictures that scenes are made of.
        processes: how many work at once.
        budget_s: begin no more scenes after this many seconds.
        progress: told how far it is.

    Returns:
        The files that are there, in order.

    Raises:
        InputError: if there was no time for any.
    """
    pictures = texture_files(textures, split)
    counts = {*SPLITS, "thick"}  # more scenes: the first stay
    of_one = {name: value for name, value in asdict(pool).items() if name not in counts}
    about = json.dumps([of_one, [path.name for path in pictures]])
    folder = work / "scenes" / hashlib.sha256(about.encode()).hexdigest()[:12] / split
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{n:05d}.npz": (split, n, pool, pictures, False) for n in range(pool.count(split))}
    files |= {folder / f"thick-{n:05d}.npz": (split, n, pool, pictures, True) for n in range(pool.count_thick(split))}
    there = make_missing(
        files, write_light, processes=processes, budget_s=budget_s, words=f"scenes for {split}", progress=progress
    )
    if not there:
        raise InputError(f"there was no time to make any {split} scenes; give a larger --budget-s")
    return there


def write_light(file: Path, split: str, number: int, pool: Pool, pictures: Sequence[Path], thick: bool = False) -> None:
    """Draw one scene of the pool and write it, whole or not at all.

    Args:
        file: where to.
        split: whose families it may show.
        number: which scene.
        pool: sizes and seed.
        pictures: that it may be made of.
        thick: whether it shows a thick specimen.
    """
    seed = 1_000_003 * pool.seed + 2 * number + (split == "validation") + 500_000 * thick
    luck = Luck(torch.Generator().manual_seed(seed), "cpu")
    textures = [_texture(pictures[luck.integer(0, len(pictures) - 1)], luck)] if pictures else []
    names = [name for name in families_of(split) if name in THICK or not thick]
    specimen = _specimen(names[luck.integer(0, len(names) - 1)], luck, pool.size)
    light = draw_light(
        luck, planes=pool.planes, size=pool.size, textures=textures, specimens=[specimen],
        ranges=Ranges(**WHOLE if thick else {"pitch_dof": pool.pitch_dof}), points=pool.points,
    )  # fmt: skip
    big = {"planes", "sharp"}
    arrays = {one.name: getattr(light, one.name).numpy() for one in fields(light)}
    write_arrays(file, {name: a.astype(np.float16) if name in big else a for name, a in arrays.items()})


def read_light(file: Path) -> Light:
    """Read a scene of the pool; its pictures stay float16 until they are cut."""
    with np.load(file, allow_pickle=False) as arrays:
        return Light(**{name: torch.from_numpy(arrays[name]) for name in arrays.files})


def work_folder() -> Path:
    """Say where scenes and checkpoints are kept: ``train`` in ``MMLIB_CACHE`` or in the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("MMLIB_CACHE") or platformdirs.user_cache_dir("mmlib")) / "train"


def _anew(
    split: str,
    generator: torch.Generator,
    batch: int,
    size: int,
    planes: tuple[int, int],
    device: torch.device | str,
    textures: Path | None,
    ranges: Ranges,
) -> Iterator[dict[str, torch.Tensor]]:
    """Draw scenes on the device; specimens of families are built once and cut anew."""
    luck = Luck(generator, "cpu")
    specimens = {name: [_specimen(name, luck, 2 * size, device) for _ in range(3)] for name in families_of(split)}
    files = texture_files(textures, split)
    chosen = [files[luck.integer(0, len(files) - 1)] for _ in range(min(len(files), 200))]
    pictures = [_texture(file, luck).to(device) for file in chosen]

    def of(families: Sequence[str], **changed: Any) -> Iterator[dict[str, torch.Tensor]]:
        return draw_batches(
            generator, batch=batch, size=size, device=device, textures=pictures,
            specimens=[one for name in families for one in specimens[name]],
            ranges=replace(ranges, planes=planes, **changed),
        )  # fmt: skip

    usual, whole = of(list(specimens)), of([name for name in specimens if name in THICK], **WHOLE)
    share = Pool.thick / (Pool.thick + Pool.train)
    while True:
        yield next(whole if luck.chance(share) else usual)


def _specimen(family: str, luck: Luck, size: int, device: torch.device | str = "cpu") -> Specimen:
    one = build(family, height=size, width=size, generator=torch.Generator().manual_seed(luck.integer(0, 2**31)))
    return replace(
        one, density=one.density.to(device), path_um=one.path_um.to(device), relief_um=one.relief_um.to(device)
    )


def _texture(file: Path, luck: Luck) -> torch.Tensor:
    """Read a picture and shrink it by chance: (3, h, w) in 0..1."""
    read = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if read is None:
        raise InputError(f"{file} cannot be read as a picture; take it out of the folder of textures")
    share = min(1.0, max(luck.uniform(0.3, 1.0), 200 / min(read.shape[:2])))
    read = cv2.resize(read, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(read[:, :, ::-1].copy()).permute(2, 0, 1).float() / 255
