"""The Pipeline page without a browser: the queue, its choices, and what becomes of each stack."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmlib.pages.links import from_query, to_query
from mmlib.pages.pipeline import depth_pane
from mmlib.pages.pipeline_recipes import as_command, as_python
from mmlib.pages.pipeline_state import Entry, PipelineChoices, PipelineState, time_words
from mmlib.pages.pipeline_words import batch_html, entry_html, numbers_html, story_html


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CACHE", "RESULTS"):
        monkeypatch.setenv(f"MMLIB_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("MMLIB_SCHEDULER", raising=False)
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        np.save(data / f"{name}.npy", rng.integers(0, 255, (4, 96, 96), dtype=np.uint8))
    (data / "broken.zip").write_bytes(b"no zip")
    return data


def test_a_queue_goes_through_and_what_fails_says_why() -> None:
    state = PipelineState(PipelineChoices(sources=("one.npy", "broken.zip"), measure="off", deblur="off"))
    heard: list[frozenset[str]] = []
    state.on_change(heard.append)
    state.add("two.npy")
    state.add("one.npy")  # is there already
    assert [entry.source for entry in state.entries] == ["one.npy", "broken.zip", "two.npy"]
    assert state.choices.sources == ("one.npy", "broken.zip", "two.npy")
    state.start()
    for entry in state.entries:
        if entry.job is not None:
            entry.job.wait(120)
    assert [entry.phase for entry in state.entries] == ["done", "failed", "done"]
    assert entry_html(state.entries[1], stale=False, now_s=0).count("role=") == 1
    assert "zip" in state.entries[1].message
    first = state.entries[0]
    assert first.folder is not None
    assert (first.folder / "report.html").is_file()
    assert state.shown is first
    state.show("two.npy")
    assert state.shown is state.entries[2]
    assert "fused by" in story_html(first)
    assert not state.working
    assert frozenset({"result"}) in heard


def test_other_choices_make_a_result_old_and_run_makes_it_anew() -> None:
    state = PipelineState(PipelineChoices(sources=("one.npy",), measure="off", deblur="off", focus="off"))
    state.start()
    [entry] = state.entries
    assert entry.job is not None
    entry.job.wait(120)
    assert not state.stale(entry)
    before = entry.folder
    state.choose(fuse="mean")
    assert state.stale(entry)
    assert "other choices" in entry_html(entry, stale=True, now_s=0)
    state.start()
    entry.job.wait(120)
    assert entry.folder != before
    assert not state.stale(entry)


def test_what_is_cancelled_can_be_begun_again_and_removed() -> None:
    state = PipelineState(PipelineChoices(sources=("one.npy",)))
    [entry] = state.entries
    entry.phase = "opening"
    state.cancel(entry)
    assert entry.phase == "cancelled"
    assert "Cancelled" in entry_html(entry, stale=False, now_s=0)
    state.remove(entry)
    assert state.entries == []
    assert state.choices.sources == ()
    state.start()
    assert "add a stack" in state.error


def test_a_wrong_name_in_a_link_is_one_sentence() -> None:
    state = PipelineState(PipelineChoices(sources=("one.npy",), fuse="magic"))
    state.start()
    assert state.entries[0].phase == "failed"
    assert "unknown choice 'magic' for the stage fuse" in state.entries[0].message


def test_time_left_is_told_once_there_is_something_to_go_by() -> None:
    entry = Entry("one", phase="running", share=0.25, began_s=100.0)
    assert entry.seconds_left(110.0) == pytest.approx(30.0)
    assert time_words(entry.seconds_left(110.0)) == "about 30 seconds left"
    assert time_words(500) == "about 8 minutes left"
    assert Entry("one", phase="running", share=0.01, began_s=100.0).seconds_left(110.0) is None
    assert Entry("one", phase="waiting", share=0.5).seconds_left(1.0) is None
    assert time_words(None) == ""


def test_all_stacks_of_the_user_come_into_the_queue_at_once_and_all_can_be_stopped(own_folders: Path) -> None:
    state = PipelineState(PipelineChoices(sources=("two.npy",)))
    state.add_yours()
    assert [entry.source for entry in state.entries] == ["two.npy", "broken.zip", "one.npy"]
    for entry in state.entries:
        entry.phase = "opening"
    state.cancel_all()
    assert {entry.phase for entry in state.entries} == {"cancelled"}
    for file in own_folders.iterdir():
        file.unlink()
    state.add_yours()
    assert "no stacks of yours" in state.error


def test_the_whole_queue_says_how_far_it_is() -> None:
    state = PipelineState(PipelineChoices(sources=("one.npy", "two.npy")))
    assert batch_html(*state.batch(0)) == ""
    began: list[object] = []
    state._runner = lambda: lambda work, done, failed, told: began.append(work)  # nothing is handed in yet
    state.start()
    assert len(began) == 2
    one, two = state.entries
    one.phase, two.phase, two.share = "done", "running", 0.5
    ended, count, left = state.batch(state._began_s + 30)
    assert (ended, count) == (1, 2)
    assert left == pytest.approx(10)
    assert "<strong>1 of 2</strong> stacks are through, about 10 seconds left" in batch_html(ended, count, left)
    two.phase = "failed"
    assert batch_html(*state.batch(0)) == ""


def test_numbers_stand_beside_those_of_the_sharpest_frame_and_frames_count_as_in_the_viewer() -> None:
    state = PipelineState(PipelineChoices(sources=("one.npy",), deblur="off"))
    state.start()
    [entry] = state.entries
    assert entry.job is not None
    entry.job.wait(120)
    assert entry.folder is not None
    table = numbers_html(entry.summary)
    assert "Sharpest frame" in table
    assert "Tenengrad</th>" in table
    assert "higher ↑" in table
    assert "—" in numbers_html({"measures": entry.summary["measures"]})  # as older results are
    said = entry.summary["stages"]["focus"]
    first = int(said.split()[1])
    assert f"frame {first + 1} is sharpest" in story_html(entry)
    pane = depth_pane(entry.folder / "depth.tif", entry.summary["depth_unit"], entry.summary["frames"])
    assert pane.legend is not None
    assert pane.legend.name == "frame"
    assert 1 <= int(pane.legend.words[0]) <= int(pane.legend.words[1]) <= 4


def test_choices_survive_the_address() -> None:
    choices = PipelineChoices(sources=("one.npy", "two.npy"), fuse="mean", select="off", shown="two.npy")
    assert from_query(PipelineChoices, to_query(choices)) == (choices, "")


def test_the_copied_command_and_script_give_the_bytes_of_the_page(own_folders: Path, tmp_path: Path) -> None:
    choices = PipelineChoices(sources=("one.npy",), fuse="wavelet", measure="off", deblur="off")
    state = PipelineState(choices)
    state.start()
    [entry] = state.entries
    assert entry.job is not None
    entry.job.wait(120)
    assert entry.folder is not None
    wanted = {name: (entry.folder / name).read_bytes() for name in ("fused.png", "depth.tif", "cells.csv")}
    command = shlex.split(as_command(choices))
    assert command[:3] == ["mmlib", "run", str(own_folders / "one.npy")]
    for place, line in (
        (tmp_path / "a", [sys.executable, "-m", *command]),
        (tmp_path / "b", [sys.executable, "-c", as_python(choices)]),
    ):
        place.mkdir()
        subprocess.run(line, cwd=place, check=True, capture_output=True, timeout=120)
        made = place / "results" / "one"
        assert {name: (made / name).read_bytes() for name in wanted} == wanted
