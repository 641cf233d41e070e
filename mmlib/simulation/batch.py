"""Batches for training: random scenes through random microscopes and cameras, drawn on the fly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from mmlib.errors import InputError
from mmlib.optics import Condenser, Objective, critical_pixel_um, depth_of_field_um
from mmlib.simulation.camera import bin_pixels
from mmlib.simulation.luck import Luck
from mmlib.simulation.microscope import Microscope, all_in_focus, illuminate
from mmlib.simulation.photograph import Light, photograph
from mmlib.simulation.random_scene import paint_random
from mmlib.simulation.ranges import Ranges
from mmlib.simulation.simulate import COARSEST
from mmlib.simulation.specimen import Specimen

__all__ = ["Light", "Ranges", "draw_batches", "draw_light", "photograph"]

REACH_DOF = 24.0
"""Scans of training scenes are no longer than this many depths of field: beyond it nothing is left to learn."""


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
        specimens: ready ones, such as those of families, at least `size` pixels wide; `Ranges.specimen_share` of the
            scenes use one where there are any.
        ranges: how far the world may vary.
        points: directions of the condenser.

    Yields:
        ``stack`` (B, K, 3, H, W), ``still`` the same without motion and noise, ``truth`` (B, 3, H, W), all 0..1;
        ``depth_um`` (B, H, W), ``z_um`` (B, K), ``defocus_um`` and ``defocus_dof`` (B, K, H, W), positive where focus
        is above the surface; ``field`` (B, H, W) True inside the disc; ``artefact`` (B, H, W) True under dirt;
        ``smear_planes`` (B,) planes that passed during an exposure; ``shift_px`` (B, K, 2); ``pixel_um`` and
        ``depth_of_field_um`` (B,).

    Raises:
        InputError: if a size is not positive or a specimen is too small.
    """
    ranges = ranges or Ranges()
    if batch < 1 or size < 16:
        raise InputError(f"a batch needs at least one scene of at least 16 pixels; got {batch} of {size}")
    if not 1 <= ranges.planes[0] <= ranges.planes[1]:
        raise InputError(f"planes must be a range from 1 up; got {ranges.planes[0]} to {ranges.planes[1]}")
    odd = [tuple(picture.shape) for picture in textures if picture.dim() != 3 or picture.shape[0] != 3]
    if odd:
        raise InputError(f"textures must be tensors (3, h, w); one is {odd[0]}")
    small = [s for s in specimens if min(s.relief_um.shape) < size]
    if small:
        raise InputError(f"specimens must be at least {size} pixels wide; one is {tuple(small[0].relief_um.shape)}")
    while True:
        planes = Luck(generator, "cpu").integer(*ranges.planes)
        scenes = []
        for _ in range(batch):
            luck = Luck(generator, device)
            light = draw_light(
                luck, planes=planes, size=size, textures=textures, specimens=specimens, ranges=ranges, points=points
            )
            scenes.append(photograph(luck, light, ranges))
        yield {name: torch.stack([scene[name] for scene in scenes]) for name in scenes[0]}


def draw_light(
    luck: Luck,
    *,
    planes: int,
    size: int,
    textures: Sequence[torch.Tensor] = (),
    specimens: Sequence[Specimen] = (),
    ranges: Ranges,
    points: int = 10,
) -> Light:
    """Draw a scene and its microscope, and send light through it.

    Args:
        luck: where everything comes from, on the device where the work is done.
        planes: how many.
        size: rows and columns of a frame.
        textures: see `draw_batches`.
        specimens: see `draw_batches`.
        ranges: how far the world may vary.
        points: directions of the condenser.

    Returns:
        The light at the sensor in every plane, before the camera.
    """
    condenser = Condenser(luck.uniform(*ranges.coherence), points)
    objective = Objective(luck.log_uniform(*ranges.aperture), spherical_waves=luck.uniform(-0.15, 0.15))
    split, coarse = _coarseness(luck, ranges)
    pixel_um = coarse * critical_pixel_um(objective, condenser.coherence) / split
    if specimens and luck.chance(ranges.specimen_share):
        specimen = _crop(luck, specimens[luck.integer(0, len(specimens) - 1)], size)
        split, pixel_um = 1, specimen.pixel_um
        aperture = 0.54 / (2 * (1 + condenser.coherence) * pixel_um) * luck.log_uniform(0.3, 1.25)
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
    sharp = bin_pixels(all_in_focus(specimen, microscope), split)
    depth_um = bin_pixels(specimen.relief_um, split)
    return Light(
        planes=still,
        sharp=sharp,
        depth_um=depth_um,
        z_um=z_um.to(depth_um),
        shift_px=shift.to(depth_um),
        pixel_um=luck.tensor([pixel_um * split])[0],
        depth_of_field_um=luck.tensor([sharp_um])[0],
    )


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
