"""Pond life: green threads, round colonies, small swimmers and debris, at every height of the drop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib.simulation.families.blobs import blob
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import Stroke, stroke, thread
from mmlib.simulation.families.texture import Map, edge, granules


def paint_pond(scene: Scene) -> None:
    """Paint a drop of pond water."""
    rng = scene.rng
    fine, cloud = scene.noise(7, slope=0.85), scene.noise(120, finest_um=2, slope=1.2)
    water = mixed(grey=0.5, fast_green=0.3, none=0.2)
    room = scene.headroom_um
    scene.lay(tinted(np.clip(0.02 + 0.008 * cloud + 0.006 * fine, 0, 1), water), 0.005 * fine + 0.006 * cloud)
    for size, many in ((0.5, 0.004), (1.3, 0.0007)):
        for high in (0.1, 0.5, 0.9):
            bits = scene.granules(many / 3, size)
            scene.lay(tinted(0.5 * bits, mixed(chitin=0.5, grey=0.5)), 0.08 * bits, height_um=high * room)
    for _ in range(int(rng.uniform(1, 4) + scene.area_um2 / 90000 * rng.uniform(0.5, 2))):
        turn = rng.uniform(0, np.pi)
        waves = (rng.uniform(0, 14), rng.uniform(0.4, 1.2))
        if rng.random() < 0.6:
            one = thread(scene, margin_um=22, turn=turn, bend=rng.normal(0, 0.06), waves=waves)
        else:
            y, x = rng.uniform(0, 1, 2) * (scene.height_um, scene.width_um)
            long_ = rng.uniform(80, 260)
            one = stroke(scene, (y, x), (y + long_ * np.sin(turn), x + long_ * np.cos(turn)), margin_um=22)
        if one is not None:
            _filament(scene, one, room, fine, cloud)
    for _ in range(int(rng.poisson(scene.area_um2 / 20000 * rng.uniform(0.5, 2.5)))):
        _colony(scene, rng.uniform(0, scene.height_um), rng.uniform(0, scene.width_um), room, fine)
    for _ in range(int(rng.poisson(scene.area_um2 / 16000))):
        y, x = rng.uniform(0, scene.height_um), rng.uniform(0, scene.width_um)
        one_blob = blob(scene, y, x, rng.uniform(5, 16), longer=rng.uniform(1, 1.8), wavy=0.3, waves=10, margin_um=3)
        if one_blob is not None:
            box = one_blob.box
            crumb = edge(one_blob.inside_um + 2.5 * fine[box] * 0.6, 1.5)
            crumb *= np.clip(0.7 + 0.4 * fine[box] + 0.2 * cloud[box], 0.03, 2)
            dye = mixed(chitin=0.8, melanin=0.5) if rng.random() < 0.6 else mixed(chlorophyll=0.8, carotene=0.4)
            level = np.float32(rng.uniform(0, 0.8) * room) + 2 * fine[box]
            scene.lay(tinted(crumb, dye), 0.08 * crumb, height_um=level, at=box)


def _filament(scene: Scene, one: Stroke, room: float, fine: Map, cloud: Map) -> None:
    """Lay a green thread: clear wall, cross-walls, and a spiral, plates or grains of green within."""
    rng, p, box = scene.rng, scene.pixel_um, one.box
    kind = str(rng.choice(["spiral", "grains", "plates", "brown"], p=[0.35, 0.3, 0.2, 0.15]))
    radius = np.float32(rng.uniform(11, 18) if kind == "spiral" else rng.uniform(3, 9))
    cell = radius * np.float32(rng.uniform(2.5, 6) if kind != "plates" else rng.uniform(0.6, 1.2))
    s = one.along * np.float32(one.length_um)
    soft = max(1.6 * p, 0.5)
    body, wall = edge(radius - one.away_um, soft), edge(0.6 - np.abs(one.away_um - radius), 1.3 * soft)
    near = np.abs((s / cell) % 1 - 0.5) * cell
    joint = edge(0.5 - (cell / 2 - np.abs((s / cell) % 1 - 0.5) * cell), 1.3 * soft) * body
    inside = edge(radius - 1.2 - one.away_um, 1.0) * edge(cell / 2 - near - 0.1 * cell, 2.0)
    green: NDArray[np.floating]
    depth: NDArray[np.floating]
    if kind == "spiral":
        phase = s * np.float32(2 * np.pi / rng.uniform(24, 38))
        turns = [np.sin(phase + shift) * (radius - 2.5) for shift in (0.0, 2.1)]
        first, second = (edge(2.0 - np.abs(one.across_um - t) + 0.7 * fine[box], 1.5) for t in turns)
        green = (first + second) * inside
        depth = np.cos(phase) * (radius - 2)
    elif kind == "grains":
        drops = granules(s.shape, rng, pixel_um=p, per_um2=0.12, radius_um=1.1)
        green, depth = edge(drops - 0.5, 0.5) * inside * 0.9, 0.6 * radius * cloud[box]
    else:
        green, depth = inside * np.clip(0.6 + 0.22 * fine[box] + 0.15 * cloud[box], 0.05, 2), 0 * s
    dye = mixed(chitin=1.1, carotene=0.5) if kind == "brown" else mixed(chlorophyll=0.85, carotene=0.12)
    high = np.float32(rng.uniform(0.2, 0.8) * room) + np.float32(rng.normal(0, 0.2) * room) * (one.along - 0.5)
    skin = body * np.clip(0.05 + 0.015 * fine[box], 0, 1) + 0.4 * wall + 0.35 * joint
    scene.lay(
        tinted(skin, mixed(grey=0.5, chlorophyll=0.3)), 0.06 * body + 0.08 * wall + 0.05 * joint, height_um=high, at=box
    )
    scene.lay(tinted(1.15 * green, dye), 0.1 * green, height_um=high + depth, at=box)


def _colony(scene: Scene, y: float, x: float, room: float, fine: Map) -> None:
    """Lay a round colony of green cells in clear jelly, or a single swimmer with its inside."""
    rng, p = scene.rng, scene.pixel_um
    soft, high = max(1.6 * p, 0.4), rng.uniform(0.1, 0.8) * room
    if rng.random() < 0.55:
        radius, longer, many = rng.uniform(9, 26), 1.05, int(rng.integers(14, 60))
    else:
        radius, longer, many = rng.uniform(7, 18), rng.uniform(1.3, 2.4), int(rng.integers(6, 18))
    one = blob(scene, y, x, radius, longer=longer, wavy=0.03)
    if one is None:
        return
    body, rim = edge(one.inside_um, 2 * soft), edge(0.5 - np.abs(one.inside_um), 1.5 * soft)
    film = body * np.clip(0.1 + 0.03 * fine[one.box], 0, 1) + 0.3 * rim
    scene.lay(tinted(film, mixed(grey=0.4, chlorophyll=0.4)), 0.06 * body + 0.08 * rim, height_um=high, at=one.box)
    for _ in range(many):
        turn, away = rng.uniform(0, 2 * np.pi), radius * 0.85 * np.sqrt(rng.uniform(0, 1))
        cell = blob(
            scene, y + away * np.sin(turn), x + away * np.cos(turn), rng.uniform(0.07, 0.14) * radius + 0.5, wavy=0.05
        )
        if cell is not None:
            spot = edge(cell.inside_um, soft) * np.clip(0.75 + 0.25 * fine[cell.box], 0.1, 2)
            rise = high + rng.choice([-1, 1]) * np.sqrt(max(radius**2 - away**2, 0)) * 0.6
            scene.lay(tinted(spot, mixed(chlorophyll=1.1, carotene=0.2)), 0.1 * spot, height_um=rise, at=cell.box)
