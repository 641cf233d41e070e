"""Onion skin: one sheet of long cells with walls, nuclei and streaming cytoplasm, in iodine or unstained."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import blob
from mmlib.simulation.families.cells import bricks, grown
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.texture import edge, streamed


def paint_onion(scene: Scene) -> None:
    """Paint a strip of onion skin onto the scene."""
    rng = scene.rng
    stain = scene.style.choice(["iodine", "none", "methylene_blue", "safranin"], p=[0.5, 0.2, 0.2, 0.1])
    dye = {
        "iodine": mixed(iodine=0.85, safranin=0.1),
        "none": mixed(none=0.25, grey=0.06),
        "methylene_blue": mixed(methylene_blue=0.8, grey=0.03),
        "safranin": mixed(safranin=0.8),
    }[str(stain)]
    longer, turn, size = rng.uniform(2.2, 4.5), rng.uniform(0, np.pi), rng.uniform(45, 75)
    points = bricks(scene, size, size * longer, turn)
    cells = grown(scene, points, wobble_um=1.6, longer=longer, turn=turn)
    p = scene.pixel_um
    fine = scene.noise(9.0, slope=0.85)
    cloud = scene.noise(60.0, finest_um=1.0, slope=1.2)

    smooth = scene.noise(60.0, finest_um=14.0, slope=1.2)
    thick = np.float32(rng.uniform(1.5, 2.6)) * (1 + 0.15 * smooth)
    wall = edge(thick - cells.wall_um, max(1.5 * p, 0.7))
    lamella = edge(np.float32(0.35) - cells.wall_um, max(1.5 * p, 0.6))
    pits = np.clip(1 - 0.5 * scene.granules(0.02, 0.8), 0.3, 1)
    rim = edge(0.55 - np.abs(cells.wall_um - thick), max(1.5 * p, 0.8))
    body = wall * pits * np.clip(0.7 + 0.12 * fine, 0.2, 2) - 0.3 * lamella
    scene.lay(
        tinted(np.clip(body, 0, 3) * 0.75 + 0.3 * rim, dye) + tinted(0.28 * rim + 0.1 * wall, mixed(grey=1.0)),
        0.16 * wall * pits + 0.02 * fine * wall,
        thickness_um=3.0,
    )

    stretch = streamed(
        rng.standard_normal(scene.shape).astype(np.float32),
        np.full(scene.shape, turn, np.float32) + 0.5 * cloud,
        14 / p,
    )
    lining = np.exp(-np.maximum(cells.wall_um - thick, 0) / np.float32(4.5)) * (1 - wall)
    strands = np.clip(stretch - 1.1, 0, 2) * (1 - wall) * np.clip(0.6 + 0.8 * cloud, 0, 2)
    film = (1 - wall) * np.clip(0.1 + 0.03 * fine + 0.02 * cloud, 0, 1)
    scene.lay(
        tinted(film + 0.16 * lining * (1 + 0.3 * fine) + 0.12 * strands, dye),
        0.012 * fine * (1 - wall) + 0.05 * strands + 0.04 * lining,
        height_um=2.0,
    )
    crumbs = scene.granules((lining + 0.4 * np.clip(strands, 0, 1) + 0.03) * np.float32(0.09), 0.7) * (1 - wall)
    scene.lay(tinted(crumbs, dye * 0.4 + mixed(grey=0.15)), 0.06 * crumbs, height_um=4.0)

    away = cells.wall_um
    for i in np.unique(cells.label):
        row, column = cells.y_um[i] / p, cells.x_um[i] / p
        if not (0 <= row < scene.shape[0] and 0 <= column < scene.shape[1]) or rng.random() < 0.08:
            continue
        shift = rng.uniform(-0.6, 0.6) * size * longer**0.5 * 0.6
        y, x = cells.y_um[i] + shift * np.sin(turn), cells.x_um[i] + shift * np.cos(turn)
        one = blob(scene, float(y), float(x), rng.uniform(5.5, 8.0), longer=rng.uniform(1, 1.5), wavy=0.06, margin_um=2)
        if one is None:
            continue
        own = (cells.label[one.box] == i) * edge(away[one.box] - thick[one.box], 2.0)
        core = edge(one.inside_um, max(2 * p, 1.0)) * own
        clumps = np.clip(0.8 + 0.22 * fine[one.box], 0.2, 2)
        scene.lay(tinted(core * clumps, dye * 0.85), 0.12 * core * clumps, height_um=4.5, at=one.box)
        rim = edge(0.5 - np.abs(one.inside_um), max(2 * p, 0.9)) * own
        scene.lay(tinted(rim, dye * 0.35), 0.08 * rim, height_um=4.5, at=one.box)
        for _ in range(int(rng.integers(1, 3))):
            dot = blob(
                scene, float(y + rng.normal(0, 2)), float(x + rng.normal(0, 2)), rng.uniform(1.0, 1.8), wavy=0.08
            )
            if dot is not None:
                spot = edge(dot.inside_um, max(2 * p, 0.6)) * own_part(own, one.box, dot.box)
                scene.lay(tinted(spot, dye * 0.7), 0.14 * spot, height_um=5.0, at=dot.box)


def own_part(mask: np.ndarray, of: tuple[slice, slice], part: tuple[slice, slice]) -> np.ndarray:
    """Cut the mask of one box to another box; 0 where the other reaches beyond."""
    rows, columns = part
    cut = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    top, left = max(rows.start, of[0].start), max(columns.start, of[1].start)
    end, right = min(rows.stop, of[0].stop), min(columns.stop, of[1].stop)
    if end > top and right > left:
        cut[top - rows.start : end - rows.start, left - columns.start : right - columns.start] = mask[
            top - of[0].start : end - of[0].start, left - of[1].start : right - of[1].start
        ]
    return cut
