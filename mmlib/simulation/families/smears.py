"""Loose flat cells: a cheek smear in one dye, and living cells in a dish that only delay the light."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import Blob, blob
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import stroke
from mmlib.simulation.families.texture import Map, edge, streamed


def _places(scene: Scene, apart_um: float, share: float) -> list[tuple[float, float]]:
    """Strew cells in heaps: each new cell lies beside an older one, or anywhere."""
    rng = scene.rng
    count = max(int(scene.area_um2 * share / apart_um**2), 1)
    found: list[tuple[float, float]] = []
    for _ in range(min(count, 400)):
        if found and rng.random() < 0.6:
            y, x = found[int(rng.integers(len(found)))]
            turn, away = rng.uniform(0, 2 * np.pi), apart_um * rng.uniform(0.45, 0.95)
            found.append((float(y + away * np.sin(turn)), float(x + away * np.cos(turn))))
        else:
            y, x = rng.uniform(-0.05, 1.05, 2) * (scene.height_um, scene.width_um)
            found.append((float(y), float(x)))
    return found


def paint_epithelium(scene: Scene) -> None:
    """Paint a smear of the cells that line the cheek."""
    rng, p = scene.rng, scene.pixel_um
    dye = [
        mixed(methylene_blue=0.75, grey=0.04),
        mixed(eosin=0.5, haematoxylin=0.12),
        mixed(grey=0.5),
        mixed(fast_green=0.5, haematoxylin=0.1),
    ][int(rng.choice(4, p=[0.4, 0.2, 0.25, 0.15]))]
    core_dye = dye * np.float32(1.5) + mixed(haematoxylin=0.5)
    fine, cloud = scene.noise(6, slope=0.85), scene.noise(80, finest_um=1, slope=1.2)
    scene.lay(tinted(np.clip(0.02 + 0.008 * cloud + 0.006 * fine, 0, 1), dye), 0.004 * fine + 0.006 * cloud)
    lobes = scene.noise(60, finest_um=7, slope=1.2)
    creased = streamed(rng.standard_normal(scene.shape).astype(np.float32), 2.5 * cloud, 7 / p)
    germs = scene.granules(np.clip(0.004 + 0.003 * cloud, 0.0005, 0.05), 0.5)
    scene.lay(tinted(germs, dye), 0.05 * germs, height_um=1.0)
    for y, x in _places(scene, 52.0, rng.uniform(0.25, 0.9)):
        one = blob(scene, y, x, rng.uniform(20, 31), longer=rng.uniform(1, 1.6), wavy=0.12, waves=9, margin_um=2)
        if one is not None:
            _flat_cell(scene, one, y, x, dye, core_dye, fine, cloud, lobes, creased)
    for y, x in rng.uniform(0, 1, (int(rng.poisson(scene.area_um2 / 14000)), 2)) * (scene.height_um, scene.width_um):
        for _ in range(int(rng.integers(2, 4))):
            one = blob(scene, y + rng.normal(0, 1.8), x + rng.normal(0, 1.8), rng.uniform(1.7, 2.4), wavy=0.08)
            if one is not None:
                body = edge(one.inside_um, max(2 * p, 0.5)) * np.clip(0.75 + 0.2 * fine[one.box], 0.2, 2)
                scene.lay(tinted(body, core_dye), 0.06 * body, height_um=1.5, at=one.box)


def _flat_cell(
    scene: Scene,
    one: Blob,
    y: float,
    x: float,
    dye: Map,
    core_dye: Map,
    fine: Map,
    cloud: Map,
    lobes: Map,
    creased: Map,
) -> None:
    """Lay one flat cell: film, folded rim, creases, granules, nucleus; it rises above what it lies on."""
    rng, p, box = scene.rng, scene.pixel_um, one.box
    lift = rng.uniform(0.5, 4.0)
    tilt = rng.normal(0, 0.05, 2)
    height = np.float32(lift) + np.float32(tilt[0]) * one.y_um + np.float32(tilt[1]) * one.x_um + 1.2 * cloud[box]
    soft = max(2 * p, 0.8)
    body = edge(one.inside_um + 1.3 * lobes[box] + 0.1 * fine[box], soft)
    rim = edge(0.9 - np.abs(one.inside_um + 1.3 * lobes[box] + 0.1 * fine[box] - 0.7), 1.2)
    film = body * np.clip(0.34 + 0.1 * cloud[box] + 0.06 * fine[box], 0.04, 2)
    crease = np.clip(creased[box] - 1.2, 0, 2) * body
    scene.lay(
        tinted(film + 0.2 * rim + 0.16 * crease, dye),
        body * (0.05 + 0.014 * fine[box]) + 0.06 * crease + 0.05 * rim,
        height_um=height,
        at=box,
    )
    crumbs = scene.granules(np.float32(0.05), 0.45, at=box) * body if scene.area_um2 < 1e6 else 0 * body
    near = np.exp(-((one.rho / 0.5) ** 2)).astype(np.float32)
    crumbs = crumbs * (0.5 + near)
    scene.lay(tinted(0.35 * crumbs, dye), 0.05 * crumbs, height_um=height + 0.8, at=box)
    ny, nx = y + rng.normal(0, 4), x + rng.normal(0, 4)
    core = blob(scene, ny, nx, rng.uniform(3.4, 5.2), longer=rng.uniform(1, 1.5), wavy=0.06)
    if core is None:
        return
    inner = fine[core.box]
    shape = edge(core.inside_um, soft)
    chromatin = shape * np.clip(0.75 + 0.2 * inner, 0.2, 2) + 0.25 * edge(0.5 - np.abs(core.inside_um), soft)
    scene.lay(tinted(chromatin, core_dye), 0.1 * chromatin, height_um=lift + 1.0, at=core.box)


def paint_living_cells(scene: Scene) -> None:
    """Paint living cells on the bottom of a dish: hardly any colour, only path."""
    rng, p = scene.rng, scene.pixel_um
    faint = mixed(none=0.3, grey=0.5)
    fine, cloud = scene.noise(4, slope=0.8), scene.noise(60, finest_um=1, slope=1.2)
    scene.lay(tinted(np.clip(0.012 + 0.004 * fine, 0, 1), faint), 0.003 * fine + 0.004 * cloud)
    specks = scene.granules(0.0015, 0.5)
    scene.lay(tinted(0.25 * specks, faint), 0.05 * specks)
    soft = max(2 * p, 0.6)
    for y, x in _places(scene, 48.0, rng.uniform(0.5, 1.3)):
        turn = rng.uniform(0, np.pi)
        round_ = rng.random() < 0.2
        radius = rng.uniform(7, 9.5) if round_ else rng.uniform(11, 18)
        one = blob(
            scene,
            y,
            x,
            radius,
            longer=1.0 if round_ else rng.uniform(1.3, 3.2),
            turn=turn,
            wavy=0.03 if round_ else 0.2,
            waves=7,
            margin_um=3,
        )
        if one is None:
            continue
        box = one.box
        dome = np.sqrt(np.clip(1 - one.rho**2, 0, 1)).astype(np.float32)
        tall = np.float32(9.0 if round_ else rng.uniform(2.5, 4.5))
        body = edge(one.inside_um + 0.25 * fine[box], soft)
        rim = edge(0.4 - np.abs(one.inside_um + 0.25 * fine[box]), 0.8)
        path = (0.022 * tall * dome + 0.03) * body + 0.03 * rim + 0.02 * fine[box] * body * (0.4 + dome)
        scene.lay(
            tinted(0.07 * body * (1 + 0.6 * fine[box]) + 0.12 * rim, faint), path, height_um=0.5 * tall * dome, at=box
        )
        bits = (
            scene.granules(np.float32(0.12), 0.42, at=box) * body * np.exp(-((one.rho / 0.65) ** 4)).astype(np.float32)
        )
        scene.lay(tinted(0.4 * bits, faint), 0.07 * bits, height_um=tall * dome, at=box)
        core = blob(scene, y, x, min(radius * 0.42, 5.5), longer=1.25, turn=turn, wavy=0.05)
        if core is not None:
            shell = edge(0.3 - np.abs(core.inside_um), 0.7)
            scene.lay(
                tinted(0.07 * shell, faint),
                -0.03 * edge(core.inside_um, soft) + 0.05 * shell,
                height_um=0.6 * tall,
                at=core.box,
            )
            for _ in range(int(rng.integers(1, 4))):
                dot = blob(scene, y + rng.normal(0, 1.6), x + rng.normal(0, 1.6), rng.uniform(0.7, 1.3), wavy=0.1)
                if dot is not None:
                    spot = edge(dot.inside_um, soft)
                    scene.lay(tinted(0.12 * spot, faint), 0.1 * spot, height_um=0.7 * tall, at=dot.box)
        for _ in range(0 if round_ else int(rng.integers(0, 5))):
            lean = turn + rng.normal(0, 0.5) + np.pi * int(rng.integers(2))
            end = (y + np.sin(lean) * radius * 2.2, x + np.cos(lean) * radius * 2.2)
            arm = stroke(scene, (y, x), end, margin_um=3, bend=rng.normal(0, 0.08), waves=(0.6, 2.0))
            if arm is not None:
                wide = np.float32(1.6) * np.clip(1.15 - arm.along, 0.15, 1)
                limb = edge(wide - arm.away_um, soft)
                scene.lay(
                    tinted(0.05 * limb, faint), 0.045 * limb * (1 + 0.3 * fine[arm.box]), height_um=0.5, at=arm.box
                )
