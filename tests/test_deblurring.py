"""Deblurring: what came in stays where nothing is to be done, any picture goes in, baselines do what they say."""

import importlib
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmlib import zoo
from mmlib.deblurring import BEST, METHODS, Method, Restored, Scene, deblur, deblur_stack
from mmlib.deblurring.certainty import new_detail
from mmlib.deblurring.smear import kernel, transfer
from mmlib.errors import Cancelled, InputError
from mmlib.inference import tiled
from mmlib.metrics.reference import psnr
from mmlib.stacks import ZStack, from_array

CLASSICAL = ["none", "richardson_lucy", "wiener"]
NETS = [name for name, method in METHODS.items() if method.model]
READY = [name for name in NETS if METHODS[name].model in zoo.cards()]
ALL = [*CLASSICAL, *READY]


def scene(height: int = 96, width: int = 120, seed: int = 0) -> np.ndarray:
    """Soft blobs with fine detail, colours alike but not equal: (H, W, 3) float32."""
    rng = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 1.2)
    smooth = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 8)
    grey = cv2.normalize(rough - rough.mean() + 2 * (smooth - smooth.mean()), None, 0.2, 0.8, cv2.NORM_MINMAX)
    return np.stack([grey, 0.9 * grey, 0.2 + 0.7 * grey], axis=2).astype(np.float32)


def test_importing_the_room_loads_no_torch() -> None:
    code = "import mmlib.deblurring, sys; print(sorted({'torch', 'onnxruntime', 'skimage'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("name", ALL)
def test_what_comes_back_is_a_picture_of_the_same_size(name: str) -> None:
    for shape in [(1, 1), (8, 8, 3), (40, 33), (37, 70, 3)]:
        given = np.random.default_rng(1).random(shape, dtype=np.float32)
        found = deblur(given, method=name)
        assert found.picture.shape == shape
        assert found.picture.dtype == found.unsure.dtype == np.float32
        assert found.unsure.shape == shape[:2]
        assert found.picture.min() >= 0
        assert found.picture.max() <= 1
        assert found.unsure.min() >= 0
        assert found.unsure.max() <= 1
        assert (found.method, found.parameters["method"]) == (name, name)


@pytest.mark.parametrize("name", ALL)
def test_black_stays_black_and_even_grey_stays_even(name: str) -> None:
    assert deblur(np.zeros((40, 40, 3), np.uint8), method=name).picture.max() < 0.02
    grey = deblur(np.full((48, 48), 0.5, np.float32), method=name).picture
    assert np.ptp(grey[8:-8, 8:-8]) < 0.02


@pytest.mark.parametrize("name", ALL)
def test_nothing_changes_outside_the_field(name: str) -> None:
    given = scene()
    field = np.zeros(given.shape[:2], bool)
    field[20:70, 30:90] = True
    found = deblur(given, method=name, field=field)
    np.testing.assert_array_equal(found.picture[~field], given[~field])
    assert not found.unsure[~field].any()


def test_doing_nothing_keeps_sixteen_bits() -> None:
    given = np.random.default_rng(0).integers(0, 65536, (50, 60, 3)).astype(np.uint16)
    back = deblur(given, method="none").picture * 65535
    np.testing.assert_allclose(back, given, atol=0.01)


@pytest.mark.parametrize("name", ["wiener", "richardson_lucy"])
def test_sixteen_bits_are_not_cut_to_eight(name: str) -> None:
    faint = (20000 + 40 * scene()[:, :, 0]).astype(np.uint16)  # all within one step of 8 bit
    found = deblur(faint, method=name).picture
    assert len(np.unique(found)) > 40


@pytest.mark.parametrize(("name", "speed"), [("wiener", 4), ("richardson_lucy", 4), ("wiener", 3)])
def test_the_baselines_undo_the_blur_they_know(name: str, speed: int) -> None:
    sharp = scene(128, 128)
    blurred = cv2.filter2D(sharp, -1, kernel(speed), borderType=cv2.BORDER_REFLECT)
    gain = psnr(deblur(blurred, method=name, speed=speed).picture, sharp) - psnr(blurred, sharp)
    assert gain > 1.5


def test_noise_holds_wiener_and_lucy_back() -> None:
    rng = np.random.default_rng(0)
    blurred = cv2.filter2D(scene(128, 128), -1, kernel(4))
    quiet, loud = blurred, np.clip(blurred + rng.normal(0, 0.05, blurred.shape), 0, 1)
    few, many = (deblur(one, method="richardson_lucy", speed=4).parameters["steps"] for one in (loud, quiet))
    assert few < many
    luma = 0.05 * np.hypot(np.hypot(0.299, 0.587), 0.114)
    assert deblur(loud, method="wiener", speed=4).parameters["noise"] == pytest.approx(luma, rel=0.2)
    clean, noisy = (deblur(one, method="wiener", speed=4).picture for one in (quiet, loud))
    assert np.std(noisy - clean) < np.std(loud - quiet)  # noise is not raised as detail is


def test_the_transfer_falls_with_frequency_and_with_speed() -> None:
    lines = np.array([transfer(speed)[0, :32] for speed in (1, 2, 3, 4)])
    assert (np.diff(lines, axis=0) <= 1e-9).all()
    assert (np.diff(lines[3]) <= 1e-6).all()
    np.testing.assert_allclose(lines[:, 0], 1)
    for speed in (1, 4):
        spot = kernel(speed)
        assert spot.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(spot, spot[::-1, ::-1], atol=1e-6)


