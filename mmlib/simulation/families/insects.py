"""Parts of insects: a veined wing, a bristly leg, the scales of a butterfly."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.cells import grown, strewn
from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import Stroke, stroke
from mmlib.simulation.families.texture import edge


def paint_wing(scene: Scene) -> None:
    """Paint a wing: a clear skin covered with tiny hairs, held by brown veins."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(10, slope=0.85), scene.noise(150, finest_um=22, slope=1.2)
    size = rng.uniform(150, 280)
    turn = rng.uniform(0, np.pi)
    middles = strewn(scene, size, even=2, margin_um=1.5 * size)
    cells = grown(scene, middles, wobble_um=1.5, longer=rng.uniform(1.2, 2.4), turn=turn)
    brown = mixed(chitin=1.3, melanin=0.35)
    wide = np.float32(rng.uniform(5, 9)) * (1 + 0.15 * cloud)
    vein = edge(wide - cells.wall_um, max(2 * p, 1.0))
    tube = np.sqrt(np.clip(1 - (cells.wall_um / np.maximum(wide, 0.5)) ** 2, 0, 1)).astype(np.float32)
    bark = edge(1.2 - np.abs(cells.wall_um - wide + 0.8), 1.5)
    veined = vein * np.clip(0.45 + 0.25 * (1 - tube) + 0.16 * fine + 0.06 * cloud, 0.05, 2) + 0.35 * bark
    scene.lay(tinted(veined, brown), 0.15 * tube + 0.08 * bark, height_um=3 * tube)
    skin = (1 - vein) * np.clip(0.07 + 0.022 * fine + 0.02 * cloud, 0, 1)
    scene.lay(tinted(skin, brown), 0.012 * fine + 0.02 * cloud)
    pitch = rng.uniform(9, 15)
    rows, columns = int(scene.height_um / pitch) + 2, int(scene.width_um / pitch) + 2
    lean, long_ = turn + rng.normal(0, 0.3), pitch * rng.uniform(0.55, 0.9)
    for i in range(min(rows, 90)):
        for j in range(min(columns, 120)):
            y = (i + rng.normal(0, 0.13)) * pitch
            x = (j + 0.5 * (i % 2) + rng.normal(0, 0.13)) * pitch
            own = lean + rng.normal(0, 0.12)
            one = stroke(scene, (y, x), (y + long_ * np.sin(own), x + long_ * np.cos(own)), margin_um=1.6, bend=0.12)
            if one is not None:
                _bristle(scene, one, 0.85, 2.5)
    for k in range(int(scene.width_um / 55)):
        y, x = rng.uniform(0, scene.height_um), k * 55.0
        one = stroke(scene, (y, x), (y + 60 * np.sin(lean), x + 60 * np.cos(lean)), margin_um=3.5, bend=0.15)
        if one is not None and rng.random() < 0.35:
            _bristle(scene, one, 2.2, 9.0)


def _bristle(scene: Scene, one: Stroke, thick_um: float, rise_um: float) -> None:
    """Lay a hair that tapers and rises from its root."""
    wide = np.float32(thick_um) * np.clip(1.08 - one.along, 0.1, 1.08)
    body = edge(wide - one.away_um, max(1.8 * scene.pixel_um, 0.4))
    root = edge(np.float32(1.3 * thick_um) - np.hypot(one.along * np.float32(one.length_um), one.across_um), 0.8)
    scene.lay(
        tinted(0.75 * body + 0.35 * root, mixed(chitin=1.0, melanin=0.5)),
        0.08 * body + 0.04 * root,
        height_um=np.clip(one.along, 0, 1) * np.float32(rise_um),
        at=one.box,
    )


