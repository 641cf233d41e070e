"""The learned judge of focus: its features tell the same whatever the light, and its net is the same in NumPy."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.focusing import METHODS, focus
from mmlib.focusing.bands import differences, even_light, measure_bands
from mmlib.focusing.features import FEATURES, LAGS, CoarseLook, Profile, features
from mmlib.focusing.learned import rank
from mmlib.focusing.means import CellMeans
from mmlib.focusing.profile_net import HEADS, Weights, read_weights
from mmlib.nets import focus_profile
from mmlib.nets.focus_profile import FocusProfile, FocusProfileConfig
from mmlib.sharpness.cells import cell_means, grid
from mmlib.sharpness.truth import BLANK
from mmlib.stacks import from_array
from mmlib.train.focus_best_loop import FocusRecipe, draw_cells, losses, train
from mmlib.train.focus_best_scores import answers, calibrate, look_at, numbers
from mmlib.train.focus_cells import FocusCells, _truth

CELL = 84


def scene(height=252, width=252, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width))
    fine, coarse = (cv2.GaussianBlur(noise, (0, 0), s) for s in (1.0, 5.0))
    return 0.5 + 0.1 * fine / fine.std() + 0.08 * coarse / coarse.std()


def frames(planes=7, best=3.0, gain=1.0, noise=0.004):
    sharp, rng = scene(), np.random.default_rng(1)
    return [
        gain * (cv2.GaussianBlur(sharp, (0, 0), 0.1 + 1.2 * abs(k - best)) + rng.normal(0, noise, sharp.shape))
        for k in range(planes)
    ]


def profile_of(pictures, stride=84):
    cells = grid(pictures[0].shape, CELL, stride)
    coarse = CoarseLook(pictures[0].shape, cells, None)
    bands, moments, alike = [], [], []
    for picture in pictures:
        even = even_light(picture.astype(np.float32), None)
        bands.append(measure_bands(even, differences(even), cells, None))
        seen = coarse.see(even)
        moments.append(seen[0].reshape(-1, 3, 3))
        alike.append(seen[1].reshape(-1, 3, 3))
    energy = np.stack([b.energy.reshape(4, -1).T for b in bands])
    return Profile(energy, np.stack(moments), np.stack(alike), np.array([b.noise for b in bands]))


def test_features_do_not_know_the_brightness():
    bright, dim = (features(profile_of(frames(gain=gain))) for gain in (1.0, 0.3))
    assert bright.shape == (7, 9, FEATURES)
    assert dim == pytest.approx(bright, abs=2e-3)


def test_backwards_the_planes_before_are_the_planes_after():
    forwards, backwards = (features(profile_of(list(p))) for p in (frames(), frames()[::-1]))
    own = [i for i in range(FEATURES) if not 23 <= i < 41]
    assert backwards[::-1][..., own] == pytest.approx(forwards[..., own], abs=1e-4)
    assert backwards[::-1][..., 23:32] == pytest.approx(forwards[..., 32:41], abs=1e-4)
    assert backwards[::-1][..., 32:41] == pytest.approx(forwards[..., 23:32], abs=1e-4)


def test_a_frame_seen_twice_is_wholly_alike():
    picture = frames()[3].astype(np.float32)
    coarse = CoarseLook(picture.shape, grid(picture.shape, CELL, 42), None)
    first, second = coarse.see(picture)[1], coarse.see(picture)[1]
    assert (first == 0).all()
    assert second[..., 0] == pytest.approx(1, abs=1e-4)
    assert (second[..., 1:] == 0).all()


def test_contrast_that_turns_over_is_seen():
    picture = scene().astype(np.float32)
    coarse = CoarseLook(picture.shape, grid(picture.shape, CELL, 84), None)
    coarse.see(picture)
    moments, alike = coarse.see(np.asarray(1 - picture, dtype=np.float32))
    assert alike[..., 0] == pytest.approx(-1, abs=1e-3)
    assert moments.shape == (3, 3, 3, 3)


@pytest.mark.parametrize(("cell", "stride"), [(84, 42), (30, 17), (8, 3)])
def test_means_of_cells_agree_with_a_table_of_sums(cell, stride):
    quantity = np.random.default_rng(2).random((252, 300)).astype(np.float32)
    cells = grid(quantity.shape, cell, stride)
    assert CellMeans(cells, quantity.shape)(quantity) == pytest.approx(cell_means(quantity, cells), rel=1e-5)


@pytest.mark.parametrize("planes", [1, 2, 3, 9])
def test_the_net_is_the_same_without_torch(planes):
    torch.manual_seed(planes)
    net = FocusProfile(FocusProfileConfig(width=16, dilations=(1, 2, 4))).eval()
    found = np.random.default_rng(3).normal(size=(planes, 5, FEATURES)).astype(np.float32)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(found.transpose(1, 0, 2).copy()))
    tensors = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    said = Weights(tensors, net.config.dilations).judge(found)
    assert focus_profile.HEADS == HEADS
    assert set(said) == set(HEADS)
    for name, value in said.items():
        assert value.transpose(1, 0, 2) == pytest.approx(wanted[name].numpy(), abs=2e-5)
    assert (np.diff(said["defocus"], axis=2) >= 0).all()


def made_cells(stacks=4, planes=8):
    """Cells whose detail falls on both sides of focus, as those of stained specimens do."""
    rng = np.random.default_rng(4)
    names = {name: [] for name in FocusCells.__dataclass_fields__}
    for _ in range(stacks):
        best, pitch = rng.uniform(0, planes - 1), rng.uniform(0.5, 2)
        pictures = [
            cv2.GaussianBlur(scene(seed=int(rng.integers(99))), (0, 0), 0.3 + abs(k - best) * pitch)
            for k in range(planes)
        ]
        found = profile_of(pictures)
        count = found.energy.shape[1]
        defocus = np.repeat(((np.arange(planes) - best) * pitch)[:, None], count, axis=1)
        names["energy"].append(found.energy)
        names["noise"].append(found.noise)
        names["moments"].append(found.moments)
        away = np.abs(np.subtract.outer(np.arange(planes), np.arange(planes)))
        names["gram"].append(np.broadcast_to(np.exp(-away / 2.0), (count, 3, planes, planes)))
        names["defocus_dof"].append(defocus)
        names["near"].append(np.abs(defocus) < 0.5)
        names["far"].append(np.abs(defocus) > 2)
        names["visible"].append(np.exp(-np.abs(defocus)))
        for name, value in (("detail", 0.02), ("shown", 0.02), ("dirt", 0.0), ("field", 1.0)):
            names[name].append(np.full(count, value))
    return FocusCells(**{name: np.asarray(np.stack(value), dtype=np.float32) for name, value in names.items()})


@pytest.mark.parametrize("rim", [0.0, 0.03])
def test_a_cell_is_empty_only_where_a_still_camera_in_focus_sees_nothing_either(rim):
    clear, defocus = np.full((168, 168), 0.8, np.float32), np.array([-3.0, 0.0, 3.0], np.float32)
    planes = np.repeat(clear[None], 3, axis=0)
    grain = np.random.default_rng(2).normal(0, 0.2, (84, 168)).astype(np.float32)
    planes[::2, 84:] *= 1 + grain  # what is seen out of focus alone is no specimen
    planes[1, :84, ::6] -= rim
    known = _truth(
        {
            "truth": clear, "planes": planes, "defocus": np.broadcast_to(defocus[:, None, None], planes.shape),
            "field": np.ones(clear.shape, bool), "dirt": np.zeros(clear.shape, bool),
        },
        grid(clear.shape, CELL, CELL),
    )  # fmt: skip
    assert known["detail"] == pytest.approx(0, abs=1e-4)
    assert known["shown"][2:] == pytest.approx(0, abs=1e-3)
    assert (known["shown"][:2] > BLANK).tolist() == [rim > 0] * 2


def test_planes_taken_backwards_turn_the_sign_and_nothing_else():
    cells = made_cells(1)
    there, back = (look_at(cells, 0, planes) for planes in (np.arange(8), np.arange(8)[::-1]))
    assert back["defocus"][:, ::-1] == pytest.approx(-there["defocus"])
    assert back["near"][:, ::-1] == pytest.approx(there["near"])
    profile = cells.profile(0, [1, 3, 5])
    assert profile.alike[1, :, :, LAGS.index(1)] == pytest.approx(np.exp(-1.0))
    assert profile.alike[2, :, :, LAGS.index(2)] == pytest.approx(np.exp(-2.0))
    assert (profile.alike[0] == 0).all()


def test_it_learns_and_goes_on_where_it_stopped(tmp_path):
    cells = made_cells()
    recipe = FocusRecipe(net=FocusProfileConfig(width=24, dilations=(1, 2)), steps=40, stacks=4, every=20, warm_up=5)
    net, state = train(recipe, cells, cells, checkpoint=tmp_path / "whole")
    assert np.mean(state.losses[-15:]) < 0.8 * np.mean(state.losses[:10])
    found = numbers(answers(net, cells))
    assert found["auc"] > 0.9
    assert found["plane_error"] < 1.0
    again, more = train(recipe, cells, cells, checkpoint=tmp_path / "whole", resume=True)
    assert more.step == 40
    for one, other in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    batch = draw_cells(cells, recipe, np.random.default_rng(0))
    parts = losses(net(batch["features"]), batch)
    assert all(torch.isfinite(part) for part in parts.values())


def test_lone_pictures_are_judged_without_their_stack():
    cells = made_cells()
    torch.manual_seed(0)
    net = FocusProfile(FocusProfileConfig(width=16, dilations=(1,)))
    alone, together = answers(net, cells, lone=True), answers(net, cells)
    assert {name: value.shape for name, value in alone.items()} == {n: v.shape for n, v in together.items()}
    row = look_at(cells, 1, np.array([2]))
    with torch.inference_mode():
        said = net(torch.from_numpy(row["features"]))["sharp"][:, 0, 0]
    assert alone["said_sharp"][1, :, 2, 0] == pytest.approx(said.numpy(), abs=1e-5)
    assert (alone["near"] == together["near"]).all()


def test_intervals_are_made_as_wide_as_they_claim():
    cells = made_cells()
    torch.manual_seed(0)
    net = FocusProfile(FocusProfileConfig(width=16, dilations=(1,)))
    calibrate(net, answers(net, cells))
    found = numbers(answers(net, cells))
    assert found["covered"] == pytest.approx(0.9, abs=0.01)
    assert found["false_artefact"] == pytest.approx(0.02, abs=0.01)


def test_so_many_cells_are_called_in_focus_as_dirt_allows():
    cells = made_cells()
    dirt = np.zeros_like(cells.dirt)
    dirt[:, ::2] = 0.1
    cells = replace(cells, dirt=dirt)
    torch.manual_seed(0)
    net = FocusProfile(FocusProfileConfig(width=16, dilations=(1,)))
    calibrate(net, answers(net, cells))
    assert numbers(answers(net, cells))["dirt"] == pytest.approx(0.02, abs=0.01)


def test_dirt_is_not_taught_by_a_stack_that_hardly_moves():
    batch = draw_cells(made_cells(), FocusRecipe(lone=0.0), np.random.default_rng(0))
    batch["dirt"] = torch.full_like(batch["dirt"], 0.1)
    batch["far"] = torch.ones_like(batch["far"])
    net = FocusProfile(FocusProfileConfig(width=16, dilations=(1,)))
    assert losses(net(batch["features"]), batch)["dirt"] > 0
    batch["defocus"] = batch["defocus"] * 0.01
    assert losses(net(batch["features"]), batch)["dirt"] == 0


def test_where_all_planes_show_the_same_the_strongest_detail_is_sharpest():
    said = {"best": np.zeros((3, 2, 1), np.float32), "visible": np.zeros((3, 2, 1), np.float32)}
    said["best"][0] = 5
    strength = np.array([[0.0, 0.0], [0.3, 0.3], [0.1, 0.1]])
    alike = np.full((3, 2, 3, len(LAGS)), 0.99)
    alike[1, 1] = -0.2
    chances = rank(said, strength, alike)
    assert chances.argmax(axis=0).tolist() == [1, 0]  # the second cell turns over: the net has the word
    assert np.exp(chances[:, 0]).sum() == pytest.approx(1)


def as_stack(pictures):
    return from_array(np.clip(np.round(np.stack(pictures) * 255), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("planes", [1, 2, 7, 30])
def test_it_judges_any_number_of_planes(planes):
    found = focus(as_stack(frames(planes, best=min(planes - 1, 3))), method="best")
    cells = found.cells[found.cells["label"] != "blank"]
    assert len(cells)
    assert (cells["defocus_low_dof"] <= cells["defocus_dof"]).all()
    assert (cells["defocus_dof"] <= cells["defocus_high_dof"]).all()
    assert ((cells["certainty"] >= 0) & (cells["certainty"] <= 1)).all()
    assert cells["level"].min() >= 0
    assert cells["level"].max() <= 9


def test_it_finds_the_plane_and_the_side():
    found = focus(as_stack(frames(9, best=4.0)), method="best")
    assert found.best_plane == pytest.approx(np.full((3, 3), 4), abs=0.6)
    away = found.cells["defocus_dof"].reshape(9, 9).mean(axis=1)
    assert away[0] < -0.5 < 0.5 < away[8]
    labels = found.cells["label"].reshape(9, 9)
    assert set(labels[4]) == {"in"}
    assert "in" not in set(labels[0]) | set(labels[8])


def test_without_its_weights_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match="trained nets"):
        focus(as_stack(frames(3)), method="best")


def test_foreign_weights_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"enter.weight": np.zeros((8, 3), np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other\.safetensors are of another version"):
        read_weights(tmp_path / "other.safetensors", (1,))


def test_its_card_names_what_it_is():
    card = zoo.card("focus-best")
    assert card.net == "focus_profile.FocusProfile"
    assert card.bytes < 1_000_000
    assert METHODS["best"].kind == "ours"


def test_a_stack_that_hardly_moves_has_no_dirt_and_its_sharp_cells_are_in_focus():
    sharp = 255 * scene(seed=5)
    frames = np.stack([cv2.GaussianBlur(sharp, (0, 0), 0.6 + 0.02 * k) for k in range(5)])
    found = focus(from_array(np.clip(frames, 0, 255).astype(np.uint8)), method="best")
    judged = found.cells["label"][found.cells["label"] != "blank"]
    assert len(judged) > 0
    assert set(judged) == {"in"}
