"""The parts of a page that are our own: the view of stacks, comparisons, the plot of curves, the upload in pieces."""

from mmlib.widgets.cell_grid import CellGrid, CellStyle
from mmlib.widgets.compare import (
    Compared,
    difference,
    difference_panes,
    ramp_legend,
    shaded,
    signed,
    spectrum,
    spectrum_panes,
)
from mmlib.widgets.curve_plot import CurvePlot
from mmlib.widgets.overlays import Cell, Grid, Line, Points, Rectangle, Tint, coloured, masked
from mmlib.widgets.panes import Legend, Pane
from mmlib.widgets.stack_view import Pick, StackView
from mmlib.widgets.upload import ChunkedUpload

__all__ = [
    "Cell",
    "CellGrid",
    "CellStyle",
    "ChunkedUpload",
    "Compared",
    "CurvePlot",
    "Grid",
    "Legend",
    "Line",
    "Pane",
    "Pick",
    "Points",
    "Rectangle",
    "StackView",
    "Tint",
    "coloured",
    "difference",
    "difference_panes",
    "masked",
    "ramp_legend",
    "shaded",
    "signed",
    "spectrum",
    "spectrum_panes",
]
