"""The paper's focus systems: loss, head, features, machines, training, and the words of errors."""

import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from picture_makers import texture
from skimage.feature import hog as skimage_hog

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.focusing import METHODS, focus
from mmlib.focusing.paper import PAPER, certainty, crop_judge, image_level, mean_level
from mmlib.focusing.svm import FocusSvm, blur_features, hog, read_svm
from mmlib.nets import focus_svm
from mmlib.nets.yang import Yang, YangConfig, ranked_probability_score, squeezed
from mmlib.stacks import from_array
from mmlib.train import focus_paper
from mmlib.train.focus_paper_crops import CropRecipe, Crops
from mmlib.train.focus_paper_machines import SvmRecipe, fit, thinned, write_machine
from mmlib.train.focus_paper_nets import FocusNetRecipe, judge, train, vary
from mmlib.train.focus_paper_scores import balanced, levels_off, lost, threshold
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits


def card_of(name, config, net, sha256, size):
    return Card(
        name=name, title=name, task="Judges.", net=net, config=config, limits=Limits(1, 84), trained_on="nothing",
        device="CPU", seconds=1.0, date="2026-01-02", command=f"mmlib train {name}", scores=(),
        licence="BSD-3-Clause", file=f"{name}.safetensors", sha256=sha256, bytes=size,
    )  # fmt: skip


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder with a small net and a small machine, where weights are looked for."""
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("MMLIB_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    net = Yang(YangConfig(levels=10, hidden=8, rank=4, relative=True)).eval()
    made = write_weights(net, asdict(net.config), tmp_path / "focus-paper_rps.safetensors")
    write_card(card_of("focus-paper_rps", asdict(net.config), "yang.Yang", *made), tmp_path)
    rng = np.random.default_rng(1)
    features = blur_features(np.concatenate([texture(rng, 12), texture(rng, 12, 3.0)]))
    pytest.importorskip("sklearn", reason="machines are fitted with scikit-learn")
    recipe = SvmRecipe("blur", rank=0, scaled=True)
    machine, *made = write_machine(fit(recipe, features, np.arange(24) < 12), tmp_path / "focus-svm_blur.safetensors")
    config = focus_svm.FocusSvmConfig("blur", features.shape[1], len(machine.weights), 0)
    write_card(card_of("focus-svm_blur", asdict(config), "focus_svm.FocusSvm", *made), tmp_path)
    return tmp_path


# the loss


def test_the_ranked_probability_score_of_a_guess_worked_out_by_hand():
    chances = torch.tensor([[0.1, 0.2, 0.7]])
    # cumulated 0.1, 0.3, 1; the truth is level 1: 0, 1, 1
    expected = 0.1**2 + 0.7**2
    assert float(ranked_probability_score(chances.log(), torch.tensor([1]))) == pytest.approx(expected)


def test_a_sure_guess_costs_as_many_levels_as_it_is_off():
    logits = torch.full((5, 5), -60.0)
    logits[:, 0] = 60.0
    torch.testing.assert_close(ranked_probability_score(logits, torch.arange(5)), torch.arange(5.0))


# the net


def test_the_whole_net_has_the_weights_of_the_original():
    with torch.device("meta"):
        net = Yang(YangConfig())
    assert sum(one.numel() for one in net.parameters()) == 832 + 51_264 + 28_224 * 1024 + 1024 + 1024 * 11 + 11


def test_a_great_layer_that_answers_in_few_directions_is_squeezed_without_loss():
    torch.manual_seed(1)
    net = Yang(YangConfig(levels=10, hidden=12)).eval()
    with torch.no_grad():
        net.fc1.weight.copy_(torch.randn(12, 3) @ torch.randn(3, 28_224) / 100)
    crops = torch.rand(20, 1, 84, 84)
    small = squeezed(net, crops, 3)
    assert sum(one.numel() for one in small.parameters()) < sum(one.numel() for one in net.parameters()) / 2
    other = torch.rand(5, 1, 84, 84)
    torch.testing.assert_close(small(other), net(other), atol=2e-4, rtol=1e-3)


def test_more_directions_lose_less():
    torch.manual_seed(2)
    net = Yang(YangConfig(levels=10, hidden=16)).eval()
    crops = torch.rand(24, 1, 84, 84) * torch.linspace(0.2, 1, 24)[:, None, None, None]
    with torch.no_grad():
        losses = [float((squeezed(net, crops, rank)(crops) - net(crops)).abs().mean()) for rank in (1, 4, 16)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-3


def test_a_relative_net_does_not_see_the_exposure():
    torch.manual_seed(3)
    net = Yang(YangConfig(levels=10, hidden=8, rank=4, relative=True)).eval()
    crops = torch.rand(3, 1, 84, 84) * 0.5 + 0.1
    torch.testing.assert_close(net(1.7 * crops), net(crops), atol=1e-5, rtol=1e-4)


# levels, certainty


def test_the_level_of_a_report_runs_from_0_to_9_whatever_the_net_counts():
    for count in (2, 10, 11):
        assert mean_level(np.eye(count))[[0, -1]].tolist() == [0, 9]


def test_certainty_is_0_for_a_guess_and_1_for_one_level():
    found = certainty(np.array([[0.25] * 4, [0, 1, 0, 0], [0.5, 0.5, 0, 0]]))
    np.testing.assert_allclose(found, [0, 1, 0.5], atol=1e-12)


def test_sure_crops_count_more_in_the_level_of_a_picture():
    assert image_level(np.array([1.0, 5.0, np.nan]), np.array([0.75, 0.25, 1.0])) == pytest.approx(2)
    assert np.isnan(image_level(np.array([np.nan]), np.array([1.0])))
    assert image_level(np.array([1.0, 5.0]), np.zeros(2)) == pytest.approx(3)


# features


@pytest.mark.parametrize("kind", ["texture", "steps", "flat"])
def test_hog_is_that_of_scikit_image(kind):
    rng = np.random.default_rng(0)
    crops = {
        "texture": texture(rng, 3, 1.5),
        "steps": (np.add.outer(np.arange(84), np.arange(84)) // 20 % 2).astype(np.float32)[None],
        "flat": np.full((1, 84, 84), 0.4, np.float32),
    }[kind]
    pixels = np.round(crops * 255).astype(np.uint8)
    wanted = [skimage_hog(one, 9, (6, 6), (2, 2), block_norm="L2-Hys") for one in pixels]
    found = hog(pixels.astype(np.float32) / np.float32(255))
    assert found.shape == (len(pixels), 6084)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_what_blur_takes_away_does_not_hang_on_exposure_but_on_blur():
    rng = np.random.default_rng(2)
    crop = 0.2 + 0.2 * texture(rng, 1, 1.0)
    np.testing.assert_allclose(blur_features(2 * crop), blur_features(crop), atol=2e-3)
    sharp, blurred = (blur_features(texture(rng, 4, sigma)).mean(0) for sigma in (1.0, 3.0))
    assert blurred[9] < sharp[9]  # less Laplacian
    assert blurred[11] < sharp[11]  # a steeper spectrum
    assert np.isfinite(blur_features(np.zeros((1, 84, 84), np.float32))).all()


# machines


def test_numpy_decides_as_scikit_learn_does():
    svm = pytest.importorskip("sklearn.svm", reason="needs scikit-learn to compare with")
    rng = np.random.default_rng(3)
    features = rng.normal(size=(80, 20)).astype(np.float32)
    sharp = features[:, 0] + 0.3 * rng.normal(size=80) > 0
    machine = fit(SvmRecipe("blur", rank=0), features, sharp)
    peer = svm.SVC(class_weight="balanced", gamma="scale").fit(features, sharp)
    others = rng.normal(size=(50, 20)).astype(np.float32)
    np.testing.assert_allclose(machine.decide(others), peer.decision_function(others), atol=1e-5)


def test_a_thinned_machine_of_full_rank_decides_alike_and_a_file_keeps_it(tmp_path):
    pytest.importorskip("sklearn", reason="machines are fitted with scikit-learn")
    rng = np.random.default_rng(4)
    features = (rng.normal(size=(60, 6)) @ rng.normal(size=(6, 300))).astype(np.float32)  # six directions in all
    machine = fit(SvmRecipe("hog"), features, features[:, 0] > 0)
    thin = thinned(machine, 6)
    assert thin.coordinates.shape == (len(machine.weights), 6)
    np.testing.assert_allclose(thin.decide(features), machine.decide(features), atol=1e-4)
    read, _, size = write_machine(thin, tmp_path / "machine.safetensors")
    assert size < 15_000
    np.testing.assert_allclose(read.decide(features), machine.decide(features), atol=0.02)  # half precision


def test_the_machine_as_a_net_answers_as_numpy_does(shelf):
    crops = texture(np.random.default_rng(5), 6, 2.0)
    net = zoo.load("focus-svm_blur")
    told = crop_judge("svm_blur")(crops)
    np.testing.assert_allclose(net(torch.from_numpy(blur_features(crops))), told[:, 0], atol=1e-5)
    np.testing.assert_allclose(told.sum(1), 1)


def test_a_machine_tells_sharp_from_blurred_texture(shelf):
    rng = np.random.default_rng(6)
    sharp, blurred = (mean_level(crop_judge("svm_blur")(texture(rng, 5, sigma))) for sigma in (0.0, 3.0))
    assert sharp.max() < blurred.min()


def test_without_scikit_learn_training_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(InputError, match="pip install scikit-learn"):
        fit(SvmRecipe("blur"), np.zeros((4, 3), np.float32), np.array([True, False, True, False]))


def test_a_machine_needs_both_kinds():
    pytest.importorskip("sklearn", reason="machines are fitted with scikit-learn")
    with pytest.raises(InputError, match="one kind only"):
        fit(SvmRecipe("blur"), np.zeros((4, 3), np.float32), np.ones(4, bool))


def test_a_file_that_holds_no_machine_is_called_so(tmp_path):
    (tmp_path / "no.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"no.safetensors does not hold a support vector machine"):
        read_svm(tmp_path / "no.safetensors")


# training


@pytest.fixture(scope="module")
def lesson():
    """Crops that are easy to tell apart: level 0 sharp, level 9 smooth."""
    rng = np.random.default_rng(9)

    def some(count):
        sharp, smooth = texture(rng, count, 0.6), texture(rng, count, 4.0)
        pixels = np.round(np.concatenate([sharp, 0.5 + 4 * (smooth - 0.5)]).clip(0, 1) * 255).astype(np.uint8)
        levels = np.repeat([0, 9], count)
        return Crops(pixels, levels, np.repeat([1, 0], count).astype(np.int8), np.arange(2 * count) % 7)

    return {"train": some(16), "validation": some(8)}


SHORT = FocusNetRecipe(rank=8, steps=10, batch=8, rate=2e-3, validate_every=5, crops=CropRecipe(train=32))


def test_a_net_learns_what_is_easy_and_a_broken_off_training_goes_on_alike(lesson, tmp_path):
    net, whole = train(SHORT, *lesson.values(), checkpoint=tmp_path / "whole")
    assert np.mean(whole.losses[-3:]) < 0.7 * np.mean(whole.losses[:2])
    with pytest.raises(EnoughError):
        train(SHORT, *lesson.values(), checkpoint=tmp_path / "parts", progress=stop_at_half)
    _, again = train(SHORT, *lesson.values(), checkpoint=tmp_path / "parts", resume=True)
    assert again.step == 10
    np.testing.assert_allclose(again.losses, whole.losses, rtol=1e-3)
    chances = judge(net, lesson["validation"].pixels)
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-6)


class EnoughError(Exception):
    """What breaks a training off."""


def stop_at_half(done, words):
    if done > 0.55:
        raise EnoughError


def test_crops_are_turned_each_by_its_own_luck_and_nothing_is_lost():
    crops = torch.rand(6, 1, 8, 8)
    turned = vary(crops, 1.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(turned.flatten(1).sort(1).values, crops.flatten(1).sort(1).values)
    assert not torch.equal(turned, crops)
    gains = vary(crops * 0.4, 1.5, torch.Generator().manual_seed(0)).mean((1, 2, 3)) / (0.4 * crops).mean((1, 2, 3))
    assert 1 / 1.5 <= float(gains.min()) < float(gains.max()) <= 1.5


# scores


def test_scores_are_right_where_they_are_plain(lesson):
    sharpness = {split: crops.truth.astype(np.float64) for split, crops in lesson.items()}
    found = balanced(sharpness, lesson)
    assert (found.estimate, found.low, found.high) == (1, 1, 1)
    upside = {split: -values for split, values in sharpness.items()}
    assert lost(sharpness, upside, lesson).estimate == pytest.approx(50)
    assert levels_off(lesson["validation"].levels + 2.0, lesson["validation"]).estimate == pytest.approx(2)


def test_the_threshold_lies_between_the_kinds():
    assert threshold(np.array([1.0, 2, 5, 6]), np.array([False, False, True, True])) == 3.5
    assert threshold(np.array([1.0, 2]), np.array([True, True])) == np.inf


# through the door


def test_a_stack_is_judged_by_a_net_and_by_a_machine(shelf):
    rng = np.random.default_rng(10)
    frames = [np.round(np.hstack([texture(rng, 1, s)[0]] * 2) * 255).astype(np.uint8) for s in (2.0, 0.5, 2.0)]
    for name in ("paper_rps", "svm_blur"):
        report = focus(from_array(np.stack(frames)), method=name)
        assert report.cells["level"].min() >= 0
        assert report.cells["level"].max() <= 9
        np.testing.assert_allclose(np.round(-report.cells["score"]), report.cells["level"], atol=0.51)
        assert ((report.cells["certainty"] >= 0) & (report.cells["certainty"] <= 1)).all()


def test_cells_of_another_size_are_judged_by_the_crop_about_their_middle(shelf):
    rng = np.random.default_rng(11)
    stack = from_array(np.stack([np.round(texture(rng, 1, 1.0)[0].repeat(2, 0).repeat(2, 1) * 255).astype(np.uint8)]))
    assert len(focus(stack, method="svm_blur", cell=42, stride=42).cells) == 16
    small = from_array(np.stack([np.round(texture(rng, 1)[0, :60] * 255).astype(np.uint8)]))
    with pytest.raises(InputError, match="crops of 84 px; frames of 84 x 60 px hold none"):
        focus(small, method="svm_blur", cell=42)


def test_every_system_of_the_paper_has_a_name_and_a_recipe():
    assert set(PAPER) <= set(METHODS)
    assert {f"focus-{name}" for name in PAPER} == set(focus_paper.RECIPES)


def test_missing_and_damaged_weights_are_called_so(shelf):
    stack = from_array(np.stack([np.zeros((84, 84), np.uint8)]))
    with pytest.raises(InputError, match="focus-yang"):
        focus(stack, method="yang")
    file = shelf / "focus-paper_rps.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged or not the file that its card describes"):
        focus(stack, method="paper_rps")


def test_unknown_recipes_and_real_stacks_are_refused(tmp_path):
    with pytest.raises(InputError, match="focus-yang"):
        focus_paper.run("focus-yng")
    with pytest.raises(InputError, match="table 1 --real"):
        focus_paper.score("focus-yang", real=tmp_path)


def test_from_nothing_to_a_card_and_back(tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="machines are fitted with scikit-learn")
    recipe = replace(
        focus_paper.RECIPES["focus-svm_blur"].recipe, crops=CropRecipe("kernels", levels=10, train=60, validation=40)
    )
    card = focus_paper.run("focus-svm_blur", work=tmp_path, output=tmp_path / "out", recipe=recipe)
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path / "out"))
    assert zoo.card("focus-svm_blur") == card
    assert card.bytes == zoo.weights_path("focus-svm_blur").stat().st_size
    assert 0 <= card.scores[0].low <= card.scores[0].value <= card.scores[0].high <= 1
    assert isinstance(read_svm(zoo.weights_path("focus-svm_blur")), FocusSvm)
