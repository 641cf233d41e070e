"""The restorer: what it does before and after it has learned, what it learns from, and what it never touches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from restorer_checks import everywhere, farthest, picture, runner

from mmlib import io, zoo
from mmlib.deblurring.best import MODEL, RESTORER, restore_with
from mmlib.deblurring.method import Scene
from mmlib.errors import InputError
from mmlib.experiments.deblur_real import Judged, judge, summary
from mmlib.metrics.reference import psnr
from mmlib.nets.restorer import CHANNELS, Restorer, RestorerConfig
from mmlib.progress import silent
from mmlib.simulation import simulate
from mmlib.simulation.luck import Luck
from mmlib.stacks import from_array
from mmlib.train import deblur_best, deblur_best_loop
from mmlib.train.deblur_best_loop import RestorerRecipe, changes, gains, loss_of, train, validation
from mmlib.train.deblur_windows import Mix, Windows, draw_windows, in_focus, laid_on, remember
from mmlib.train.filming import film
from mmlib.train.scenes import Pool, make_pool, write_light

TINY = RestorerConfig(width=8, encode=(1, 1), middle=1, decode=(1, 1))
POOL = Pool(train=2, validation=2, thick=0, size=96, planes=7, points=3)
RECIPE = RestorerRecipe(net=TINY, steps=6, batch=2, size=32, keep=16, every=2, check_every=3, checked=2)


def shaken(config: RestorerConfig = TINY) -> Restorer:
    """A net that does something, without having learned anything."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = Restorer(config)
        torch.nn.init.normal_(net.leave.weight, 0, 0.3)
    return net.eval()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small pool of scenes, made here: a process of its own for each takes longer than the scenes."""
    folder = tmp_path_factory.mktemp("work")
    for split in ("train", "validation"):
        with pytest.raises(InputError, match="no time"):
            make_pool(split, POOL, folder, budget_s=-1)
        place = next(folder.glob(f"scenes/*/{split}"))
        for number in range(POOL.count(split)):
            write_light(place / f"{number:05d}.npz", split, number, POOL, [])
    return folder


# ---- the net


def test_before_it_has_learned_it_passes_the_frame_on():
    given = torch.rand(2, CHANNELS, 32, 40, generator=torch.Generator().manual_seed(0))
    answer = Restorer()(given)
    assert torch.equal(answer[:, :3], given[:, :3])
    assert answer.shape == (2, 4, 32, 40)


def test_it_is_small():
    assert sum(weight.numel() for weight in Restorer().parameters()) < 2_500_000


def test_a_change_is_bounded():
    net = shaken(replace(TINY, reach=0.1))
    torch.nn.init.normal_(net.leave.weight, 0, 50)
    given = torch.rand(1, CHANNELS, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert float((net(given)[:, :3] - given[:, :3]).abs().max()) <= 0.1 + 1e-6


def test_it_looks_no_further_than_its_halo():
    net = shaken()
    assert 8 <= farthest(net, CHANNELS) < 8 + net.halo
    assert Restorer().halo <= RESTORER.halo


# ---- restoring a frame


def test_tiles_give_what_the_whole_gives():
    frame, net = picture(300, 410), shaken(RestorerConfig(width=8))
    scene = Scene(everywhere(frame), before=(picture(300, 410, 1),), after=(picture(300, 410, 2),))
    whole = restore_with(runner(net), frame, scene, silent, tile=0)
    pieces = restore_with(runner(net), frame, scene, silent, tile=256)
    assert not np.allclose(whole.picture, frame, atol=0.01)
    np.testing.assert_allclose(pieces.picture, whole.picture, atol=1e-5)
    np.testing.assert_allclose(pieces.unsure, whole.unsure, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33), (8, 90)])
def test_any_size(size):
    frame = picture(*size)
    made = restore_with(runner(shaken()), frame, Scene(everywhere(frame)), silent)
    assert made.picture.shape == frame.shape
    assert made.unsure.shape == size
    assert np.isfinite(made.picture).all()


def test_outside_the_field_nothing_changes():
    frame = picture()
    field = np.hypot(*np.mgrid[-48:48, -60:60]) < 40
    made = restore_with(runner(shaken()), frame, Scene(field), silent)
    assert np.array_equal(made.picture[~field], frame[~field])
    assert not np.allclose(made.picture[field], frame[field], atol=0.01)


def test_speed_and_neighbours_are_told_to_the_net():
    frame, seen = picture(), []

    def run(given: np.ndarray) -> np.ndarray:
        seen.append(given)
        return np.concatenate([given[:, :3], given[:, :1]], axis=1)

    scene = Scene(everywhere(frame), speed=3, before=(picture(seed=1),))
    restore_with(run, frame, scene, silent, net=replace(RESTORER, aim=0.5))
    given = seen[0][0]
    assert given.shape[0] == CHANNELS
    assert given[9:, 0, 0].tolist() == [1.0, 0.0, 0.75, 0.5]
    assert np.array_equal(given[6:9], given[:3]), "an absent neighbour is a copy of the frame"
    assert np.array_equal(given[3:6, :96, :120], picture(seed=1).transpose(2, 0, 1))


# ---- what it learns from


def test_a_video_keeps_grey_grey_and_gets_worse_with_the_quantiser():
    frames = torch.from_numpy(picture(48, 64).transpose(2, 0, 1).copy())[None, None].expand(1, 3, 3, 48, 64)
    grey = frames.mean(dim=2, keepdim=True).expand_as(frames)
    kept = film(grey, quantiser=10)
    assert float((kept - grey).abs().max()) < 0.05
    assert float((kept - kept.mean(dim=2, keepdim=True)).abs().max()) <= 1.5 / 255
    errors = [float((film(frames, quantiser=q) - frames).square().mean()) for q in (10, 20, 30, 40)]
    assert errors == sorted(errors)
    assert errors[-1] > 4 * errors[0]


@pytest.mark.parametrize("cosited", [True, False])
def test_a_video_moves_no_colour(cosited):
    rows, columns = np.mgrid[:64, :64].astype(np.float32)
    spot = np.exp(-((rows - 31.5) ** 2 + (columns - 31.5) ** 2) / 60)
    frame = torch.from_numpy(np.stack([0.3 + 0.5 * spot, 0.6 - 0.3 * spot, 0.3 + 0 * spot]))[None, None]
    kept = film(frame, quantiser=4, predicted=False, dead=0.0, cosited=cosited)
    for colour in range(2):
        difference = (kept - frame)[0, 0, colour].numpy()
        assert abs(float((difference * (columns - 31.5) * spot).mean())) < 2e-3


def test_a_video_is_near_to_a_real_one(tmp_path):
    made = simulate("blood_smear", height=96, width=96, planes=6, seed=4)
    frames = np.stack(list(made.stack))
    io.write_stack(tmp_path / "real.mp4", from_array(frames), quality=16)
    real = np.stack(list(io.open_stack(tmp_path / "real.mp4", cache=None)))
    ours = film(torch.from_numpy(frames).permute(0, 3, 1, 2)[None] / 255, quantiser=17, block=8)[0]
    ours = (ours.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    assert abs(psnr(ours[2], frames[2]) - psnr(real[2], frames[2])) < 2.5


def test_bad_quantisers_are_refused():
    with pytest.raises(InputError, match="quantiser must be 0 to 51"):
        film(torch.zeros(1, 1, 3, 8, 8), quantiser=60)


def test_windows_are_equal_for_equal_generators_and_hold_what_they_say(work):
    def take(mix: Mix) -> Windows:
        generator = torch.Generator().manual_seed(5)
        return next(draw_windows("train", generator=generator, batch=6, size=32, mix=mix, work=work, pool=POOL))

    one, other = take(Mix()), take(Mix())
    assert torch.equal(one.given, other.given)
    assert one.given.shape == (6, CHANNELS, 32, 32)
    clean = take(Mix(clean=1.0, aimed=0.0))
    assert torch.equal(clean.given[:, :3], clean.wanted)
    lonely = take(Mix(alone=1.0)).given
    assert torch.equal(lonely[:, 3:6], lonely[:, :3])
    assert not lonely[:, 9:11].any()
    together = take(Mix(alone=0.0, one_sided=0.0)).given
    assert bool((together[:, 9:11] == 1).all())
    assert not torch.equal(together[:, 3:6], together[:, :3])
    assert set(one.alone().given[:, 9:11].flatten().tolist()) == {0.0}
    aimed = take(Mix(aimed=1.0)).given[:, 12]
    assert float(aimed.min()) >= 0
    assert float(aimed.max()) > 0.3


def test_windows_may_have_two_neighbours_on_each_side(work):
    mix = Mix(clean=0.0, alone=0.0, one_sided=0.0, astray=0.0, aimed=1.0, aims=(1.0, 1.0), neighbours=2)
    generator = torch.Generator().manual_seed(5)
    windows = draw_windows("train", generator=generator, batch=6, size=32, mix=mix, work=work, pool=POOL)
    reached = []
    for one in (next(windows) for _ in range(8)):
        assert one.given.shape == (6, 21, 32, 32)
        flags = one.given[:, 15:19, 0, 0]
        assert bool((flags[:, :2] == 1).all())
        reached += flags[:, 2:].flatten().tolist()
        for place in (0, 1):
            absent = flags[:, 2 + place] == 0
            first = 9 + 3 * place
            assert torch.equal(one.given[absent, first : first + 3], one.given[absent, :3])
        assert bool((one.given[:, 20] == 1).all())
    assert set(reached) == {0.0, 1.0}, "a stack may end before the second neighbour"


def test_what_is_asked_for_in_focus_is_what_the_shown_planes_know():
    still = torch.stack([torch.full((3, 8, 8), value) for value in (0.1, 0.5, 0.9)])[None]
    away = torch.stack([torch.full((8, 8), value) for value in (0.0, 2.0, 4.0)])[None]
    stacks = {"still": still, "defocus_dof": away, "shift_px": torch.zeros(1, 3, 2)}
    seen = in_focus(stacks, [1, 0, 2], torch.ones(1, 2), 1.5)
    assert torch.allclose(seen, still[:, 0]), "the plane in focus is shown"
    alone = in_focus(stacks, [1, 0, 2], torch.zeros(1, 2), 1.5)
    share = 2.0 ** -((2.0 / 1.5) ** 2)
    assert torch.allclose(alone, torch.full_like(alone, 0.5 - 0.4 * share), atol=1e-5)
    beyond = in_focus(stacks, [2, 1, 2], torch.tensor([[1.0, 0.0]]), 0.1)
    assert torch.allclose(beyond, still[:, 1], atol=1e-3), "what is too far from focus comes from the nearest shown"


def test_planes_are_laid_on_one_of_them():
    frame = torch.from_numpy(picture(64, 64).transpose(2, 0, 1).copy())
    planes = torch.stack([frame, frame.roll((2, -3), dims=(-2, -1))])[None]
    laid = laid_on(planes, torch.tensor([[[0.0, 0.0], [2.0, -3.0]]]), 0)
    assert torch.equal(laid[:, 0], planes[:, 0])
    inner = (..., slice(6, -6), slice(6, -6))
    assert torch.allclose(laid[0, 1][inner], frame[inner], atol=1e-3)


def test_windows_that_are_kept_come_again():
    count = [0]

    def fresh():
        while True:
            count[0] += 1
            yield Windows(torch.full((2, CHANNELS, 8, 8), float(count[0])), torch.full((2, 3, 8, 8), float(count[0])))

    shown = remember(fresh(), Luck(torch.Generator().manual_seed(0), "cpu"), batch=2, keep=8, every=4)
    taken = [next(shown) for _ in range(41)]
    assert 11 <= count[0] <= 15
    assert all(torch.equal(one.given[:, 0], one.wanted[:, 0]) for one in taken)


def test_the_loss_teaches_how_sure_to_be():
    wanted = torch.zeros(1, 3, 4, 4)
    answer = torch.full((1, 4, 4, 4), 0.1)
    losses = []
    for guess in (0.01, 0.1, 0.5):
        answer[:, 3] = float(np.log(guess))
        losses.append(float(loss_of(answer, wanted, RestorerRecipe())))
    assert min(losses) == losses[1], "the best guess is the error itself"


def test_training_can_be_stopped_and_gone_on_with(work, tmp_path):
    net, state = train(RECIPE, work=work, checkpoint=tmp_path / "whole", pool=POOL, processes=1)
    assert state.step == 6
    assert all(np.isfinite(state.losses))
    train(replace(RECIPE), work=work, checkpoint=tmp_path / "half", pool=POOL, processes=1, budget_s=0.0)
    _, again = train(RECIPE, work=work, checkpoint=tmp_path / "half", resume=True, pool=POOL, processes=1)
    assert again.step == 6
    windows = validation(RECIPE, work=work, pool=POOL)
    assert gains(net, windows).shape == (8,)
    assert changes(Restorer(TINY), [one.clean() for one in windows]).min() >= 69


def test_the_recipe_writes_weights_and_a_card(work, tmp_path, monkeypatch):
    known = replace(deblur_best.RECIPES["deblur-best"], recipe=RECIPE)
    monkeypatch.setattr(deblur_best, "RECIPES", {"deblur-best": known})
    monkeypatch.setattr(deblur_best_loop, "draw_windows", lambda *a, **k: draw_windows(*a, **{**k, "pool": POOL}))
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    card = deblur_best.run("deblur-best", budget_s=60, device="cpu", work=work, output=tmp_path, processes=1)
    assert zoo.card("deblur-best") == card
    assert isinstance(zoo.load("deblur-best"), Restorer)
    assert "feather" in card.trained_on
    assert len(deblur_best.score("deblur-best", work=work)) == 3


# ---- judging on real stacks


def test_doing_nothing_gains_nothing_and_the_sharp_plane_gains_much():
    sharp = (picture(260, 260, 7) * 255).astype(np.uint8)
    planes = [cv2.GaussianBlur(sharp, (0, 0), 0.3 + 1.2 * abs(i - 2)) for i in range(5)]
    stack = from_array(np.stack(planes))
    nothing = list(judge(stack, "one", lambda some, i: some.picture(i)))
    assert {one.whole for one in nothing} == {True, False}
    assert all(one.gain == 0 for one in nothing)
    best = summary(list(judge(stack, "one", lambda some, i: (some.picture(i) + some.picture(2)) / 2)))
    assert best["cells, nearer"] == 1.0
    assert float(best["cells, 2 off, gain dB"]) > 2


def test_the_summary_names_its_numbers():
    some = [Judged("a", 1, 3.0, 4.0, False), Judged("b", 2, 3.0, 2.0, False), Judged("a", 1, 1.0, 3.0, True)]
    rows = summary(some)
    assert rows["cells, gain dB"] == 0.0
    assert rows["cells, nearer"] == 0.5
    assert rows["frames, gain dB"] == 2.0


# ---- the weights that ship


@pytest.fixture(scope="module")
def scan():
    if MODEL not in zoo.cards():
        pytest.skip("the restorer has not been trained")
    return {speed: simulate("diatoms", height=160, width=160, planes=14, seed=24, speed=speed) for speed in (1, 4)}


def test_a_sharp_frame_is_left_alone(scan):
    from mmlib.deblurring import deblur

    still = scan[1].static.picture(len(scan[1].static) // 2)
    assert psnr(deblur(still, method="best").picture, still) > 45


@pytest.mark.parametrize("speed", [1, 4])
def test_a_moving_frame_comes_nearer_to_the_still_one(scan, speed):
    from mmlib.deblurring import deblur_stack

    made = scan[speed]
    middle = len(made.stack) // 2
    found = next(one for one in deblur_stack(made.stack, method="best") if one.frame == middle)
    still, frame = made.static.picture(middle), made.stack.picture(middle)
    assert psnr(found.picture, still) > psnr(frame, still)
    error = np.abs(found.picture - still).mean(axis=2)
    doubtful = found.unsure > np.median(found.unsure)
    assert error[doubtful].mean() > error[~doubtful].mean(), "where it is unsure it is more often wrong"


@pytest.mark.skipif(MODEL not in zoo.cards(), reason="no weights are there")
def test_the_shipped_net_runs_without_torch_and_says_the_same() -> None:
    engine = zoo.engine(MODEL, "cpu")
    assert engine.runs_on == "onnxruntime"
    frames = [picture(seed=0)] + [cv2.GaussianBlur(picture(seed=0), (0, 0), 0.5 * k) for k in (1, 2)]
    told = np.broadcast_to(np.array([1, 1, 0.5, 0], np.float32), (*frames[0].shape[:2], 4))
    given = np.concatenate([*frames, told], axis=2).transpose(2, 0, 1)[None].copy()
    np.testing.assert_allclose(engine(given), runner(zoo.load(MODEL))(given), rtol=0, atol=1e-3)
