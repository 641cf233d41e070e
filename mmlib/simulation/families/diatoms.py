"""Diatoms: glass shells with rows of holes at the limit of what the objective resolves."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import Blob, blob, strewn_apart
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.texture import Map, edge

_GLASS = {"none": 0.5, "grey": 0.5}


def paint_diatoms(scene: Scene) -> None:
    """Paint strewn diatom shells: boats with ribs, wheels with spokes, and broken pieces."""
    rng = scene.rng
    fine, cloud = scene.noise(4, slope=0.8), scene.noise(50, finest_um=1, slope=1.2)
    glass = mixed(**_GLASS)
    scene.lay(tinted(np.clip(0.012 + 0.005 * cloud + 0.004 * fine, 0, 1), glass), 0.004 * fine + 0.004 * cloud)
    for size, many in ((0.35, 0.008), (0.9, 0.0012)):
        bits = scene.granules(many, size)
        scene.lay(tinted(0.2 * bits, mixed(chitin=0.6, grey=0.4)), 0.09 * bits, height_um=scene.headroom_um * 0.3)
    room = scene.headroom_um
    count = int(min(scene.area_um2 / rng.uniform(350, 800), 300)) + 2
    for y, x in strewn_apart(scene, count, rng.uniform(7, 14), margin_um=10):
        if rng.random() < 0.3:
            radius = rng.uniform(7, 19)
            one = blob(scene, float(y), float(x), radius, longer=rng.uniform(1, 1.08))
            ring = True
        else:
            radius = rng.uniform(4, 10)
            one = blob(scene, float(y), float(x), radius, longer=rng.uniform(3, 9), wavy=0.0, margin_um=2)
            ring = False
        if one is None:
            continue
        lie = np.float32(rng.uniform(0, 0.8) * room)
        tilt = rng.normal(0, 0.12, 2)
        rise = lie + np.float32(tilt[0]) * one.y_um + np.float32(tilt[1]) * one.x_um
        shell = _wheel(scene, one, radius) if ring else _boat(scene, one)
        shape, marks = shell
        soft = max(1.4 * scene.pixel_um, 0.25)
        rim = edge(0.45 - np.abs(one.inside_um - 0.35), 2 * soft) * shape
        content = shape * np.clip(cloud[one.box], 0, 2) * (0.25 if rng.random() < 0.3 else 0.03)
        scene.lay(
            tinted(0.12 * shape + 0.24 * marks + 0.4 * rim, glass) + tinted(content, mixed(carotene=0.7, chitin=0.3)),
            0.05 * shape + 0.085 * marks + 0.14 * rim + 0.01 * fine[one.box] * shape,
            height_um=rise + 1.5 * np.sqrt(np.clip(1 - one.rho**2, 0, 1)),
            at=one.box,
        )


def _boat(scene: Scene, one: Blob) -> tuple[Map, Map]:
    """Give the shape and the marks of a long shell: ribs across, a slit along, knots in the middle."""
    rng = scene.rng
    soft = max(1.4 * scene.pixel_um, 0.25)
    reach = float(np.abs(one.x_um).max()) or 1.0
    taper = 1 - 0.25 * (np.abs(one.x_um) / np.float32(reach)) ** 2
    shape = edge(one.inside_um - (1 - taper) * 2, soft)
    pitch = max(rng.uniform(0.7, 1.9), 2.6 * scene.pixel_um)
    slant = np.float32(rng.uniform(-0.25, 0.25)) * np.abs(one.y_um) * np.sign(one.x_um)
    ribs = 0.5 + 0.5 * np.sin((one.x_um + slant) * np.float32(2 * np.pi / pitch))
    holes = 0.5 + 0.5 * np.sin(one.y_um * np.float32(2 * np.pi / max(0.8 * pitch, 2.4 * scene.pixel_um)))
    mid = edge(np.abs(one.y_um) - np.float32(0.5), 0.5)
    slit = edge(0.22 - np.abs(np.abs(one.y_um) - 0.35), soft) * edge(np.abs(one.x_um) - 1.2, 0.6)
    marks = shape * (ribs * (1 - 0.45 * holes) * mid + 0.9 * slit) * edge(one.inside_um - 0.7, 0.6)
    return shape, marks.astype(np.float32)


def _wheel(scene: Scene, one: Blob, radius: float) -> tuple[Map, Map]:
    """Give the shape and the marks of a round shell: a net of holes in the middle, spokes at the rim."""
    from scipy.spatial import cKDTree

    rng = scene.rng
    soft = max(1.4 * scene.pixel_um, 0.25)
    shape = edge(one.inside_um, soft)
    pitch = max(rng.uniform(0.9, 2.2), 3.2 * scene.pixel_um)
    n = int(radius * 1.1 / pitch) + 1
    i, j = np.mgrid[-n : n + 1, -n : n + 1]
    net = np.stack([(i * 0.866 * pitch).ravel(), ((j + 0.5 * (i % 2)) * pitch).ravel()], -1)
    net += rng.normal(0, 0.06 * pitch, net.shape)
    where = np.stack([one.rho * np.sin(one.theta), one.rho * np.cos(one.theta)], -1).reshape(-1, 2) * radius
    far = cKDTree(net).query(where)[0].reshape(one.rho.shape).astype(np.float32)
    wall = edge(far - np.float32(0.33 * pitch), max(0.2 * pitch, soft))
    spokes = 0.5 + 0.5 * np.cos(one.theta * np.float32(int(rng.integers(24, 60))))
    outer = edge(one.rho - np.float32(rng.uniform(0.72, 0.88)), 0.06)
    marks = shape * (wall * (1 - outer) + spokes * outer) * edge(one.inside_um - 0.6, 0.6)
    return shape, marks.astype(np.float32)
