"""The Deblur page without a browser: jobs of many methods, their numbers, links, and the same bytes by other ways."""

from __future__ import annotations

import csv
import io as text_io
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from page_stacks import grain, own_folders, wait_for

from mmlib import deblurring, io, jobs
from mmlib.deblurring import Method, Restored, deblur, deblur_stack
from mmlib.errors import InputError
from mmlib.metrics.reference import psnr
from mmlib.pages import links
from mmlib.pages.deblur import DeblurView
from mmlib.pages.deblur_recipes import as_commands, as_python
from mmlib.pages.deblur_state import DeblurChoices, DeblurState, toggled
from mmlib.pages.deblur_words import scored
from mmlib.pages.scores import Scored, best_rows, scores_csv, scores_table
from mmlib.pipeline import deblur_frame, deblur_source, open_frames
from mmlib.specimens import truth_of
from mmlib.stacks import from_array

K, H, W = 5, 64, 96


def smeared() -> np.ndarray:
    sharp = grain(H, W)
    return np.stack([cv2.GaussianBlur(sharp, (0, 0), 0.5 + 0.6 * abs(k - 3)).astype(np.uint8) for k in range(K)])


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_folders(tmp_path, monkeypatch, smeared())


def run(state: DeblurState, *methods: str) -> None:
    state.choose(methods=methods)
    state.start()
    wait_for(lambda: state.phase == "done", stands=lambda: (state.phase, state.error, state.attempts))


# ---- one frame of a stack


def test_a_frame_is_deblurred_as_in_the_whole_stack() -> None:
    stack = from_array(smeared())
    every = [found.picture for found in deblur_stack(stack, method="wiener", speed=3)]
    for frame in (0, 3, K - 1):
        found = deblur_frame(stack, frame, method="wiener", speed=3)
        assert found.frame == frame
        np.testing.assert_array_equal(found.picture, every[frame])
    with pytest.raises(InputError, match="frames 0 to 4; frame 5 was asked for"):
        deblur_frame(stack, 5)


def test_a_job_keeps_what_it_made_and_how(data: Path, tmp_path: Path) -> None:
    summary = deblur_source("leaf.npy", tmp_path, method="wiener", frame=2, speed=4, data=data)
    assert (summary["method"], summary["frame"], summary["parameters"]["speed"]) == ("wiener", 2, 4)
    picture = deblur(open_frames("leaf.npy", data=data)[2], method="wiener", speed=4).picture
    kept = io.read_picture(tmp_path / "deblurred.tif")
    assert kept.dtype == np.uint16
    np.testing.assert_allclose(kept / 65535, picture, atol=1 / 65535)
    made = io.read_provenance(tmp_path / "deblurred.png")
    assert made is not None
    assert (made["verb"], made["parameters"]["frame"]) == ("deblur", 2)
    assert io.read_map(tmp_path / "unsure.tif").shape == (H, W)


def test_every_frame_of_a_stack_keeps_its_place(data: Path, tmp_path: Path) -> None:
    summary = deblur_source("leaf.npy", tmp_path, method="none", data=data)
    assert summary["frames"] == K
    kept = io.open_stack(tmp_path / "deblurred.tif")
    np.testing.assert_array_equal(np.stack(list(kept)), smeared().astype(np.uint16) * 257)
    assert not (tmp_path / "deblurred.npy").exists()


# ---- the page


