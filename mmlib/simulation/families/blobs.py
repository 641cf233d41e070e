"""Outlines of single things: wavy rounds and rods, drawn in the box that they need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmlib.simulation.families.scene import Box, Scene
from mmlib.simulation.families.texture import Map


@dataclass(frozen=True)
class Blob:
    """A roundish thing seen from above.

    Attributes:
        box: rows and columns that it needs.
        rho: (h, w) 0 in the middle, 1 on the outline.
        inside_um: (h, w) distance to the outline, positive inside, about right near it.
        y_um: (h, w) place along its short axis, 0 in the middle.
        x_um: (h, w) place along its long axis.
        theta: (h, w) direction from the middle, radians.
    """

    box: Box
    rho: Map
    inside_um: Map
    y_um: Map
    x_um: Map
    theta: Map


def blob(
    scene: Scene,
    y_um: float,
    x_um: float,
    radius_um: float,
    *,
    longer: float = 1.0,
    turn: float | None = None,
    wavy: float = 0.0,
    waves: int = 6,
    margin_um: float = 0.0,
) -> Blob | None:
    """Outline a roundish thing.

    Args:
        scene: the bench; it gives the luck for direction and waviness.
        y_um: its middle.
        x_um: its middle.
        radius_um: mean radius, of equal area.
        longer: long axis over short axis.
        turn: direction of the long axis, radians; any if None.
        wavy: relative standard deviation of the radius along the outline.
        waves: how many waves the outline may have.
        margin_um: how much more room the box shall have.

    Returns:
        The blob, or None if it lies outside the scene.
    """
    rng = scene.rng
    direction = rng.uniform(0, 2 * np.pi) if turn is None else turn
    sizes, phases = rng.normal(0, 1, waves), rng.uniform(0, 2 * np.pi, waves)
    reach = radius_um * max(longer, 1 / longer) ** 0.5 * (1 + 2.2 * wavy) + margin_um + 2 * scene.pixel_um
    box = scene.box(y_um, x_um, reach)
    if box is None:
        return None
    dy = scene.y_um[box[0]] - np.float32(y_um)
    dx = scene.x_um[:, box[1]] - np.float32(x_um)
    cos, sin = np.float32(np.cos(direction)), np.float32(np.sin(direction))
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    u, v = along / np.float32(longer**0.5), across * np.float32(longer**0.5)
    distance = np.hypot(u, v)
    theta: Map = np.arctan2(v, u).astype(np.float32)
    radius = np.full(distance.shape, radius_um, np.float32)
    if wavy > 0:
        share = np.float32(wavy * radius_um / np.sqrt(waves / 2))
        for k in range(waves):
            radius += share * np.float32(sizes[k] / (1 + 0.35 * k)) * np.cos((k + 2) * theta + np.float32(phases[k]))
        np.maximum(radius, np.float32(0.25 * radius_um), out=radius)
    stretch = np.maximum(np.hypot(along, across) / np.maximum(distance, np.float32(1e-6)), np.float32(0.3))
    rho: Map = (distance / radius).astype(np.float32)
    return Blob(box, rho, (radius - distance) * stretch, across, along, theta)


def strewn_apart(scene: Scene, count: int, apart_um: float, *, margin_um: float = 0.0) -> NDArray[np.float64]:
    """Strew points, turning down most of those that come closer to one another than a distance.

    Args:
        scene: the bench.
        count: how many to try for.
        apart_um: the distance.
        margin_um: how far beyond the scene they may lie.

    Returns:
        (N, 2) y and x in micrometres, N at most the count.
    """
    low, high = -margin_um, np.array([scene.height_um, scene.width_um]) + margin_um
    tried = scene.rng.uniform(low, high, (int(count * 2.5) + 1, 2))
    cell = max(apart_um, 1e-6)
    taken: dict[tuple[int, int], list[np.ndarray]] = {}
    kept: list[np.ndarray] = []
    for point in tried:
        if len(kept) >= count:
            break
        row, column = int(point[0] // cell), int(point[1] // cell)
        near = (q for r in (-1, 0, 1) for c in (-1, 0, 1) for q in taken.get((row + r, column + c), ()))
        if any((point[0] - q[0]) ** 2 + (point[1] - q[1]) ** 2 < apart_um**2 for q in near):
            continue
        taken.setdefault((row, column), []).append(point)
        kept.append(point)
    return np.array(kept).reshape(-1, 2)
