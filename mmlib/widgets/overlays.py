"""What is laid over the pictures of a view: a grid of cells, a translucent picture, a rectangle, a line, points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.widgets.cell_grid import CellGrid


@dataclass(frozen=True)
class Cell:
    """One square of a grid, in picture px, with a level 0..1 that gives its colour.

    Attributes:
        x: left edge.
        y: upper edge.
        width: width.
        height: height.
        level: 0..1, or None for an outline only.
        label: a few letters, drawn when the cell is large enough on screen.
        plane: the plane it belongs to; None shows it on every plane.
    """

    x: float
    y: float
    width: float
    height: float
    level: float | None = None
    label: str = ""
    plane: int | None = None


@dataclass(frozen=True)
class Grid:
    """Cells coloured by level; `pane` is the pane it lies over, None for all; `name` stands in the legend."""

    cells: Sequence[Cell]
    name: str = "cells"
    opacity: float = 0.35
    pane: int | None = None


@dataclass(frozen=True, eq=False)
class Tint:
    """A picture with transparency laid over another: (H, W, 4) or (H, W, 3), uint8; stretched over the whole pane."""

    picture: NDArray[np.uint8]
    name: str = "tint"
    opacity: float = 0.5
    pane: int | None = None


@dataclass(frozen=True)
class Rectangle:
    """A rectangle in picture px."""

    x: float
    y: float
    width: float
    height: float
    name: str = ""
    pane: int | None = None


@dataclass(frozen=True)
class Line:
    """A line between two points in picture px."""

    x0: float
    y0: float
    x1: float
    y1: float
    name: str = ""
    pane: int | None = None


@dataclass(frozen=True)
class Points:
    """Points in picture px: a sequence of (x, y)."""

    points: Sequence[tuple[float, float]]
    name: str = ""
    pane: int | None = None


Overlay = Grid | CellGrid | Tint | Rectangle | Line | Points


def describe(overlay: Overlay) -> dict[str, Any]:
    """Say what the browser must know to draw an overlay.

    Args:
        overlay: one of the kinds of this module.

    Returns:
        Plain values and, for a tint, the bytes of a PNG.
    """
    told: dict[str, Any] = {"type": type(overlay).__name__.lower(), "name": overlay.name, "pane": overlay.pane}
    match overlay:
        case Grid():
            told["opacity"] = overlay.opacity
            told["cells"] = [
                [c.x, c.y, c.width, c.height, None if c.level is None else round(float(c.level), 4), c.label, c.plane]
                for c in overlay.cells
            ]
        case CellGrid():
            told |= overlay.describe()
        case Tint():
            told["opacity"] = overlay.opacity
            told["png"] = _png(overlay.picture)
        case Rectangle():
            told["box"] = [overlay.x, overlay.y, overlay.width, overlay.height]
        case Line():
            told["ends"] = [overlay.x0, overlay.y0, overlay.x1, overlay.y1]
        case Points():
            told["points"] = [[float(x), float(y)] for x, y in overlay.points]
    return told


def _png(picture: NDArray[np.uint8]) -> bytes:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (3, 4):
        raise InputError(f"a tint is (H, W, 3) or (H, W, 4) uint8; got {picture.shape} {picture.dtype}")
    code = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, coded = cv2.imencode(".png", cv2.cvtColor(picture, code), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return coded.tobytes()


def coloured(values: NDArray[Any], *, low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Colour a map of numbers, such as a depth map, dark blue (low) over green to yellow (high).

    Args:
        values: (H, W), any number type; values that are not finite become transparent.
        low: the value of the first colour; the smallest finite value where not given.
        high: the value of the last colour; the greatest finite value where not given.

    Returns:
        (H, W, 4), uint8, RGBA.

    Raises:
        InputError: if the map does not have two axes.
    """
    if values.ndim != 2:
        raise InputError(f"a map to colour is (H, W); its shape is {values.shape}")
    number = values.astype(np.float32)
    known = np.isfinite(number)
    first = float(number[known].min()) if low is None and known.any() else float(low or 0)
    last = float(number[known].max()) if high is None and known.any() else float(high or 0)
    share = np.where(known, (number - first) / max(last - first, 1e-12), 0)
    level = np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)
    painted = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGBA)
    painted[:, :, 3] = np.where(known, 255, 0)
    return np.asarray(painted, dtype=np.uint8)


def masked(mask: NDArray[np.bool_], colour: tuple[int, int, int] = (255, 96, 0)) -> NDArray[np.uint8]:
    """Paint the True pixels of a mask in one colour and leave the others transparent.

    Args:
        mask: (H, W), bool.
        colour: RGB, 0..255.

    Returns:
        (H, W, 4), uint8, RGBA.
    """
    painted = np.zeros((*mask.shape, 4), np.uint8)
    painted[mask] = (*colour, 255)
    return painted
