"""Crystals of salt, sugar and vitamins: clear facets that bend the light at their edges."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.blobs import strewn_apart
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import stroke
from mmlib.simulation.families.texture import edge


def paint_crystals(scene: Scene) -> None:
    """Paint crystals that grew from a drying drop: blocks with facets, needles in stars, fine powder."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(8, slope=0.85), scene.noise(120, finest_um=2, slope=1.3)
    glass = mixed(grey=0.7, none=0.3)
    scene.lay(tinted(np.clip(0.02 + 0.008 * cloud + 0.007 * fine, 0, 1), glass), 0.006 * fine + 0.01 * cloud)
    for size, many in ((0.5, 0.004), (1.4, 0.0006)):
        bits = scene.granules(many, size)
        scene.lay(tinted(0.4 * bits, glass), 0.08 * bits, height_um=1.0)
    tint = [mixed(grey=0.02), mixed(aniline_blue=0.5), mixed(carotene=0.5), mixed(crystal_violet=0.4)][
        int(rng.integers(4))
    ]
    typical, sides = rng.uniform(12, 40), int(rng.choice([4, 4, 5, 6]))
    count = int(min(scene.area_um2 / typical**2 / rng.uniform(3, 8), 260)) + 2
    for y, x in strewn_apart(scene, count, 0.9 * typical, margin_um=typical):
        _block(scene, float(y), float(x), typical * float(np.exp(rng.normal(0, 0.45))), sides, glass, tint, fine)
    for _ in range(int(rng.integers(0, 5))):
        y, x = rng.uniform(0, 1, 2) * (scene.height_um, scene.width_um)
        for _ in range(int(rng.integers(10, 34))):
            turn, long_ = rng.uniform(0, 2 * np.pi), rng.uniform(20, 110)
            end = (y + long_ * np.sin(turn), x + long_ * np.cos(turn))
            root = (float(y + 9 * np.sin(turn)), float(x + 9 * np.cos(turn)))
            one = stroke(scene, root, end, margin_um=4)
            if one is not None:
                half = np.float32(rng.uniform(0.6, 2.0))
                body = edge(half * np.clip(1.3 - one.along, 0.2, 1) - one.away_um, max(1.6 * p, 0.3))
                rim = edge(0.4 - np.abs(one.away_um - half), 0.8) * body
                high = np.float32(rng.uniform(0, 0.6) * scene.headroom_um) * (1 + np.clip(one.along, 0, 1))
                scene.lay(tinted(0.15 * body + 0.5 * rim, glass), 0.12 * body, height_um=high, at=one.box)


def _block(
    scene: Scene, y: float, x: float, size: float, sides: int, glass: np.ndarray, tint: np.ndarray, fine: np.ndarray
) -> None:
    """Lay one crystal: a top face, sloping facets around it, dark edges, steps and flaws within."""
    rng, p = scene.rng, scene.pixel_um
    box = scene.box(y, x, 1.6 * size)
    if box is None:
        return
    dy, dx = scene.y_um[box[0]] - np.float32(y), scene.x_um[:, box[1]] - np.float32(x)
    turn = rng.uniform(0, 2 * np.pi)
    inside = np.full((dy.shape[0], dx.shape[1]), 1e6, np.float32)
    second = inside.copy()
    for k in range(sides):
        a = turn + 2 * np.pi * k / sides + rng.normal(0, 0.06)
        gap = np.float32(size * rng.uniform(0.55, 1.1)) - (dx * np.float32(np.cos(a)) + dy * np.float32(np.sin(a)))
        second = np.minimum(second, np.maximum(inside, gap))
        inside = np.minimum(inside, gap)
    soft = max(1.6 * p, 0.35)
    slope_um = np.float32(size * rng.uniform(0.12, 0.4))
    body = edge(inside, soft)
    top = np.clip(inside / slope_um, 0, 1)
    outline = edge(np.float32(0.5 + 0.012 * size) - np.abs(inside), soft * 1.5)
    shoulder = edge(0.5 - np.abs(inside - slope_um), soft * 1.5) * body
    ridge = edge(0.5 - (second - inside), soft * 1.5) * body * (inside < slope_um)
    steps = np.abs(((inside / np.float32(rng.uniform(2, 6)) + 0.1 * fine[box]) % 1) - 0.5)
    terrace = edge(0.06 - steps, 0.08) * body * np.float32(0.4 if rng.random() < 0.5 else 0.0)
    flaws = np.clip(scene.granules(0.004, 0.7, at=box) * body, 0, 2)
    amount = 0.06 * body + 0.8 * outline + 0.25 * shoulder + 0.3 * ridge + 0.2 * terrace + 0.4 * flaws
    amount = amount + (1 - top) * body * np.float32(rng.uniform(0.1, 0.4)) + body * 0.02 * fine[box]
    tall = min(size * rng.uniform(0.2, 0.5), scene.headroom_um)
    path = 0.35 * top * body + 0.1 * shoulder + 0.1 * terrace + 0.1 * flaws + 0.01 * fine[box] * body
    scene.lay(
        tinted(amount, glass) + tinted(body * (0.3 + 0.7 * top), tint),
        path.astype(np.float32),
        height_um=np.float32(tall) * top,
        at=box,
    )
