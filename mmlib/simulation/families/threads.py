"""Feathers, hairs and textile fibres: long things that cross at several heights."""

from __future__ import annotations

import numpy as np

from mmlib.simulation.families.scene import Scene, tinted
from mmlib.simulation.families.stains import mixed
from mmlib.simulation.families.strokes import stroke, thread
from mmlib.simulation.families.texture import edge


def paint_feather(scene: Scene) -> None:
    """Paint a feather: barbs side by side, each with its own small branches that hook into the next."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(7, slope=0.85), scene.noise(150, finest_um=3, slope=1.2)
    dye = [
        mixed(melanin=1.2, chitin=0.2),
        mixed(chitin=1.0, melanin=0.3),
        mixed(carotene=0.8, chitin=0.3),
        mixed(safranin=0.8),
    ][int(rng.integers(4))]
    dust = scene.granules(0.0005, 0.8)
    scene.lay(tinted(np.clip(0.01 + 0.005 * cloud + 0.004 * fine, 0, 1) + 0.3 * dust, dye), 0.004 * fine + 0.05 * dust)
    turn, apart = rng.uniform(0, np.pi), rng.uniform(85, 140)
    across = np.array([np.cos(turn), -np.sin(turn)])
    along = np.array([np.sin(turn), np.cos(turn)])
    middle, half = np.array([scene.height_um, scene.width_um]) / 2, 0.8 * np.hypot(scene.height_um, scene.width_um)
    room, soft = scene.headroom_um, max(1.8 * p, 0.5)
    for k in range(-int(half / apart) - 1, int(half / apart) + 2):
        start = middle + across * (k * apart + rng.normal(0, 7)) - along * half
        end = start + 2 * half * along + across * rng.normal(0, 25)
        rise, fall = rng.uniform(0.2, 0.7) * room, rng.normal(0, 0.15) * room
        for side in (-1, 1):
            for s in np.arange(rng.uniform(0, 13), 2 * half, rng.uniform(6.5, 10)):
                root = start + (end - start) * (s / (2 * half))
                if not (-apart < root[0] < scene.height_um + apart and -apart < root[1] < scene.width_um + apart):
                    continue
                lean = turn + side * rng.uniform(0.6, 0.85)
                tip = root + apart * rng.uniform(0.75, 1.15) * np.array([np.sin(lean), np.cos(lean)])
                one = stroke(scene, tuple(root), tuple(tip), margin_um=3.5, bend=-side * rng.uniform(0.02, 0.08))
                if one is None:
                    continue
                knots = 0.5 + 0.5 * np.cos(one.along * np.float32(2 * np.pi * one.length_um / 8.5))
                wide = np.float32(1.35) * np.clip(1.15 - 0.8 * one.along, 0.2, 1.2) * (0.75 + 0.4 * knots**3)
                body = edge(wide - one.away_um, soft)
                amount = body * np.clip(0.38 + 0.35 * knots**3 + 0.1 * fine[one.box], 0.03, 2)
                high = np.float32(rise + fall * s / half) + np.float32(side * 0.12 * room) * np.clip(one.along, 0, 1)
                scene.lay(tinted(amount, dye), 0.075 * body, height_um=high, at=one.box)
        one = stroke(scene, tuple(start), tuple(end), margin_um=9)
        if one is not None:
            wide = np.float32(5.5) + 0.5 * cloud[one.box]
            body = edge(wide - one.away_um, soft)
            rim = edge(0.9 - np.abs(one.away_um - wide + 0.6), 1.2)
            pith = 0.3 + 0.25 * np.clip(fine[one.box], -1, 2) + 0.1 * cloud[one.box]
            scene.lay(
                tinted(body * np.clip(pith, 0.03, 2) + 0.5 * rim, dye),
                0.1 * body + 0.07 * rim,
                height_um=np.float32(rise) + np.float32(2 * fall) * one.along,
                at=one.box,
            )


def paint_fibres(scene: Scene) -> None:
    """Paint textile fibres and hairs: cotton ribbons, scaly wool, smooth nylon, all across one another."""
    rng, p = scene.rng, scene.pixel_um
    fine, cloud = scene.noise(8, slope=0.85), scene.noise(150, finest_um=3, slope=1.2)
    scene.lay(tinted(np.clip(0.01 + 0.005 * cloud + 0.005 * fine, 0, 1), mixed(grey=1.0)), 0.004 * fine)
    dust = scene.granules(0.0008, 0.8)
    scene.lay(tinted(dust, mixed(grey=0.3, chitin=0.2)), 0.05 * dust)
    dyes = [
        mixed(aniline_blue=0.9),
        mixed(safranin=0.9),
        mixed(chitin=0.8, melanin=0.4),
        mixed(grey=0.35),
        mixed(melanin=1.6),
        mixed(fast_green=0.8),
        mixed(none=0.25, grey=0.12),
        mixed(none=0.25, grey=0.12),
    ]
    smooth = scene.noise(150, finest_um=25, slope=1.2)
    room, soft = scene.headroom_um, max(2 * p, 0.7)
    main = rng.uniform(0, np.pi)
    for _ in range(int(5 + min(scene.width_um, 1500) / 60 * rng.uniform(0.6, 1.5))):
        kind = str(rng.choice(["cotton", "wool", "nylon"]))
        radius = float({"cotton": rng.uniform(6, 10), "wool": rng.uniform(8, 15), "nylon": rng.uniform(6, 12)}[kind])
        turn = main + rng.normal(0, 0.7)
        waves = (rng.uniform(3, 22) if kind != "nylon" else 2.0, rng.uniform(0.7, 2.2))
        one = thread(scene, margin_um=radius * 1.5, turn=turn, bend=rng.normal(0, 0.06), waves=waves)
        if one is None:
            continue
        box, s = one.box, one.along * np.float32(one.length_um)
        dye = dyes[int(rng.integers(len(dyes)))]
        wide = np.full(s.shape, radius, np.float32)
        if kind == "cotton":
            twist = np.abs(np.sin(s * np.float32(np.pi / rng.uniform(70, 130)) + 0.5 * smooth[box]))
            wide *= 0.35 + 0.65 * twist
        inside = wide - one.away_um
        body = edge(inside, soft)
        up = np.sqrt(np.clip(1 - (one.away_um / wide) ** 2, 0, 1)).astype(np.float32)
        rim = edge(0.8 - np.abs(inside - 0.7), 1.2)
        amount = body * np.clip(0.3 + 0.2 * up + 0.08 * fine[box], 0.03, 2) + 0.35 * rim
        path = 0.2 * up * body + 0.05 * rim
        if kind == "wool":
            saw = (s / np.float32(11) + 0.6 * np.sin(one.across_um / np.float32(radius) * 2.2) + 0.25 * cloud[box]) % 1
            scales = edge(0.1 - saw, 0.08) * body
            core = edge(0.3 - np.abs(one.across_um) / np.float32(radius), 0.2) * np.clip(0.4 + 0.4 * fine[box], 0, 2)
            amount = amount + 0.3 * scales + 0.35 * core * body
            path = path + 0.07 * scales
        elif kind == "cotton":
            fold = edge(1.0 - np.abs(one.across_um - wide * np.float32(0.4) * np.sin(s / 23)), 1.2) * body
            amount = amount + 0.25 * fold
        else:
            specks = scene.granules(0.02, 0.5, at=box) * body
            amount = amount + 0.3 * specks
        high = np.float32(rng.uniform(0.1, 0.9) * room) + np.float32(rng.normal(0, 0.3) * room) * (one.along - 0.5)
        scene.lay(tinted(amount, dye), path, height_um=high + 0.3 * wide * up, thickness_um=wide * up * 0.6, at=box)
