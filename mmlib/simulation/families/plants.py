"""Cross-sections of stem and root: Voronoi cell walls, vessels, starch, in safranin and fast green or iodine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib.simulation.families.cells import Cells, grown, strewn
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.texture import Map, edge


def paint_stem(scene: Scene) -> None:
    """Paint a section of a stem: pith and bundles of vessels, fibres and sieve cells."""
    rng = scene.rng
    pith = rng.uniform(32, 62)
    y, x = np.broadcast_to(scene.y_um, scene.shape), np.broadcast_to(scene.x_um, scene.shape)
    bend = 14 * scene.noise(200, finest_um=30, slope=1.2)
    apart = rng.uniform(210, 330)
    bundles = strewn(scene, apart, even=3, margin_um=apart * 0.4)
    inner, vessel = np.full(scene.shape, 9.0, np.float32), np.zeros(scene.shape, np.float32)
    size = np.full(scene.shape, pith, np.float32)
    holes: list[tuple[float, float, float]] = []
    for by, bx in bundles:
        turn, reach = rng.uniform(0, 2 * np.pi), apart * rng.uniform(0.2, 0.3)
        u = ((x - bx) * np.cos(turn) + (y - by) * np.sin(turn)) / np.float32(1.35)
        v = (y - by) * np.cos(turn) - (x - bx) * np.sin(turn)
        rho = (np.hypot(u, v) + bend * 0.4) / np.float32(reach)
        inner = np.minimum(inner, rho)
        side = u / np.float32(reach)
        size = np.where(rho < 1, np.where(rho > 0.78, 9.5, np.where(side > 0.1, 8.0, 14.0)), size)
        vessel = np.where(
            (rho < 0.78) & (side <= 0.1), 1, np.where((rho < 0.78) & (side > 0.1), 2, np.where(rho < 1, 3, vessel))
        )
        for a in (-0.55, 0.55, 3.1):
            r = reach * 0.42
            ay, ax = r * np.sin(a * 2 + np.pi / 2), -abs(r * np.cos(a)) - reach * 0.05
            hy, hx = (
                by + (ax * 1.35) * np.sin(turn) + ay * np.cos(turn),
                bx + (ax * 1.35) * np.cos(turn) - ay * np.sin(turn),
            )
            holes.append((float(hy), float(hx), float(reach * rng.uniform(0.2, 0.27))))
    points = strewn(scene, np.maximum(size, 6.0), even=3, margin_um=pith)
    for hy, hx, hr in holes:
        away = np.hypot(points[:, 0] - hy, points[:, 1] - hx)
        points = points[away > hr * 1.18]
        ring = np.linspace(0, 2 * np.pi, max(int(2 * np.pi * hr / 8), 7), endpoint=False)
        around = np.stack([hy + (hr + 4.5) * np.sin(ring), hx + (hr + 4.5) * np.cos(ring)], -1)
        points = np.concatenate([points, around, [[hy, hx]]]).astype(np.float32)
    cells = grown(scene, points, wobble_um=0.8)
    rows = np.clip((points[:, 0] / scene.pixel_um).astype(int), 0, scene.shape[0] - 1)
    columns = np.clip((points[:, 1] / scene.pixel_um).astype(int), 0, scene.shape[1] - 1)
    kind = vessel[rows, columns].astype(int)
    if holes:
        for hy, hx, hr in holes:
            kind[np.hypot(points[:, 0] - hy, points[:, 1] - hx) < hr * 1.25] = 4
    thick = np.array([1.1, 1.7, 0.8, 2.4, 2.6], np.float32)[kind] * rng.uniform(0.8, 1.25, len(points)).astype(
        np.float32
    )
    woody = np.array([0.12, 0.85, 0.05, 0.95, 1.0], np.float32)[kind]
    _walls(scene, cells, thick, woody)
    _contents(scene, cells, thick, (kind == 0) * (rng.random(len(points)) < 0.3), starch=rng.random() < 0.4)


def paint_root(scene: Scene) -> None:
    """Paint a section of a root: epidermis, cortex with starch, a ring, and the star of vessels within."""
    rng = scene.rng
    reach = min(scene.height_um, scene.width_um)
    cy, cx = scene.height_um * rng.uniform(0.3, 0.7), scene.width_um * rng.uniform(0.3, 0.7)
    stele = reach * rng.uniform(0.22, 0.3)
    outside = reach * rng.uniform(0.75, 1.05)
    bend = scene.noise(reach, finest_um=reach / 8, slope=1.2)
    r = np.hypot(scene.y_um - np.float32(cy), scene.x_um - np.float32(cx)) + np.float32(reach * 0.012) * bend
    theta = np.arctan2(scene.y_um - np.float32(cy), scene.x_um - np.float32(cx))
    arms = int(rng.integers(3, 6))
    star = r / np.float32(stele) / (0.5 + 0.34 * np.cos(arms * theta + np.float32(rng.uniform(0, 6))))
    cortex = rng.uniform(22, 38)
    size = np.where(r < stele, np.where(star < 1, 15.0, 7.5), cortex).astype(np.float32)
    size = np.where(np.abs(r - stele) < 9, 9.0, size)
    size = np.where(r > outside - 16, 13.0, size)
    points = strewn(scene, size, even=3, margin_um=cortex)
    cells = grown(scene, points, wobble_um=0.7)
    pr = np.hypot(points[:, 0] - cy, points[:, 1] - cx)
    rows = np.clip((points[:, 0] / scene.pixel_um).astype(int), 0, scene.shape[0] - 1)
    columns = np.clip((points[:, 1] / scene.pixel_um).astype(int), 0, scene.shape[1] - 1)
    xylem = (pr < stele) & (star[rows, columns] < 1)
    ring = np.abs(pr - stele) < 8
    skin = pr > outside - 14
    lucky = rng.uniform(0.8, 1.25, len(points))
    thick = (np.where(xylem, 2.2, np.where(ring, 1.5, np.where(skin, 1.4, 0.9))) * lucky).astype(np.float32)
    woody = np.where(xylem, 1.0, np.where(ring, 0.75, np.where(skin, 0.4, 0.08))).astype(np.float32)
    tissue = edge(np.float32(outside) - r, 6.0)
    own = scene.cover
    scene.cover = tissue if own is None else own * tissue
    _walls(scene, cells, thick, woody)
    storing = (pr > stele + 8) & (pr < outside - 20) & (rng.random(len(points)) < 0.75)
    _contents(scene, cells, thick, storing, starch=True)
    scene.cover = own


def _walls(scene: Scene, cells: Cells, thick_um: NDArray[np.float32], woody: NDArray[np.float32]) -> None:
    """Lay the walls: wood takes the red, cellulose the green; layers show within thick walls."""
    p = scene.pixel_um
    fine, cloud = scene.noise(7.0, slope=0.85), scene.noise(90.0, finest_um=10.0, slope=1.2)
    thick = cells.each(thick_um) * (1 + 0.12 * cloud)
    wood = np.clip(cells.each(woody) + 0.06 * cloud, 0, 1)
    depth = thick - cells.wall_um
    gap = edge(thick * np.float32(1.6) - cells.corner_um, 2.0) * edge(np.float32(0.8) - cells.each(woody), 0.4)
    wall = edge(depth + 0.5 * gap, max(1.5 * p, 0.5))
    layers = 0.14 * np.sin(depth * np.float32(2 * np.pi / max(1.1, 3 * p))) + 0.14 * fine
    middle = edge(np.float32(0.3) - cells.wall_um, max(1.5 * p, 0.5))
    body = wall * np.clip(0.75 + layers, 0.1, 2) + 0.35 * middle
    red, green = mixed(safranin=1.1, crystal_violet=0.1), mixed(fast_green=0.8, aniline_blue=0.15)
    absorbed = tinted(body * wood, red) + tinted(body * (1 - wood) * np.float32(0.8), green)
    scene.lay(absorbed, wall * (0.1 + 0.1 * wood) * (1 + 0.2 * fine), thickness_um=2.0)
    lumen = (1 - wall) * np.clip(0.04 + 0.018 * fine + 0.012 * cloud, 0, 1)
    scene.lay(tinted(lumen, green), 0.01 * fine * (1 - wall), height_um=-1.0)
    scratches = scene.granules(0.0012, 0.8)
    scene.lay(tinted(scratches, mixed(grey=0.2, safranin=0.1)), 0.06 * scratches, height_um=2.0)


def _contents(
    scene: Scene, cells: Cells, thick_um: NDArray[np.float32], full: NDArray[np.bool_], *, starch: bool
) -> None:
    """Lay cytoplasm along the walls and, in some cells, grains of starch or green plastids."""
    rng = scene.rng
    inside = edge(cells.wall_um - cells.each(thick_um), 1.5)
    lining = inside * np.exp(-np.maximum(cells.wall_um - cells.each(thick_um), 0) / np.float32(2.5))
    crumbs = scene.granules(lining * np.float32(0.1) + np.float32(0.004) * inside, 0.6) * inside
    scene.lay(tinted(0.08 * lining + 0.25 * crumbs, mixed(fast_green=0.7, eosin=0.3)), 0.03 * crumbs)
    holds = cells.each(full.astype(np.float32)) * edge(cells.wall_um - cells.each(thick_um) - 1.2, 1.0)
    if not holds.any():
        return
    radius = rng.uniform(1.6, 3.4)
    grains = np.clip(scene.granules(holds * np.float32(0.32 / radius**2), radius, 0.25), 0, 1.6)
    body = edge(grains - 0.42, 0.35) * holds
    ripple = 1 + 0.2 * scene.noise(2.5, slope=0.7)
    dye = mixed(iodine_starch=0.7) if starch and rng.random() < 0.5 else mixed(fast_green=0.25, safranin=0.25)
    if not starch:
        dye = mixed(chlorophyll=0.8)
    rings: Map = body * np.clip(0.55 + 0.4 * grains, 0, 1.6) * ripple
    scene.lay(tinted(rings, dye), 0.16 * rings, height_um=1.5 + 2.0 * np.clip(grains, 0, 1))