def test_methods_run_beside_each_other_and_the_blurred_frame_is_the_first(data: Path) -> None:
    state = DeblurState()
    state.open("pollen", speed=4)
    assert state.truth is not None
    run(state, "richardson_lucy", "wiener")
    assert [one.method for one in state.results] == ["none", "richardson_lucy", "wiener"]
    assert "r=1" in state.to_query()
    wait_for(lambda: len(state.numbers.whole) == 3)
    wiener = next(n for n in state.numbers.whole["wiener"] if n["name"] == "psnr")
    picture = deblur_frame(open_frames("pollen", speed=4), state.frame, method="wiener").picture
    truth = truth_of("pollen")
    assert truth is not None
    assert wiener["value"] == pytest.approx(psnr(picture, truth.picture), abs=0.01)
    rows = list(csv.reader(text_io.StringIO(scores_csv(scored(state)).decode())))
    assert rows[0][:3] == ["picture", "psnr", "ssim"]
    assert [row[0] for row in rows[1:]] == ["Blurred", "Richardson-Lucy", "Wiener"]
    assert rows[1][-1] == ""
    state.choose(region=(40, 60, 50, 40))
    box = picture[60:100, 40:90], truth.picture[60:100, 40:90]
    wait_for(lambda: len(state.numbers.region) == 3)
    inside = {one["name"]: one["value"] for one in state.numbers.of("wiener")}
    assert inside["region_psnr"] == pytest.approx(psnr(*box), abs=0.01)
    assert inside["region_ssim"] < 1
    view = DeblurView(state)
    assert [pane.title for pane in view.view.panes] == ["Blurred", "Richardson-Lucy", "Wiener", "Truth"]
    state.choose(shows="difference", against="truth")
    assert [pane.title for pane in view.view.panes] == [
        f"{n} − Truth" for n in ("Blurred", "Richardson-Lucy", "Wiener")
    ]
    state.choose(shows="spectrum", truth=False)
    assert len(view.view.panes) == 3
    state.choose(methods=("wiener",), shows="pictures")
    assert [pane.title for pane in view.view.panes] == ["Blurred", "Wiener"]


