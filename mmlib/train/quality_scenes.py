"""Scenes of known quality: each taken well, and badly in five ways, with every picture's score against the truth."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.metrics.reference import haarpsi, ssim
from mmlib.optics import Condenser, Objective, critical_pixel_um, depth_of_field_um
from mmlib.pictures import to_grey
from mmlib.simulation import Camera, Dirt, Microscope, Specimen, illuminate
from mmlib.simulation.artefacts import draw_cover
from mmlib.simulation.camera import to_frame
from mmlib.simulation.families import FAMILIES, build, from_texture
from mmlib.simulation.luck import Luck
from mmlib.simulation.random_scene import paint_random

KINDS = ("defocus", "smear", "noise", "jpeg", "artefacts")
"""What CNNIQA++ tells apart, in the order of its second head."""
PRISTINE, MIXED = -1, -2
"""Pictures with next to nothing, or with several distortions: they have a score but no kind."""

VALIDATION = ("leaf_skin", "mould", "insect_leg", "tissue_section")
"""Families that only choose when to stop."""
TEST = ("onion_skin", "epithelium_smear", "diatoms", "feather", "pond_life")
"""Families that are never looked at before the score is printed."""
TARGET = (
    "100 (1 - (SSIM + HaarPSI) / 2) of the luma, both stretched to the same contrast, against the same scene in focus, "
    "still and without noise"
)
CONTRAST = 0.2
"""Standard deviation to which the luma of the truth is stretched before it is compared."""
GAIN = 8.0
"""The most that a truth is stretched."""


@dataclass(frozen=True)
class PictureRecipe:
    """How many pictures of known quality are made, and of what.

    Attributes:
        size: rows and columns; 36 patches of 32 px.
        scenes: individuals of each family.
        free_scenes: scenes of no family (cells, clouds), for variety that families lack.
        directions: of the condenser; few, for the light is the dearest part.
        defocus: pictures out of focus a scene, and so on for each distortion.
        smear: moved while the light was gathered.
        noise: few electrons.
        jpeg: strong compression.
        artefacts: dust, hairs, drops, condensate.
        mixed: several at once, as in life.
        seed: where all luck comes from.
    """

    size: int = 192
    scenes: int = 7
    free_scenes: int = 49
    directions: int = 7
    defocus: int = 6
    smear: int = 5
    noise: int = 4
    jpeg: int = 4
    artefacts: int = 4
    mixed: int = 4
    seed: int = 20261122


@dataclass(frozen=True)
class Judged:
    """The pictures of one scene.

    Attributes:
        family: of the scene; ``"free"`` has none, ``"texture"`` is made of the user's picture.
        frames: (N, H, W) uint8 luma.
        kinds: (N,) index into `KINDS`, or `PRISTINE` or `MIXED`.
        targets: (N,) score against the truth, 0 (perfect) to 100.
    """

    family: str
    frames: NDArray[np.uint8]
    kinds: NDArray[np.int8]
    targets: NDArray[np.float32]


def quality_target(frame: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Give the score that the nets learn: 100 (1 - (SSIM + HaarPSI) / 2) of the luma at a standard contrast.

    SSIM sees noise and blocks, HaarPSI sees lost detail and weighs it by what the truth shows. Both pictures are first
    stretched about the truth's mean until the truth has a standard deviation of `CONTRAST`: a faint specimen is not
    better because there is less to lose.

    Args:
        frame: (H, W) uint8.
        truth: (H, W) uint8.

    Returns:
        0 for equal pictures to 100; a negative SSIM counts as 0; lower is better.
    """
    middle = float(truth.mean())
    gain = min(CONTRAST * 255 / max(float(truth.std()), 1e-6), GAIN)
    shown = [
        np.clip((picture.astype(np.float32) - np.float32(middle)) * np.float32(gain / 255) + np.float32(0.5), 0, 1)
        for picture in (frame, truth)
    ]
    return 100 * (1 - (max(ssim(*shown), 0.0) + haarpsi(*shown)) / 2)


