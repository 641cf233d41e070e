"""Make a specimen: of a family, or of any picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.pictures import as_picture
from mmlib.simulation.families.registry import FAMILIES
from mmlib.simulation.families.relief import RELIEFS, draw_relief
from mmlib.simulation.families.scene import Scene
from mmlib.simulation.families.texture import Map, edge, noise
from mmlib.simulation.specimen import Specimen


def build(
    family: str,
    *,
    height: int,
    width: int,
    pixel_um: float | None = None,
    generator: torch.Generator,
    relief: str | None = None,
    depth_um: float | None = None,
    slices: int | None = None,
    device: torch.device | str | None = None,
) -> Specimen:
    """Draw a specimen of a family.

    Args:
        family: a name of `FAMILIES`.
        height: rows.
        width: columns.
        pixel_um: edge of a pixel in micrometres; the family's own if None.
        generator: where all luck comes from.
        relief: a name of `RELIEFS`; one that suits the family if None.
        depth_um: height of the relief; drawn from the family's range if None.
        slices: into how many slices it is cut; the family's own if None.
        device: where the tensors shall live; the CPU if None.

    Returns:
        The specimen; its ``seed`` is the number that was drawn from the generator.

    Raises:
        InputError: if the family or the relief is not known, or a size is not positive.
    """
    if family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    if relief is not None and relief not in RELIEFS:
        raise unknown("relief", relief, RELIEFS)
    kind = FAMILIES[family]
    pixel = kind.pixel_um if pixel_um is None else pixel_um
    count = kind.slices if slices is None else slices
    _check(height, width, pixel, depth_um, count)
    seed, rng = _luck(generator)
    lie = relief if relief is not None else str(rng.choice(kind.reliefs))
    drawn = float(np.exp(rng.uniform(*np.log(kind.depth_um))))
    depth = drawn if depth_um is None else depth_um
    shape = (height, width)
    bases = _layers(lie, shape, rng, pixel, depth)
    low = min(float(base.min()) for base, _ in bases) - 0.08 * kind.headroom_um
    high = max(float(base.max()) for base, _ in bases) + kind.headroom_um
    z_um = np.linspace(low, high, count, dtype=np.float32) if count > 1 else np.array([(low + high) / 2], np.float32)
    scene = Scene(bases[0][0], z_um, pixel, rng)
    for base, cover in bases:
        scene.base_um, scene.cover = base, cover
        scene.style = np.random.default_rng([seed, 1])
        kind.paint(scene)
    return scene.specimen(family, seed, device)


def from_texture(
    picture: NDArray[Any],
    *,
    pixel_um: float,
    generator: torch.Generator,
    height: int | None = None,
    width: int | None = None,
    relief: str | None = None,
    depth_um: float | None = None,
    slices: int = 7,
    phase_um: float = 0.08,
    name: str = "texture",
    device: torch.device | str | None = None,
) -> Specimen:
    """Make a specimen of any picture: its colours absorb, its darkness also delays, a drawn relief bends it.

    Args:
        picture: (H, W) or (H, W, 3), as `pictures.as_picture` takes it.
        pixel_um: edge of a pixel in micrometres.
        generator: where all luck comes from.
        height: rows to cut, from anywhere in the picture; all if None. A smaller picture is mirrored at its edges.
        width: columns to cut.
        relief: a name of `RELIEFS`; any if None.
        depth_um: height of the relief; 60 to 800 squared pixels if None: a few depths of field of an
            objective that the pixel suits.
        slices: into how many slices it is cut.
        phase_um: optical path of the darkest part, micrometres; as much is added in fine texture of its own.
        name: what to call it.
        device: where the tensors shall live; the CPU if None.

    Returns:
        The specimen.

    Raises:
        InputError: if the picture is none, the relief is not known, or a size is not positive.
    """
    source = as_picture(picture, "the texture")
    colour = np.repeat(source[:, :, None], 3, axis=2) if source.ndim == 2 else source
    rows, columns = height or colour.shape[0], width or colour.shape[1]
    if relief is not None and relief not in RELIEFS:
        raise unknown("relief", relief, RELIEFS)
    _check(rows, columns, pixel_um, depth_um, slices)
    if not np.isfinite(phase_um):
        raise InputError(f"phase_um must be a finite number of micrometres; got {phase_um}")
    seed, rng = _luck(generator)
    lie = relief if relief is not None else str(rng.choice(RELIEFS))
    depth = float(np.exp(rng.uniform(np.log(60), np.log(800)))) * pixel_um**2 if depth_um is None else depth_um
    bases = _layers(lie, (rows, columns), rng, pixel_um, depth)
    low, high = min(float(b.min()) for b, _ in bases), max(float(b.max()) for b, _ in bases)
    z_um = np.linspace(low, high + 1e-3, slices, dtype=np.float32)
    scene = Scene(bases[0][0], z_um, pixel_um, rng)
    for base, cover in bases:
        scene.base_um, scene.cover = base, cover
        part = _cut(colour, rows, columns, rng)
        white = np.maximum(np.percentile(part, 99, axis=(0, 1)), 0.05).astype(np.float32)
        density = -np.log(np.clip(part / white, 0.01, 1.0))
        dark = density.mean(2)
        own = scene.noise(20 * pixel_um, slope=0.9) * np.clip(dark / max(float(dark.mean()), 1e-3), 0.1, 3)
        path = np.float32(phase_um) * (dark / max(float(dark.max()), 1e-3) + np.float32(0.25) * own)
        scene.lay(np.moveaxis(density, 2, 0).copy(), path.astype(np.float32))
    return scene.specimen(name, seed, device)


def _check(height: int, width: int, pixel_um: float, depth_um: float | None, slices: int) -> None:
    """Raise unless every size is positive."""
    if min(height, width) < 1:
        raise InputError(f"height and width must be at least 1 pixel; got {height} x {width}")
    if not (np.isfinite(pixel_um) and pixel_um > 0):
        raise InputError(f"pixel_um must be positive; got {pixel_um}")
    if depth_um is not None and not (np.isfinite(depth_um) and depth_um > 0):
        raise InputError(f"depth_um must be positive; got {depth_um}")
    if slices < 1:
        raise InputError(f"a specimen needs at least one slice; got {slices}")


def _luck(generator: torch.Generator) -> tuple[int, np.random.Generator]:
    """Draw a seed from the caller's generator, and numpy's luck from the seed."""
    seed = int(torch.randint(0, 2**62, (1,), generator=generator, device=generator.device).item())
    return seed, np.random.default_rng(seed)


def _layers(
    lie: str, shape: tuple[int, int], rng: np.random.Generator, pixel_um: float, depth_um: float
) -> list[tuple[Map, Map | None]]:
    """Give the surface of each layer and how much of it is there: two for ``thick``, one for the rest."""
    if lie != "thick":
        return [(draw_relief(lie, shape, rng, pixel_um=pixel_um, depth_um=depth_um), None)]
    reach = pixel_um * max(shape)
    layers: list[tuple[Map, Map | None]] = []
    for side in (-1, 1):
        surface = draw_relief("thick", shape, rng, pixel_um=pixel_um, depth_um=depth_um * 0.4)
        torn = noise(shape, rng, pixel_um=pixel_um, coarsest_um=reach, finest_um=reach * 0.02, slope=1.7)
        cover = edge((torn + np.float32(0.35)) * np.float32(0.2 * reach), 3 * pixel_um) if side > 0 else None
        layers.append((surface + np.float32(side * 0.3 * depth_um), cover))
    return layers


def _cut(picture: NDArray[np.float32], rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut a part from anywhere, turned and mirrored at will; what is too small is mirrored at its edges."""
    turned: NDArray[np.float32] = np.rot90(picture, int(rng.integers(4)))
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    down, right = max(rows - turned.shape[0], 0), max(columns - turned.shape[1], 0)
    if down or right:
        turned = np.pad(turned, ((0, down), (0, right), (0, 0)), mode="symmetric")
    top = int(rng.integers(turned.shape[0] - rows + 1))
    left = int(rng.integers(turned.shape[1] - columns + 1))
    return np.ascontiguousarray(turned[top : top + rows, left : left + columns])
