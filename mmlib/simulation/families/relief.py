"""How the specimen lies in z: flat, tilted, bumpy or in overlapping layers, and which slice each height belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import unknown
from mmlib.simulation.families.texture import Map, noise

RELIEFS = ("flat", "tilted", "bumpy", "thick")
"""The kinds of relief; ``thick`` is two bumpy layers, one above the other."""


def draw_relief(
    kind: str, shape: tuple[int, int], rng: np.random.Generator, *, pixel_um: float, depth_um: float
) -> Map:
    """Draw a surface.

    Args:
        kind: a name of `RELIEFS`; one layer of ``thick`` is bumpy.
        shape: (H, W).
        rng: where the luck comes from.
        pixel_um: edge of a pixel, micrometres.
        depth_um: distance between the lowest and the highest point; a flat surface uses a twelfth of it.

    Returns:
        (H, W) float32 heights in micrometres, their middle at 0.

    Raises:
        InputError: if the kind is not known.
    """
    if kind not in RELIEFS:
        raise unknown("relief", kind, RELIEFS)
    size_um = pixel_um * max(shape)
    bumps = noise(shape, rng, pixel_um=pixel_um, coarsest_um=size_um * 2, finest_um=size_um * 0.16, slope=1.6)
    turn = rng.uniform(0, 2 * np.pi)
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    tilt = np.float32(np.sin(turn)) * rows + np.float32(np.cos(turn)) * columns
    share = {"flat": 0.2, "tilted": 1.4, "bumpy": 0.25, "thick": 0.15}[kind]
    lay = np.float32(share) * tilt + np.float32(0.22 if kind == "tilted" else 0.45) * bumps
    lay -= lay.min()
    reach = float(lay.max())
    depth = depth_um / 12 if kind == "flat" else depth_um
    surface: Map = ((lay / np.float32(reach or 1.0) - np.float32(0.5)) * np.float32(depth)).astype(np.float32)
    return surface


def membership(
    height_um: NDArray[np.float32] | float, z_um: NDArray[np.float32], thickness_um: NDArray[np.float32] | float = 0.0
) -> NDArray[np.float32]:
    """Say how much of something at a height belongs to each slice: soft, and in all exactly 1.

    Something thin is shared between the slice above and the slice below; something thick is spread evenly.

    Args:
        height_um: (...) height of its middle; outside the slices it counts as the nearest slice.
        z_um: (L,) heights of the slices, ascending and evenly spaced.
        thickness_um: (...) how thick it is.

    Returns:
        (L, ...) float32, sums to 1 over the slices.
    """
    if len(z_um) == 1:
        return np.ones((1, *np.shape(height_um)), np.float32)
    step = np.float32(z_um[1] - z_um[0])
    at = (np.asarray(height_um, np.float32) - np.float32(z_um[0])) / step
    half = np.asarray(thickness_um, np.float32) / (2 * step)
    last = np.float32(len(z_um) - 1)
    if np.max(half) <= 0.02:
        at = np.clip(at, 0, last)
        return np.stack([np.clip(1 - np.abs(at - np.float32(i)), 0, 1) for i in range(len(z_um))])
    half = np.maximum(half, 0.02)
    low, high = np.clip(at - half, 0, last - 0.04), np.clip(at + half, 0.04, last)
    shares = [
        (_hat_area(high - np.float32(i)) - _hat_area(low - np.float32(i))) / (high - low) for i in range(len(z_um))
    ]
    return np.stack(shares).astype(np.float32)


def _hat_area(t: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the area under a hat function of width 2 and height 1 to the left of t."""
    t = np.clip(t, -1, 1)
    area: NDArray[np.float32] = np.where(t < 0, (t + 1) ** 2 / 2, 1 - (1 - t) ** 2 / 2)
    return area
