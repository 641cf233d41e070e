"""The plot of focus curves, without a browser: what is marked, what is left open, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.widgets import (
    CurvePlot,
)


def test_curves_mark_the_best_plane_and_leave_gaps_where_nothing_is_known():
    plot = CurvePlot({"a": [1, 5, 2], "b": np.array([np.nan, np.inf, 3.0])}, z_um=[0, 2, 4])
    first, second = plot._curves
    assert (first["best"], second["best"]) == (1, 2)
    assert second["values"] == [None, None, 3.0]
    plot.show({"a": [1, 5, 2, 0]}, best={"a": 3})
    assert plot._curves[0]["best"] == 3
    assert plot._z_um == []


def test_curves_of_unlike_length_are_refused():
    with pytest.raises(InputError, match="one value for each plane"):
        CurvePlot({"a": [1, 2], "b": [1]})
    with pytest.raises(InputError, match="one value for each plane"):
        CurvePlot().show({})
