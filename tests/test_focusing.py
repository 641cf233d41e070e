"""Focus is judged right cell by cell: which plane, how far from it, and where there is nothing to judge."""

import csv
import json

import cv2
import numpy as np
import pytest

from mmlib.errors import Cancelled, InputError
from mmlib.focusing import COLUMNS, ESTIMATES, focus
from mmlib.sharpness import MEASURES, sharpness_map
from mmlib.stacks import from_array

CELL = 64


def texture(height=256, width=320, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width))
    fine, coarse = (cv2.GaussianBlur(noise, (0, 0), s) for s in (1.0, 5.0))
    return 130 + 25 * fine / fine.std() + 20 * coarse / coarse.std()


def camera(picture, noise=1.0, seed=0, jpeg=None):
    noisy = picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    frame = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    if jpeg is not None:
        frame = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1], cv2.IMREAD_GRAYSCALE)
    return frame


def defocused(picture, distance):
    return cv2.GaussianBlur(picture, (0, 0), 0.1 + 1.2 * abs(distance))


def tilted_stack(planes=7, **how):
    """The left half is sharpest in plane 2, the right half in plane 4.5."""
    left = np.zeros((256, 320), bool)
    left[:, :160] = True
    scene = texture()
    frames = [
        camera(np.where(left, defocused(scene, k - 2), defocused(scene, k - 4.5)), seed=k, **how) for k in range(planes)
    ]
    return np.stack(frames)


@pytest.mark.parametrize("how", [{"noise": 1}, {"noise": 6}, {"noise": 3, "jpeg": 60}], ids=["clean", "noisy", "jpeg"])
@pytest.mark.parametrize("method", ["best", "bands"])
def test_the_plane_of_each_cell_is_found(how, method):
    # best learned from waves, and Gaussian blurs are none: in much noise it is off by a little more
    near = 0.42 if (method, how) == ("best", {"noise": 6}) else 0.35
    found = focus(from_array(tilted_stack(**how)), method=method, cell=CELL, stride=32)
    columns = np.arange(found.best_plane.shape[1])
    assert found.best_plane[:, columns * 32 + CELL <= 160] == pytest.approx(2, abs=near)
    assert found.best_plane[:, columns * 32 >= 160] == pytest.approx(4.5, abs=near)
    assert found.depth[100, 30] == pytest.approx(2, abs=0.4)
    assert found.depth[100, 290] == pytest.approx(4.5, abs=0.4)
    assert found.depth_unit == "planes"


def test_flicker_of_the_lamp_does_not_count():
    stack = tilted_stack().astype(float)
    gains = np.array([1.25, 1.1, 0.8, 1.0, 0.85, 0.9, 1.2])
    flickering = np.round(np.clip(stack * gains[:, None, None] * 0.7, 0, 255)).astype(np.uint8)
    steady, unsteady = (focus(from_array(s.astype(np.uint8)), cell=CELL, stride=CELL) for s in (stack, flickering))
    assert unsteady.best_plane[:, [0, 1, 3, 4]] == pytest.approx(steady.best_plane[:, [0, 1, 3, 4]], abs=0.3)


def test_z_makes_the_depth_micrometres():
    stack = from_array(tilted_stack(), z_um=tuple(10.0 * np.arange(7)))
    found = focus(stack, cell=CELL, stride=CELL)
    assert found.depth_unit == "um"
    assert found.depth[100, 20] == pytest.approx(20, abs=4)


def test_sixteen_bit_and_colour_tell_the_same():
    stack = tilted_stack()
    found = [
        focus(from_array(frames), cell=CELL, stride=CELL)
        for frames in (stack, stack.astype(np.uint16) * 257, np.stack([stack] * 3, axis=3))
    ]
    for other in found[1:]:
        assert other.best_plane == pytest.approx(found[0].best_plane, abs=0.02)
        assert (other.cells["label"] == found[0].cells["label"]).all()


def test_the_grid_is_every_cell_that_fits():
    found = focus(from_array(np.zeros((2, 210, 300), np.uint8)), cell=84, stride=42)
    assert sorted(set(found.cells["x"].tolist())) == [0, 42, 84, 126, 168, 210]
    assert sorted(set(found.cells["y"].tolist())) == [0, 42, 84, 126]
    assert set(found.cells["size"].tolist()) == {84}
    assert len(found.cells) == 2 * 6 * 4


