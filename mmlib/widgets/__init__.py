"""The parts of a page that are our own: the view of stacks, the plot of focus curves, and the upload in pieces."""

from mmlib.widgets.curve_plot import CurvePlot
from mmlib.widgets.overlays import Cell, Grid, Line, Points, Rectangle, Tint, coloured, masked
from mmlib.widgets.panes import Pane
from mmlib.widgets.stack_view import Pick, StackView
from mmlib.widgets.upload import ChunkedUpload

__all__ = [
    "Cell",
    "ChunkedUpload",
    "CurvePlot",
    "Grid",
    "Line",
    "Pane",
    "Pick",
    "Points",
    "Rectangle",
    "StackView",
    "Tint",
    "coloured",
    "masked",
]
