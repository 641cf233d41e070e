"""Means over cells and frames: they agree with what is counted by hand, and their intervals hold them."""

from pathlib import Path

import numpy as np
import pytest

import mmlib
from mmlib.focusing import FocusReport
from mmlib.pipeline.means import focus_means, frame_sharpness, fusion_means
from mmlib.pipeline.running import REPORT, SUMMARY, run_source
from mmlib.stacks import ZStack, from_array


@pytest.fixture(scope="module")
def stack() -> ZStack:
    """Give five frames of 4 x 3 cells, of which frame 2 is in focus; one corner is empty glass."""
    import cv2

    rng = np.random.default_rng(3)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (252, 336), dtype=np.uint8), (0, 0), 0.8)
    scene[:168, :168] = 128
    return from_array(np.stack([cv2.GaussianBlur(scene, (0, 0), 0.3 + 1.5 * abs(n - 2)) for n in range(5)]))


@pytest.mark.parametrize("method", ["best", "tenengrad"])
def test_the_curve_lies_within_its_intervals(stack: ZStack, method: str) -> None:
    report = mmlib.focus(stack, method=method)
    spread = frame_sharpness(report)
    assert spread is not None
    np.testing.assert_allclose([one.estimate for one in spread], report.curve, rtol=1e-9)
    assert all(one.low <= one.estimate <= one.high for one in spread)
    assert report.best_frame == 2
    if method == "tenengrad":  # the same scene everywhere: cells agree on which frame is sharpest
        assert spread[2].low > max(spread[0].high, spread[4].high)


def test_shares_of_cells_are_those_of_the_table(stack: ZStack) -> None:
    report = mmlib.focus(stack)
    means = {one.title: one for one in focus_means(report)}
    labels = report.cells["label"].reshape(5, 12)
    judged = (labels != "blank").any(axis=0)
    in_focus = means["cells in focus in a frame"]
    assert in_focus.interval.estimate == pytest.approx(100 * (labels[:, judged] == "in").mean())
    assert in_focus.over == f"{judged.sum()} cells with detail"
    assert (in_focus.unit, in_focus.better) == ("%", "higher")
    blank = means["cells without detail to judge"]
    assert blank.interval.estimate == pytest.approx(100 * (1 - judged.mean()))
    assert blank.interval.low < blank.interval.estimate < blank.interval.high  # of 12 cells nobody can be sure
    assert in_focus.words().endswith(" %")


def test_nothing_to_judge_has_no_share_in_focus() -> None:
    report: FocusReport = mmlib.focus(from_array(np.full((3, 90, 180), 90, np.uint8)))
    assert [one.title for one in focus_means(report)] == ["cells without detail to judge"]
    assert frame_sharpness(report) is None


def test_trust_in_the_depth_counts_only_the_field(stack: ZStack) -> None:
    fused = mmlib.fuse(stack, method="pyramid")
    field = np.zeros(stack.shape, np.bool_)
    field[84:, 84:] = True
    whole, inside = (fusion_means(fused, where)[0] for where in (None, field))
    assert (whole.over, inside.over) == ("12 cells", "6 cells")
    assert inside.interval.estimate == pytest.approx(fused.confidence[84:, 84:].mean(), abs=1e-4)
    moved = fusion_means(fused)[-1]
    assert (moved.over, moved.unit, moved.better) == ("4 steps", "px", "lower")
    assert moved.interval.low <= moved.interval.estimate <= moved.interval.high


def test_the_report_gives_every_mean_its_interval_unit_and_direction(stack: ZStack, tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", np.stack(list(stack)))
    out = tmp_path / "out"
    out.mkdir()
    summary = run_source(str(tmp_path / "scan.npy"), out, deblur="off", measure="off", fuse="pyramid")
    page = (out / REPORT).read_text()
    for one in summary["means"]:
        assert one["low"] <= one["value"] <= one["high"]
        assert f"<td>{one['title']}</td>" in page
        assert f"<td>{one['low']:.3g} to {one['high']:.3g}</td>" in page
    assert 'class="band"' in page
    assert "95 % interval over cells" in page
    assert "% of those with detail" in page
    assert summary["means"][0]["title"] in summary["stages"]["focus"]
    assert (out / SUMMARY).is_file()
