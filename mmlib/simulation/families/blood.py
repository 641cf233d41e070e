"""A stained blood smear: biconcave red cells, white cells with lobed nuclei, platelets."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import blob, strewn_apart
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.texture import Map, edge


def paint_blood(scene: Scene) -> None:
    """Paint a blood smear onto the scene.

    Source: Evans and Fung, Improved measurements of the erythrocyte geometry, 1972,
        doi:10.1016/0026-2862(72)90069-6 (thickness of a red cell).
    """
    rng = scene.rng
    soft = max(1.2 * scene.pixel_um, 0.12)
    grain = scene.noise(3.0, slope=0.9)
    clouds = scene.noise(60.0, finest_um=0.5, slope=1.1)
    plasma = 0.035 + 0.012 * clouds + 0.012 * grain
    scene.lay(tinted(plasma, mixed(eosin=0.7, azure=0.5)), 0.004 * grain + 0.01 * clouds)
    _red_cells(scene, soft, grain)
    dust = scene.granules(0.0016, 0.45)
    scene.lay(tinted(dust, mixed(azure=0.35)), 0.02 * dust, height_um=0.5)
    for y, x in strewn_apart(scene, int(scene.area_um2 * rng.uniform(0.4, 1.6) / 4500) + 1, 14.0):
        _white_cell(scene, float(y), float(x), soft, grain)
    for y, x in rng.uniform(0, 1, (int(scene.area_um2 / 1500) + 1, 2)) * (scene.height_um, scene.width_um):
        one = blob(scene, y, x, rng.uniform(0.9, 1.6), longer=rng.uniform(1, 1.5), wavy=0.14)
        if one is not None:
            body = edge(one.inside_um, 2 * soft) * np.clip(0.75 + 0.45 * grain[one.box], 0.1, 2)
            scene.lay(tinted(body, mixed(azure=0.6, eosin=0.25)), 0.03 * body, height_um=0.8, at=one.box)


def _red_cells(scene: Scene, soft: float, grain: Map) -> None:
    rng = scene.rng
    crowd = rng.uniform(0.45, 1.0)
    places = strewn_apart(scene, int(min(scene.area_um2 / 62 * crowd, 6000)) + 1, rng.uniform(4.2, 6.6), margin_um=4)
    typical, oval = rng.uniform(3.35, 3.8), rng.uniform(0.02, 0.1)
    dye = mixed(eosin=0.22, haemoglobin=0.15, grey=0.03)
    spiky = rng.random() < 0.15
    for y, x in places:
        radius = typical * rng.normal(1, 0.06)
        one = blob(
            scene,
            float(y),
            float(x),
            radius,
            longer=1 + abs(rng.normal(0, oval)),
            wavy=0.05 if spiky else 0.018,
            waves=11 if spiky else 5,
        )
        if one is None:
            continue
        dent = rng.beta(5, 2)
        rho = np.clip(one.rho, 0, 1)
        thick = np.sqrt(1 - rho**2) * (0.81 + 7.83 * dent * rho**2 - 4.39 * dent * rho**4 + 1.5 * (1 - dent))
        body = thick.astype(np.float32) * edge(one.inside_um, 2 * soft)
        rim = edge(0.28 - np.abs(one.inside_um - 0.12), 3 * soft) * np.float32(0.35)
        spots = np.clip(1 + 0.07 * grain[one.box], 0.4, 1.6)
        scene.lay(
            tinted((0.62 * body + rim) * spots, dye),
            0.028 * body * spots + 0.03 * rim,
            height_um=rng.uniform(0.3, 1.0) + 0.25 * body,
            at=one.box,
        )


def _white_cell(scene: Scene, y: float, x: float, soft: float, grain: Map) -> None:
    rng = scene.rng
    kind = rng.choice(["lobed", "round", "bean"], p=[0.6, 0.28, 0.12])
    radius = {"lobed": 6.2, "round": 4.6, "bean": 7.6}[kind] * rng.normal(1, 0.07)
    one = blob(scene, y, x, radius, longer=rng.uniform(1, 1.15), wavy=0.05, margin_um=1)
    if one is None:
        return
    box, detail = one.box, grain[one.box]
    body = edge(one.inside_um, 3 * soft)
    granular = kind == "lobed" and rng.random() < 0.35
    speckle = scene.granules(2.2 if granular else 0.9, 0.32, at=box) * body
    cytoplasm = body * np.clip(0.5 + 0.16 * detail, 0.05, 2)
    dye = mixed(eosin=0.36, azure=0.12) if granular else mixed(azure=0.26, eosin=0.1)
    scene.lay(tinted(cytoplasm + 0.4 * speckle, dye), 0.02 * body + 0.02 * speckle, height_um=0.8, at=box)
    rim = edge(0.25 - np.abs(one.inside_um), 3 * soft)
    scene.lay(tinted(rim, mixed(azure=0.12)), 0.03 * rim, height_um=0.8, at=box)

    nucleus = np.full(body.shape, -1e3, np.float32)
    lobes = {"lobed": int(rng.integers(2, 6)), "round": 1, "bean": 3}[kind]
    size = radius * {"lobed": 0.78 / np.sqrt(lobes) + 0.04, "round": 0.8, "bean": 0.48}[kind]
    arc = rng.uniform(0, 2 * np.pi) + np.linspace(0, {"lobed": 4.2, "round": 0, "bean": 2.2}[kind], lobes)
    for angle in arc:
        away = 0.0 if lobes == 1 else radius * rng.uniform(0.38, 0.52)
        oval, lean = rng.uniform(0.85, 1.2), rng.uniform(0, np.pi)
        dy, dx = one.y_um - np.float32(away * np.sin(angle)), one.x_um - np.float32(away * np.cos(angle))
        u, v = dx * np.cos(lean) + dy * np.sin(lean), dy * np.cos(lean) - dx * np.sin(lean)
        inside = size - np.hypot(u / oval, v * oval) + 0.22 * detail * min(1.0, 2 * scene.pixel_um)
        nucleus = np.logaddexp(2.2 * nucleus, 2.2 * inside).astype(np.float32) / np.float32(2.2)
    core = edge(nucleus, 4 * soft)
    clumps = scene.noise(1.6, finest_um=0.35, slope=0.8)[box]
    chromatin = core * np.clip(0.78 + 0.17 * clumps + 0.08 * detail, 0.15, 1.6)
    scene.lay(
        tinted(chromatin, mixed(azure=1.05, crystal_violet=0.5, eosin=0.2)),
        0.05 * chromatin,
        height_um=1.2 + 0.5 * core,
        at=box,
    )
