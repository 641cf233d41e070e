"""Scenes for training, painted where they are used: from textures, or cells and noise drawn on the spot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mmlib.simulation.luck import Luck
from mmlib.simulation.specimen import Specimen


def paint_random(
    luck: Luck,
    *,
    height: int,
    width: int,
    pixel_um: float,
    depth_um: float,
    gap_um: float,
    textures: Sequence[torch.Tensor] = (),
    split: int = 1,
) -> Specimen:
    """Paint a scene that no one has seen.

    Args:
        luck: where everything comes from, on the device where the scene shall live.
        height: rows.
        width: columns.
        pixel_um: edge of a pixel in micrometres.
        depth_um: height of the relief.
        gap_um: largest distance between two slices.
        textures: pictures (3, h, w) in 0..1; used in two of three scenes where there are any.
        split: how many grid pixels a camera pixel spans: the scene's features grow with it.

    Returns:
        The specimen, contrast and stain not yet varied.
    """
    if textures and luck.chance(2 / 3):
        density, path = _from_texture(luck, textures, height, width, split)
    elif luck.chance(0.5):
        density, path = _cells(luck, height, width, split)
    else:
        density, path = _clouds(luck, height, width)
    relief = _relief(luck, height, width, depth_um)
    count = max(1, min(9, math.ceil(depth_um / gap_um) + 1))
    z_um = torch.linspace(float(relief.min()), float(relief.max()) + 1e-3, count, device=luck.device)
    gap = float(z_um[1] - z_um[0]) if count > 1 else 1.0
    share = (
        (1 - (relief[None] - z_um[:, None, None]).abs() / gap).clamp(0, 1)
        if count > 1
        else torch.ones_like(relief)[None]
    )
    return Specimen(
        density=density[None] * share[:, None],  # (L, 3, H, W)
        path_um=path[None] * share,
        z_um=z_um,
        relief_um=relief,
        pixel_um=pixel_um,
        family="random",
    )


def _relief(luck: Luck, height: int, width: int, depth_um: float) -> torch.Tensor:
    """Draw a tilted and bumpy surface around 0, `depth_um` from its lowest to its highest point."""
    bumps = luck.field(height, width, luck.integer(2, 7)) * luck.uniform(0, 1)
    down = torch.linspace(-1, 1, height, device=luck.device)[:, None]
    right = torch.linspace(-1, 1, width, device=luck.device)[None, :]
    angle = luck.uniform(0, 2 * math.pi)
    surface = bumps + luck.uniform(0, 1.5) * (math.cos(angle) * right + math.sin(angle) * down)
    if luck.chance(0.25):  # a step: one thing lies on another
        surface = surface + luck.uniform(0.5, 2) * torch.sigmoid(20 * luck.field(height, width, luck.integer(2, 6)))
    surface = surface - surface.mean()
    return surface * (depth_um / float((surface.max() - surface.min()).clamp(min=1e-6)))


def _stain(luck: Luck, amount: torch.Tensor) -> torch.Tensor:
    """Colour an amount of stain: (H, W) to (3, H, W)."""
    colour = torch.tensor([luck.uniform(0.05, 1) for _ in range(3)], device=luck.device)
    return amount * (colour / colour.mean())[:, None, None]


def _from_texture(
    luck: Luck, textures: Sequence[torch.Tensor], height: int, width: int, split: int
) -> tuple[torch.Tensor, torch.Tensor]:
    picture = textures[luck.integer(0, len(textures) - 1)].to(luck.device, torch.float32)
    zoom = split * luck.log_uniform(0.6, 1.8)
    rows, columns = (min(n, max(8, round(m / zoom))) for n, m in zip(picture.shape[-2:], (height, width), strict=True))
    top, left = luck.integer(0, picture.shape[-2] - rows), luck.integer(0, picture.shape[-1] - columns)
    part = picture[:, top : top + rows, left : left + columns]
    if luck.chance(0.5):
        part = part.flip(-1)
    if luck.chance(0.5):
        part = part.flip(-2)
    part = F.interpolate(part[None], (height, width), mode="bicubic", antialias=True)[0]
    white = torch.quantile(part.reshape(3, -1)[:, :: max(1, height * width // 10000)], 0.98, dim=1).clamp(min=0.1)
    density = -(part / white[:, None, None]).clamp(0.02, 1).log()
    return density, density.mean(0) * luck.uniform(-0.05, 0.25) + _fine(luck, height, width) * density.mean(0)


def _cells(luck: Luck, height: int, width: int, split: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw round or packed cells with walls and nuclei, from the distances to scattered points."""
    size = split * luck.log_uniform(10, 60)
    count = max(2, min(400, round(height * width / size**2 * luck.uniform(0.3, 1.2))))
    place = luck.rand(count, 2) * luck.tensor([height, width])
    down = torch.arange(height, device=luck.device, dtype=torch.float32)[:, None] + 6 * luck.field(height, width, 8)
    right = torch.arange(width, device=luck.device, dtype=torch.float32)[None, :] + 6 * luck.field(height, width, 8)
    here = torch.stack([down.expand(height, width), right.expand(height, width)], -1).reshape(-1, 2)
    near, which = torch.cdist(here, place).topk(2, dim=1, largest=False)
    first, second = (near[:, i].reshape(height, width) for i in range(2))
    each = luck.rand(count)[which[:, 0]].reshape(height, width)
    if luck.chance(0.5):
        radius = size * (0.35 + 0.2 * each)
        body = torch.sigmoid((radius - first) / (0.04 * size + 0.5))
        profile = body * (1 - luck.uniform(0, 0.8) * torch.exp(-((first / (0.5 * radius)) ** 2)))
        wall = torch.exp(-(((first - radius) / (0.05 * size + 1)) ** 2))
    else:
        body = torch.ones_like(first) * (0.3 + each)
        profile = body
        wall = torch.exp(-(((second - first) / luck.uniform(1.5, 5)) ** 2))
    nucleus = torch.sigmoid((size * luck.uniform(0.08, 0.2) - first) / 1.0) * (each > luck.uniform(0, 1))
    grain = 1 + 2 * _fine(luck, height, width)
    density = _stain(luck, luck.uniform(0.05, 0.5) * profile * grain)
    density = (
        density + _stain(luck, luck.uniform(0, 1.2) * wall) + _stain(luck, luck.uniform(0.2, 1.5) * nucleus * grain)
    )
    path = luck.uniform(-0.05, 0.3) * profile + luck.uniform(0, 0.2) * wall + luck.uniform(0, 0.2) * nucleus
    return density.clamp(min=0), path * grain


def _clouds(luck: Luck, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw noise of all sizes, cut into patches."""
    coarse, fine = luck.field(height, width, luck.integer(3, 12)), luck.field(height, width, luck.integer(16, 64))
    sharp = luck.log_uniform(1, 20)
    patches = torch.sigmoid(sharp * (coarse + luck.uniform(0.2, 0.8) * fine - luck.uniform(-0.5, 0.8)))
    grain = (1 + 3 * _fine(luck, height, width)).clamp(min=0)
    density = _stain(luck, luck.uniform(0.1, 1.0) * patches * grain) + _stain(luck, 0.2 * fine.clamp(min=0))
    return density, patches * grain * luck.uniform(-0.05, 0.25)


def _fine(luck: Luck, height: int, width: int) -> torch.Tensor:
    """Draw grain near the finest that an objective passes, standard deviation about 0.15."""
    cells = max(4, min(height, width) // luck.integer(2, 6))
    return 0.15 * luck.field(height, width, cells) * luck.uniform(0, 1)
