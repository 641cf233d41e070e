"""Animal tissue in haematoxylin and eosin: fibres, glands, nuclei, gaps."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import blob, strewn_apart
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.texture import edge, streamed


def paint_tissue(scene: Scene) -> None:
    """Paint a thin section of animal tissue onto the scene."""
    rng, p = scene.rng, scene.pixel_um
    region = scene.noise(140, finest_um=12, slope=1.3) + np.float32(rng.uniform(-0.7, 0.7))
    angle = np.float32(rng.uniform(0, np.pi)) + np.float32(0.9) * scene.noise(220, finest_um=40, slope=1.3)
    white = rng.standard_normal(scene.shape).astype(np.float32)
    threads = streamed(white, angle, 9 / p)
    bands = streamed(scene.noise(7, finest_um=1.5, slope=0.6), angle, 26 / p)
    fine, cloud = scene.noise(5, slope=0.85), scene.noise(50, finest_um=2, slope=1.2)
    epithelium = edge(region, 0.25)
    stroma = 1 - epithelium

    holes = edge(bands - np.float32(rng.uniform(1.5, 2.1)) - 0.3 * cloud, 0.25) * stroma
    lumen = edge(region - np.float32(rng.uniform(1.5, 2.2)) + 0.06 * fine, 0.12)
    here = (1 - holes) * (1 - lumen)
    pink = stroma * np.clip(0.5 + 0.15 * bands + 0.12 * threads + 0.06 * fine, 0.05, 2)
    pink += epithelium * np.clip(0.34 + 0.09 * fine + 0.05 * cloud, 0.05, 2)
    violet = epithelium * np.clip(0.12 + 0.04 * cloud + 0.04 * fine, 0, 1) + stroma * 0.03
    rose = mixed(eosin=rng.uniform(0.75, 1.3), fuchsin=0.12)
    blue = mixed(haematoxylin=rng.uniform(0.8, 1.3))
    path = here * (0.1 + 0.022 * fine + 0.03 * stroma * threads + 0.02 * cloud)
    scene.lay(tinted(pink * here, rose) + tinted(violet * here, blue), path)

    for _ in range(int(scene.area_um2 / 9000 * rng.uniform(0, 1.6))):
        one = blob(
            scene, rng.uniform(0, scene.height_um), rng.uniform(0, scene.width_um), rng.uniform(2.6, 3.4), wavy=0.05
        )
        if one is not None:
            body = edge(one.inside_um, 2.5 * p) * (0.75 + 0.25 * one.rho**2)
            scene.lay(tinted(body, mixed(eosin=0.9, fuchsin=0.2)), 0.05 * body, height_um=1.0, at=one.box)

    for y, x in strewn_apart(scene, int(min(scene.area_um2 / 68, 4000)), 5.6, margin_um=4):
        row = min(max(int(y / p), 0), scene.shape[0] - 1)
        column = min(max(int(x / p), 0), scene.shape[1] - 1)
        inside = epithelium[row, column]
        if here[row, column] < 0.5 or rng.random() > 0.22 + 0.72 * inside:
            continue
        if inside > 0.5:
            radius, longer, turn, open_ = rng.uniform(2.8, 4.2), rng.uniform(1, 1.5), None, rng.uniform(0.25, 0.7)
        else:
            radius, longer, turn, open_ = rng.uniform(1.9, 2.8), rng.uniform(1.6, 4.2), float(angle[row, column]), 0.1
        one = blob(scene, float(y), float(x), radius, longer=longer, turn=turn, wavy=0.07, margin_um=0.5)
        if one is None:
            continue
        soft = max(2 * p, 0.5)
        body = edge(one.inside_um, soft)
        rim = edge(0.55 - np.abs(one.inside_um - 0.3), soft)
        clumps = np.clip(1 - open_ + (0.16 + 0.22 * open_) * fine[one.box] + 0.1 * cloud[one.box], 0.12, 1.6)
        chromatin = (body * clumps + 0.45 * rim) * np.float32(rng.uniform(0.75, 1.1))
        scene.lay(
            tinted(chromatin, blue * np.float32(1.05)), 0.05 * chromatin, height_um=rng.uniform(0, 1.5), at=one.box
        )
        for _ in range(int(rng.integers(0, 3)) if open_ > 0.25 else 0):
            dot = blob(
                scene, float(y + rng.normal(0, 1)), float(x + rng.normal(0, 1)), rng.uniform(0.45, 0.8), wavy=0.1
            )
            if dot is not None:
                spot = edge(dot.inside_um, soft)
                scene.lay(tinted(spot, blue * np.float32(0.8)), 0.04 * spot, height_um=1.2, at=dot.box)
