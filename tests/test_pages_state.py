"""The pages without a browser: choices, links, opening, measuring, fusing, uploads, and what is said on failure."""

import csv
import io
import json
import shlex
import threading
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_stacks import own_folders, two_halves
from page_stacks import wait_for as until

import mmlib
from mmlib import jobs
from mmlib.errors import Cancelled, InputError
from mmlib.jobs import results_root
from mmlib.pages import background, deblur, explore, focus, fuse, links, pipeline
from mmlib.pages.deblur_state import DeblurChoices, DeblurState
from mmlib.pages.explore_state import ExploreChoices, ExploreState
from mmlib.pages.focus_choices import FocusChoices, made_whole
from mmlib.pages.focus_state import FocusState
from mmlib.pages.fuse_state import FuseChoices, FuseState
from mmlib.pages.home_state import HomeChoices, HomeState, recent
from mmlib.pages.pipeline_state import PipelineChoices, PipelineState
from mmlib.pages.recipes import as_command, as_python
from mmlib.pages.sources import check_allowed, named
from mmlib.pages.state import PageState
from mmlib.pipeline import write_fused
from mmlib.sharpness import MEASURES, focus_curve

K, H, W = 9, 96, 144


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = own_folders(tmp_path, monkeypatch, two_halves(H, W))
    (folder / "text.mp4").write_text("this is no film")
    (tmp_path / "secret.npy").write_bytes((folder / "leaf.npy").read_bytes())
    return folder


# links


@given(
    st.builds(
        ExploreChoices,
        source=st.text(max_size=30).map(str.strip),
        speed=st.none() | st.integers(1, 4),
        plane=st.none() | st.integers(0, 10_000),
        measures=st.lists(st.sampled_from(list(MEASURES)), max_size=4).map(tuple),
        overlay=st.sampled_from(["none", "field", "planes"]),
        line=st.none() | st.tuples(*[st.integers(0, 9999).map(lambda n: n / 10)] * 4),
    )
)
def test_a_link_says_all_that_was_chosen(choices: ExploreChoices) -> None:
    assert links.from_query(ExploreChoices, links.to_query(choices)) == (choices, "")


def test_what_is_as_in_the_beginning_is_not_in_the_link() -> None:
    assert links.to_query(ExploreChoices()) == ""
    assert links.to_query(FuseChoices(source="onion", frames="3:20:2")) == "s=onion&f=3:20:2"


@pytest.mark.parametrize("query", ["z=high", "line=1,2,3", "line=1,2,3,nan", "v=", "z=1.5"])
def test_a_broken_link_is_one_sentence_and_the_rest_stands(query: str) -> None:
    choices, trouble = links.from_query(ExploreChoices, f"?s=leaf&{query}")
    assert choices == ExploreChoices(source="leaf")
    assert "was ignored" in trouble


@pytest.mark.parametrize("junk", ["nonsense", "-7", "1,2", "99999", "", "best,best"])
@pytest.mark.parametrize("page", [explore, focus, deblur, fuse, pipeline], ids=lambda page: page.__name__[12:])
def test_whatever_a_link_says_its_page_stands(data: Path, page: ModuleType, junk: str) -> None:
    begun = {
        explore: (ExploreChoices, ExploreState, explore.ExploreView),
        focus: (FocusChoices, FocusState, focus.FocusView),
        deblur: (DeblurChoices, DeblurState, deblur.DeblurView),
        fuse: (FuseChoices, FuseState, fuse.FuseView),
        pipeline: (PipelineChoices, PipelineState, pipeline.PipelineView),
    }
    choose, begin, draw = begun[page]
    for one in fields(choose):
        key = one.metadata.get("link", one.name)
        choices, trouble = links.from_query(choose, f"{key}={junk}")
        if page is focus:
            choices, wrong = made_whole(choices)
            trouble = trouble or wrong
        if "known" in one.metadata and junk:
            assert f"{key}={junk}" in trouble or junk == "best,best", key
        state = begin(choices)
        assert draw(state).widget.children
        if page is pipeline:
            state.add("leaf.npy")
        else:
            state.open("leaf.npy")
            assert state.stack is not None, key


