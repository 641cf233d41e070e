"""The whole way from a stack to a report: every stage alone, all together, again, and when something is wrong."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mmlib
from mmlib import io
from mmlib.errors import Cancelled, InputError
from mmlib.pipeline import Plan, run
from mmlib.pipeline.report import command
from mmlib.pipeline.running import EVERYTHING, REPORT, SUMMARY, run_source
from mmlib.pipeline.stages import (
    STAGES,
    depth_picture,
    find_disc,
    judge_focus,
    lay_out,
    melt,
    select_frames,
    take_out_blur,
)

QUICK = Plan(deblur="off", measure="off")


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a stack whose left half is sharp in frame 1 and whose right half is sharp in frame 3; frame 5 is blank."""
    import cv2

    rng = np.random.default_rng(5)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (96, 168), dtype=np.uint8), (0, 0), 0.8)
    frames = []
    for number in range(5):
        halves = [cv2.GaussianBlur(scene, (0, 0), 0.3 + 1.5 * abs(number - sharp)) for sharp in (1, 3)]
        frames.append(np.hstack([halves[0][:, :84], halves[1][:, 84:]]))
    frames.append(np.full_like(frames[0], 127))
    path = tmp_path_factory.mktemp("stacks") / "halves.npy"
    np.save(path, np.stack(frames))
    return str(path)


def test_selection_keeps_the_frames_that_are_sharp_somewhere_and_those_beside(stack_file: str, tmp_path: Path) -> None:
    frames = np.load(stack_file)
    dim = [frames[5:]] * 4
    np.save(tmp_path / "long.npy", np.concatenate([frames[5:], *dim, frames[:5], *dim]))
    bench = lay_out(str(tmp_path / "long.npy"), QUICK, tmp_path)
    assert "whole frame" in find_disc(bench)
    assert "sharpest over all" in judge_focus(bench)
    said = select_frames(bench)
    verdicts = [line.split(",")[1] for line in (tmp_path / "keep.csv").read_text().splitlines()[1:]]
    sharp = [number for number, verdict in enumerate(verdicts) if verdict == "sharp"]
    assert {6, 8} <= set(sharp)
    assert bench.numbers == list(range(sharp[0] - 2, sharp[-1] + 3))  # fusing needs what is blurred beside the sharp
    assert f"{len(bench.numbers)} of 14" in said
    melt(bench)
    index = io.read_picture(tmp_path / "index.tif")
    assert set(np.unique(index)) <= set(bench.numbers)  # numbers of the frames as they were opened
    assert np.mean(index[:, :70] == 6) > 0.8
    assert np.mean(index[:, 98:] == 8) > 0.8


def test_deblurred_frames_are_shown_and_the_frames_themselves_choose(stack_file: str, tmp_path: Path) -> None:
    bench = lay_out(stack_file, Plan(deblur="wiener", speed=3, measure="off"), tmp_path)
    before = bench.stack
    assert "restored by wiener" in take_out_blur(bench)
    assert bench.stack is before
    assert bench.restored is not None
    melt(bench)
    chosen = mmlib.fuse(before)
    assert bench.fused is not None
    np.testing.assert_array_equal(bench.fused.index, chosen.index)
    assert np.abs(bench.fused.picture - chosen.picture).max() > 0.01
    assert not (tmp_path / "restored.npy").exists()


def test_a_run_leaves_everything_that_its_report_tells_of(stack_file: str, tmp_path: Path) -> None:
    told: list[float] = []
    [outcome] = run(stack_file, tmp_path, plan=Plan(deblur="none"), progress=lambda share, _: told.append(share))
    assert (outcome.state, outcome.message) == ("done", "")
    folder = tmp_path / "halves"
    wanted = {"fused.png", "fused.tif", "depth.tif", "depth.png", "index.tif", "cells.csv", "curve.csv", "keep.csv",
              "field.png", "best_frame.png", "measures.json", REPORT, SUMMARY, EVERYTHING}  # fmt: skip
    assert wanted == {file.name for file in folder.iterdir()}
    with zipfile.ZipFile(folder / EVERYTHING) as zipped:
        assert zipped.testzip() is None
        assert set(zipped.namelist()) == wanted - {SUMMARY, EVERYTHING}
    page = (folder / REPORT).read_text()
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', page)) == {"data:"}  # nothing is fetched from anywhere
    assert page.count("data:image/") == 3
    for stage in STAGES:
        assert outcome.summary["stages"][stage] in page.replace("&#39;", "'")
    assert outcome.summary["key"] == json.loads((folder / SUMMARY).read_text())["key"]
    assert told == sorted(told)
    assert told[-1] == 1


