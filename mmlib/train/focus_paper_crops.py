"""Crops of known focus for the nets and machines of the paper: of scans through focus, or blurred by a kernel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.nets.yang import CROP
from mmlib.optics import defocus_psf
from mmlib.pictures import to_grey
from mmlib.progress import Progress, part, silent
from mmlib.sharpness.cells import grid
from mmlib.sharpness.truth import DETAIL, MOST, SeenDetail, fine_structure
from mmlib.simulation.families import FAMILIES, build
from mmlib.train.making import write_arrays
from mmlib.train.scenes import draw, families_of

Array = NDArray[Any]

STEP_DOF = 0.5
"""From one level to the next, in depths of field: 10 levels reach from focus to four and a half."""
CLEAN = 0.005
"""Most dirt of the crops by which a judge is scored."""
LEAST_DETAIL = 0.005
"""Crops whose truth has less are not learned from: an empty crop shows no focus."""
HALF, MOST_FIELD = 0.5, 0.75
"""Shares of a crop in the field below which its label is the last one, or half as much again."""
KERNEL_UM = 2.0
"""From one level of synthetic defocus to the next: one wavelength / NA^2 of `defocus_psf`'s usual lens."""
KERNELS, PLANES = "kernels", "planes"


@dataclass(frozen=True)
class CropRecipe:
    """How many crops of what.

    Attributes:
        kind: ``"planes"`` of simulated scans through focus, or flat scenes blurred by ``"kernels"``.
        levels: of focus.
        train: crops to learn from.
        validation: crops of other families, which say when it was best.
        seed: of everything.
        edition: of the labels; raised when a crop is labelled otherwise than before.
    """

    kind: str = PLANES
    levels: int = 10
    train: int = 3600
    validation: int = 1200
    seed: int = 2
    edition: int = 2


@dataclass(frozen=True)
class Crops:
    """Crops whose focus is known.

    Attributes:
        pixels: (N, 84, 84) uint8.
        levels: (N,) 0 in focus to the last.
        truth: (N,) 1 in focus, 0 out of it, -1 between, or without detail, or dirty: not to be scored.
        scenes: (N,) which scene each is of.
    """

    pixels: NDArray[np.uint8]
    levels: NDArray[np.int64]
    truth: NDArray[np.int8]
    scenes: NDArray[np.int64]

    def only(self, which: Array) -> Crops:
        """Keep some, by (N,) bool or numbers."""
        return Crops(self.pixels[which], self.levels[which], self.truth[which], self.scenes[which])

    def inputs(self) -> torch.Tensor:
        """Give what the net takes: (N, 1, 84, 84) float32, 0..1."""
        return torch.from_numpy(self.pixels)[:, None].float() / 255


def paper_label(label: int, share: float, levels: int = 10) -> int:
    """Change a crop's label where it lies over the rim of the field, as the paper's code does.

    Args:
        label: 0 in focus to ``levels - 1``.
        share: of the crop that lies in the field, 0..1.
        levels: how many there are.

    Returns:
        The last level with less than half of it in the field, half as much again with less than three quarters, and
        the label itself otherwise.
    """
    if share < HALF:
        return levels - 1
    return min(levels - 1, int(1.5 * label)) if share < MOST_FIELD else label


