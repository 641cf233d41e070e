"""A result measured as a job: against the truth, against its frames, and alone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmlib import io, jobs
from mmlib.specimens import open_source, truth_of


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMLIB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("MMLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MMLIB_SCHEDULER", raising=False)


def test_the_truth_itself_measures_as_perfect_and_a_frame_does_not(tmp_path: Path) -> None:
    truth = truth_of("pollen")
    assert truth is not None
    io.write_picture(tmp_path / "made.tif", truth.picture)
    io.write_picture(tmp_path / "frame.tif", open_source("pollen", speed=4)[2])
    made = jobs.submit("measure", "pollen", picture=str(tmp_path / "made.tif"), fused=True, speed=4).wait(120)
    frame = jobs.submit("measure", "pollen", picture=str(tmp_path / "frame.tif"), speed=4).wait(120)
    assert (made.state, frame.state) == ("done", "done"), made.message + frame.message
    numbers = {one["name"]: one for one in made.summary["measures"]}
    assert list(numbers)[:4] == ["psnr", "ssim", "detail_snr", "q_abf"]
    assert numbers["ssim"]["value"] == pytest.approx(1, abs=1e-4)
    assert numbers["psnr"]["value"] > 90  # only the rounding to 16 bit is left
    assert numbers["brisque"]["direction"] == "lower"
    others = {one["name"]: one["value"] for one in frame.summary["measures"]}
    assert "q_abf" not in others
    assert others["psnr"] < 40


def test_without_a_truth_only_what_needs_none_is_measured(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).random((3, 96, 96, 3))
    grain = np.stack([cv2.GaussianBlur(frame, (0, 0), 1) for frame in noise])
    np.save(tmp_path / "own.npy", (255 * grain).astype(np.uint8))
    io.write_picture(tmp_path / "made.tif", (65535 * grain[1]).astype(np.uint16))
    job = jobs.submit("measure", str(tmp_path / "own.npy"), picture=str(tmp_path / "made.tif")).wait(120)
    assert [one["name"] for one in job.summary["measures"]] == ["tenengrad", "brisque", "cnniqa", "cnniqa_plus"]
    lost = jobs.submit("measure", str(tmp_path / "own.npy"), picture=str(tmp_path / "gone.tif")).wait(60)
    assert lost.state == "failed"
    assert "\n" not in lost.message
