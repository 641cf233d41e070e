"""Plant tissue as Voronoi cells: where each cell lies and how far every point is from its wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmlib.simulation.families.scene import Scene
from mmlib.simulation.families.texture import Map


@dataclass(frozen=True)
class Cells:
    """A tissue of cells.

    Attributes:
        label: (H, W) number of the cell at each pixel.
        wall_um: (H, W) distance to the middle of the nearest wall.
        corner_um: (H, W) distance to the second nearest wall: small where three cells meet.
        y_um: (N,) middle of each cell.
        x_um: (N,) middle of each cell.
    """

    label: NDArray[np.int32]
    wall_um: Map
    corner_um: Map
    y_um: NDArray[np.float32]
    x_um: NDArray[np.float32]

    def each(self, values: NDArray[np.floating]) -> Map:
        """Give every pixel the value of its cell: (N,) becomes (H, W)."""
        spread: Map = np.asarray(values, np.float32)[self.label]
        return spread


def strewn(scene: Scene, size_um: Map | float, *, even: int = 3, margin_um: float | None = None) -> NDArray[np.float32]:
    """Strew the middles of cells, denser where cells are small, and even them out.

    Args:
        scene: the bench.
        size_um: mean diameter of a cell, a number or a (H, W) map.
        even: steps of Lloyd's relaxation: 0 is wild, 4 is a honeycomb.
        margin_um: how far beyond the scene cells are strewn; one diameter if None.

    Returns:
        (N, 2) y and x in micrometres.

    Source: Lloyd, Least squares quantization in PCM, 1982, doi:10.1109/TIT.1982.1056489.
    """
    from scipy.spatial import cKDTree

    sizes = np.broadcast_to(np.asarray(size_um, np.float32), scene.shape)
    margin = float(sizes.max()) if margin_um is None else margin_um
    rows = np.linspace(-margin, scene.height_um + margin, 180)
    columns = np.linspace(-margin, scene.width_um + margin, 240)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    nearest = np.clip((grid / scene.pixel_um).astype(int), 0, np.array(scene.shape) - 1)
    local = sizes[nearest[:, 0], nearest[:, 1]]
    share = 1 / (0.8 * local**2)
    cell_um2 = (rows[1] - rows[0]) * (columns[1] - columns[0])
    count = int(np.clip(share.sum() * cell_um2, 4, 12000))
    chosen = scene.rng.choice(len(grid), count, p=share / share.sum())
    points = grid[chosen] + scene.rng.uniform(-0.5, 0.5, (count, 2)) * (rows[1] - rows[0], columns[1] - columns[0])
    for _ in range(even):
        owner = cKDTree(points).query(grid)[1]
        mass = np.bincount(owner, share, count)
        full = mass > 0
        for axis in (0, 1):
            points[full, axis] = (np.bincount(owner, share * grid[:, axis], count)[full]) / mass[full]
    middles: NDArray[np.float32] = points.astype(np.float32)
    return middles


def bricks(scene: Scene, wide_um: float, long_um: float, turn: float) -> NDArray[np.float32]:
    """Lay the middles of long cells in rows, like bricks that are not quite alike.

    Args:
        scene: the bench.
        wide_um: width of a row.
        long_um: mean length of a cell.
        turn: direction of the rows, radians.

    Returns:
        (N, 2) y and x in micrometres, well beyond the scene on every side.
    """
    half = float(np.hypot(scene.height_um, scene.width_um)) / 2 + 2 * long_um
    across, along = np.arange(-half, half, wide_um), np.arange(-half, half, long_um)
    v = across[:, None] + scene.rng.normal(0, 0.1 * wide_um, (len(across), len(along)))
    u = along[None, :] + scene.rng.uniform(0, long_um, (len(across), 1))
    u = u + scene.rng.normal(0, 0.16 * long_um, v.shape)
    y = scene.height_um / 2 + u * np.sin(turn) + v * np.cos(turn)
    x = scene.width_um / 2 + u * np.cos(turn) - v * np.sin(turn)
    near = (np.abs(y - scene.height_um / 2) < scene.height_um / 2 + 2 * long_um) & (
        np.abs(x - scene.width_um / 2) < scene.width_um / 2 + 2 * long_um
    )
    middles: NDArray[np.float32] = np.stack([y[near], x[near]], -1).astype(np.float32)
    return middles


def grown(
    scene: Scene, points: NDArray[np.float32], *, wobble_um: float = 0.0, longer: float = 1.0, turn: float = 0.0
) -> Cells:
    """Grow cells around their middles until they meet.

    Args:
        scene: the bench.
        points: (N, 2) middles, y and x in micrometres.
        wobble_um: how far walls bend away from straight.
        longer: how many times longer than wide the cells are, along x.
        turn: direction of their long axis, radians.

    Returns:
        The cells.

    Source: Worley, A cellular texture basis function, 1996, doi:10.1145/237170.237267.
    """
    from scipy.spatial import cKDTree

    y = np.broadcast_to(scene.y_um, scene.shape)
    x = np.broadcast_to(scene.x_um, scene.shape)
    if wobble_um > 0:
        coarse = max(45 * wobble_um, 24 * scene.pixel_um)
        y = y + np.float32(wobble_um) * scene.noise(coarse, finest_um=coarse / 4, slope=1.2)
        x = x + np.float32(wobble_um) * scene.noise(coarse, finest_um=coarse / 4, slope=1.2)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))

    def shrunk(y: NDArray[np.float32], x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([y * cos - x * sin, (x * cos + y * sin) / np.float32(longer)], -1)

    where = shrunk(y, x).reshape(-1, 2)
    seeds = shrunk(points[:, 0], points[:, 1])
    near = min(3, len(points))
    far, who = cKDTree(seeds).query(where, k=near)
    far = far.reshape(len(where), near).astype(np.float32)
    who = who.reshape(len(where), near)
    first = seeds[who[:, 0]]
    walls = []
    for other in range(1, near):
        apart = np.linalg.norm(first - seeds[who[:, other]], axis=1).astype(np.float32)
        walls.append((far[:, other] ** 2 - far[:, 0] ** 2) / (2 * np.maximum(apart, 1e-6)))
    while len(walls) < 2:
        walls.append(np.full(len(where), 1e6, np.float32))
    nearest, second = np.minimum(walls[0], walls[1]), np.maximum(walls[0], walls[1])
    return Cells(
        label=who[:, 0].reshape(scene.shape).astype(np.int32),
        wall_um=nearest.reshape(scene.shape).astype(np.float32),
        corner_um=second.reshape(scene.shape).astype(np.float32),
        y_um=points[:, 0],
        x_um=points[:, 1],
    )
