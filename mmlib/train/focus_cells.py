"""Cells to learn focus from: what a judge sees of them in every plane, and what is true of them; made once and kept."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.focusing.bands import differences, even_light, measure_bands
from mmlib.focusing.features import LAGS, SHRINKS, CoarseLook, Profile, coarse_details
from mmlib.progress import Progress, silent
from mmlib.sharpness.cells import Cells, cell_means, cell_share, grid
from mmlib.sharpness.frames import inner_field
from mmlib.sharpness.measure import as_grey
from mmlib.sharpness.truth import SeenDetail
from mmlib.simulation.compression import compress
from mmlib.simulation.luck import Luck
from mmlib.simulation.photograph import _draw_cover as draw_cover_by_chance
from mmlib.simulation.photograph import draw_camera, smear_in_depth, smear_sideways
from mmlib.simulation.ranges import Ranges
from mmlib.train.making import write_arrays
from mmlib.train.scenes import Pool, cut, make_pool, read_light

Values = NDArray[np.float32]
CELL, STRIDE = 84, 46
TOGETHER = 20
"""Stacks in a file."""


@dataclass(frozen=True)
class CellRecipe:
    """How many cells of what.

    Attributes:
        seed: of everything.
        train: stacks to learn from; each gives nine cells.
        validation: stacks of other families to choose the best weights by.
        size: rows and columns of a stack: room for three by three cells.
        planes: of a stack; training takes some of them.
        slow: share of stacks of scans that hardly move: what is in focus changes as little there as dirt does.
        slow_pitch_dof: from plane to plane in these, in depths of field.
        slow_scenes: that these are cut from in training; a twelfth of it in validation.
        electrons: at full scale, least and greatest: from a cheap phone in dim light to a good one.
        edition: of what is true of a cell; raised when it comes out otherwise than before.
    """

    seed: int = 5
    train: int = 2000
    validation: int = 100
    size: int = 176
    planes: int = 14
    slow: float = 0.25
    slow_pitch_dof: tuple[float, float] = (0.04, 0.3)
    slow_scenes: int = 300
    electrons: tuple[float, float] = (400.0, 300000.0)
    edition: int = 4


@dataclass(frozen=True)
class FocusCells:
    """Cells of many stacks: S stacks of N cells in K planes.

    Attributes:
        energy: (S, K, N, 4), noise: (S, K) and moments: (S, K, N, 3, 3), as `Profile` has them.
        gram: (S, N, 3, K, K) how alike any two planes are at each coarse scale, 1 on the diagonal.
        defocus_dof: (S, K, N) mean over the cell, weighted by detail.
        near: (S, K, N) share of the detail within half a depth of field; far: beyond two.
        visible: (S, K, N) correlation of the fine structure with the truth's, whatever its contrast.
        detail: (S, N) contrast of the truth's fine structure.
        shown: (S, N) the same, or that of what a still camera records in focus where it is more: transparent things
            have rims. A cell that shows nothing is empty.
        dirt: (S, N) share under dirt.
        field: (S, N) share in the field.
    """

    energy: Values
    noise: Values
    moments: Values
    gram: Values
    defocus_dof: Values
    near: Values
    far: Values
    visible: Values
    detail: Values
    shown: Values
    dirt: Values
    field: Values

    def __len__(self) -> int:
        """Count the stacks."""
        return len(self.energy)

    def profile(self, stack: int, planes: Sequence[int]) -> Profile:
        """Give what a judge would see of some planes of a stack, in any order.

        Args:
            stack: which.
            planes: which, in the order in which they come.
        """
        at = np.asarray(planes)
        gram = self.gram[stack]
        alike = np.zeros((len(at), gram.shape[0], len(SHRINKS), len(LAGS)))
        for place, lag in enumerate(LAGS):
            alike[lag:, :, :, place] = gram[:, :, at[lag:], at[:-lag]].transpose(2, 0, 1)
        return Profile(
            self.energy[stack, at].astype(float), self.moments[stack, at].astype(float), alike,
            self.noise[stack, at].astype(float),
        )  # fmt: skip


def make_cells(
    split: str,
    recipe: CellRecipe,
    work: Path,
    *,
    textures: Path | None = None,
    processes: int = 2,
    budget_s: float = math.inf,
    progress: Progress = silent,
) -> FocusCells:
    """Make the cells of a split, or read what was made before; a file that is there is whole.

    Args:
        split: ``"train"`` or ``"validation"``.
        recipe: how many of what.
        work: where they are kept, and the pool of scenes.
        textures: a folder of pictures that scenes are made of.
        processes: how many make the pool of scenes.
        budget_s: begin no more stacks after this many seconds.
        progress: told how far it is.

    Returns:
        The cells.

    Raises:
        InputError: if there was no time for any.
    """
    started = time.monotonic()
    about = json.dumps([{**asdict(recipe), "train": 0, "validation": 0}, textures is not None])  # more: the first stay
    folder = work / "focus" / f"{split}-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    count = -(-(recipe.train if split == "train" else recipe.validation) // TOGETHER)
    files = [folder / f"{number:04d}.npz" for number in range(count)]
    missing = [file for file in files if not file.is_file()]
    scenes: list[list[Path]] = []
    if missing:
        pool = replace(Pool(), size=max(recipe.size, Pool.size), thick=0)
        few = max(1, recipe.slow_scenes // 12)
        slow = replace(pool, pitch_dof=recipe.slow_pitch_dof, train=recipe.slow_scenes, validation=few)
        asked: dict[str, Any] = {"textures": textures, "processes": processes, "progress": progress}
        scenes = [make_pool(split, one, work, budget_s=budget_s / 4, **asked) for one in (pool, slow)]
    for file in missing:
        if time.monotonic() - started > budget_s:
            break
        number = files.index(file)
        found = [_cells_of(_take(scenes, recipe, split, TOGETHER * number + one)) for one in range(TOGETHER)]
        write_arrays(file, {name: np.stack([one[name] for one in found]) for name in found[0]})
        progress((number + 1) / count, f"cells for {split}: {TOGETHER * (number + 1)} of {TOGETHER * count} stacks")
    read: list[dict[str, Values]] = []
    for file in files:
        if file.is_file():
            with np.load(file, allow_pickle=False) as kept:
                read.append({name: kept[name] for name in kept.files})
    if not read:
        raise InputError(f"there was no time to make any {split} cells; give a larger --budget-s")
    return FocusCells(**{name: np.concatenate([one[name] for one in read]) for name in read[0]})


Scene = dict[str, NDArray[Any]]


def _take(scenes: Sequence[Sequence[Path]], recipe: CellRecipe, split: str, number: int) -> Scene:
    """Take a stack of a scene of the pool with a random phone: frames as they are kept, and what is true of them."""
    luck = Luck(torch.Generator().manual_seed(1_000_003 * recipe.seed + 2 * number + (split != "train")), "cpu")
    files = scenes[luck.chance(recipe.slow)]
    light = cut(luck, read_light(files[luck.integer(0, len(files) - 1)]), recipe.size, recipe.planes)
    ranges = replace(Ranges(), electrons=recipe.electrons)
    moving = light.planes
    if luck.chance(0.5):
        moving = smear_in_depth(moving, luck.uniform(*ranges.smear))
        length, angle = luck.uniform(*ranges.drift_px) if luck.chance(0.5) else 0.0, luck.uniform(0, 2 * math.pi)
        moving = smear_sideways(moving, (length * math.sin(angle), length * math.cos(angle)))
    cover = draw_cover_by_chance(luck, recipe.size, recipe.size, ranges)
    gain = 1 + luck.uniform(*ranges.flicker) * luck.randn(recipe.planes)[:, None, None, None]
    taken = draw_camera(luck, ranges).take(cover.over(moving), gain=gain, generator=luck.generator)
    if luck.chance(ranges.compressed_share):
        taken = compress((taken * 255).round() / 255, luck.log_uniform(*ranges.jpeg_quality))
    hidden = np.any([np.zeros(cover.inside.shape, bool), *cover.masks.values()], axis=0)
    return {
        "frames": (taken * 255).round().byte().permute(0, 2, 3, 1).numpy(),  # (K, H, W, 3)
        "planes": light.planes.mean(dim=1).numpy(),  # (K, H, W)
        "truth": light.sharp.mean(dim=0).numpy(),
        "defocus": ((light.z_um[:, None, None] - light.depth_um) / light.depth_of_field_um).numpy(),
        "field": cover.inside,
        "dirt": hidden & cover.inside,
    }


def _cells_of(scene: Scene) -> dict[str, Values]:
    """Look at the cells of one stack as a judge does, and note what is true of them."""
    frames, field = scene["frames"], scene["field"]
    whole = None if field.all() else field
    inner = inner_field(whole)
    cells = grid(frames.shape[1:], CELL, STRIDE)
    coarse = CoarseLook(frames.shape[1:3], cells, inner)
    bands, moments, details = [], [], []
    for frame in frames:
        even = even_light(as_grey(frame), whole)
        bands.append(measure_bands(even, differences(even), cells, inner))
        moments.append(coarse.see(even)[0])
        details.append([d if m is None else d * m for d, m in zip(coarse_details(even), coarse.masks, strict=True)])
    energy = np.nan_to_num(np.stack([band.energy for band in bands]))  # (K, 4, rows, columns)
    count = len(frames)
    known = {
        "energy": energy.transpose(0, 2, 3, 1).reshape(count, -1, len(energy[0])),
        "noise": np.array([band.noise for band in bands]),
        "moments": np.stack(moments).reshape(count, -1, *moments[0].shape[2:]),
        "gram": _gram(details, cells),
        **_truth(scene, cells),
    }
    return {name: np.asarray(value, dtype=np.float32) for name, value in known.items()}


def _gram(details: list[list[NDArray[np.float32]]], cells: Cells) -> NDArray[np.float32]:
    """Correlate every plane with every other in each cell: (N, 3, K, K)."""
    tops, lefts, edge = cells
    found = []
    for top in tops:
        for left in lefts:
            of_cell = []
            for scale, shrink in enumerate(SHRINKS):
                height, width = details[0][scale].shape
                small = max(edge // shrink, 1)
                y, x = min(top // shrink, height - small), min(left // shrink, width - small)
                flat = np.stack([d[scale][y : y + small, x : x + small].ravel() for d in details])
                flat = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-8)
                of_cell.append(flat @ flat.T)
            found.append(np.stack(of_cell))
    return np.stack(found)


def _truth(scene: Scene, cells: Cells) -> dict[str, NDArray[np.float64]]:
    """Note what is true of the cells of a stack."""
    seen = SeenDetail(scene["truth"], scene["field"], cells)
    stills = [seen.structure(plane) for plane in scene["planes"]]
    defocus = scene["defocus"]  # (K, H, W)
    near, far = zip(*(seen.near_and_far(np.abs(d)) for d in defocus), strict=True)
    nearest = np.abs(defocus).argmin(axis=0)
    recorded = seen.structure(np.take_along_axis(scene["planes"], nearest[None], axis=0)[0])
    share = np.sqrt(np.maximum(cell_share(seen.inside > 0, cells), 1e-3))
    own, other = (_rms(fine, cells) for fine in (seen.fine, recorded))

    def each(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.stack(values).reshape(len(values), -1)

    return {
        "defocus_dof": each([seen.mean(d) for d in defocus]),
        "near": each(near),
        "far": each(far),
        "visible": each([cell_means(s * seen.fine, cells) / (own * _rms(s, cells) + 1e-9) for s in stills]),
        "detail": (own / share).ravel(),
        "shown": (np.maximum(own, other) / share).ravel(),
        "dirt": cell_share(scene["dirt"], cells).ravel(),
        "field": cell_share(scene["field"], cells).ravel(),
    }  # fmt: skip


def _rms(fine: NDArray[np.float32], cells: Cells) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(cell_means(fine**2, cells), 1e-12))