@pytest.mark.parametrize("method", ["best", "bands"])
def test_a_cell_without_detail_is_blank_and_never_out(method):
    frames = tilted_stack()
    frames[:, :128] = np.stack([camera(np.full((128, 320), 200.0), seed=90 + k) for k in range(7)])
    found = focus(from_array(frames), method=method, cell=CELL, stride=CELL)
    upper, lower = found.cells["y"] + CELL < 120, found.cells["y"] >= 128  # the row between sees the edge itself
    assert set(found.cells["label"][upper]) == {"blank"}
    judged = found.cells["label"][lower]
    dirty = judged == "artefact"
    assert set(judged[~dirty]) == {"in", "out"}
    assert not (dirty & (found.cells["level"][lower] <= 2)).any()
    assert dirty.mean() <= (0.1 if method == "best" else 0)  # best learned from waves, and Gaussian blurs are none
    assert np.isnan(found.best_plane[0]).all()
    assert found.cells["detail"][lower].min() > 5 * found.cells["detail"][upper].max()


def test_levels_run_from_the_sharpest_to_the_most_blurred():
    found = focus(from_array(tilted_stack()), method="bands", cell=CELL, stride=CELL)
    cells = found.cells
    for x, y in {(int(c["x"]), int(c["y"])) for c in cells}:
        own = cells[(cells["x"] == x) & (cells["y"] == y)]
        assert own["level"].min() == 0
        assert own["level"].max() <= 9
        assert own["level"][own["score"].argmax()] == 0
        assert (np.diff(own["level"][np.argsort(-own["score"])]) >= 0).all()
        assert ((own["label"] == "in") == (own["level"] <= 2)).all()
    assert cells["level"].max() == 9


def test_a_disc_limits_what_is_judged():
    rows, columns = np.mgrid[:512, :640]
    disc = np.hypot(columns - 320, rows - 256) <= 230
    scene = texture(512, 640)
    frames = np.stack([camera(np.where(disc, defocused(scene, k - 1), 3), seed=k) for k in range(4)])
    found = focus(from_array(frames), cell=CELL, stride=CELL)
    corner = found.cells[(found.cells["x"] == 0) & (found.cells["y"] == 0)]
    assert set(corner["label"]) == {"blank"}
    assert (corner["field"] < 0.01).all()
    whole = found.cells["field"] > 0.99
    assert whole.any()
    assert (found.cells["label"][whole] != "blank").all()
    assert (
        np.round(found.best_plane[np.isfinite(found.best_plane)]).tolist() == [1] * np.isfinite(found.best_plane).sum()
    )