@pytest.mark.parametrize("name", ["wiener", "richardson_lucy"])
def test_a_large_picture_has_no_seams(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = scene(1100, 70)[:, :, 0]
    pieces = deblur(given, method=name, speed=4).picture
    module = importlib.import_module(f"mmlib.deblurring.{name}")
    monkeypatch.setattr(module, "tiled", lambda *a, **k: tiled(*a, **{**k, "tile": 0}))
    whole = deblur(given, method=name, speed=4).picture
    assert np.abs(whole - pieces).max() < 1 / 255


def test_unsure_is_where_detail_was_added() -> None:
    before = np.full((64, 64), 0.5, np.float32)
    after = before.copy()
    after[20:30, 20:30] += 0.2 * (np.indices((10, 10)).sum(0) % 2).astype(np.float32)
    found = new_detail(before, after)
    assert found[25, 25] > 0.9
    assert found[60, 60] < 0.01
    assert not new_detail(after, after).any()


def test_a_stack_streams_with_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(picture: np.ndarray, around: Scene, progress: object) -> Restored:
        seen.append([round(float(one.mean()), 2) for one in (*reversed(around.before), picture, *around.after)])
        return Restored(picture)

    monkeypatch.setitem(METHODS, "looking", Method(look, neighbours=2))
    frames = np.stack([np.full((16, 16), 10 * i, np.uint8) for i in range(5)])
    stack = from_array(frames, speed=3)
    told = []
    found = list(deblur_stack(stack, method="looking", progress=lambda share, _: told.append(share)))
    level = [round(10 * i / 255, 2) for i in range(5)]
    assert seen == [level[:3], level[:4], level, level[1:], level[2:]]
    assert [one.frame for one in found] == [0, 1, 2, 3, 4]
    assert {one.parameters["speed"] for one in found} == {3}
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_stack_is_read_only_as_far_as_needed() -> None:
    read = []

    class Counting:
        def __len__(self) -> int:
            return 100

        def __getitem__(self, index: int) -> np.ndarray:
            read.append(index)
            return np.zeros((8, 8), np.uint8)

        def __iter__(self):
            return (self[i] for i in range(100))

    stack = ZStack(Counting(), (8, 8), np.dtype(np.uint8), "counting")
    field = np.ones((8, 8), bool)
    list(islice(deblur_stack(stack, method="wiener", field=field), 2))
    assert max(read) <= 3


def test_grey_is_restored_as_grey() -> None:
    grey = scene()[:, :, 0]
    three = np.repeat(grey[:, :, None], 3, axis=2)
    for name in ALL:
        flat, coloured = (deblur(one, method=name).picture for one in (grey, three))
        np.testing.assert_allclose(flat, coloured.mean(axis=2), atol=2e-3)


@pytest.mark.parametrize(
    ("given", "choices", "words"),
    [
        (np.zeros((8, 8, 4)), {}, r"alpha channel: give picture\[:, :, :3\]"),
        (np.full((8, 8), np.nan), {}, "not finite"),
        (np.full((8, 8), 7.0), {}, "must lie in 0..1"),
        (np.zeros((0, 8)), {}, "at least one pixel"),
        (np.zeros((8, 8)), {"method": "wienr"}, "did you mean wiener"),
        (np.zeros((8, 8)), {"speed": 5}, r"speed must be 1 \(slow\), 2, 3 or 4 \(fast\), or left out"),
        (np.zeros((8, 8)), {"field": np.ones((4, 4), bool)}, "as large as the picture"),
    ],
)
def test_bad_input_is_told_in_a_sentence(given: np.ndarray, choices: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        deblur(given, **choices)


def test_a_stack_with_a_wrong_choice_is_told_at_once() -> None:
    stack = from_array(np.zeros((2, 8, 8), np.uint8))
    with pytest.raises(InputError, match="unknown method"):
        deblur_stack(stack, method="nonsense")
    with pytest.raises(InputError, match="speed must be"):
        deblur_stack(stack, speed=9)


@pytest.mark.parametrize("name", NETS)
def test_missing_and_damaged_weights_are_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = zoo.weights_folder()
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match="there are no trained nets in"):
        deblur(np.zeros((8, 8)), method=name)
    if name not in READY:
        return
    shutil.copy(ours / zoo.REGISTRY, tmp_path)
    with pytest.raises(InputError, match="are missing: there is no file"):
        deblur(np.zeros((8, 8)), method=name)
    card = zoo.card(METHODS[name].model)
    (tmp_path / card.file).write_bytes(b"0" * card.bytes)
    with pytest.raises(InputError, match="is damaged or not the file that its card describes"):
        deblur(np.zeros((8, 8)), method=name)


@pytest.mark.parametrize("name", READY)
def test_a_net_in_pieces_is_the_net_on_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    restore = METHODS[name].restore
    if not hasattr(restore, "tile"):
        pytest.skip("this method cuts its pieces itself")
    given = scene(160, 144, seed=3)
    place = Scene(np.ones(given.shape[:2], bool))
    whole, pieces = (replace(restore, tile=tile)(given, place, lambda *_: None).picture for tile in (0, 120))
    assert np.abs(whole - pieces).max() < 1 / 255


def test_it_stops_when_asked() -> None:
    def stop(share: float, stage: str) -> None:
        raise Cancelled

    for name in CLASSICAL:
        with pytest.raises(Cancelled):
            deblur(scene(), method=name, progress=stop)


def test_best_stands_for_a_method_that_is_there() -> None:
    assert BEST in METHODS
    found = deblur(np.full((16, 16), 0.5), method="best")
    assert found.method in METHODS
    assert found.parameters["asked"] == "best"