def split_of(family: str) -> str:
    """Say what a family is for: ``"train"``, ``"validation"`` or ``"test"``."""
    return "test" if family in TEST else "validation" if family in VALIDATION else "train"


def draw_scene(family: str, number: int, recipe: PictureRecipe, texture: NDArray[Any] | None = None) -> Judged:
    """Draw a scene, take it well and badly, and score every picture.

    Args:
        family: a name of `FAMILIES`, ``"free"``, or ``"texture"``.
        number: which individual; equal numbers give equal pictures.
        recipe: how many of what.
        texture: (H, W) or (H, W, 3) picture that a ``"texture"`` is made of.

    Returns:
        The pictures and their scores.
    """
    name = f"{recipe.seed} {family} {number}"
    generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big"))
    luck = Luck(generator, "cpu")
    specimen, objective, condenser = _specimen(family, luck, generator, recipe, texture)
    sharp_um = depth_of_field_um(objective, pixel_um=specimen.pixel_um)
    heights = [0.0, *((-1) ** k * sharp_um * luck.log_uniform(0.25, 5.0) for k in range(recipe.defocus))]
    waves = illuminate(specimen, Microscope(objective, condenser), reach_um=3 * sharp_um)
    light = waves.stack(heights)  # (1 + defocus, 3, H, W)
    sharp, blurred = light[0], light[1:]

    camera = _camera(luck)
    noise = torch.Generator().manual_seed(luck.integer(0, 2**60))

    def take(seen: torch.Tensor, electrons: float | None = None, quality: int | None = None) -> NDArray[np.uint8]:
        used = camera if electrons is None else replace(camera, electrons=electrons)
        return to_grey(to_frame(used.take(seen, generator=noise), quality))

    def smeared(seen: torch.Tensor) -> torch.Tensor:
        return _move(seen, luck.log_uniform(1.5, 20), luck.uniform(0, math.pi))

    def dirty(seen: torch.Tensor) -> torch.Tensor:
        much = luck.log_uniform(0.15, 1.5)
        dirt = Dirt(
            dust=round(40 * much * luck.uniform(0, 1)), hairs=round(4 * much * luck.uniform(0, 1)),
            slide_dust=round(30 * much * luck.uniform(0, 1)), drops=round(10 * much * luck.uniform(0, 1)),
            condensate=min(much * luck.uniform(0.3, 1), 1.0) if luck.chance(0.6) else 0.0,
        )  # fmt: skip
        return draw_cover(recipe.size, recipe.size, eyepiece=None, dirt=dirt, generator=generator).over(seen)

    truth = to_grey(to_frame(camera.take(sharp, generator=None)))
    frames, kinds = [truth, take(sharp)], [PRISTINE, PRISTINE]

    def keep(kind: int, frame: NDArray[np.uint8]) -> None:
        frames.append(frame)
        kinds.append(kind)

    for plane in blurred:
        keep(0, take(plane))
    for k in range(recipe.smear):
        passed = blurred[: 2 + k % 3].mean(0) * 0.6 + sharp * 0.4 if k % 3 == 2 else sharp  # focus moved, too
        keep(1, take(smeared(passed)))
    for _ in range(recipe.noise):
        keep(2, take(sharp, electrons=luck.log_uniform(25, 2000)))
    for _ in range(recipe.jpeg):
        keep(3, take(sharp, quality=round(luck.log_uniform(4, 60))))
    for _ in range(recipe.artefacts):
        keep(4, take(dirty(sharp)))
    for _ in range(recipe.mixed):
        seen = blurred[luck.integer(0, len(blurred) - 1)] if luck.chance(0.7) else sharp
        seen = smeared(seen) if luck.chance(0.3) else seen
        seen = dirty(seen) if luck.chance(0.2) else seen
        electrons = luck.log_uniform(100, 5000) if luck.chance(0.6) else None
        keep(MIXED, take(seen, electrons, round(luck.log_uniform(5, 70)) if luck.chance(0.5) else None))
    targets = [quality_target(frame, truth) for frame in frames]
    return Judged(family, np.stack(frames), np.array(kinds, np.int8), np.array(targets, np.float32))