@pytest.mark.parametrize("method", ["best", "bands"])
def test_a_lone_picture_is_judged_by_the_width_of_its_edges(method):
    rows, columns = np.mgrid[:256, :512]
    bars = np.where((columns // 23 + rows // 31) % 2, 180.0, 80.0)
    bars[:, 256:] = cv2.GaussianBlur(bars, (0, 0), 6)[:, 256:]
    found = focus(from_array(camera(cv2.GaussianBlur(bars, (0, 0), 0.8))[None]), method=method, cell=CELL, stride=CELL)
    cells = found.cells
    assert set(cells["label"][cells["x"] < 192]) == {"in"}
    assert set(cells["label"][cells["x"] >= 320]) == {"out"}
    assert found.best_frame == 0
    assert found.curve.shape == (1,)


@pytest.mark.parametrize("value", [0, 255, 117])
@pytest.mark.parametrize("frames", [1, 3])
def test_even_pictures_are_blank(value, frames):
    found = focus(from_array(np.full((frames, 100, 120), value, np.uint8)), cell=40, stride=40)
    assert set(found.cells["label"]) == {"blank"}
    assert found.best_frame == 0
    assert np.isnan(found.depth).all()
    assert {advice.verdict for advice in found.keep} == {"blank"}


@pytest.mark.parametrize("method", MEASURES)
def test_every_measure_is_a_method(method):
    frames = np.stack([camera(defocused(texture(160, 160), d), seed=9) for d in (2, 0, 2)])
    found = focus(from_array(frames), method=method, cell=80, stride=80)
    scores = found.cells["score"].reshape(3, 2, 2)
    assert scores[1] == pytest.approx(sharpness_map(frames[1], method, cell=80, stride=80))
    if method not in ("thresholded_content", "thresholded_power", "thresholded_count", "dct_ratio"):
        assert (np.round(found.best_plane) == 1).all()
        assert found.best_frame == 1


def test_advice_keeps_the_sharp_frames():
    scene = texture()
    distances = [9, 5, 1, 0, 1, 5, 9]
    found = focus(from_array(np.stack([camera(defocused(scene, d)) for d in distances])), cell=CELL, stride=CELL)
    verdicts = [advice.verdict for advice in found.keep]
    assert (verdicts[0], verdicts[3], verdicts[6]) == ("blurred", "sharp", "blurred")
    assert found.best_frame == 3
    assert all("cells are in focus" in advice.reason for advice in found.keep)


def test_a_frame_that_shows_nothing_new_is_a_duplicate():
    scene = texture()
    frames = [camera(defocused(scene, d), noise=0.5, seed=seed) for seed, d in enumerate([4, 1, 0, 0, 1, 4])]
    found = focus(from_array(np.stack(frames)), cell=CELL, stride=CELL)
    assert [advice.verdict for advice in found.keep].count("duplicate") == 1
    assert found.keep[3].verdict == "duplicate"
    assert "shows what frame 2 shows" in found.keep[3].reason


def test_autofocus_says_how_far_and_which_way():
    scene = texture()
    frames = np.stack([camera(defocused(scene, k - 3)) for k in range(8)])
    z_um = tuple(5.0 * k for k in range(8))
    found = focus(from_array(frames, z_um=z_um), cell=CELL, stride=CELL).autofocus
    assert found.plane == pytest.approx(3, abs=0.3)
    assert found.z_um == pytest.approx(15, abs=1.5)
    assert (found.low_plane, found.high_plane) == pytest.approx((3, 3), abs=0.4)
    assert found.beyond == 0
    assert found.move(0, z_um) == (pytest.approx(15, abs=1.5), "up")
    assert found.move(6) == (pytest.approx(3, abs=0.3), "down")
    assert found.move(3)[1] == "stay"
    assert focus(from_array(frames[4:]), cell=CELL, stride=CELL).autofocus.beyond == -1


def test_the_csv_has_the_columns_and_leaves_blank_scores_empty(tmp_path):
    frames = tilted_stack()
    frames[:, :128] = 200
    found = focus(from_array(frames), cell=CELL, stride=CELL)
    found.write_csv(tmp_path / "cells.csv")
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == (*COLUMNS, *ESTIMATES)
    assert COLUMNS == ("frame", "x", "y", "size", "field", "detail", "level", "score", "label")
    assert len(rows) == len(found.cells)
    for row, cell in zip(rows, found.cells, strict=True):
        assert (row["score"] == "") == (row["level"] == "") == (row["label"] == "blank")
        assert [int(row[name]) for name in ("frame", "x", "y")] == [int(cell[name]) for name in ("frame", "x", "y")]
        if row["score"]:
            assert float(row["score"]) == pytest.approx(float(cell["score"]), rel=1e-6)


def test_the_report_is_json():
    found = focus(from_array(tilted_stack()), cell=CELL, stride=CELL)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["best_frame"] == found.best_frame
    assert len(plain["curve"]) == len(plain["keep"]) == 7
    assert len(plain["cells"]) == len(found.cells)


def test_progress_rises_and_can_stop():
    seen = []
    stack = from_array(tilted_stack())
    focus(stack, cell=CELL, progress=lambda share, stage: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(share, stage):
        raise Cancelled

    with pytest.raises(Cancelled):
        focus(stack, cell=CELL, progress=stop)


def test_errors_say_what_to_do():
    stack = from_array(np.zeros((1, 50, 60), np.uint8))
    with pytest.raises(InputError, match="unknown focus method 'laplacain'; known: .*; did you mean laplacian"):
        focus(stack, method="laplacain")
    with pytest.raises(InputError, match="a frame of 60 x 50 px holds no cell of 84 px; choose a smaller cell"):
        focus(stack)
    with pytest.raises(InputError, match="field must be as large as the frame"):
        focus(stack, cell=20, field=np.ones((3, 3), bool))
