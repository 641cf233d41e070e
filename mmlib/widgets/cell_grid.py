"""A grid of cells over a stack, one code for every cell and plane, of which a cell can be pointed at and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import NDArray

from mmlib.errors import InputError


@dataclass(frozen=True)
class CellStyle:
    """How cells of one code look; what is empty is not drawn.

    Attributes:
        fill: CSS colour, best translucent.
        edge: CSS colour of the outline.
        hatch: CSS colour of diagonal lines, so that not colour alone tells kinds apart.
        label: a few letters, drawn when the cell is large enough on screen.
    """

    fill: str = ""
    edge: str = ""
    hatch: str = ""
    label: str = ""


@dataclass(frozen=True, eq=False)
class CellGrid:
    """Square cells in rows and columns; the browser steps through the planes without asking.

    Attributes:
        codes: (K, rows, columns), a number into `styles` for every cell and plane; with K = 1 the same on every plane.
        x: (columns,) left edges, picture px.
        y: (rows,) upper edges, picture px.
        size: edge of a cell, picture px.
        styles: how cells of each code look; codes beyond them are not drawn.
        name: stands in the legend.
        pane: the pane it lies over, None for all.
    """

    codes: NDArray[Any]
    x: Sequence[int]
    y: Sequence[int]
    size: int
    styles: Sequence[CellStyle]
    name: str = "cells"
    pane: int | None = None

    def describe(self) -> dict[str, Any]:
        """Say what the browser must know to draw it.

        Returns:
            Plain values, and the codes as bytes (16 bit, little endian).

        Raises:
            InputError: if there is not one code for every cell.
        """
        rows, columns = len(self.y), len(self.x)
        if self.codes.ndim != 3 or self.codes.shape[1:] != (rows, columns) or not self.codes.size:
            raise InputError(
                f"a grid of {rows} by {columns} cells needs codes (K, {rows}, {columns}); got {self.codes.shape}"
            )
        return {
            "planes": len(self.codes),
            "x": [int(x) for x in self.x],
            "y": [int(y) for y in self.y],
            "size": int(self.size),
            "styles": [asdict(style) for style in self.styles],
            "codes": self.codes.astype("<u2").tobytes(),
        }