def test_a_name_or_a_whole_link_may_be_pasted() -> None:
    assert named("  onion ") == "onion"
    assert named("http://127.0.0.1:8866/explore?s=my%20leaf.mp4&z=3") == "my leaf.mp4"


# the state of any page


@dataclass(frozen=True)
class Two:
    number: int = 0
    plane: int = field(default=0, metadata={"link": "z"})


def test_undo_goes_back_choice_by_choice_and_leaves_the_plane() -> None:
    state = PageState(Two())
    told: list[frozenset[str]] = []
    state.on_change(told.append)
    state.change(number=1)
    state.change(number=1)
    state.drift(plane=7)
    state.change(number=2)
    state.undo()
    assert state.choices == Two(1, 7)
    state.undo()
    assert state.choices == Two(0, 7)
    assert not state.can_undo
    state.undo()
    assert [sorted(names) for names in told] == [["number"], ["plane"], ["number"], ["number"], ["number"]]


# what may be opened


@pytest.mark.parametrize("source", ["../secret.npy", "/etc/passwd", "nothing", "", "a\0b", "leaf.npy/../../secret.npy"])
def test_a_visitor_reaches_nothing_beside_the_data_folder(
    data: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0")
    with pytest.raises(InputError, match="there is no stack named"):
        check_allowed(source, ["onion"])


def test_a_visitor_reaches_the_catalogue_and_the_data_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0")
    check_allowed("onion", ["onion"])
    check_allowed("leaf.npy", [])


# explore


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


# fuse


def wait_for(state: FuseState, phase: str) -> None:
    until(lambda: state.phase == phase, 60, stands=lambda: (state.phase, state.error))


def test_fusing_gives_the_bytes_of_the_library_by_python_and_by_command(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = FuseState()
    state.open("leaf.npy")
    state.choose(method="pyramid", frames="1:8", align="off")
    state.start()
    wait_for(state, "done")
    assert state.result is not None
    fused = state.result.file("fused.png").read_bytes()
    stack = mmlib.open_stack("leaf.npy", data=data).select(range(1, 8))
    write_fused(mmlib.fuse(stack, method="pyramid", align="off"), stack, tmp_path / "direct.png")
    assert fused == (tmp_path / "direct.png").read_bytes()
    assert state.sharpest in (2, 6)
    monkeypatch.chdir(tmp_path)
    exec(compile(as_python(state.choices), "copied", "exec"), {})
    assert (tmp_path / "fused.png").read_bytes() == fused
    (tmp_path / "fused.png").unlink()
    from mmlib.__main__ import app

    app(shlex.split(as_command(state.choices))[1:], standalone_mode=False)
    assert (tmp_path / "fused.png").read_bytes() == fused
    assert not state.stale
    state.choose(align="on")
    assert state.stale
    assert [(r.title, r.query) for r in recent()] == [("leaf", "s=leaf.npy&m=pyramid&f=1:8&a=off&r=1")]
    again = FuseState()
    again.open("leaf.npy")
    again.choose(method="pyramid", frames="1:8", align="off")
    again.start()
    wait_for(again, "done")
    assert again.result is not None
    assert again.result.folder == state.result.folder


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"method": "wavlet"}, "unknown method"), ({"frames": "x"}, "3:20:2"), ({"align": "maybe"}, "unknown alignment")],
)
def test_a_wrong_choice_is_one_sentence_and_changes_nothing(data: Path, wrong: dict[str, str], words: str) -> None:
    state = FuseState()
    state.open("leaf.npy")
    before = state.choices
    state.choose(**wrong)
    assert words in state.error
    assert state.choices == before


def test_nothing_is_fused_without_a_stack(data: Path) -> None:
    state = FuseState()
    state.start()
    assert state.error == "choose a stack first, then fuse it"
    assert state.phase == "empty"


def test_cancel_frees_the_page_at_once_and_stops_the_work(data: Path) -> None:
    np.save(data / "long.npy", np.random.default_rng(0).integers(0, 255, (60, 400, 400, 3), dtype=np.uint8))
    state = FuseState()
    state.open("long.npy")
    state.start()
    assert state.running
    state.cancel()
    assert state.phase == "cancelled"
    assert state.result is None
    end = time.monotonic() + 30
    while any(jobs.results_root().glob("*.run")) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(jobs.results_root().glob("*.run"))
    assert state.phase == "cancelled"


