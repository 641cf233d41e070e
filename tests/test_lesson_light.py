"""The lesson on light and defocus runs from top to bottom, its sliders to their ends, and what it says is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from ipywidgets import FloatSlider, IntSlider

LESSON = Path(__file__).resolve().parents[1] / "notebooks" / "lessons" / "light_and_defocus.ipynb"


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    """Everything that the lesson defines, of a smaller drop of blood, and the figures it drew on the way."""
    kept = matplotlib.get_backend()
    matplotlib.use("agg", force=True)
    drawn: list[int] = []

    def count_and_close() -> None:
        drawn.append(len(plt.gcf().axes))
        plt.close("all")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", count_and_close)
        names: dict[str, Any] = {"__name__": "lesson"}
        for cell in nbformat.read(LESSON, as_version=4).cells:
            if cell.cell_type == "code":
                assert cell.outputs == []
                exec(cell.source.replace("192", "96"), names)
        names["drawn"] = drawn
        yield names
    plt.close("all")
    matplotlib.use(kept, force=True)


def test_every_section_draws_something(lesson: dict[str, Any]) -> None:
    assert len(lesson["drawn"]) >= 5
    assert all(lesson["drawn"])


@pytest.mark.parametrize(
    ("section", "ends"),
    [
        ("turn", [(-8.0,), (8.0,)]),
        ("smear", [(0.5,), (8.0,)]),
        ("choose", [(0.1, 0.1, -8.0), (0.9, 1.0, 8.0)]),
        ("hurry", [(1,), (2,), (3,), (4,)]),
    ],
)
def test_sliders_go_to_their_ends(lesson: dict[str, Any], section: str, ends: list[tuple[float, ...]]) -> None:
    sliders = [w for w in lesson[section].widget.children if isinstance(w, FloatSlider | IntSlider)]
    assert [(s.min, s.max) for s in sliders] == [(min(c), max(c)) for c in zip(*ends, strict=True)]
    before = len(lesson["drawn"])
    for values in ends:
        lesson[section](*values)
    assert len(lesson["drawn"]) == before + len(ends)


def test_the_two_sides_of_focus_differ_and_a_clear_cell_shows_more_out_of_focus(lesson: dict[str, Any]) -> None:
    microscope = lesson["Microscope"](lesson["Objective"](0.65))
    below, above = (lesson["look"](lesson["blood"], microscope, z).mean(axis=2) for z in (-3.0, 3.0))
    assert np.abs(below - above).mean() > 0.01
    faint, low, high = (contrast(lesson["look"](lesson["clear"], microscope, z)) for z in (0.0, -3.0, 3.0))
    assert min(low, high) > 1.3 * faint


def contrast(picture: np.ndarray) -> float:
    """How much cells stand out; the finest grain is not counted."""
    return float(cv2.GaussianBlur(picture.mean(axis=2), (0, 0), 2.0).std())
