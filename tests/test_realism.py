"""The benchmark set and the study of realism: sets are their seeds', hashes hold, and a judge that cannot cheat."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mmlib import io
from mmlib.errors import InputError
from mmlib.experiments.benchmark_set import MANIFEST, make_one, make_set
from mmlib.experiments.contact_sheet import real_rows, sheet
from mmlib.experiments.crops import FEATURES, SIZE, Crops, crops_of, features, noise_level, spectrum
from mmlib.experiments.realism import _peaks, real_crops, real_from_real, summary, tell_apart
from mmlib.experiments.recipes import TEST_ONLY, benchmark, demo, scene
from mmlib.simulation.families import FAMILIES
from mmlib.specimens import open_source, truth_of
from mmlib.stacks import from_array


def test_the_set_has_150_specimens_split_by_family_and_seed():
    recipes = benchmark()
    assert len(recipes) == len({recipe.name for recipe in recipes}) == len({recipe.seed for recipe in recipes}) == 150
    assert {recipe.family for recipe in recipes} == set(FAMILIES)
    splits = {split: {r.family for r in recipes if r.split == split} for split in ("train", "validation", "test")}
    assert splits["train"] == splits["validation"] == set(FAMILIES) - set(TEST_ONLY)
    assert splits["test"] == set(FAMILIES)
    assert recipes == benchmark()
    assert 10 <= len(demo()) <= 12


def test_a_specimen_made_twice_is_the_same_and_reads_back(tmp_path):
    recipe = replace(scene("yeast-t", "yeast", "test", height=32, width=48), planes=5)
    rows = [make_one(recipe, tmp_path / side) for side in ("a", "b")]
    assert rows[0]["content"] == rows[1]["content"]
    other = make_one(replace(recipe, seed=recipe.seed + 1), tmp_path / "c")
    assert other["content"] != rows[0]["content"]
    for side in ("a", "b"):
        (tmp_path / side).mkdir(exist_ok=True)
    files = sorted(path.name for path in (tmp_path / "a" / recipe.name).iterdir())
    assert files == ["depth.tif", "parameters.json", *(f"speed{i}.mp4" for i in (1, 2, 3, 4)), "truth.png"]
    for name in files:
        assert (tmp_path / "a" / recipe.name / name).read_bytes() == (tmp_path / "b" / recipe.name / name).read_bytes()
    slow, fast = (open_source(recipe.name, data=tmp_path / "a", speed=speed) for speed in (1, 4))
    assert len(slow) > len(fast)
    assert truth_of(recipe.name, data=tmp_path / "a").depth_um.shape == (32, 48)


def test_a_set_goes_on_where_it_stopped_and_keeps_its_budget(tmp_path):
    recipe = replace(scene("mould-t", "mould", "test", height=32, width=32), planes=3)
    assert make_set([recipe], tmp_path, processes=1, budget_s=-1) == []
    row = make_one(recipe, tmp_path)
    (tmp_path / MANIFEST).write_text(json.dumps([row]))
    before = (tmp_path / recipe.name / "truth.png").stat().st_mtime_ns
    assert make_set([recipe], tmp_path, processes=1) == [row]
    assert (tmp_path / recipe.name / "truth.png").stat().st_mtime_ns == before


def test_an_unknown_family_is_told():
    with pytest.raises(InputError, match="unknown family 'yeti'"):
        scene("x", "yeti", "test", height=8, width=8)


def test_noise_and_spectrum_are_measured_right():
    rng = np.random.default_rng(0)
    for sigma in (0.01, 0.05):
        crop = (0.5 + sigma * rng.standard_normal((SIZE, SIZE))).astype(np.float32)
        assert noise_level(crop) == pytest.approx(sigma, rel=0.1)
    white = np.mean([spectrum(rng.standard_normal((SIZE, SIZE)).astype(np.float32)) for _ in range(20)], 0)
    assert np.ptp(white[1:]) < 0.3
    wave = np.sin(np.arange(SIZE) * np.pi / 2)[None].repeat(SIZE, 0).astype(np.float32)  # half of Nyquist
    assert spectrum(wave).argmax() == 4
    assert features(rng.random((3, SIZE, SIZE), dtype=np.float32)).shape == (3, len(FEATURES))


def test_peaks_of_a_focus_curve_are_counted():
    assert _peaks(np.array([0.1, 0.5, 1.0, 0.5, 0.1])) == 1
    assert _peaks(np.array([0.1, 0.9, 0.2, 1.0, 0.1])) == 2
    assert _peaks(np.array([1.0, 0.98, 1.0])) == 1


def made_up(name: str, seed: int, sigma: float) -> Crops:
    rng = np.random.default_rng(seed)
    pixels = np.clip(0.5 + sigma * rng.standard_normal((24, SIZE, SIZE)), 0, 1).astype(np.float32)
    return Crops(name, pixels, np.linspace(0, 1, 24).astype(np.float32), np.array([0.2, 1.0, 0.3]))


def test_the_judge_tells_noise_from_less_noise_but_not_like_from_like():
    first, second = ([made_up(f"{k}{i}", 100 * k + i, 0.05) for i in range(6)] for k in (1, 2))
    assert 0.3 < tell_apart(first, second, folds=3)["auc"] < 0.7
    third = [made_up(f"c{i}", 300 + i, 0.1) for i in range(6)]
    told = tell_apart(first, third, folds=3)
    assert told["auc"] > 0.95
    assert told["stacks"] == [6, 6]
    assert "noise" in told["telling"]


def test_one_laboratory_is_told_from_the_others_where_they_differ():
    noisy = [made_up(f"a/{i}", i, 0.1) for i in range(3)]
    alike = [made_up(f"{folder}/{i}", 10 * k + i, 0.05) for k, folder in ((2, "b"), (3, "c")) for i in range(3)]
    told = real_from_real([*noisy, *alike, made_up("alone/0", 99, 0.05)])
    assert set(told) == {"a", "b", "c"}  # one stack is no laboratory
    assert told["a"] > 0.95 > told["b"]


def test_crops_come_from_inside_the_disc_and_hold_something(tmp_path):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:240, :320]
    disc = np.hypot(y - 120, x - 160) < 110
    frames = np.stack([np.where(disc, 120 + 60 * rng.random((240, 320)), 2).astype(np.uint8) for _ in range(4)])
    crops = crops_of(from_array(frames), rng, frames=3, each=5)
    assert 0 < len(crops.pixels) <= 15
    assert crops.pixels.min() > 0.3
    assert crops.curve.max() == 1
    (tmp_path / "home").mkdir()
    io.write_stack(tmp_path / "home" / "mine", from_array(frames))
    found = real_crops(tmp_path / "home")
    assert [crops.name for crops in found] == ["mine"]
    assert summary(found)["noise"][1] > 0.03
    rows = real_rows(tmp_path / "home", size=40)
    assert rows.shape[1] == 9 * 46
    with pytest.raises(InputError, match="holds no stack of at least three frames"):
        real_crops(tmp_path / "home" / "mine")


def test_the_contact_sheet_has_a_row_for_each_family():
    drawn = sheet(["yeast", "bacteria"], size=32, planes=5)
    assert drawn.shape == (2 * (18 + 38), 9 * 38, 3)
    assert drawn.dtype == np.uint8
