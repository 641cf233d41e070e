"""The smallest: yeast that buds, bacteria in rods and chains."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import blob
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import stroke
from mmlib.simulation.families.texture import edge


def paint_yeast(scene: Scene) -> None:
    """Paint baker's yeast: clear ovals with a wall, a hollow and grains, many with a bud."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(3, slope=0.8), scene.noise(40, finest_um=0.6, slope=1.2)
    dye = [mixed(methylene_blue=0.35, grey=0.04), mixed(none=0.2, grey=0.1), mixed(iodine=0.5)][int(rng.integers(3))]
    scene.lay(tinted(np.clip(0.02 + 0.006 * cloud + 0.005 * fine, 0, 1), dye), 0.004 * fine + 0.005 * cloud)
    bits = scene.granules(0.006, 0.25)
    scene.lay(tinted(0.3 * bits, dye), 0.04 * bits, height_um=1.0)
    soft, room = max(1.5 * p, 0.2), scene.headroom_um
    heaps = rng.uniform(0, 1, (int(rng.uniform(3, 9)), 2)) * (scene.height_um, scene.width_um)
    typical = rng.uniform(2.2, 3.2)
    for _ in range(int(min(scene.area_um2 / rng.uniform(45, 130), 1500))):
        if rng.random() < 0.65:
            y, x = heaps[int(rng.integers(len(heaps)))] + rng.normal(0, 12, 2)
        else:
            y, x = rng.uniform(0, 1, 2) * (scene.height_um, scene.width_um)
        dead, high, turn = rng.random() < 0.12, rng.uniform(0, 0.8) * room, rng.uniform(0, np.pi)
        parts = [(y, x, typical * rng.normal(1, 0.12))]
        if rng.random() < 0.4:
            size = parts[0][2] * rng.uniform(0.4, 0.8)
            reach = (parts[0][2] * 1.1 + size) * 0.95
            parts.append((y + reach * np.sin(turn), x + reach * np.cos(turn), size))
        for py, px, radius in parts:
            one = blob(
                scene, float(py), float(px), max(radius, 0.6), longer=rng.uniform(1.05, 1.4), turn=turn, wavy=0.02
            )
            if one is None:
                continue
            dome = np.sqrt(np.clip(1 - one.rho**2, 0, 1)).astype(np.float32)
            body, wall = edge(one.inside_um, soft), edge(0.2 - np.abs(one.inside_um - 0.2), 1.5 * soft)
            grain = np.clip(1 + 0.25 * fine[one.box], 0.1, 2)
            hollow = edge(0.42 - np.hypot(one.x_um / radius - 0.25, one.y_um / radius), 0.15)
            amount = body * (0.28 + (1.8 if dead else 0.0)) * grain * (1 - 0.6 * hollow) + 0.55 * wall
            path = 0.14 * dome * grain + 0.05 * wall - 0.05 * hollow * body
            scene.lay(tinted(amount, dye), path, height_um=high + dome, at=one.box)
            for _ in range(int(rng.integers(1, 5))):
                dot = blob(
                    scene,
                    float(py + rng.normal(0, radius / 3)),
                    float(px + rng.normal(0, radius / 3)),
                    rng.uniform(0.22, 0.42),
                )
                if dot is not None:
                    spot = edge(dot.inside_um, soft)
                    scene.lay(tinted(0.35 * spot, dye), 0.07 * spot, height_um=high + 1.0, at=dot.box)


def paint_bacteria(scene: Scene) -> None:
    """Paint a stained film of bacteria: violet rods and balls, single, in chains and in heaps."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(3, slope=0.8), scene.noise(30, finest_um=0.6, slope=1.2)
    dyes = [mixed(crystal_violet=1.1), mixed(safranin=0.85, fuchsin=0.1), mixed(methylene_blue=0.9)]
    first, second = dyes[int(rng.integers(3))], dyes[int(rng.integers(2))]
    film = np.clip(0.05 + 0.035 * cloud + 0.016 * fine, 0, 1)
    scene.lay(tinted(film, second * np.float32(0.6)), 0.01 * fine + 0.012 * cloud)
    bits = scene.granules(np.clip(0.02 + 0.02 * cloud, 0, 1), 0.22)
    scene.lay(tinted(0.4 * bits, second), 0.02 * bits, height_um=0.4)
    soft = max(1.5 * p, 0.16)
    balls = rng.uniform(0.2, 0.8)
    wide, long_ = rng.uniform(0.35, 0.55), rng.uniform(1.8, 4.5)
    for _ in range(int(min(scene.area_um2 / rng.uniform(35, 130), 1500))):
        y, x = rng.uniform(0, 1, 2) * (scene.height_um, scene.width_um)
        turn, high = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1.0) * min(scene.headroom_um, 2.5)
        many = int(rng.geometric(0.4))
        dye = first if rng.random() < 0.8 else second
        if rng.random() < balls:
            for _ in range(min(many * 2, 12)):
                one = blob(scene, float(y), float(x), rng.uniform(0.42, 0.58), longer=rng.uniform(1, 1.15))
                if one is not None:
                    body = edge(one.inside_um, soft) * np.clip(0.75 + 0.12 * fine[one.box], 0.1, 2)
                    scene.lay(tinted(body, dye), 0.05 * body, height_um=high, at=one.box)
                turn += rng.normal(0, 0.7)
                y, x = y + 1.02 * np.sin(turn), x + 1.02 * np.cos(turn)
            continue
        for _ in range(min(many, 5)):
            size = long_ * rng.uniform(0.7, 1.3)
            end = (y + size * np.sin(turn), x + size * np.cos(turn))
            rod = stroke(scene, (y, x), end, margin_um=1.2, bend=rng.normal(0, 0.05))
            if rod is not None:
                spore = edge(0.16 - np.abs(rod.along - 0.5), 0.12) * (rng.random() < 0.25)
                body = edge(np.float32(wide) - rod.away_um, soft) * (1 - 0.7 * spore)
                body *= np.clip(0.75 + 0.16 * fine[rod.box], 0.1, 2)
                scene.lay(tinted(body, dye), 0.05 * body, height_um=high, at=rod.box)
            turn += rng.normal(0, 0.3)
            y, x = end[0] + 1.1 * wide * np.sin(turn), end[1] + 1.1 * wide * np.cos(turn)
