"""Batches for training: random scenes through random microscopes and cameras, drawn on the fly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from mmlib.errors import InputError
from mmlib.optics import Condenser, Objective, critical_pixel_um, depth_of_field_um
from mmlib.simulation.artefacts import Eyepiece
from mmlib.simulation.camera import Camera, bin_pixels
from mmlib.simulation.luck import Luck
from mmlib.simulation.microscope import Microscope, all_in_focus, illuminate
from mmlib.simulation.random_scene import paint_random
from mmlib.simulation.simulate import COARSEST
from mmlib.simulation.specimen import Specimen

REACH_DOF = 24.0
"""Scans of training scenes are no longer than this many depths of field: beyond it nothing is left to learn."""


@dataclass(frozen=True)
class Ranges:
    """How far the world may vary; each pair is least and greatest.

    Attributes:
        planes: frames of a stack, one number for a batch.
        pitch_dof: from plane to plane, in depths of field.
        aperture: NA of the objective.
        coherence: ratio of the condenser's aperture to the objective's.
        coarse: camera pixel over the critical pixel.
        contrast_decades: powers of ten that multiply the specimen's density.
        grey_share: share of scenes without colour.
        phase: multiplies the specimen's optical path.
        smear: planes that pass during an exposure; half of the scenes stand still.
        electrons: at full scale; fewer is noisier.
        blur_px: softness of the phone's lens and resampling.
        denoise: strength of noise removal.
        sharpen: strength of the unsharp mask.
        gamma: of the tone curve.
        exposure: where white lies.
        flicker: relative scatter of brightness from frame to frame.
        shift_px: registration error of each frame, root mean square in pixels.
    """

    planes: tuple[int, int] = (3, 40)
    pitch_dof: tuple[float, float] = (0.35, 2.0)
    aperture: tuple[float, float] = (0.1, 0.75)
    coherence: tuple[float, float] = (0.35, 0.9)
    coarse: tuple[float, float] = (0.8, 3.9)
    contrast_decades: tuple[float, float] = (-0.9, 0.25)
    grey_share: float = 0.3
    phase: tuple[float, float] = (0.1, 1.5)
    smear: tuple[float, float] = (0.0, 2.0)
    electrons: tuple[float, float] = (500.0, 30000.0)
    blur_px: tuple[float, float] = (0.0, 0.9)
    denoise: tuple[float, float] = (0.0, 1.0)
    sharpen: tuple[float, float] = (0.0, 1.0)
    gamma: tuple[float, float] = (1.6, 2.4)
    exposure: tuple[float, float] = (0.45, 0.95)
    flicker: tuple[float, float] = (0.0, 0.03)
    shift_px: tuple[float, float] = (0.0, 1.0)


def draw_batches(
    generator: torch.Generator,
    *,
    batch: int = 4,
    size: int = 256,
    device: torch.device | str = "cpu",
    textures: Sequence[torch.Tensor] = (),
    specimens: Sequence[Specimen] = (),
    ranges: Ranges | None = None,
    points: int = 10,
) -> Iterator[dict[str, torch.Tensor]]:
    """Draw batches without end.

    Args:
        generator: where all luck comes from; equal generators give equal batches.
        batch: scenes in a batch.
        size: rows and columns of a frame.
        device: where the work is done and the batches live.
        textures: pictures (3, h, w) in 0..1 that scenes may be made of.
        specimens: ready ones, such as those of families, at least `size` pixels wide; half of the scenes use one
            where there are any.
        ranges: how far the world may vary.
        points: directions of the condenser.

    Yields:
        ``stack`` (B, K, 3, H, W), ``still`` the same without motion and noise, ``truth`` (B, 3, H, W), all 0..1;
        ``depth_um`` (B, H, W), ``z_um`` (B, K), ``defocus_um`` and ``defocus_dof`` (B, K, H, W), positive where focus
        is above the surface; ``field`` (B, H, W) True inside the disc; ``shift_px`` (B, K, 2); ``pixel_um`` and
        ``depth_of_field_um`` (B,).

    Raises:
        InputError: if a size is not positive or a specimen is too small.
    """
    ranges = ranges or Ranges()
    if batch < 1 or size < 16:
        raise InputError(f"a batch needs at least one scene of at least 16 pixels; got {batch} of {size}")
    if not 1 <= ranges.planes[0] <= ranges.planes[1]:
        raise InputError(f"planes must be a range from 1 up; got {ranges.planes[0]} to {ranges.planes[1]}")
    small = [s for s in specimens if min(s.relief_um.shape) < size]
    if small:
        raise InputError(f"specimens must be at least {size} pixels wide; one is {tuple(small[0].relief_um.shape)}")
    while True:
        planes = Luck(generator, "cpu").integer(*ranges.planes)
        scenes = [
            _scene(Luck(generator, device), planes, size, textures, specimens, ranges, points) for _ in range(batch)
        ]
        yield {name: torch.stack([scene[name] for scene in scenes]) for name in scenes[0]}


def _scene(
    luck: Luck,
    planes: int,
    size: int,
    textures: Sequence[torch.Tensor],
    specimens: Sequence[Specimen],
    ranges: Ranges,
    points: int,
) -> dict[str, torch.Tensor]:
    """Draw one scene, its microscope and its camera, and take the stack."""
    condenser = Condenser(luck.uniform(*ranges.coherence), points)
    objective = Objective(luck.log_uniform(*ranges.aperture), spherical_waves=luck.uniform(-0.15, 0.15))
    split, coarse = _coarseness(luck, ranges)
    pixel_um = coarse * critical_pixel_um(objective, condenser.coherence) / split
    if specimens and luck.chance(0.5):
        specimen = _crop(luck, specimens[luck.integer(0, len(specimens) - 1)], size)
        split, pixel_um = 1, specimen.pixel_um
        aperture = 0.54 / (2 * (1 + condenser.coherence) * pixel_um) * luck.uniform(0.75, 1.25)
        objective = replace(objective, numerical_aperture=min(aperture, 0.9))
    else:
        specimen = None
    sharp_um = depth_of_field_um(objective, pixel_um=pixel_um * split)
    objective = replace(objective, axial_chromatic_um=sharp_um * luck.uniform(-0.5, 0.8))
    pitch_um = sharp_um * min(luck.log_uniform(*ranges.pitch_dof), REACH_DOF / planes)
    span_um = pitch_um * planes
    if specimen is None:
        specimen = paint_random(
            luck, height=size * split, width=size * split, pixel_um=pixel_um, split=split, textures=textures,
            depth_um=span_um * luck.uniform(0.1, 0.9), gap_um=1.2 * sharp_um,
        )  # fmt: skip
    specimen = _vary(luck, specimen, ranges)
    low, high = float(specimen.relief_um.min()), float(specimen.relief_um.max())
    middle = (low + high) / 2 + luck.uniform(-0.15, 0.15) * span_um
    z_um = middle + pitch_um * (torch.arange(planes, dtype=torch.float64) - (planes - 1) / 2)

    microscope = Microscope(objective, condenser)
    # what wraps around the border is only more of a random scene: a thin border will do
    waves = illuminate(specimen, microscope, reach_um=min(span_um, 2 * sharp_um))
    shift = torch.from_numpy(luck.number.normal(0, luck.uniform(*ranges.shift_px), (planes, 2)))
    still = bin_pixels(waves.stack(z_um.tolist(), (shift * split).tolist()), split)  # (K, 3, H, W)
    moving = _smear(still, luck.uniform(*ranges.smear)) if luck.chance(0.5) else still
    sharp = bin_pixels(all_in_focus(specimen, microscope), split)

    camera, shade, inside = _camera(luck, ranges), luck.tensor([1.0]), torch.ones(size, size, dtype=torch.bool)
    if luck.chance(0.4):
        transmission, disc = Eyepiece(
            radius=luck.uniform(0.9, 3.0), centre=(luck.uniform(-1, 1), luck.uniform(-1, 1)),
            edge_px=luck.uniform(0.7, 4), vignette=luck.uniform(0, 0.5), fringe=luck.uniform(-0.01, 0.02),
        ).shade(size, size)  # fmt: skip
        shade, inside = torch.from_numpy(transmission).to(luck.device), torch.from_numpy(disc)
    gain = 1 + luck.uniform(*ranges.flicker) * luck.randn(planes)[:, None, None, None]
    taken = camera.take(moving * shade, gain=gain, generator=luck.generator)
    depth_um = bin_pixels(specimen.relief_um, split)
    heights = z_um.to(depth_um)
    defocus_um = heights[:, None, None] - depth_um
    return {
        "stack": (taken * 255).round() / 255,
        "still": camera.take(still * shade, generator=None),
        "truth": camera.ideal(sharp * shade),
        "depth_um": depth_um,
        "z_um": heights,
        "defocus_um": defocus_um,
        "defocus_dof": defocus_um / sharp_um,
        "field": inside.to(luck.device),
        "shift_px": shift.to(depth_um),
        "pixel_um": luck.tensor([pixel_um * split])[0],
        "depth_of_field_um": luck.tensor([sharp_um])[0],
    }


def _smear(still: torch.Tensor, planes: float) -> torch.Tensor:
    """Let focus move by some planes during each exposure; between planes light is interpolated."""
    instant = (np.arange(16) + 0.5) / 16 * planes - planes / 2
    taps = np.clip(1 - np.abs(np.arange(-2, 3)[:, None] - instant), 0, 1).mean(axis=1)
    last = len(still) - 1
    here = torch.arange(len(still), device=still.device)
    return sum((float(w) * still[(here + k - 2).clamp(0, last)] for k, w in enumerate(taps)), torch.zeros_like(still))


def _coarseness(luck: Luck, ranges: Ranges) -> tuple[int, float]:
    """Choose how coarse the camera's pixel is, and into how many it is split to follow the light: fine ones oftener."""
    fair = luck.log_uniform(*ranges.coarse)
    coarse = min(fair, luck.log_uniform(*ranges.coarse)) if fair > COARSEST else fair
    return max(1, math.ceil(coarse / COARSEST)), coarse


