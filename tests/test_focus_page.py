"""The Focus page without a browser: judging, truth, what is kept, links, and what is said on failure."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_stacks import own_folders, two_halves, wait_for

import mmlib
from mmlib import jobs
from mmlib.errors import InputError
from mmlib.focusing import METHODS
from mmlib.pages import links
from mmlib.pages.focus_choices import LAYERS, FocusChoices, changed_by_hand, made_whole
from mmlib.pages.focus_layers import layer, shown_instead
from mmlib.pages.focus_recipes import as_command, as_python
from mmlib.pages.focus_state import FocusState
from mmlib.pages.focus_truth import CellTruth, confusion
from mmlib.pages.focus_words import advice, counted_from_one, legend, named

K, H, W, LEFT, RIGHT = 9, 128, 192, 2, 6


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = own_folders(tmp_path, monkeypatch, two_halves(H, W, left=LEFT, right=RIGHT))
    (folder / "text.mp4").write_text("this is no film")
    return folder


def judged(source: str = "leaf.npy", **choices: object) -> FocusState:
    state = FocusState(FocusChoices(**{"cell": 32, "methods": ("bands",), **choices}))  # type: ignore[arg-type]
    state.open(source)
    wait_for(lambda: not state.working)
    return state


def test_the_page_says_of_every_cell_what_the_library_says(data: Path) -> None:
    state = judged(methods=("best", "tenengrad"))
    assert state.error == ""
    assert list(state.found()) == ["best", "tenengrad"]
    report = mmlib.focus(mmlib.open_stack(data / "leaf.npy"), cell=32, stride=32)
    answer = state.answer
    assert answer is not None
    assert answer.method == "best"
    cells = report.cells.reshape(answer.level.shape)
    for name in ("level", "score", "label"):
        np.testing.assert_array_equal(getattr(answer, name), cells[name])
    np.testing.assert_array_equal(answer.best_plane, report.best_plane)
    np.testing.assert_array_equal(answer.curve, report.curve)
    assert state.plane == report.best_frame
    assert set(state.frames) == {advice.frame for advice in report.keep if advice.verdict == "sharp"}


def test_a_cell_has_a_profile_by_every_method_with_its_top_where_it_is_sharp(data: Path) -> None:
    state = judged(methods=("best", "tenengrad"))
    columns = W // 32
    for cell, top in [(0, LEFT), (columns - 1, RIGHT), (2 * columns, LEFT)]:
        profiles = state.profiles(cell)
        assert list(profiles) == ["best", "tenengrad"]
        assert {int(np.argmax(values)) for values in profiles.values()} == {top}
    assert state.profiles(10_000) == {}
    assert state.place(columns) == (1, 0)


def test_a_threshold_moves_the_verdict_and_none_is_the_methods_own_word(data: Path) -> None:
    state = judged()
    answer = state.answer
    assert answer is not None
    assert np.array_equal(answer.verdicts(None), answer.label)
    counts = [int((answer.verdicts(level) == "in").sum()) for level in range(10)]
    assert counts == sorted(counts)
    assert counts[9] == int((answer.level >= 0).sum())
    state.choose(threshold=12)
    assert "a level, 0 to 9" in state.error
    assert state.choices.threshold is None


def test_the_truth_of_a_simulated_specimen_is_met(data: Path) -> None:
    state = judged("tissue_section", cell=64, methods=("bands",))
    assert state.has_truth
    tables = state.confusions()
    best = tables["bands"]
    assert best.total > 20
    assert best.auc is not None
    assert best.auc > 0.9
    assert best.right / best.total > 0.9
    assert state.answer is not None
    cell = int(np.flatnonzero(np.isfinite(state.answer.best_plane.ravel()))[0])
    assert list(state.profiles(cell)) == ["bands", "truth"]
    known = state.truth
    assert known is not None
    near = known.away_dof[known.kind == "in"]
    far = known.away_dof[known.kind == "out"]
    assert near.max() < far.min()


def test_the_table_agrees_with_counting_by_hand(data: Path) -> None:
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    state = judged()
    answer = state.answer
    assert answer is not None
    rng = np.random.default_rng(1)
    kind = rng.choice(np.array(["in", "out", ""]), answer.level.shape)
    found = confusion(answer, CellTruth(kind, np.zeros(kind.shape)), 3)
    asked = kind != ""
    said = answer.verdicts(3)[asked] == "in"
    true = kind[asked] == "in"
    assert found.total == int(asked.sum())
    assert found.right == int((said == true).sum())
    assert found.balanced == pytest.approx(balanced_accuracy_score(true, said))
    assert found.auc == pytest.approx(roc_auc_score(true, -answer.level[asked].astype(float)))


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_draws_what_it_says(data: Path, name: str) -> None:
    state = judged("tissue_section", cell=84)
    answer, truth = state.answer, state.truth
    assert answer is not None
    assert truth is not None
    rng = np.random.default_rng(4)
    away = rng.normal(0, 2, answer.level.shape)
    label = np.where(rng.random(answer.level.shape) < 0.1, "artefact", answer.label)
    answer = replace(answer, estimates={"defocus_dof": away}, label=label)
    made = layer(name, answer, threshold=3, truth=truth)
    codes = made.grid.codes
    told = made.grid.describe()
    assert told["planes"] in (1, len(answer.level))
    meant = [style.label for style in made.grid.styles]
    if name == "levels":
        plain = answer.label != "artefact"
        assert np.array_equal(codes[plain], answer.level[plain])
        assert {key.words for key in made.legend} >= {"0", "9", "artefact"}
    elif name == "verdict":
        said = answer.verdicts(3)
        assert np.array_equal(codes == 0, said == "in")
        assert np.array_equal(codes == 3, said == "artefact")
    elif name == "errors":
        wrong = ((truth.kind == "in") != (answer.verdicts(3) == "in")) & (truth.kind != "")
        assert np.array_equal(np.isin(codes, [2, 3]), wrong)
    elif name == "defocus":
        plain = answer.label != "artefact"
        assert np.array_equal(codes[plain], np.clip(np.round(away[plain]), -4, 4) + 4)
        assert meant[:9] == ["−4", "−3", "−2", "−1", "0", "+1", "+2", "+3", "+4"]
    elif name == "planes":
        known = np.isfinite(answer.best_plane)
        assert [int(meant[code]) - 1 for code in codes[0][known]] == np.round(answer.best_plane[known]).tolist()
    else:
        assert meant == []
    assert legend(made.legend).count("<li>") == len(made.legend)


def test_curves_have_names_of_their_own(data: Path) -> None:
    names = ("best", "bands", "paper_rps", "paper_ce", "tenengrad", "truth")
    shown = named({name: np.arange(3.0) for name in names})
    assert len(shown) == len(names)
    assert "Tenengrad" in shown
    assert not any(":" in name for name in list(shown)[:2])


def test_advice_says_how_far_and_which_way(data: Path) -> None:
    answer = judged(methods=("bands",)).answer
    assert answer is not None
    told = {"plane": 4.0, "low_plane": 3.9, "high_plane": 4.1, "z_um": 8.0, "beyond": 0}
    answer = replace(answer, summary={**answer.summary, "autofocus": told, "best_frame": 4})
    heights = tuple(2.0 * k for k in range(K))
    assert advice(answer, 1, heights) == (
        "Best focus: plane <strong>5.0</strong> (8.0 µm). From here: <strong>3.0 frames up</strong> (6.0 µm)."
    )
    assert "2.0 frames down" in advice(answer, 6, None)
    assert advice(answer, 4, None).endswith("This frame is it: stay.")
    apart = replace(answer, summary={**answer.summary, "best_frame": 0})
    assert "number 1: the cells do not agree" in advice(apart, 4, None)
    nothing = replace(answer, summary={**answer.summary, "autofocus": {**told, "plane": None}})
    assert "nothing to judge" in advice(nothing, 4, heights)


def test_a_layer_that_cannot_be_is_the_levels_and_says_why(data: Path) -> None:
    state = judged(methods=("tenengrad",))
    assert state.answer is not None
    for name in ("errors", "defocus"):
        assert "so the levels are shown" in shown_instead(name, state.answer, state.truth)
        made = layer(name, state.answer, truth=state.truth)
        assert np.array_equal(made.grid.codes, layer("levels", state.answer).grid.codes)


def test_a_stack_without_truth_has_no_table(data: Path) -> None:
    state = judged()
    assert not state.has_truth
    assert state.confusions() == {}


# frames to keep


@given(
    st.sets(st.integers(0, 20)),
    st.lists(st.tuples(st.sets(st.integers(0, 20), min_size=1), st.booleans()), max_size=6),
)
def test_what_is_kept_is_what_was_last_said_of_each_frame(
    advised: set[int], edits: list[tuple[set[int], bool]]
) -> None:
    expected = set(advised)
    choices = FocusChoices()
    for frames, keep in edits:
        expected = expected | frames if keep else expected - frames
        kept, dropped = changed_by_hand(choices, advised, frames, keep)
        choices = FocusChoices(kept=kept, dropped=dropped)
    assert (advised | set(choices.kept)) - set(choices.dropped) == expected
    assert not set(choices.kept) & set(choices.dropped)


def test_frames_are_kept_by_hand_remembered_in_the_link_and_written(data: Path, tmp_path: Path) -> None:
    state = judged()
    advised = state.frames
    state.keep([0, 8], True)
    state.keep([advised[1]], False)
    expected = tuple(sorted({*advised, 0, 8} - {advised[1]}))
    assert state.frames == expected
    again = FocusState(links.from_query(FocusChoices, state.to_query())[0])
    again.open(again.choices.source)
    wait_for(lambda: again.answer is not None)
    assert again.frames == expected
    assert again.choices == state.choices
    state.write_frames()
    wait_for(lambda: state.selection is not None and state.selection.state == "done")
    assert state.selection is not None
    assert state.selection.job is not None
    kept = mmlib.open_stack(state.selection.job.folder / "frames.ome.tif")
    np.testing.assert_array_equal(np.stack(list(kept)), two_halves(H, W, left=LEFT, right=RIGHT)[list(expected)])
    state.keep_as_advised()
    assert state.frames == advised
    assert state.selection is None  # those files hold other frames
    state.keep(range(K), False)
    state.write_frames()
    assert state.error == "no frame is kept, so there is nothing to write; keep at least one"


def test_frames_are_counted_from_one_on_the_page() -> None:
    assert counted_from_one("shows what frame 9 shows; 3 of 40 cells") == "shows what frame 10 shows; 3 of 40 cells"


def test_python_and_command_give_the_bytes_of_the_page(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmlib.__main__ import app

    state = judged(methods=("tenengrad",))
    state.write_frames()
    wait_for(lambda: state.selection is not None and state.selection.state == "done")
    answer, selection = state.answer, state.selection
    assert answer is not None
    assert selection is not None
    assert selection.job is not None
    for name, by_hand in [("advised", False), ("by hand", True)]:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        if by_hand:  # the same frames, but each of them named
            state.choices = FocusChoices("leaf.npy", cell=32, methods=("tenengrad",), kept=state.frames)
        exec(compile(as_python(state.choices, state.shown, state.frames), "copied", "exec"), {})
        for file in ("cells.csv", "curve.csv"):
            assert (folder / file).read_bytes() == (answer.folder / file).read_bytes()
        assert (folder / "frames.ome.tif").read_bytes() == (selection.job.folder / "frames.ome.tif").read_bytes()
        (folder / "cells.csv").unlink()
        app(shlex.split(as_command(state.choices, state.shown))[1:], standalone_mode=False)
        assert (folder / "cells.csv").read_bytes() == (answer.folder / "cells.csv").read_bytes()


# links, undo


@given(
    st.builds(
        FocusChoices,
        source=st.text(max_size=30).map(str.strip),
        methods=st.lists(st.sampled_from(["best", "tenengrad", "laplacian"]), min_size=1, unique=True).map(tuple),
        cell=st.integers(4, 400),
        threshold=st.none() | st.integers(0, 9),
        layer=st.sampled_from(["levels", "verdict", "errors"]),
        spot=st.none() | st.integers(0, 1000),
        kept=st.sets(st.integers(0, 99)).map(lambda frames: tuple(sorted(frames))),
        dropped=st.sets(st.integers(0, 99)).map(lambda frames: tuple(sorted(frames))),
    )
)
def test_a_link_says_all_that_was_chosen(choices: FocusChoices) -> None:
    assert links.from_query(FocusChoices, links.to_query(choices)) == (choices, "")
    assert made_whole(choices) == (choices, "")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("m=bset,tenengrad", "a focus method 'bset' that is not known here"),
        ("o=colours", "unknown layer"),
        ("e=2", "4 to 4096 px"),
        ("t=99", "0 to 9"),
        ("g=laplacian", "unknown chosen method"),
    ],
)
def test_a_wrong_link_is_one_sentence_and_the_rest_stands(query: str, words: str) -> None:
    choices, trouble = made_whole(links.from_query(FocusChoices, f"s=leaf&{query}")[0])
    assert words in trouble
    assert "\n" not in trouble
    assert choices.source == "leaf"
    assert made_whole(choices) == (choices, "")


def test_undo_brings_methods_back_without_work(data: Path) -> None:
    state = judged()
    state.choose_methods(("bands", "tenengrad"))
    wait_for(lambda: not state.working)
    state.undo()
    assert state.choices.methods == ("bands",)
    assert not state.working
    assert not state.lacking
    state.choose_methods(())
    assert state.error == "one method has to stay"
    assert state.choices.methods == ("bands",)


# the worst path


def test_a_stack_that_cannot_be_opened_leaves_the_old_one_and_one_sentence(data: Path) -> None:
    state = judged()
    before = state.stack
    state.open("text.mp4")
    assert state.stack is before
    assert state.choices.source == "leaf.npy"
    assert state.error
    assert "\n" not in state.error
    state.choose_methods(("sharpnes",))
    assert "unknown focus method" in state.error


def test_a_cell_larger_than_the_frame_is_said_in_the_row_of_its_method(data: Path) -> None:
    state = judged(cell=400)
    task = state.tasks["bands", 400]
    assert task.state == "failed"
    assert "holds no cell of 400 px" in task.message
    assert state.answer is None
    assert state.lacking
    state.choose(cell=32)
    wait_for(lambda: state.answer is not None)


def test_the_grid_is_of_a_method_that_did_not_fail(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_weights(_: object) -> None:
        raise InputError("the weights of yang are missing; train them first")

    monkeypatch.setitem(METHODS, "yang", replace(METHODS["best"], make=without_weights))  # type: ignore[misc]
    state = judged(methods=("yang", "best"))
    assert state.tasks["yang", 32].message == "the weights of yang are missing; train them first"
    assert state.shown == "best"
    assert list(state.found()) == ["best"]


def test_cancel_frees_the_page_at_once_and_judging_again_goes_on(data: Path) -> None:
    np.save(data / "long.npy", np.random.default_rng(0).integers(0, 255, (60, 400, 400, 3), dtype=np.uint8))
    state = FocusState()
    state.open("long.npy")
    assert state.working
    state.cancel()
    assert not state.working
    assert state.lacking
    assert state.tasks["best", 84].state == "cancelled"
    wait_for(lambda: not any(jobs.results_root().glob("*.run")))
    state.choose(threshold=4)
    assert not state.working  # what was stopped stays so until it is asked for
    state.judge(again=True)
    wait_for(lambda: state.answer is not None)


def test_a_stack_without_detail_keeps_nothing_and_fails_nowhere(data: Path) -> None:
    np.save(data / "grey.npy", np.full((4, 96, 96), 128, np.uint8))
    state = judged("grey.npy")
    answer = state.answer
    assert answer is not None
    assert set(answer.label.ravel()) == {"blank"}
    assert state.frames == ()
    assert state.profiles(0) == {}
