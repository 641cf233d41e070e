"""The Home page without a browser: searching, kinds, what was made of late, uploads."""

import json
from pathlib import Path

import pytest
from page_stacks import visitors_folder

from mmlib.jobs import results_root
from mmlib.pages.home_state import HomeChoices, HomeState, recent

K, H, W = 9, 96, 144


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return visitors_folder(tmp_path, monkeypatch)


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