def crop_set(
    recipe: CropRecipe,
    split: str,
    *,
    device: torch.device | str = "cpu",
    work: Path | None = None,
    textures: Path | None = None,
    processes: int = 2,
    progress: Progress = silent,
) -> Crops:
    """Make the crops of a split, or read them where they were made before.

    Args:
        recipe: how many of what.
        split: ``"train"`` or ``"validation"``.
        device: where scenes are drawn.
        work: where scenes and crops are kept.
        textures: a folder of pictures that scenes are made of.
        processes: how many make scenes.
        progress: told how far it is.

    Returns:
        The crops; no level has more than three times its share.
    """
    count = recipe.train if split == "train" else recipe.validation
    words = json.dumps(
        [recipe.kind, recipe.levels, recipe.seed, recipe.edition, count, split, str(device), str(textures or "")]
    )
    name = hashlib.sha256(words.encode()).hexdigest()[:12]
    file = None if work is None else work / "crops" / f"{name}.npz"
    if file is not None and file.is_file():
        with np.load(file, allow_pickle=False) as kept:
            return Crops(*(kept[key] for key in ("pixels", "levels", "truth", "scenes")))
    luck = torch.Generator().manual_seed(2 * recipe.seed + (split == "validation"))
    drawn = (
        _planes(recipe, split, luck, device, work, textures, processes, part(progress, 0.0, 0.5))
        if recipe.kind == PLANES
        else _kernels(recipe, split, luck)
    )
    made = _gather(drawn, count, recipe.levels, part(progress, 0.5, 1.0))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(file, {key: getattr(made, key) for key in ("pixels", "levels", "truth", "scenes")})
    return made


def _gather(scenes: Iterator[Crops], count: int, levels: int, progress: Progress) -> Crops:
    """Take crops of scene after scene, of no level more than three times its share."""
    most, found = 3 * -(-count // levels), np.zeros(levels, np.int64)
    kept: list[Crops] = []
    for number, crops in enumerate(scenes):
        before = np.array([int((crops.levels[:i] == level).sum()) for i, level in enumerate(crops.levels)], np.int64)
        chosen = crops.only(found[crops.levels] + before < most)
        found += np.bincount(chosen.levels, minlength=levels)
        kept.append(Crops(chosen.pixels, chosen.levels, chosen.truth, np.full(len(chosen.levels), number)))
        progress(min(found.sum() / count, 1.0), "crops of known focus")
        if found.sum() >= count or number >= 10 * count:
            break
    if not found.any():
        raise InputError("no scene had a crop with detail; draw other scenes")
    return Crops(*(np.concatenate([getattr(c, key) for c in kept]) for key in ("pixels", "levels", "truth", "scenes")))


def _planes(
    recipe: CropRecipe, split: str, luck: torch.Generator, device: torch.device | str, work: Path | None,
    textures: Path | None, processes: int, progress: Progress,
) -> Iterator[Crops]:  # fmt: skip
    """Cut crops from scans through focus, four side by side from each of four planes."""
    batch = 1 if torch.device(device).type == "cpu" else 16
    batches = draw(
        split, generator=luck, batch=batch, size=2 * CROP, planes=4, device=device, work=work, textures=textures,
        processes=processes, progress=progress,
    )  # fmt: skip
    for drawn in batches:
        for i in range(batch):
            yield cut_planes({key: value[i].cpu().numpy() for key, value in drawn.items()}, recipe.levels)


def cut_planes(scan: dict[str, Array], levels: int = 10) -> Crops:
    """Cut crops side by side from every plane of a scan, and label them by how far what they show is from focus.

    Args:
        scan: one of a batch of `mmlib.train.scenes.draw`: ``stack``, ``truth``, ``defocus_dof``, ``field``,
            ``artefact``.
        levels: of focus, `STEP_DOF` apart; the last is all that is farther.

    Returns:
        Those crops whose truth has any detail, and those over the rim.
    """
    stack = [to_grey(np.ascontiguousarray(plane.transpose(1, 2, 0))) for plane in scan["stack"]]
    truth = to_grey(np.ascontiguousarray(scan["truth"].transpose(1, 2, 0)))
    band = fine_structure(truth) / np.maximum(truth.mean(), 0.01)
    cells = grid(truth.shape, CROP, CROP)
    seen = SeenDetail(truth, scan["field"], cells)
    away = np.abs(scan["defocus_dof"])  # (K, H, W)
    means = np.stack([seen.mean(one) for one in away])  # (K, rows, columns)
    near, far = np.stack([seen.near_and_far(one) for one in away], axis=1) >= MOST
    pixels, found, truths = [], [], []
    for row, top in enumerate(cells[0]):
        for column, left in enumerate(cells[1]):
            here = (slice(top, top + CROP), slice(left, left + CROP))
            share, detail = float(scan["field"][here].mean()), float(band[here].std())
            if detail < LEAST_DETAIL and share >= MOST_FIELD:
                continue
            clean = float(scan["artefact"][here].mean()) < CLEAN
            judged = clean and detail >= DETAIL and share >= MOST_FIELD
            for number, plane in enumerate(stack if share >= HALF else stack[:1]):  # black corners are all alike
                at = (number, row, column)
                pixels.append(np.round(plane[here] * 255).astype(np.uint8))
                found.append(paper_label(min(levels - 1, int(means[at] / STEP_DOF)), share, levels))
                truths.append(1 if judged and near[at] else 0 if judged and far[at] else -1)
    return Crops(
        np.stack(pixels) if pixels else np.zeros((0, CROP, CROP), np.uint8),
        np.array(found, np.int64),
        np.array(truths, np.int8),
        np.zeros(len(found), np.int64),
    )


def _kernels(recipe: CropRecipe, split: str, luck: torch.Generator) -> Iterator[Crops]:
    """Blur flat scenes by the picture of a shining point at each level."""
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=luck)))
    kernels = [defocus_psf(level * KERNEL_UM) for level in range(recipe.levels)]
    names = families_of(split)
    while True:
        yield blur_flat(_flat(names[int(rng.integers(len(names)))], luck), kernels, rng)