# home


def test_search_finds_by_any_word(data: Path) -> None:
    state = HomeState()
    everything = {card.name for card in state.matching}
    assert {"leaf.npy", "text.mp4"} <= everything
    state.search("LEAF folder")
    assert {card.name for card in state.matching} == {"leaf.npy"}
    state.search("no such thing anywhere")
    assert state.matching == []


def test_stacks_of_one_kind_can_be_shown_alone(data: Path) -> None:
    state = HomeState()
    everything = len(state.matching)
    state.show_only("mine")
    mine = {card.name for card in state.matching}
    assert "leaf.npy" in mine
    state.show_only("built_in")
    ours = {card.name for card in state.matching}
    assert "blood_smear" in ours
    assert len(mine) + len(ours) == everything
    assert not mine & ours
    state.show_only("truth")
    assert all(card.has_truth for card in state.matching)
    state.search("no such thing anywhere")
    assert state.matching == []
    assert HomeState(HomeChoices(kind="bees")).matching != []


def test_what_the_pipeline_made_of_late_leads_back_to_it(data: Path) -> None:
    folder = results_root() / "abc"
    folder.mkdir(parents=True)
    (folder / "fused.png").write_bytes(b"")
    choices = {"speed": 2, "fuse": "mean", "align": "auto", "data": "there"}
    summary = {"method": "mean", "frames": [1, 2], "of": 5}
    record = {"verb": "run", "source": "leaf.npy", "choices": choices, "summary": summary}
    (folder / "result.json").write_text(json.dumps(record))
    [found] = recent()
    assert (found.page, found.query) == ("pipeline", "s=leaf.npy&v=2&fuse=mean")
    assert found.words == "Pipeline: mean, 2 of 5 frames"


def test_an_upload_stays_if_it_can_be_read_and_goes_with_one_sentence_if_not(data: Path) -> None:
    state = HomeState()
    state.receive(data / "leaf.npy")
    assert state.arrived is not None
    name, stack = state.arrived
    assert (name, len(stack)) == ("leaf.npy", K)
    state.receive(data / "text.mp4")
    assert state.arrived is None
    assert state.error
    assert "\n" not in state.error
    assert not (data / "text.mp4").exists()


# beside the page


def test_newer_work_stops_the_older_whose_result_is_not_heard() -> None:
    latest = background.Latest()
    gate, heard, stopped = threading.Event(), [], threading.Event()

    def slow(progress):
        gate.wait(10)
        try:
            progress(0.5, "late")
        except Cancelled:
            stopped.set()
            raise
        return "slow"

    latest(slow, heard.append, heard.append, lambda share, stage: None)
    done = threading.Event()
    latest(lambda progress: "fast", lambda result: (heard.append(result), done.set()), heard.append, lambda s, t: None)
    assert done.wait(10)
    gate.set()
    assert stopped.wait(10)
    assert heard == ["fast"]


def test_whatever_goes_wrong_ends_as_one_sentence() -> None:
    heard: list[str] = []

    def broken(progress):
        raise ZeroDivisionError("by nothing")

    background.at_once(broken, heard.append, heard.append, lambda share, stage: None)
    assert heard == ["this went wrong inside mmlib: ZeroDivisionError: by nothing"]


def test_news_from_two_threads_is_heard_one_at_a_time() -> None:
    heard: list[str] = []
    inside, free = threading.Event(), threading.Event()

    def first() -> None:
        inside.set()
        free.wait(10)
        heard.append("first")

    threads = [threading.Thread(target=background.here, args=(first,))]
    threads[0].start()
    assert inside.wait(10)
    threads.append(threading.Thread(target=background.here, args=(lambda: heard.append("second"),)))
    threads[1].start()
    threads[1].join(0.2)
    assert heard == []
    free.set()
    for thread in threads:
        thread.join(10)
    assert heard == ["first", "second"]
