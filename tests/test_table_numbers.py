"""What the numbers of the tables rest on: emptiness, thresholds, intervals, and who wins."""

import math
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from mmlib.experiments.tables.focus_crops import choose_crops, detail_of, is_empty
from mmlib.experiments.tables.focus_table import auc, fit_threshold
from mmlib.experiments.tables.fusion_limits import most_alike
from mmlib.experiments.tables.laying import best_shift
from mmlib.experiments.tables.scans import choose
from mmlib.experiments.tables.summing import mean_value, share_value, verdict
from mmlib.experiments.tables.table import Column, Row, Value
from mmlib.pictures import to_grey
from mmlib.sharpness.cells import grid
from mmlib.simulation import Dirt, simulate
from mmlib.simulation.specimen import Specimen
from mmlib.stacks import from_array

pytest.importorskip("torch")


def under_dirt(path_um: np.ndarray) -> Any:
    """Scan what only bends light, with dust over it; all planes lie within two depths of field."""
    import torch

    size = len(path_um)
    clear, height_um = torch.zeros(1, 3, size, size), torch.zeros(size, size)
    glass = Specimen(clear, torch.from_numpy(path_um)[None].float(), torch.zeros(1), height_um, 0.5)
    made = simulate(glass, seed=3, planes=5, dirt=Dirt(dust=6, slide_dust=3))
    dirt = np.logical_or.reduce([mask for name, mask in made.masks.items() if name != "field"])
    return SimpleNamespace(
        stack=made.stack, truth=made.truth, in_focus=made.in_focus(), field=made.masks["field"], dirt=dirt,
        defocus_dof=made.defocus_dof, specimen="glass", speed=1,
    )  # fmt: skip


def test_a_transparent_specimen_under_dirt_is_not_absent_and_bare_glass_is() -> None:
    down, right = np.mgrid[:128, :128]
    cells = np.zeros((128, 128))
    for at in np.random.default_rng(0).uniform(5, 123, (30, 2)):
        cells = np.maximum(cells, np.sqrt(np.clip(1 - np.hypot(down - at[0], right - at[1]) ** 2 / 100, 0, 1)))
    seen, bare = under_dirt(0.3 * cells), under_dirt(0 * cells)
    grid_of_cells = grid((128, 128), 84, 42)
    for scan in (seen, bare):
        assert detail_of(to_grey(scan.truth), scan.field, grid_of_cells).max() < 0.001  # nothing absorbs
        assert max(float(np.abs(scan.defocus_dof(frame)).max()) for frame in range(5)) < 2
    assert not is_empty(seen, grid_of_cells).any()
    assert is_empty(bare, grid_of_cells).all()  # the dust is no specimen
    assert choose_crops(seen) == []
    assert {crop["kind"] for crop in choose_crops(bare)} == {"dirt"}
    bare.dirt = np.ones((128, 128), bool)
    assert choose_crops(bare) == []  # nobody knows what lies there


def test_a_threshold_is_the_best_there_is() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        sharp = rng.random(40) < 0.4
        sharp[:2] = True, False
        scores = np.round(rng.normal(sharp, 1.0), 1)
        limit = fit_threshold(scores, sharp)
        tried = [balanced_accuracy_score(sharp, scores >= value) for value in [*np.unique(scores), np.inf]]
        assert balanced_accuracy_score(sharp, scores >= limit) == pytest.approx(max(tried))
        assert auc(scores, sharp) == pytest.approx(roc_auc_score(sharp, scores))
    assert fit_threshold(np.ones(3), np.ones(3, bool)) == math.inf


def test_crops_of_one_specimen_are_no_independent_witnesses() -> None:
    alike = {f"s{i}": (10 * (i % 2), 10) for i in range(8)}
    apart = {f"s{i}": (5, 10) for i in range(8)}
    one, other = share_value(alike), share_value(apart)
    assert one is not None
    assert other is not None
    assert one.estimate == other.estimate == 0.5
    assert (other.low, other.high) == (0.5, 0.5)
    assert one.high is not None
    assert one.low is not None
    assert one.high - one.low > 0.4
    assert share_value({"a": (0, 0)}) is None
    assert mean_value({}) is None


def test_a_baseline_that_wins_is_named() -> None:
    column = Column("psnr", "PSNR, dB", "higher")
    ours, base = {f"s{i}": 30.0 + i for i in range(9)}, {f"s{i}": 31.0 + i for i in range(9)}

    def rows(mine: float, theirs: float) -> list[Row]:
        return [
            Row("blend", "blend", "ours", values={"psnr": Value(mine)}),
            Row("mean", "mean", "baseline", values={"psnr": Value(theirs)}),
            Row("truth", "truth", "reference", values={"psnr": Value(99.0)}),
        ]

    assert "a baseline wins; blend against mean: -1.00" in verdict(column, rows(34, 35), {"blend": ours, "mean": base})
    assert "ours is best; blend against mean: +1.00" in verdict(column, rows(35, 34), {"blend": base, "mean": ours})
    assert "are equal; blend against mean: 7.00 to 7.00" in verdict(column, rows(7, 7), {})
    even = {name: value + (-1) ** i for i, (name, value) in enumerate(ours.items())}
    assert "no clear winner" in verdict(column, rows(34, 34.1), {"blend": ours, "mean": even})


def test_the_shift_to_the_truth_is_found() -> None:
    rng = np.random.default_rng(2)
    truth = cv2.GaussianBlur(rng.random((96, 96, 3)).astype(np.float32), (0, 0), 2)
    moved = cv2.warpAffine(truth, np.array([[1, 0, 1.5], [0, 1, -0.5]]), (96, 96), borderMode=cv2.BORDER_REFLECT)
    right, down = best_shift(moved, truth, np.ones((96, 96), bool))
    assert (right, down) == (pytest.approx(-1.5, abs=0.15), pytest.approx(0.5, abs=0.15))


def test_the_split_is_kept_apart() -> None:
    test, train = choose("test"), choose("train")
    assert {recipe.split for recipe in test} == {"test"}
    assert not {recipe.seed for recipe in test} & {recipe.seed for recipe in train}
    assert {recipe.family for recipe in test} - {recipe.family for recipe in train}  # families that nothing has seen
    few = choose("test", 5)
    assert len({recipe.family for recipe in few}) == 5


@pytest.mark.parametrize("away_px", [0, 2])
def test_the_frames_most_like_a_picture_make_it(away_px: int) -> None:
    """Each half of the picture is sharp in another frame, and both may lie further right than what is wanted."""
    noise = np.random.default_rng(2).random((96, 128, 3), np.float32)
    wanted = cv2.GaussianBlur(noise, (0, 0), 1)
    soft, left = cv2.GaussianBlur(wanted, (0, 0), 3), np.arange(128)[None, :, None] < 64
    halves = np.stack([np.where(left, wanted, soft), np.where(left, soft, wanted)])
    stack = from_array(np.roll(np.round(halves * 255).astype(np.uint8), away_px, axis=2))
    made = most_alike(stack, wanted, np.ones((96, 128), bool))
    away = np.abs(made - np.roll(wanted, away_px, axis=1)).mean(axis=2)
    assert max(away[8:-8, 8:56].mean(), away[8:-8, 72:-8].mean()) < 0.002
    assert np.abs(soft - wanted).mean() > 0.05
