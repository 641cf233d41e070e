"""The skin of a leaf: jigsaw cells, breathing pores, green cells out of focus beneath."""

from __future__ import annotations

import cv2
import numpy as np

from mmlib.simulation.families.blobs import blob, strewn_apart
from mmlib.simulation.families.cells import grown, strewn
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.texture import edge


def paint_leaf(scene: Scene) -> None:
    """Paint the lower skin of a leaf with its stomata, some green tissue still beneath it."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(7, slope=0.85), scene.noise(90, finest_um=8, slope=1.2)
    size = rng.uniform(34, 58)
    cells = grown(scene, strewn(scene, size, even=2), wobble_um=rng.uniform(1.0, 3.2))
    peeled = rng.random() < 0.35
    skin_um = 0.65 * scene.headroom_um
    green = mixed(chlorophyll=1.0, carotene=0.15)
    if not peeled:
        mesophyll = scene.granules(0.01, 3.2, 0.2)
        below = edge(mesophyll - 0.45, 0.6) * np.clip(0.7 + 0.3 * cloud + 0.12 * fine, 0.1, 2)
        haze = np.clip(0.25 + 0.12 * cloud, 0, 2)
        scene.lay(tinted(0.75 * below + haze, green), 0.06 * below, height_um=0.0)
    dye = mixed(fast_green=0.5, chlorophyll=0.35, grey=0.15) if not peeled else mixed(safranin=0.5, grey=0.05)
    thick = 1.3 * (1 + 0.2 * cloud)
    wall = edge(thick - cells.wall_um, max(1.5 * p, 0.6))
    bulge = np.clip(cells.wall_um / 12, 0, 1)
    film = (1 - wall) * np.clip(0.06 + 0.022 * fine + 0.02 * cloud, 0, 1)
    ridges = 0.5 + 0.5 * np.sin(cells.wall_um * np.float32(2 * np.pi / 3.1) + 1.5 * cloud)
    scene.lay(
        tinted(wall * np.clip(0.65 + 0.15 * fine, 0.1, 2) + film + 0.03 * ridges, dye),
        0.13 * wall + 0.1 * bulge + 0.012 * ridges + 0.014 * fine,
        height_um=skin_um + 2.5 * bulge,
    )
    plastids = scene.granules(np.exp(-cells.wall_um / 4) * np.float32(0.02), 1.0) * (1 - wall)
    scene.lay(tinted(edge(plastids - 0.4, 0.5) * 0.6, green), 0.07 * plastids, height_um=skin_um - 1.0)

    turn = rng.uniform(0, np.pi)
    aligned = rng.random() < 0.4
    for y, x in strewn_apart(scene, int(scene.area_um2 / 3600 * rng.uniform(0.5, 1.3)) + 1, 30):
        radius, longer = rng.uniform(8.5, 11.5), rng.uniform(1.35, 1.7)
        own = turn + rng.normal(0, 0.2) if aligned else None
        one = blob(scene, float(y), float(x), radius, longer=longer, turn=own, wavy=0.02, margin_um=4)
        if one is None:
            continue
        box, soft = one.box, max(1.6 * p, 0.5)
        open_ = np.float32(rng.uniform(0.3, 2.2))
        reach = np.float32(radius * longer**0.5 * 0.62)
        slit = open_ * np.sqrt(np.clip(1 - (one.x_um / reach) ** 2, 0, 1)) - np.abs(one.y_um)
        pore = edge(slit, soft)
        lip = edge(0.8 - np.abs(slit), 1.2) * (np.abs(one.x_um) < reach * 1.05)
        body = edge(one.inside_um, soft) * (1 - pore)
        rim = edge(0.7 - np.abs(one.inside_um), 1.3)
        pole = edge(0.5 - np.abs(one.y_um), 0.9) * (np.abs(one.x_um) > reach) * body
        drops = scene.granules(0.09, 0.95, at=box) * body * edge(one.inside_um - 1.2, 1.0)
        amount = 0.22 * body * (1 + 0.3 * fine[box]) + 0.65 * rim + 0.75 * lip + 0.4 * pole
        scene.clear(0.55 * cv2.GaussianBlur(body + pore, (0, 0), max(0.5 / p, 0.5)), box)
        scene.lay(
            tinted(amount, dye) + tinted(0.5 * edge(drops - 0.4, 0.5), green),
            0.12 * body + 0.12 * lip + 0.1 * rim + 0.06 * drops,
            height_um=skin_um + 1.5 + body,
            at=box,
        )
