"""Frames that do not belong are left out, whatever the method, and honest ones never are."""

import json

import numpy as np
import pytest

from mmlib.fusing import fuse
from mmlib.fusing.strangers import left_out_words
from mmlib.simulation import Eyepiece, simulate
from mmlib.stacks import from_array


@pytest.fixture(scope="module")
def disc() -> np.ndarray:
    scan = simulate("tissue_section", seed=12, planes=6, height=160, width=200, shake=0.0, eyepiece=Eyepiece())
    return np.stack(list(scan.stack))


def ruin(frames: np.ndarray, kind: str) -> np.ndarray:
    ruined = frames.copy()
    ruined[2] = {
        "another scene in the same disc": lambda frame: frame[::-1, ::-1],
        "noise": lambda frame: np.random.default_rng(1).integers(0, 255, frame.shape),
        "black": lambda frame: frame * 0,
        "far out of exposure": lambda frame: np.clip(frame.astype(int) * 3, 0, 255),
    }[kind](frames[2])
    return ruined


@pytest.mark.parametrize("kind", ["another scene in the same disc", "noise", "black", "far out of exposure"])
@pytest.mark.parametrize("method", ["learned", "pyramid", "focusall"])
def test_one_ruined_frame_changes_nothing(disc, method, kind):
    fused = fuse(from_array(ruin(disc, kind)), method=method, align="off")
    without = fuse(from_array(np.delete(disc, 2, 0)), method=method, align="off")
    assert fused.parameters["left_out"] == [2]
    assert without.parameters["left_out"] == []
    np.testing.assert_array_equal(fused.picture, without.picture)
    assert not (fused.index == 2).any()


@pytest.mark.parametrize("family", ["living_cells", "diatoms", "insect_leg"])
@pytest.mark.parametrize("speed", [1, 4])
def test_no_frame_of_an_honest_scan_is_left_out(family, speed):
    stack = simulate(family, seed=13, planes=14, speed=speed, height=120, width=160, shake=2.0).stack
    assert fuse(stack, method="mean").parameters["left_out"] == []


@pytest.mark.parametrize("frames", [np.zeros((4, 40, 40), np.uint8), np.full((2, 40, 40), 90, np.uint8)])
def test_what_is_flat_belongs(frames):
    assert fuse(from_array(frames), method="mean").parameters["left_out"] == []


def test_what_was_left_out_is_said(disc, tmp_path):
    from typer.testing import CliRunner

    from mmlib.__main__ import app
    from mmlib.io import write_picture

    (tmp_path / "scan").mkdir()
    for number, frame in enumerate(ruin(disc, "black")):
        write_picture(tmp_path / "scan" / f"{number}.png", frame)
    told = CliRunner().invoke(app, ["fuse", str(tmp_path / "scan"), "-o", str(tmp_path / "fused.png"), "--json"])
    assert told.exit_code == 0, told.output
    words = "frame 2 is left out: unlike the frames before and after, which are like each other"
    assert json.loads(told.stdout)["warnings"][-1] == words
    assert left_out_words([1, 4, 6], first=1) == [words.replace("frame 2 is", "frames 2, 5 and 7 are")]