def blur_flat(scene: NDArray[np.float32], kernels: list[NDArray[np.float64]], rng: np.random.Generator) -> Crops:
    """Blur a flat scene by every kernel and photograph one place of it at each level.

    Args:
        scene: (H, W) sharp, 0..1, larger than a crop by more than a kernel.
        kernels: of each level, level 0 first.
        rng: where and how bright.

    Returns:
        Two crops of each level.

    Source: Yang et al. 2018, synthetic defocus; exposures over 0.2 to 5 of the scene's own, offset, Poisson noise.
    """
    rim = kernels[0].shape[0] // 2
    pixels, levels = [], []
    for level, kernel in enumerate(kernels):
        blurred = cv2.filter2D(scene, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)
        for _ in range(2):
            tried = [[int(rng.integers(rim, length - CROP - rim + 1)) for length in scene.shape] for _ in range(4)]
            top, left = max(tried, key=lambda at: float(scene[at[0] : at[0] + CROP, at[1] : at[1] + CROP].std()))
            light = blurred[top : top + CROP, left : left + CROP]
            most = 1 / max(float(np.percentile(light, 99)), 1e-3)  # a film that is all white shows nothing
            bright = min(float(np.exp(rng.uniform(np.log(0.2), np.log(5)))), most)
            offset = float(rng.uniform(0, 0.1)) * bool(rng.integers(2))
            electrons = float(np.exp(rng.uniform(np.log(2000), np.log(60000))))
            taken = rng.poisson(np.maximum(light, 0) * bright * electrons) / electrons + offset
            pixels.append(np.round(np.clip(taken, 0, 1) * 255).astype(np.uint8))
            levels.append(level)
    truth = np.where(np.array(levels) == 0, 1, np.where(np.array(levels) > 2, 0, -1)).astype(np.int8)
    return Crops(np.stack(pixels), np.array(levels, np.int64), truth, np.zeros(len(levels), np.int64))


def _flat(family: str, luck: torch.Generator) -> NDArray[np.float32]:
    """Give the light behind a specimen that is pressed flat, stained or strewn with as much as makes it plain."""
    size = 2 * CROP + 60
    made = build(family, height=size, width=size, pixel_um=FAMILIES[family].pixel_um, generator=luck)
    density = made.density.sum(0).mean(0) + 2 * made.path_um.sum(0).clamp(min=0)  # (H, W); 2 nepers per micrometre
    wanted = float(torch.rand((), generator=luck)) * 0.15 + 0.03
    strength = min(max(wanted / max(float(density.std()), 1e-6), 0.05), 20.0)
    light = torch.exp(-density * strength)
    return np.asarray((light / light.max()).numpy(), np.float32)