def paint_leg(scene: Scene) -> None:
    """Paint a leg: jointed, dark at its rims, with bristles that stand out at all heights."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(14, slope=0.85), scene.noise(120, finest_um=3, slope=1.2)
    scene.lay(tinted(np.clip(0.012 + 0.006 * cloud + 0.006 * fine, 0, 1), mixed(chitin=1.0)), 0.004 * fine)
    dust = scene.granules(0.0006, 0.9)
    scene.lay(tinted(dust, mixed(chitin=0.4, grey=0.2)), 0.05 * dust)
    room = scene.headroom_um
    for _ in range(int(rng.integers(1, 4))):
        turn = rng.uniform(0, 2 * np.pi)
        at = np.array([rng.uniform(0.2, 0.8) * scene.height_um, rng.uniform(0.2, 0.8) * scene.width_um])
        at -= 0.55 * scene.width_um * np.array([np.sin(turn), np.cos(turn)])
        thick, middle, fall = rng.uniform(22, 48), room * rng.uniform(0.35, 0.6), rng.normal(0, 0.16) * room
        for _ in range(int(rng.integers(3, 6))):
            long_ = 307.2 * rng.uniform(0.25, 0.5)
            end = at + long_ * np.array([np.sin(turn), np.cos(turn)])
            one = stroke(scene, tuple(at), tuple(end), margin_um=thick * 1.3, bend=rng.normal(0, 0.03))
            if one is not None:
                _limb(scene, one, thick, middle, fall, fine)
            for _ in range(int(long_ / rng.uniform(3, 6))):
                u, side = rng.uniform(0.03, 0.97), np.sin(rng.uniform(-1.57, 1.57))
                foot = at + u * (end - at) + side * thick * 0.8 * np.array([np.cos(turn), -np.sin(turn)])
                lean = turn + np.sign(side) * rng.uniform(0.3, 0.9)
                hair = rng.uniform(0.5, 1.7) * thick
                tip = foot + hair * np.array([np.sin(lean), np.cos(lean)])
                curve = stroke(scene, tuple(foot), tuple(tip), margin_um=3, bend=rng.normal(0, 0.08))
                if curve is not None:
                    high = middle + fall * u + thick * 0.8 * np.sqrt(max(1 - side**2, 0)) * rng.choice([-1, 1])
                    scene_height = np.float32(high) + np.clip(curve.along, 0, 1) * np.float32(rng.normal(0, 0.3) * hair)
                    body = edge(
                        np.float32(1.3) * np.clip(1.1 - curve.along, 0.12, 1) - curve.away_um, max(1.8 * p, 0.5)
                    )
                    scene.lay(
                        tinted(0.85 * body, mixed(chitin=1.0, melanin=0.5)),
                        0.07 * body,
                        height_um=scene_height,
                        at=curve.box,
                    )
            at, turn, thick, middle = end, turn + rng.normal(0, 0.25), thick * rng.uniform(0.6, 0.9), middle + fall


def _limb(scene: Scene, one: Stroke, thick: float, middle: float, fall: float, fine: np.ndarray) -> None:
    """Lay one part of a leg: a hollow tube whose near and far skin are textured."""
    u = np.clip(one.along, 0, 1)
    swell = np.float32(thick) * (0.82 + 0.25 * np.sin(np.float32(np.pi) * u**0.8))
    inside = swell - one.away_um
    body = edge(inside, max(2 * scene.pixel_um, 1.2))
    up = np.sqrt(np.clip(1 - (one.away_um / swell) ** 2, 0, 1)).astype(np.float32)
    joint = edge(np.float32(thick) - np.hypot(u * np.float32(one.length_um), one.across_um), 4.0)
    scene.clear(np.asarray(0.85 * joint * body, np.float32), one.box)
    axis = np.float32(middle) + np.float32(fall) * u
    deep = body * np.clip(0.4 + 0.35 * (1 - up), 0, 1) * np.clip(0.85 + 0.12 * fine[one.box], 0.1, 2)
    scene.lay(
        tinted(deep, mixed(chitin=1.25, melanin=0.2)),
        0.2 * up * body,
        height_um=axis,
        thickness_um=swell * up,
        at=one.box,
    )
    rings = np.clip(np.sin(one.along * np.float32(2 * np.pi * one.length_um / 9.0) + 0.8 * fine[one.box]), 0, 1)
    plates = np.clip(fine[one.box] * np.float32(0.3) + 0.25 * rings, 0, 2)
    for side in (-1, 1):
        skin = body * np.clip(0.1 + 0.3 * plates + 0.35 * (1 - up) ** 2, 0, 2)
        scene.lay(
            tinted(skin, mixed(chitin=1.0, melanin=0.4)),
            0.05 * plates * body,
            height_um=axis + side * swell * up,
            at=one.box,
        )


def paint_scales(scene: Scene) -> None:
    """Paint the scales of a butterfly wing: rows of ribbed shields, each lying upon the next."""
    rng, p = scene.rng, scene.pixel_um
    fine = scene.noise(6, slope=0.85)
    skin = mixed(chitin=0.5)
    scene.lay(tinted(np.clip(0.1 + 0.03 * fine, 0, 1), skin), 0.01 * fine, height_um=-1.0)
    brown, black = mixed(chitin=1.5, melanin=0.5), mixed(melanin=1.5)
    yellow, red, blue = (
        mixed(carotene=1.3, chitin=0.3),
        mixed(safranin=0.6, chitin=0.7),
        mixed(aniline_blue=0.5, melanin=0.7),
    )
    colours = [brown, black, yellow, red, blue]
    main, other = (colours[int(i)] for i in rng.permutation(5)[:2])
    patch = scene.noise(260, finest_um=25, slope=1.4)
    long_, wide, turn = rng.uniform(75, 120), rng.uniform(28, 44), rng.uniform(-0.3, 0.3)
    rows, columns = int(scene.height_um / (0.46 * long_)) + 4, int(scene.width_um / (0.82 * wide)) + 4
    for i in range(min(rows, 40)):
        for j in range(min(columns, 60)):
            y = (i - 1.5) * 0.46 * long_ + rng.normal(0, 3)
            x = (j - 1 + 0.5 * (i % 2)) * 0.82 * wide + rng.normal(0, 3)
            lean = turn + np.pi / 2 + rng.normal(0, 0.09)
            end = (y + long_ * np.sin(lean), x + long_ * np.cos(lean))
            one = stroke(scene, (y, x), end, margin_um=wide * 0.75, bend=rng.normal(0, 0.02))
            if one is None or rng.random() < 0.06:
                continue
            u = one.along
            half = np.float32(wide / 2) * np.clip(0.18 + 1.5 * np.clip(u, 0, 1) ** 0.6, 0, 1)
            teeth = np.float32(0.05) * np.cos(one.across_um * np.float32(2 * np.pi / (wide / rng.integers(2, 5))))
            inside = np.minimum(half - np.abs(one.across_um), (np.float32(0.93) - u + teeth) * np.float32(long_))
            inside = np.minimum(inside, u * np.float32(long_))
            body = edge(inside, max(2 * p, 0.8))
            pitch = max(rng.uniform(1.6, 2.4), 2.8 * p)
            ribs = (0.5 + 0.5 * np.cos(one.across_um * np.float32(2 * np.pi / pitch) + 0.25 * fine[one.box])) ** 2
            rungs = 0.5 + 0.5 * np.cos(u * np.float32(long_ * 2 * np.pi / max(0.75 * pitch, 2.6 * p)))
            rim = edge(0.7 - np.abs(inside - 0.4), 1.0)
            row, column = np.clip((np.array([y, x]) / p).astype(int), 0, np.array(scene.shape) - 1)
            dye = (main if patch[row, column] < 0.3 else other) * np.float32(rng.uniform(0.7, 1.15))
            amount = body * np.clip(0.2 + 0.3 * ribs + 0.1 * rungs * (1 - ribs) + 0.05 * fine[one.box], 0.02, 2)
            tilt = np.float32(1.0) + np.clip(u, 0, 1) * np.float32(rng.uniform(4, 9)) + np.float32(rng.normal(0, 0.8))
            scene.lay(
                tinted(amount + 0.12 * rim, dye),
                0.07 * ribs * body + 0.03 * body + 0.06 * rim,
                height_um=tilt,
                at=one.box,
            )
