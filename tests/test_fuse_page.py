"""The Fuse page's extras without a browser: frames by hand and by the judge, methods beside, maps, numbers, regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_stacks import own_folders, two_halves, wait_for

from mmlib import fusing
from mmlib.errors import InputError
from mmlib.metrics.reference import psnr
from mmlib.pages import links
from mmlib.pages.fuse import FuseView
from mmlib.pages.fuse_choices import FuseChoices
from mmlib.pages.fuse_frames import frames_text, frames_words, kept_frames, toggled_frame
from mmlib.pages.fuse_state import FuseState
from mmlib.pages.recipes import as_python
from mmlib.pipeline import open_frames, retouch
from mmlib.pipeline.retouched import Patch, soft
from mmlib.specimens import truth_of
from mmlib.stacks import from_array, parse_frames
from mmlib.widgets import Pick

K, H, W = 9, 96, 144


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_folders(tmp_path, monkeypatch, two_halves(H, W))


@given(st.sets(st.integers(0, 40), min_size=1))
def test_a_choice_of_frames_survives_being_written(chosen: set[int]) -> None:
    text = frames_text(sorted(chosen), 41)
    assert parse_frames(text or ":", 41) == sorted(chosen)


def test_frames_go_out_and_in_by_hand() -> None:
    assert frames_text(range(9), 9) == ""
    assert toggled_frame("", 4, 9) == "0:4,5:9"
    assert toggled_frame("0:4,5:9", 4, 9) == ""
    assert toggled_frame("3", 7, 9) == "3,7"
    with pytest.raises(InputError, match="at least one frame must stay"):
        toggled_frame("3", 3, 9)


def test_the_judge_says_what_it_leaves_out() -> None:
    keep = [{"frame": i, "verdict": "sharp" if 4 <= i < 7 else "blurred"} for i in range(11)]
    keep[5]["verdict"] = "duplicate"
    text, words = kept_frames(keep, 11)
    assert text == "2:5,6:9"  # two on either side of the sharp ones
    assert words == "6 of 11 frames: the sharp ones and 2 beside them; left out: 4 blurred, 1 duplicate"
    with pytest.raises(InputError, match="no frame sharp"):
        kept_frames([{"frame": 0, "verdict": "blank"}], 1)


def test_the_judge_chooses_on_the_page(data: Path) -> None:
    state = FuseState()
    state.open("leaf.npy")
    state.ask_judge()
    wait_for(lambda: state.phase == "ready")
    assert state.error == ""
    kept = state.chosen
    assert 2 in kept
    assert state.said.startswith(f"{len(state.chosen)} of {K} frames: the sharp ones")
    state.toggle_frame(K - 1)
    assert set(state.chosen) ^ set(kept) == {K - 1}
    state.undo()
    assert state.chosen == kept


def test_methods_stand_beside_each_other_with_numbers(data: Path) -> None:
    state = FuseState()
    state.open("pollen", speed=4)
    state.choose(method="mean", beside=("pyramid", "blend"), align="off")
    state.start()
    wait_for(lambda: [one.method for one in state.results] == ["mean", "pyramid", "blend"])
    wait_for(lambda: len(state.beside.numbers.whole) == 3)
    truth = truth_of("pollen")
    assert truth is not None
    numbers = {n["name"]: n["value"] for n in state.beside.numbers.whole["pyramid"]}
    direct = fusing.fuse(open_frames("pollen", speed=4), method="pyramid", align="off")
    assert numbers["psnr"] == pytest.approx(psnr(direct.picture, truth.picture), abs=0.01)
    assert 0 < numbers["q_abf"] < 1
    state.choose(region=(40, 60, 50, 40))
    box = direct.picture[60:100, 40:90], truth.picture[60:100, 40:90]
    wait_for(lambda: len(state.beside.numbers.region) == 3)
    inside = {one["name"]: one["value"] for one in state.beside.numbers.of("pyramid")}
    assert inside["region_psnr"] == pytest.approx(psnr(*box), abs=0.01)
    view = FuseView(state)
    assert [pane.title for pane in view.view.panes] == ["Stack", "mean", "pyramid", "blend"]
    assert "Q_AB/F" in view.table.value
    state.choose(shows="difference")
    assert [pane.title for pane in view.view.panes] == ["pyramid − mean", "blend − mean"]
    state.choose(truth=True)
    assert [pane.title for pane in view.view.panes] == [f"{n} − Truth" for n in ("mean", "pyramid", "blend")]
    state.choose(shows="spectrum", beside=("blend",))
    assert len(view.view.panes) == 3
    choices, trouble = links.from_query(FuseChoices, state.to_query())
    assert trouble == ""
    assert choices == state.choices


def test_a_pixel_tells_its_frame_and_the_maps_their_meaning(data: Path) -> None:
    state = FuseState()
    state.open("leaf.npy")
    state.choose(method="pyramid", frames="1:8", align="off")
    state.start()
    wait_for(lambda: state.phase == "done")
    view = FuseView(state)
    for name in ("depth", "relief", "origin"):
        state.choose(**{name: True})
    panes = view.view.panes
    assert [pane.title for pane in panes] == ["Stack", "Fused", "Depth", "Relief", "Which frame"]
    assert all(pane.legend is not None for pane in panes[2:])
    left, right = view.panes.spot(20, 48), view.panes.spot(120, 48)
    assert left is not None
    assert right is not None
    assert (left.frame, right.frame) == (2, 6)  # of the whole stack, though only some frames were fused
    view._picked(Pick(120.2, 48.9, 0, 1))
    assert view.view.index == 6
    assert "Pixel 120, 48 is from frame 7" in view.spot.value
    assert view.panes.spot(-1, 5) is None


def test_a_method_beside_that_fails_is_said_and_the_others_stand(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InputError("the weights of ifcnn are missing: run mmlib train fuse-ifcnn")

    monkeypatch.setitem(fusing.METHODS, "wavelet", broken)
    state = FuseState()
    state.open("leaf.npy")
    state.choose(method="mean", beside=("wavelet",), align="off")
    assert not state.stale
    state.start()
    wait_for(lambda: state.phase == "done" and state.beside.attempts["wavelet"].ended)
    assert [one.method for one in state.results] == ["mean"]
    assert "the weights of ifcnn are missing" in FuseView(state).others.value
    state.choose(beside=("pyramid",))
    assert state.stale  # what is chosen beside has not been fused


def test_a_preference_stays_with_methods_that_have_one(data: Path) -> None:
    state = FuseState()
    state.open("leaf.npy")
    state.choose(method="learned", prefer="near")
    assert state.choices.prefer == "near"
    state.choose(method="pyramid")
    assert state.choices.prefer == "clearest"
    state.choose(prefer="nearest")
    assert "unknown preference" in state.error


# ---- retouching


def test_a_place_comes_from_one_frame_with_a_soft_edge() -> None:
    stack = from_array(two_halves(H, W))
    fused = fusing.fuse(stack, method="mean", align="off")
    made = retouch(fused, stack, "40,30,40,40,6")
    frame = stack.picture(6)
    np.testing.assert_allclose(made.picture[45:55, 55:65], frame[45:55, 55:65], atol=1e-6)
    outside = soft(Patch(40, 30, 40, 40, 6), fused.picture.shape) == 0
    np.testing.assert_allclose(made.picture[outside], fused.picture[outside], atol=1 / 65535)
    assert outside.sum() == outside.size - 40 * 40
    assert set(made.index[45:55, 55:65].ravel()) == {6}
    assert made.parameters["retouched"] == "40,30,40,40,6"
    whole = soft(Patch(0, 0, 144, 96, 0), (96, 144))
    assert (whole == 1).all()  # no soft edge along the picture's own


@pytest.mark.parametrize(
    ("patches", "words"),
    [
        ("1,2,3", "x,y,width,height,frame"),
        ("1,2,0,4,5", "a width and a height"),
        ("1,2,3,4,99", "frames 0 to 8 were fused"),
        ("900,2,3,4,1", "lies outside the picture"),
    ],
)
def test_a_wrong_place_is_one_sentence(patches: str, words: str) -> None:
    stack = from_array(two_halves(H, W))
    with pytest.raises(InputError, match=words):
        retouch(fusing.fuse(stack, method="mean", align="off"), stack, patches)


def test_retouching_on_the_page_is_undone_and_gives_the_bytes_of_python(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = FuseState()
    state.open("leaf.npy")
    state.choose(method="blend", frames="1:8", align="on")
    state.take_region(3)
    assert state.error.startswith("fuse, then draw")
    state.start()
    wait_for(lambda: state.phase == "done")
    assert state.result is not None
    plain = state.result.file("fused.png").read_bytes()
    state.choose(region=(20, 10, 50, 40))
    state.take_region(0)
    assert "frame 1 was not fused" in state.error
    state.take_region(6)
    wait_for(lambda: state.retouched_places == 1)
    assert state.choices.patches == "20,10,50,40,5"
    retouched = state.result.file("fused.png").read_bytes()
    assert retouched != plain
    view = FuseView(state)
    spot = view.panes.spot(40, 30)
    assert spot is not None
    assert spot.frame == 6
    monkeypatch.chdir(tmp_path)
    exec(compile(as_python(state.choices), "copied", "exec"), {})
    assert (tmp_path / "fused.png").read_bytes() == retouched
    choices, trouble = links.from_query(FuseChoices, state.to_query())
    assert (choices, trouble) == (state.choices, "")
    state.undo()
    assert state.retouched_places == 0
    assert state.result.file("fused.png").read_bytes() == plain


def test_the_frames_of_a_choice_are_named_as_the_viewer_counts_them() -> None:
    assert frames_words("", 10) == ""
    assert frames_words("3:8:2", 10).startswith("3 of 10 frames: 4, 6, 8 in the viewer")
    assert frames_words("0:9", 10).startswith("9 of 10 frames: 1, 2, 3, …, 9 in the viewer")
    assert frames_words("many", 10) == ""