def _specimen(
    family: str, luck: Luck, generator: torch.Generator, recipe: PictureRecipe, texture: NDArray[Any] | None
) -> tuple[Specimen, Objective, Condenser]:
    """Draw a specimen, pressed flat: then the whole picture has one defocus, and in focus it is its own truth."""
    size = recipe.size
    condenser = Condenser(luck.uniform(0.4, 0.9), recipe.directions)
    kind = FAMILIES.get(family)
    pixel_um = (kind.pixel_um if kind else 0.3) * luck.log_uniform(0.8, 1.3)
    if kind is not None:
        made = build(family, height=size, width=size, pixel_um=pixel_um, generator=generator)
    elif family == "texture" and texture is not None:
        made = from_texture(
            texture, pixel_um=pixel_um, generator=generator, height=size, width=size, slices=1, relief="flat"
        )
    else:
        made = paint_random(luck, height=size, width=size, pixel_um=pixel_um, depth_um=1.0, gap_um=2.0)
    density, path = _stained(luck, made)
    if luck.chance(0.3):
        density = density.mean(1, keepdim=True).expand_as(density)
    flat = Specimen(density.contiguous(), path, torch.zeros(1), torch.zeros(size, size), pixel_um)
    # pixels a little finer or coarser than the light asks for: no judge can tell an empty magnification from blur
    aperture = critical_pixel_um(Objective(0.5), condenser.coherence) * 0.5 / pixel_um * luck.log_uniform(0.8, 1.25)
    objective = Objective(min(aperture, 0.9), spherical_waves=luck.uniform(-0.15, 0.15))
    sharp_um = depth_of_field_um(objective, pixel_um=pixel_um)
    return flat, replace(objective, axial_chromatic_um=sharp_um * luck.uniform(-0.3, 0.5)), condenser


def _stained(luck: Luck, made: Specimen) -> tuple[torch.Tensor, torch.Tensor]:
    """Press a specimen flat and stain it until it has contrast: what nobody can see has no quality to judge.

    Returns:
        (1, 3, H, W) density and (1, H, W) optical path, which bends light no more than the density shades it.
    """
    path = made.path_um.sum(0, keepdim=True)
    density = made.density.sum(0, keepdim=True) + 2 * path.clamp(min=0)[:, None]  # 2 nepers per micrometre
    wanted, grey = luck.log_uniform(0.05, 0.2), density.mean(1)
    strengths = np.geomspace(0.1, 12, 25)
    contrasts = [float((0.75 * torch.exp(-grey * float(s))).pow(1 / 2.2).std()) for s in strengths]
    strength = float(strengths[int(np.argmin(np.abs(np.array(contrasts) - wanted)))])
    shading = float(grey.std()) * strength / 2
    bending = float(path.std()) * 2 * math.pi / 0.54
    return density * strength, path * (luck.uniform(0, 1) * shading / max(bending, 1e-6))


def _camera(luck: Luck) -> Camera:
    return Camera(
        exposure=luck.uniform(0.45, 0.95),
        electrons=luck.log_uniform(20000, 80000),
        read_noise=luck.uniform(1, 6),
        mosaic=luck.chance(0.6),
        denoise=luck.uniform(0, 0.5),
        sharpen=luck.uniform(0, 0.5),
        gamma=luck.uniform(1.7, 2.4),
    )


def _move(light: torch.Tensor, length_px: float, angle: float) -> torch.Tensor:
    """Move the slide along a line while the light is gathered."""
    radius = math.ceil(length_px / 2) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    for step in np.linspace(-0.5, 0.5, 8 * radius + 1) * length_px:
        down, right = radius + step * math.sin(angle), radius + step * math.cos(angle)
        top, left = int(down), int(right)
        share = np.array([[1 - (down - top)], [down - top]]) * np.array([[1 - (right - left), right - left]])
        kernel[top : top + 2, left : left + 2] += share.astype(np.float32)
    moved = [cv2.filter2D(c, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101) for c in light.numpy()]
    return torch.from_numpy(np.stack(moved))
