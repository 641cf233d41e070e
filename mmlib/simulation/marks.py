"""Single marks of dirt as transmission: a speck, a hair, a drop; each computed only where it lies."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""(H, W) transmission, 1 where there is nothing."""


def draw_blob(
    height: int, width: int, luck: np.random.Generator, *, radius_px: float, depth: float, soft: float
) -> Map:
    """Draw a speck of dust: a lumpy dark spot.

    Args:
        height: rows.
        width: columns.
        luck: where place and form come from.
        radius_px: its mean radius in pixels.
        depth: how much light it takes in its middle, 0..1.
        soft: width of its edge, in radii.

    Returns:
        The mark.
    """
    mark, box, down, right = _place(height, width, luck, radius_px * (1.6 + 2 * soft))
    angle = np.arctan2(down, right)
    radius = np.full_like(angle, radius_px)
    for turn in (2, 3, 5):
        radius += radius_px * 0.18 * luck.normal() * np.cos(turn * angle + luck.uniform(0, 2 * math.pi))
    away = (np.hypot(down, right) - radius) / max(0.3 * soft * radius_px, 0.4)
    mark[box] = 1 - depth / (1 + np.exp(np.clip(away, -40, 40)))
    return mark


def draw_hair(height: int, width: int, luck: np.random.Generator) -> Map:
    """Draw a hair: a long, smoothly bent dark line, slightly out of focus.

    Args:
        height: rows.
        width: columns.
        luck: where place and form come from.

    Returns:
        The mark.
    """
    size = min(height, width)
    length, steps = size * luck.uniform(0.3, 0.8), 60
    bend = luck.normal(0, 1.2) + luck.normal(0, 2.0) * np.linspace(-0.5, 0.5, steps)
    heading = luck.uniform(0, 2 * math.pi) + np.cumsum(bend) / steps
    x = luck.uniform(0.1, 0.9) * width + np.cumsum(np.cos(heading)) * length / steps
    y = luck.uniform(0.1, 0.9) * height + np.cumsum(np.sin(heading)) * length / steps
    points = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
    thickness = max(1, round(size * luck.uniform(0.003, 0.008)))
    line = np.zeros((height, width), np.float32)
    cv2.polylines(line, [points[:, None, :]], False, 1.0, thickness, cv2.LINE_AA, 4)
    softness = 0.5 + 0.4 * thickness * luck.uniform(0.5, 1.5)
    soft = np.asarray(cv2.GaussianBlur(line, (0, 0), softness), np.float32)
    dark: Map = (1 - luck.uniform(0.35, 0.75) * np.clip(soft, 0, 1)).astype(np.float32)
    return dark


def draw_drop(
    height: int, width: int, luck: np.random.Generator, *, radius_px: float | None = None, strength: float = 0.5
) -> Map:
    """Draw a drop of water out of focus: a little lens, bright in the middle, dark at its rim.

    Args:
        height: rows.
        width: columns.
        luck: where place and form come from.
        radius_px: its radius in pixels; 2 to 8 % of the shorter side if None.
        strength: how much light it moves, 0..1.

    Returns:
        The mark; above 1 in the middle.
    """
    radius = min(height, width) * luck.uniform(0.02, 0.08) if radius_px is None else radius_px
    mark, box, down, right = _place(height, width, luck, 1.8 * radius)
    squash, turn = luck.uniform(0.85, 1.0), luck.uniform(0, math.pi)
    along = math.cos(turn) * right + math.sin(turn) * down
    across = (math.cos(turn) * down - math.sin(turn) * right) / squash
    rho = np.hypot(along, across) / radius
    rim = np.exp(-0.5 * ((rho - 1) / 0.12) ** 2)
    ring = np.exp(-0.5 * ((rho - 1.28) / 0.1) ** 2)
    middle = np.clip(1 - (rho / 0.75) ** 2, 0, 1)
    mark[box] = 1 + strength * (-0.8 * rim + 0.15 * ring + 0.35 * middle)
    return mark


def _place(
    height: int, width: int, luck: np.random.Generator, reach_px: float
) -> tuple[Map, tuple[slice, slice], NDArray[np.float32], NDArray[np.float32]]:
    """Choose a place; give an empty map, the box around the place, and distances down and right from it."""
    down, right = luck.uniform(0, height), luck.uniform(0, width)
    rows = slice(max(0, math.floor(down - reach_px)), min(height, math.ceil(down + reach_px) + 1))
    columns = slice(max(0, math.floor(right - reach_px)), min(width, math.ceil(right + reach_px) + 1))
    y, x = np.mgrid[rows, columns].astype(np.float32)
    return np.ones((height, width), np.float32), (rows, columns), y - np.float32(down), x - np.float32(right)
