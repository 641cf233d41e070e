"""The Explore page without a browser: curves, best frames, histogram, profile, and what is said on failure."""

import csv
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from page_stacks import visitors_folder

from mmlib.pages import links
from mmlib.pages.explore_state import ExploreChoices, ExploreState
from mmlib.sharpness import focus_curve


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return visitors_folder(tmp_path, monkeypatch)


def test_exploring_finds_the_sharpest_frame_and_the_curves_of_the_library(data: Path) -> None:
    state = ExploreState()
    state.open("leaf.npy")
    assert state.error == ""
    assert state.stack is not None
    expected = focus_curve(state.stack, ["tenengrad", "laplacian"], state.visible)
    assert list(state.curves) == ["tenengrad", "laplacian"]
    for name, curve in expected.items():
        np.testing.assert_array_equal(state.curves[name], curve)
    assert state.plane == int(np.argmax(expected["tenengrad"]))
    state.choose_measures(("vollath4",))
    assert set(state.curves) == {"tenengrad", "laplacian", "vollath4"}
    rows = list(csv.reader(io.StringIO(state.curves_csv().decode())))
    assert rows[0] == ["frame", "z_um", "vollath4"]
    assert [float(row[2]) for row in rows[1:]] == list(state.curves["vollath4"])


def test_best_planes_tell_left_from_right(data: Path) -> None:
    state = ExploreState()
    state.open("leaf.npy")
    state.choose_overlay("planes")
    assert state.planes is not None
    best = state.planes.best
    columns = best.shape[1]
    assert set(best[:, : columns // 2 - 1].ravel()) <= {2, -1}
    assert set(best[:, columns // 2 + 1 :].ravel()) <= {6, -1}


def test_histogram_and_profile_agree_with_the_pixels(data: Path) -> None:
    state = ExploreState()
    state.open("leaf.npy", plane=3)
    assert state.stack is not None
    grey = cv2.cvtColor(state.stack[3], cv2.COLOR_RGB2GRAY)
    counts = np.histogram(grey, bins=64, range=(0, 256))[0]
    np.testing.assert_allclose(state.histogram(64), counts / grey.size, rtol=1e-6)
    assert len(state.profile()) == 0
    state.choose_line((10, 20, 60, 20))
    np.testing.assert_allclose(state.profile(), grey[20, 10:61] / 255, atol=1e-6)


def test_a_stack_that_cannot_be_opened_leaves_the_old_one_and_one_sentence(data: Path) -> None:
    state = ExploreState()
    state.open("leaf.npy")
    before = state.stack
    state.open("text.mp4")
    assert state.stack is before
    assert state.choices.source == "leaf.npy"
    assert state.error
    assert "\n" not in state.error
    state.choose_measures(("sharpnes",))
    assert "unknown focus measure" in state.error
    assert state.choices.measures == ("tenengrad", "laplacian")
    state.open("leaf.npy")
    assert state.error == ""


def test_a_link_opens_the_same_view_again(data: Path) -> None:
    state = ExploreState()
    state.open("leaf.npy")
    state.show_plane(5)
    state.choose_line((1, 2, 30, 40))
    choices, trouble = links.from_query(ExploreChoices, state.to_query())
    again = ExploreState(choices)
    again.open(choices.source, speed=choices.speed, plane=choices.plane)
    assert trouble == ""
    assert again.choices == state.choices
    assert again.to_query() == state.to_query()
