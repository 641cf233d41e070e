"""Long things: hairs, threads, veins, filaments, each along a bent line of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmlib.simulation.families.scene import Box, Scene
from mmlib.simulation.families.texture import Map


@dataclass(frozen=True)
class Stroke:
    """A bent line and what lies near it.

    Attributes:
        box: rows and columns that it needs.
        along: (h, w) place along the line, 0 at its start, 1 at its end.
        across_um: (h, w) distance from the line, positive on one side.
        away_um: (h, w) distance from the line, its ends included, never negative.
        length_um: its length.
        turn: its direction, radians.
    """

    box: Box
    along: Map
    across_um: Map
    away_um: Map
    length_um: float
    turn: float


def stroke(
    scene: Scene,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    margin_um: float,
    bend: float = 0.0,
    waves: tuple[float, float] = (0.0, 1.0),
) -> Stroke | None:
    """Draw a bent line from one point to another.

    Args:
        scene: the bench; it gives the luck for the waves.
        start: y and x, micrometres; may lie outside.
        end: y and x.
        margin_um: how far from the line things are needed.
        bend: height of the bow, as a share of the length.
        waves: height in micrometres and number of waves along the line.

    Returns:
        The stroke, or None if it lies outside the scene.
    """
    dy, dx = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(dy, dx))
    if length < 1e-6:
        return None
    reach = margin_um + abs(bend) * length + 2 * waves[0] + 2 * scene.pixel_um
    edges = []
    for low, high, size in (
        (min(start[0], end[0]) - reach, max(start[0], end[0]) + reach, scene.shape[0]),
        (min(start[1], end[1]) - reach, max(start[1], end[1]) + reach, scene.shape[1]),
    ):
        first, last = max(int(low / scene.pixel_um), 0), min(int(high / scene.pixel_um) + 1, size)
        if last - first < 2:
            return None
        edges.append(slice(first, last))
    cos, sin = np.float32(dx / length), np.float32(dy / length)
    y = scene.y_um[edges[0]] - np.float32(start[0])
    x = scene.x_um[:, edges[1]] - np.float32(start[1])
    u = (x * cos + y * sin) / np.float32(length)
    phase = scene.rng.uniform(0, 2 * np.pi, 2)
    inner = np.clip(u, -0.05, 1.05)
    line = np.float32(4 * bend * length) * inner * (1 - inner)
    slope = np.float32(4 * bend) * (1 - 2 * inner)
    for k, share in ((1, 1.0), (2.3, 0.4)):
        turns = np.float32(2 * np.pi * waves[1] * k)
        line += np.float32(waves[0] * share) * np.sin(turns * u + np.float32(phase[0] + k * phase[1]))
        slope += np.float32(waves[0] * share / length) * turns * np.cos(turns * u + np.float32(phase[0] + k * phase[1]))
    across = (y * cos - x * sin - line) / np.sqrt(1 + slope**2)
    beyond = np.maximum(np.maximum(-u, u - 1), 0) * np.float32(length)
    away: Map = np.hypot(across, beyond).astype(np.float32)
    across_um: Map = across.astype(np.float32)
    return Stroke((edges[0], edges[1]), u.astype(np.float32), across_um, away, length, float(np.arctan2(dy, dx)))


def thread(
    scene: Scene, *, margin_um: float, turn: float, bend: float = 0.0, waves: tuple[float, float] = (0.0, 1.0)
) -> Stroke | None:
    """Draw a bent line right across the scene, through a random point; arguments as for `stroke`."""
    y, x = scene.rng.uniform(0.1, 0.9) * scene.height_um, scene.rng.uniform(0.1, 0.9) * scene.width_um
    half = 0.75 * float(np.hypot(scene.height_um, scene.width_um))
    reach = (half * np.sin(turn), half * np.cos(turn))
    return stroke(
        scene, (y - reach[0], x - reach[1]), (y + reach[0], x + reach[1]), margin_um=margin_um, bend=bend, waves=waves
    )
