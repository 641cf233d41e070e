"""Pollen grains and spores: thick balls with spines, nets and furrows, seen from above and through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib.simulation.families.blobs import blob, strewn_apart
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import stroke, thread
from mmlib.simulation.families.texture import Map, edge


def paint_pollen(scene: Scene) -> None:
    """Paint pollen grains: most of one plant, a few of others."""
    rng = scene.rng
    fine, cloud = scene.noise(8, slope=0.85), scene.noise(60, finest_um=1.5, slope=1.2)
    scene.lay(tinted(np.clip(0.015 + 0.006 * cloud + 0.005 * fine, 0, 1), mixed(grey=0.4, fuchsin=0.4)), 0.005 * fine)
    bits = scene.granules(0.0012, 0.6)
    scene.lay(tinted(bits, mixed(grey=0.3, carotene=0.2)), 0.06 * bits, height_um=1.0)
    dyes = [
        mixed(fuchsin=1.0),
        mixed(carotene=0.8, chitin=0.25),
        mixed(safranin=0.9),
        mixed(fast_green=0.6, eosin=0.35),
    ]
    usual = (int(rng.integers(4)), str(rng.choice(["spines", "net", "furrows", "smooth"])), rng.uniform(11, 19))
    count = int(scene.area_um2 / usual[2] ** 2 / rng.uniform(9, 22)) + 1
    for y, x in strewn_apart(scene, min(count, 150), 2.05 * usual[2], margin_um=usual[2] * 0.6):
        dye, coat, radius = usual
        if rng.random() < 0.25:
            dye, coat = int(rng.integers(4)), str(rng.choice(["spines", "net", "furrows", "smooth"]))
        _grain(scene, float(y), float(x), radius * rng.normal(1, 0.07), coat, dyes[dye], fine, cloud)


def _grain(
    scene: Scene, y: float, x: float, radius: float, coat: str, dye: NDArray[np.float32], fine: Map, cloud: Map
) -> None:
    """Lay one grain: what fills it, its far and its near skin with their ornament, its rim, its spines."""
    from scipy.spatial import cKDTree

    rng, p = scene.rng, scene.pixel_um
    one = blob(scene, y, x, radius, longer=rng.uniform(1, 1.25), wavy=0.02, margin_um=radius * 0.3)
    if one is None:
        return
    box, soft = one.box, max(1.8 * p, 0.4)
    body = edge(one.inside_um, 2 * soft)
    up = np.sqrt(np.clip(1 - one.rho**2, 0, 1)).astype(np.float32)
    dome, middle = up * np.float32(radius), np.float32(radius)
    inside = body * np.clip(0.35 + 0.5 * up, 0, 1) * np.clip(0.5 + 0.12 * fine[box] + 0.1 * cloud[box], 0.05, 2)
    scene.lay(
        tinted(inside * 0.75, dye), 0.15 * dome / middle * body, height_um=middle, thickness_um=1.2 * dome, at=box
    )
    crumbs = scene.granules(0.12, 0.75, at=box) * body * up
    scene.lay(tinted(0.22 * crumbs, dye), 0.07 * crumbs, height_um=middle + 0.3 * dome * cloud[box], at=box)

    knots = rng.normal(0, 1, ({"spines": 130, "net": 90, "furrows": 3, "smooth": 500}[coat], 3))
    knots /= np.linalg.norm(knots, axis=1, keepdims=True)
    for side in (-1, 1):
        nz = up * np.float32(side)
        nx, ny = one.rho * np.cos(one.theta), one.rho * np.sin(one.theta)
        where = np.stack([nx, ny, nz], -1).reshape(-1, 3)
        far, who = cKDTree(knots).query(where, k=2)
        if coat == "furrows":
            great = np.abs(where @ np.cross(knots, [0.2, 0.4, 0.9]).T).min(1)
            mark = -1.2 * edge((0.11 - great).reshape(up.shape).astype(np.float32) * middle, 0.8)
        elif coat == "spines":
            mark = 1.1 * edge((0.055 - far[:, 0]).reshape(up.shape).astype(np.float32) * middle, 0.7)
        else:
            apart = np.linalg.norm(knots[who[:, 0]] - knots[who[:, 1]], axis=1)
            wall = (far[:, 1] ** 2 - far[:, 0] ** 2) / (2 * np.maximum(apart, 1e-6))
            wide = 0.035 if coat == "net" else 0.012
            mark = (0.9 if coat == "net" else 0.4) * edge(
                (wide - wall).reshape(up.shape).astype(np.float32) * middle, 0.6
            )
        slant = np.minimum(1 / np.maximum(up, 0.3), 3)
        skin = body * np.clip(0.13 * slant + 0.6 * mark + 0.06 * fine[box], 0.01, 2)
        scene.lay(tinted(skin, dye), body * (0.08 * mark + 0.015 * fine[box]), height_um=middle + side * dome, at=box)
    rim = edge(np.float32(0.03 * radius + 0.3) - np.abs(one.inside_um - 0.05 * middle), 2 * soft)
    scene.lay(tinted(rim * (0.8 + 0.15 * fine[box]), dye), 0.12 * rim, height_um=middle, at=box)
    if coat == "spines":
        for k in knots:
            reach = float(np.hypot(k[0], k[1]))
            if reach > 0.72 or k[2] > 0:
                _spine(scene, y, x, k, radius, dye)


def _spine(scene: Scene, y: float, x: float, k: NDArray[np.float64], radius: float, dye: NDArray[np.float32]) -> None:
    base, tip = radius * 0.97, radius * 1.24
    one = stroke(scene, (y + base * k[1], x + base * k[0]), (y + tip * k[1], x + tip * k[0]), margin_um=0.12 * radius)
    if one is None:
        return
    wide = np.float32(0.07 * radius) * np.clip(1.05 - one.along, 0.08, 1)
    body = edge(wide - one.away_um, max(1.6 * scene.pixel_um, 0.3))
    scene.lay(tinted(0.55 * body, dye), 0.1 * body, height_um=radius * (1 + float(k[2]) * 1.1), at=one.box)


def paint_spores(scene: Scene) -> None:
    """Paint a mould: threads with cross-walls, and clouds of small two-walled spores at all heights."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(5, slope=0.85), scene.noise(90, finest_um=1.5, slope=1.2)
    dye = [mixed(aniline_blue=0.7), mixed(chitin=0.8, melanin=0.3), mixed(grey=0.3, fast_green=0.3)][
        int(rng.integers(3))
    ]
    scene.lay(tinted(np.clip(0.02 + 0.008 * cloud + 0.006 * fine, 0, 1), dye), 0.005 * fine)
    soft = max(1.6 * p, 0.3)
    reach = scene.headroom_um
    for _ in range(int(4 + scene.area_um2 / 9000 * rng.uniform(0.5, 1.4))):
        one = thread(
            scene,
            margin_um=4,
            turn=rng.uniform(0, np.pi),
            bend=rng.normal(0, 0.1),
            waves=(rng.uniform(2, 9), rng.uniform(1, 3)),
        )
        if one is None:
            continue
        radius = np.float32(rng.uniform(1.1, 2.2))
        body = edge(radius - one.away_um, soft)
        wall = edge(0.35 - np.abs(one.away_um - radius), soft * 1.2)
        joints = edge(0.3 - np.abs((one.along * one.length_um / 17.0) % 1 - 0.5) * 17.0, soft) * body
        flesh = body * np.clip(0.32 + 0.1 * fine[one.box] + 0.08 * cloud[one.box], 0.02, 1)
        rise = np.float32(rng.uniform(0, 0.5) * reach) + np.float32(rng.normal(0, 0.35) * reach) * (one.along - 0.5)
        scene.lay(
            tinted(flesh + 0.35 * wall + 0.35 * joints, dye), 0.05 * body + 0.07 * wall, height_um=rise, at=one.box
        )
    ripe = rng.uniform(1.5, 3.6)
    for y, x in rng.uniform(0, 1, (int(rng.uniform(2, 5)), 2)) * (scene.height_um, scene.width_um):
        for _ in range(int(min(rng.uniform(0.004, 0.012) * scene.area_um2 / ripe**2, 450))):
            spread = 0.18 * scene.width_um
            grain = blob(
                scene,
                y + rng.normal(0, spread),
                x + rng.normal(0, spread),
                ripe * rng.normal(1, 0.1),
                longer=rng.uniform(1, 1.35),
                wavy=0.02,
            )
            if grain is None:
                continue
            dome = np.sqrt(np.clip(1 - grain.rho**2, 0, 1)).astype(np.float32)
            wall = edge(0.3 - np.abs(grain.inside_um - 0.3), soft * 1.3)
            body = edge(grain.inside_um, soft) * np.clip(0.3 + 0.4 * dome + 0.12 * fine[grain.box], 0.02, 2)
            scene.lay(
                tinted(0.8 * body + 0.5 * wall, dye),
                0.16 * dome + 0.05 * wall,
                height_um=np.float32(rng.uniform(0, 0.8) * reach) + dome,
                at=grain.box,
            )
