"""The Fuse page without a browser: the same bytes as from the library, wrong choices, cancelling."""

import shlex
import time
from pathlib import Path

import numpy as np
import pytest
from page_stacks import visitors_folder
from page_stacks import wait_for as until

import mmlib
from mmlib import jobs
from mmlib.pages.fuse_state import FuseState
from mmlib.pages.home_state import recent
from mmlib.pages.recipes import as_command, as_python
from mmlib.pipeline import write_fused


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return visitors_folder(tmp_path, monkeypatch)


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