def test_what_is_done_is_kept_and_what_changes_is_done_again(stack_file: str, tmp_path: Path) -> None:
    assert [o.state for o in run(stack_file, tmp_path, plan=QUICK)] == ["done"]
    made = (tmp_path / "halves" / "fused.png").stat().st_mtime_ns
    assert [o.state for o in run(stack_file, tmp_path, plan=QUICK)] == ["kept"]
    assert (tmp_path / "halves" / "fused.png").stat().st_mtime_ns == made
    other = Plan(deblur="off", measure="off", select="off", fuse="mean")
    [outcome] = run(stack_file, tmp_path, plan=other)
    assert outcome.state == "done"
    assert outcome.summary["frames"] == list(range(6))
    assert "switched off" in outcome.summary["stages"]["select"]
    (tmp_path / "halves" / "fused.tif").unlink()  # not whole any more
    assert [o.state for o in run(stack_file, tmp_path, plan=other)] == ["done"]


def test_one_stack_that_fails_does_not_stop_the_others(stack_file: str, tmp_path: Path) -> None:
    outcomes = mmlib.run([str(tmp_path / "nothing"), stack_file, stack_file], tmp_path / "out", plan=QUICK)
    assert [o.state for o in outcomes] == ["failed", "done", "done"]
    assert "no file or folder" in outcomes[0].message
    assert [o.folder.name for o in outcomes] == ["nothing", "halves", "halves-2"]
    assert not outcomes[0].folder.exists()


def test_a_run_that_is_stopped_goes_on_where_it_stopped(stack_file: str, tmp_path: Path) -> None:
    def stop(share: float, stage: str) -> None:
        if stage == "fuse":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(stack_file, tmp_path, plan=QUICK, progress=stop)
    assert not (tmp_path / "halves" / SUMMARY).exists()
    assert [o.state for o in run(stack_file, tmp_path, plan=QUICK)] == ["done"]


def test_the_whole_way_as_a_job_takes_the_same_choices(stack_file: str, tmp_path: Path) -> None:
    summary = run_source(stack_file, tmp_path, deblur="off", measure="off", focus="off")
    assert summary["stages"]["focus"] == "switched off"
    assert summary["frames"] == list(range(6))
    assert (tmp_path / REPORT).is_file()


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"fuse": "magic"}, "unknown choice 'magic' for the stage fuse"),
        ({"select": "some"}, "known: on, off"),
        ({"speed": 9}, "1 .slow. to 4"),
    ],
)
def test_a_wrong_choice_is_refused_before_any_work(choice: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Plan(**choice)  # type: ignore[arg-type]


def test_the_command_of_a_report_names_every_choice_that_is_not_the_usual(stack_file: str, tmp_path: Path) -> None:
    plan = Plan(select="off", frames="0:4", speed=3)
    assert command(lay_out(stack_file, plan, tmp_path)) == (
        f"mmlib run {stack_file} -o results --frames 0:4 --speed 3 --select off"
    )


def test_depth_is_coloured_from_low_to_high_and_grey_where_unknown() -> None:
    depth = np.tile(np.linspace(-3, 8, 50, dtype=np.float32), (4, 1))
    depth[0, 0] = np.nan
    shown = depth_picture(depth)
    assert shown.shape == (4, 50, 3)
    assert tuple(shown[0, 0]) == (128, 128, 128)
    luma = shown[1].astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(luma) >= -1).all()
    assert luma[-1] - luma[0] > 120
    assert (depth_picture(np.full((2, 2), np.nan, np.float32)) == 128).all()
