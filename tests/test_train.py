"""Training: pictures of known quality, a short run whose loss falls, and a restart that changes nothing."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.metrics.blind import cnniqa, cnniqa_plus
from mmlib.nets.cnniqa import Cnniqa, CnniqaConfig, extremes
from mmlib.simulation.families import FAMILIES
from mmlib.train import quality_run, recipes
from mmlib.train.checkpoints import Checkpoint
from mmlib.train.quality import QualityRecipe, judge, rank_correlation, strongest, train
from mmlib.train.quality_patches import Pictures
from mmlib.train.quality_pictures import make_pictures, read_pictures
from mmlib.train.quality_scenes import (
    MIXED,
    PRISTINE,
    TEST,
    VALIDATION,
    PictureRecipe,
    draw_scene,
    quality_target,
    split_of,
)
from mmlib.train.quality_scores import correlation_interval, real_planes, worse_by_degrees

TINY = PictureRecipe(
    size=64, scenes=1, free_scenes=0, directions=3, defocus=2, smear=1, noise=2, jpeg=1, artefacts=1, mixed=1
)
FAMILY_OF = {"train": "blood_smear", "validation": VALIDATION[0], "test": TEST[0]}


@pytest.fixture(scope="module")
def pictures():
    """Two scenes to learn from and one to check with."""
    learn = Pictures.of([draw_scene("blood_smear", 0, TINY), draw_scene("free", 1, TINY)])
    return learn, Pictures.of([draw_scene(VALIDATION[0], 0, TINY)])


def texture(size=96):
    noise = np.random.default_rng(1).random((size, size))
    grey = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return ((grey - grey.min()) / np.ptp(grey) * 255).astype(np.uint8)


def test_no_family_is_both_learned_from_and_scored():
    assert not set(TEST) & set(VALIDATION)
    assert set(TEST) | set(VALIDATION) < set(FAMILIES)
    for split, family in FAMILY_OF.items():
        assert split_of(family) == split
    assert split_of("free") == split_of("texture") == "train"


def test_equal_numbers_give_equal_pictures_and_others_do_not():
    first, again, other = (draw_scene("pollen", number, TINY) for number in (3, 3, 4))
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert not np.array_equal(first.frames, other.frames)


def test_a_scene_begins_with_its_truth_and_everything_else_is_worse():
    made = draw_scene("stem_section", 0, TINY)
    assert made.frames.shape == (10, 64, 64)
    assert made.targets[0] == pytest.approx(0, abs=1e-3)
    assert made.targets[1:].min() > 0
    assert made.targets.max() <= 100
    assert sorted(set(made.kinds.tolist())) == [MIXED, PRISTINE, 0, 1, 2, 3, 4]
    assert np.ptp(made.frames[0]) > 30


def test_the_target_rises_with_blur_and_noise_and_not_with_contrast():
    truth = texture()
    blurred = [quality_target(cv2.GaussianBlur(truth, (0, 0), sigma), truth) for sigma in (0.5, 1, 2, 4)]
    assert blurred == sorted(blurred)
    generator = np.random.default_rng(0)
    noisy = [
        quality_target(np.clip(truth + generator.normal(0, sigma, truth.shape), 0, 255).astype(np.uint8), truth)
        for sigma in (2, 8, 32)
    ]
    assert noisy == sorted(noisy)
    faint = (128 + (truth.astype(np.float32) - 128) * 0.4).astype(np.uint8)
    strong = quality_target(cv2.GaussianBlur(truth, (0, 0), 2), truth)
    assert quality_target(cv2.GaussianBlur(faint, (0, 0), 2), faint) == pytest.approx(strong, abs=3)


def test_a_short_training_learns(pictures):
    learn, check = pictures
    recipe = QualityRecipe("cnniqa_plus", steps=60, pictures=8, patches=4, rate=2e-3, validate_every=30)
    net, state = train(recipe, learn, check)
    assert state.step == 60
    assert np.mean(state.losses[-10:]) < 0.8 * np.mean(state.losses[:10])
    assert np.isfinite(judge(net, check)).all()
    assert [step for step, _ in state.scores] == [30, 60]


@pytest.mark.parametrize("name", ["cnniqa", "cnniqa_plus"])
def test_a_training_that_was_stopped_ends_like_one_that_was_not(name, pictures, tmp_path):
    learn, check = pictures
    recipe = QualityRecipe(name, steps=8, pictures=4, patches=2, validate_every=4)
    whole, _ = train(recipe, learn, check)

    def stop(share, stage):
        if share >= 0.7:  # after the checkpoint of step 4
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, learn, check, checkpoint=tmp_path, progress=stop)
    resumed, state = train(recipe, learn, check, checkpoint=tmp_path, resume=True)
    assert state.step == 8
    assert len(state.losses) == 8
    for one, two in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_a_checkpoint_of_another_recipe_or_a_damaged_one_is_refused(pictures, tmp_path):
    learn, check = pictures
    recipe = QualityRecipe("cnniqa_plus", steps=2, pictures=2, patches=2)
    train(recipe, learn, check, checkpoint=tmp_path)
    with pytest.raises(InputError, match="is of another recipe; leave --resume out to start anew"):
        train(replace(recipe, steps=3), learn, check, checkpoint=tmp_path, resume=True)
    file = tmp_path / "state.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="is damaged; remove it to start anew"):
        train(recipe, learn, check, checkpoint=tmp_path, resume=True)


def test_a_training_stops_when_its_time_is_spent(pictures):
    learn, check = pictures
    _, state = train(QualityRecipe("cnniqa_plus", steps=10**6, pictures=2, patches=2), learn, check, budget_s=0.5)
    assert 0 < state.step < 10**6


def test_to_learn_from_the_extremes_alone_changes_nothing():
    torch.manual_seed(0)
    net, seen = Cnniqa(CnniqaConfig(kernels=6)).double(), torch.randn(5, 1, 32, 32, dtype=torch.float64)
    gradients = []
    for found in (extremes(net.conv1(seen)), strongest(net, seen)):
        net.zero_grad()
        (found * torch.arange(12)).sum().backward()
        gradients.append((found.detach(), net.conv1.weight.grad.clone(), net.conv1.bias.grad.clone()))
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two)


def test_rank_correlation_is_that_of_scipy_ties_and_all():
    generator = np.random.default_rng(0)
    for _ in range(5):
        one, two = generator.integers(0, 8, 40), generator.normal(0, 1, 40)
        assert rank_correlation(one, two) == pytest.approx(spearmanr(one, two).statistic)
    assert rank_correlation(np.ones(5), np.arange(5)) == 0


def test_an_interval_holds_its_estimate_and_narrows_with_more_scenes():
    generator = np.random.default_rng(0)

    def interval(scenes):
        which = np.repeat(np.arange(scenes), 6)
        true = generator.normal(0, 1, len(which))
        return correlation_interval(true + generator.normal(0, 0.7, len(which)), true, which, resamples=200)

    few, many = interval(8), interval(80)
    assert few.low < few.estimate < few.high
    assert many.high - many.low < few.high - few.low


def test_from_nothing_to_weights_that_measure_as_they_were_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("mmlib.train.quality_pictures.FAMILIES", {name: FAMILIES[name] for name in FAMILY_OF.values()})
    card = quality_run.run("cnniqa", steps=3, pictures=TINY, work=tmp_path, processes=1)
    assert zoo.card("cnniqa") == card
    assert {score.name for score in card.scores} >= {"SROCC on unseen families, overall"}
    made = draw_scene("blood_smear", 0, TINY)
    told = judge(zoo.load("cnniqa"), Pictures.of([made]))
    measured = [cnniqa(frame, weights=zoo.weights_path("cnniqa")) for frame in made.frames]
    np.testing.assert_allclose(measured, told, rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match="holds no weights of CNNIQA"):
        cnniqa_plus(made.frames[0], weights=zoo.weights_path("cnniqa"))
    notes = json.loads((tmp_path / "cnniqa" / "state.json").read_text())
    assert notes["step"] == 3


def test_another_folder_of_textures_never_meets_scenes_of_the_first(tmp_path):
    for name, turns in (("one", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "texture.png"), np.rot90(texture(), turns))
    (made,) = make_pictures(tmp_path / "work", TINY, only=(), textures=tmp_path / "one", processes=1)
    assert make_pictures(tmp_path / "work", TINY, only=(), textures=tmp_path / "one", budget_s=0) == [made]
    assert make_pictures(tmp_path / "work", TINY, only=(), textures=tmp_path / "other", budget_s=0) == []
    (scene,) = read_pictures([made])
    assert scene.family == "texture"


def test_an_unknown_recipe_or_device_is_said(tmp_path):
    with pytest.raises(InputError, match="unknown recipe 'cniqa'; known: cnniqa, cnniqa_plus"):
        quality_run.run("cniqa", work=tmp_path)
    with pytest.raises(InputError, match="the device 'gpu9' is not there; choose auto or cpu"):
        quality_run.run("cnniqa", device="gpu9", work=tmp_path)


def test_weights_that_have_no_place_are_said_before_the_work(tmp_path):
    taken = tmp_path / "weights"
    taken.write_text("a file")
    with pytest.raises(InputError, match="cannot make the folder .*weights for the weights: File exists; name another"):
        recipes.run("fuse-best", output=taken, work=tmp_path)


def test_real_stacks_are_ranked_against_their_reference(tmp_path):
    case = tmp_path / "case"
    case.mkdir()
    truth = np.repeat(texture()[:, :, None], 3, axis=2)
    cv2.imwrite(str(case / "REF_edf.png"), truth)
    for z, sigma in enumerate((3, 1, 2, 4)):
        cv2.imwrite(str(case / f"z{z}.png"), cv2.GaussianBlur(truth, (0, 0), sigma))
    ranks, references = real_planes(tmp_path, lambda frame: -float(cv2.Laplacian(frame, cv2.CV_32F).var()))
    assert ranks == {"case": pytest.approx(1)}
    np.testing.assert_array_equal(references[0], truth)
    table = worse_by_degrees(references, lambda frame: -float(cv2.Laplacian(frame, cv2.CV_32F).var()))
    assert table["blur"] == [pytest.approx(1)]
    assert table["noise"] == [pytest.approx(-1)]  # to a Laplacian noise is detail
    with pytest.raises(InputError, match="holds no stacks with a reference"):
        real_planes(case, lambda frame: 0.0)


def test_a_checkpoint_that_is_not_there_is_none(pictures, tmp_path):
    net = Cnniqa()
    assert Checkpoint.load(tmp_path, QualityRecipe(), net, torch.optim.AdamW(net.parameters())) is None


def test_training_needs_little_to_be_imported():
    others = {"safetensors", "platformdirs", "piq", "sklearn", "skimage", "matplotlib", "ipywidgets", "pywt", "av"}
    code = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {others | {"tifffile", "typer", "dask", "PIL"}!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import mmlib.train.recipes
assert mmlib.train.recipes.families()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_recipe_has_a_name_of_its_own_a_title_and_a_task():
    modules = [importlib.import_module(f"mmlib.train.{name}") for name in recipes.FAMILIES]
    known = recipes.families()
    assert sum(len(module.RECIPES) for module in modules) == len(known)
    for module in modules:
        assert all(one.title and one.task for one in module.RECIPES.values())
    with pytest.raises(InputError, match="unknown recipe 'nothing'"):
        recipes.run("nothing")