def test_a_method_without_weights_says_one_sentence_and_the_others_go_on(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore(*_: object) -> Restored:
        raise InputError("the weights of unet are missing: run mmlib train deblur-unet")

    monkeypatch.setitem(deblurring.METHODS, "wiener", Method(restore))
    state = DeblurState()
    state.open("leaf.npy")
    run(state, "wiener", "richardson_lucy")
    assert state.attempts["wiener"].sentence == "the weights of unet are missing: run mmlib train deblur-unet"
    assert [one.method for one in state.results] == ["none", "richardson_lucy"]
    assert state.error == ""
    assert "weights of unet are missing" in DeblurView(state).told["wiener"].value


def test_numbers_that_could_not_be_taken_are_said(data: Path) -> None:
    state = DeblurState()
    state.open("leaf.npy")
    run(state, "wiener")
    wait_for(lambda: not state.numbers.waiting)
    state.attempts["wiener"].file("deblurred.tif").unlink()
    shutil.rmtree(jobs.results_root(), ignore_errors=True)
    state.numbers.forget()
    state.measure()
    wait_for(lambda: not state.numbers.waiting)
    assert state.numbers.whole == {}
    assert "deblurred.tif does not exist" in state.error
    assert "\n" not in state.error


def test_results_belong_to_a_frame(data: Path) -> None:
    state = DeblurState()
    state.open("leaf.npy")
    assert state.frame == 3  # the sharpest
    run(state, "wiener")
    state.step(1)
    assert state.results == []
    assert state.phase == "ready"
    state.choose(whole=True)
    run(state, "wiener")
    state.step(4)
    assert [one.method for one in state.results] == ["none", "wiener"]
    assert DeblurView(state).view.count == K
    state.undo()
    assert state.results == []
    assert not state.choices.whole


def test_a_link_opens_the_same_results_without_any_work(data: Path) -> None:
    state = DeblurState()
    state.open("leaf.npy", speed=3)
    state.step(1)
    run(state, "wiener")
    state.choose(region=(1, 2, 30, 20), shows="difference")
    choices, trouble = links.from_query(DeblurChoices, state.to_query())
    assert trouble == ""
    again = DeblurState(choices)
    again.open(choices.source, speed=choices.speed, again=choices.ran)
    wait_for(lambda: again.phase == "done")
    assert [one.folder for one in again.results] == [one.folder for one in state.results]
    assert again.to_query() == state.to_query()
    assert again.choices.region == (1, 2, 30, 20)


def test_python_gives_the_bytes_of_the_page_and_the_command_names_all_choices(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = DeblurState()
    state.open("leaf.npy", speed=2)
    state.step(1)
    run(state, "wiener")
    monkeypatch.chdir(tmp_path)
    exec(compile(as_python(state), "copied", "exec"), {})
    for name in ("deblurred.png", "deblurred.tif"):
        assert (tmp_path / "wiener" / name).read_bytes() == state.attempts["wiener"].file(name).read_bytes()
    command = as_commands(state)
    assert command.startswith(f"mmlib deblur {data / 'leaf.npy'} --method wiener --frame 1 --speed 2 -o ")


def test_wrong_choices_and_nothing_open_are_one_sentence(data: Path) -> None:
    state = DeblurState()
    state.start()
    assert state.error == "choose a stack first, then deblur it"
    state.open("leaf.npy")
    state.choose(methods=("wienner",))
    assert "unknown method" in state.error
    state.choose(methods=())
    state.start()
    assert state.error == "tick at least one method, then deblur"
    state.open("gone.npy")
    assert state.stack is not None
    assert "\n" not in state.error


def test_cancel_frees_the_page_at_once(data: Path) -> None:
    np.save(data / "long.npy", np.random.default_rng(0).integers(0, 255, (30, 300, 300, 3), dtype=np.uint8))
    state = DeblurState()
    state.open("long.npy")
    state.choose(whole=True, methods=("richardson_lucy",))
    state.start()
    state.cancel()
    assert state.phase == "cancelled"
    wait_for(lambda: not any(jobs.results_root().glob("*.run")))
    assert state.phase == "cancelled"


def test_ticking_keeps_the_order_of_the_registry() -> None:
    assert toggled(("wiener",), "richardson_lucy", True) == tuple(
        name for name in deblurring.METHODS if name in ("wiener", "richardson_lucy")
    )
    assert toggled(("wiener",), "wiener", False) == ()


# ---- numbers


def number(name: str, value: float | None, better: str = "higher") -> dict[str, object]:
    title = name.title()
    return {"name": name, "title": title, "value": value, "unit": "", "direction": better, "note": "", "reason": "no"}


def test_the_table_says_which_way_is_better_and_marks_the_best() -> None:
    rows = [
        Scored("a <b>", [number("up", 1.0), number("down", 5.0, "lower")]),
        Scored("c", [number("up", 2.0), number("down", 7.0, "lower")], 0.5),
        Scored("d", [number("up", None)]),
    ]
    assert best_rows(rows, "up") == {1}
    assert best_rows(rows, "down") == {0}
    table = scores_table(rows, caption="Quality")
    assert "a &lt;b&gt;" in table
    assert "Up ↑" in table
    assert "Down ↓" in table
    assert "<span>+1</span>" in table
    assert table.count("mmr-best") == 2
    assert best_rows([Scored("a", [number("up", 1.0)]), Scored("b", [number("up", 1.0)])], "up") == set()


def test_a_region_outside_is_said_and_a_tiny_one_has_no_ssim(data: Path) -> None:
    state = DeblurState()
    state.open("pollen", speed=4)
    run(state, "wiener")
    wait_for(lambda: len(state.numbers.whole) == 2)  # here news comes from threads, on a page one after the other
    state.choose(region=(5000, 5000, 10, 10))
    wait_for(lambda: state.error != "")
    assert state.error == "the region lies outside the picture; draw it again"
    state.choose(region=(10, 10, 5, 5))
    wait_for(lambda: len(state.numbers.region) == 2)
    tiny = {one["name"]: one for one in state.numbers.region["wiener"]}
    assert tiny["psnr"]["value"] > 0
    assert "at least 11 x 11" in tiny["ssim"]["reason"]