def _crop(luck: Luck, specimen: Specimen, size: int) -> Specimen:
    top = luck.integer(0, specimen.relief_um.shape[0] - size)
    left = luck.integer(0, specimen.relief_um.shape[1] - size)
    rows, columns = slice(top, top + size), slice(left, left + size)
    return replace(
        specimen,
        density=specimen.density[:, :, rows, columns].to(luck.device),
        path_um=specimen.path_um[:, rows, columns].to(luck.device),
        z_um=specimen.z_um.to(luck.device),
        relief_um=specimen.relief_um[rows, columns].to(luck.device),
    )


def _vary(luck: Luck, specimen: Specimen, ranges: Ranges) -> Specimen:
    """Change contrast, colour and optical path."""
    density = specimen.density * 10 ** luck.uniform(*ranges.contrast_decades)
    if luck.chance(ranges.grey_share):
        density = density.mean(dim=1, keepdim=True).expand_as(density)
    elif luck.chance(0.5):
        density = density[:, torch.from_numpy(luck.number.permutation(3)).to(density.device)]
    return replace(specimen, density=density, path_um=specimen.path_um * luck.log_uniform(*ranges.phase))


def _camera(luck: Luck, ranges: Ranges) -> Camera:
    return Camera(
        exposure=luck.uniform(*ranges.exposure),
        electrons=luck.log_uniform(*ranges.electrons),
        read_noise=luck.uniform(1, 8),
        mosaic=luck.chance(0.7),
        lamp=(1.0, luck.uniform(0.85, 1.0), luck.uniform(0.6, 1.0)),
        white_balance=(luck.uniform(0.85, 1.1), 1.0, luck.uniform(0.8, 1.1)),
        denoise=luck.uniform(*ranges.denoise),
        sharpen=luck.uniform(*ranges.sharpen) if luck.chance(0.7) else 0.0,
        sharpen_px=luck.uniform(0.7, 2.0),
        blur_px=luck.uniform(*ranges.blur_px) if luck.chance(0.7) else 0.0,
        gamma=luck.uniform(*ranges.gamma),
    )
