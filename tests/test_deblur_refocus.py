"""The refocuser: it chooses among the planes beside a frame, lays them on it first, and leaves alone what is sharp."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from restorer_checks import everywhere, farthest, runner
from restorer_checks import picture as made

from mmlib import zoo
from mmlib.deblurring import deblur, deblur_stack
from mmlib.deblurring.best import restore_with
from mmlib.deblurring.method import Scene
from mmlib.deblurring.refocus import MODEL, REFOCUSER, laid_on
from mmlib.metrics.detail import detail_snr
from mmlib.metrics.reference import psnr
from mmlib.nets.refocuser import CHANNELS, FRAMES, Refocuser, RefocuserConfig, chosen, detail_of
from mmlib.nets.restorer import Restorer, RestorerConfig
from mmlib.progress import silent
from mmlib.simulation import simulate
from mmlib.stacks import from_array
from mmlib.train.deblur_best_loop import begin_with

picture = partial(made, grain_px=1.5)
TINY = RefocuserConfig(width=8, encode=(1, 1), middle=1, decode=(1, 1))
THERE = pytest.mark.skipif(MODEL not in zoo.cards(), reason="the refocuser has not been trained")


def blurred(frame: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(frame, (0, 0), sigma) if sigma else frame


def shaken() -> Refocuser:
    """A net that does something, without having learned anything."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = Refocuser(TINY)
        torch.nn.init.normal_(net.leave.weight, 0, 0.3)
        torch.nn.init.normal_(net.choose.weight, 0, 0.3)
    return net.eval()


def seen(*frames: np.ndarray) -> torch.Tensor:
    told = np.zeros((*frames[0].shape[:2], CHANNELS - 3 * FRAMES), np.float32)
    return torch.from_numpy(np.concatenate([*frames, told], axis=2).transpose(2, 0, 1)[None].copy())


# ---- the net


def test_it_begins_by_taking_what_has_most_detail():
    sharp = picture()
    frame = blurred(sharp, 3)
    given = seen(frame, sharp, blurred(sharp, 5), blurred(sharp, 4), blurred(sharp, 6))
    answer = Refocuser(TINY)(given)[0, :3].detach().numpy().transpose(1, 2, 0)
    assert psnr(answer, sharp) > psnr(frame, sharp) + 6


def test_equal_frames_come_out_as_they_went_in():
    frame = picture()
    answer = Refocuser(TINY)(seen(*[frame] * FRAMES))[0, :3].detach().numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(answer, frame, atol=1e-5)


def test_an_average_stays_between_the_frames_where_they_are_even():
    frames = torch.cat([torch.full((1, 3, 32, 32), value) for value in (0.2, 0.4, 0.5, 0.7, 0.9)], dim=1)
    votes = torch.randn(1, 2 * FRAMES, 16, 16, generator=torch.Generator().manual_seed(0))
    made = chosen(frames, votes)
    assert 0.2 <= float(made.min()) <= float(made.max()) <= 0.9


def test_detail_is_counted_against_that_of_the_other_frames():
    sharp = picture()
    found = detail_of(seen(blurred(sharp, 2), sharp, *[blurred(sharp, 4)] * 3)[:, : 3 * FRAMES])
    assert found.shape == (1, 2, FRAMES, 48, 60)
    assert torch.allclose(found.sum(dim=2), torch.zeros(1, 2, 48, 60), atol=1e-4)
    means = found.mean(dim=(0, 1, 3, 4))
    assert int(means.argmax()) == 1
    assert means[0] > means[2]


def test_it_begins_with_what_the_restorer_knows():
    with torch.random.fork_rng():
        torch.manual_seed(4)
        small = Restorer(RestorerConfig(width=8, encode=(1, 1), middle=1, decode=(1, 1)))
        torch.nn.init.normal_(small.leave.weight, 0, 0.3)
    large = Refocuser(TINY)
    begin_with(large, small)
    frames = [picture(seed=number) for number in range(3)]
    told = np.broadcast_to(np.array([1, 1, 0.5, 0], np.float32), (96, 120, 4))
    given = torch.from_numpy(np.concatenate([*frames, told], axis=2).transpose(2, 0, 1)[None].copy())
    wider = torch.cat(
        [given[:, :9], given[:, :3], given[:, :3], given[:, 9:11], 0 * given[:, :2], given[:, 11:]], dim=1
    )
    changes = small(given)[:, :3] - given[:, :3]
    _, change, unsure = small.walk(torch.zeros(1, small.enter.in_channels, 8, 8))
    pictures = wider[:, : 3 * FRAMES]
    votes = large.choose.bias[None, :, None, None] + torch.einsum(
        "pe,nefhw->npfhw", large.power, detail_of(pictures)
    ).flatten(1, 2)
    assert torch.allclose(large(wider)[:, :3] - chosen(pictures, votes), changes, atol=1e-5)
    assert change.shape == (1, 3, 16, 16)
    assert unsure.shape == (1, 1, 16, 16)


def test_it_looks_no_further_than_its_halo():
    net = shaken()
    assert 8 <= farthest(net, CHANNELS) < 8 + net.halo
    assert Refocuser().halo <= REFOCUSER.halo


# ---- restoring a frame


def test_tiles_give_what_the_whole_gives():
    frame, net = picture(300, 410), shaken()
    scene = Scene(everywhere(frame), before=(picture(300, 410, 1),), after=(picture(300, 410, 2), picture(300, 410, 3)))
    whole = restore_with(runner(net), frame, scene, silent, net=REFOCUSER, tile=0)
    pieces = restore_with(runner(net), frame, scene, silent, net=REFOCUSER, tile=256)
    assert not np.allclose(whole.picture, frame, atol=0.01)
    np.testing.assert_allclose(pieces.picture, whole.picture, atol=1e-5)
    np.testing.assert_allclose(pieces.unsure, whole.unsure, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33), (8, 90)])
def test_any_size(size):
    frame = picture(*size)
    made = restore_with(runner(shaken()), frame, Scene(everywhere(frame), before=(frame,)), silent, net=REFOCUSER)
    assert made.picture.shape == frame.shape
    assert np.isfinite(made.picture).all()


def test_neighbours_are_told_nearest_first_and_absent_ones_are_copies():
    frame, heard = picture(), []

    def run(given: np.ndarray) -> np.ndarray:
        heard.append(given)
        return np.concatenate([given[:, :3], given[:, :1]], axis=1)

    before, after = picture(seed=1), (picture(seed=2), picture(seed=3))
    restore_with(run, frame, Scene(everywhere(frame), before=(before,), after=after), silent, net=REFOCUSER)
    given = heard[0][0][:, :96, :120]
    assert given.shape[0] == CHANNELS
    for place, wanted in enumerate((frame, before, after[0], frame, after[1])):
        assert np.array_equal(given[3 * place : 3 * place + 3], wanted.transpose(2, 0, 1))
    assert given[15:, 0, 0].tolist() == [1.0, 1.0, 0.0, 1.0, 0.0, 1.0]


def test_neighbours_that_drift_are_laid_on_the_frame():
    wide = picture(220, 240)
    frame = wide[20:180, 20:200]
    moved = wide[24:184, 13:193]  # its content lies 4 px higher and 7 px further right
    scene = laid_on(frame, Scene(everywhere(frame), before=(moved,), after=(frame,)))
    inner = np.s_[12:-12, 12:-12]
    assert psnr(scene.before[0][inner], frame[inner]) > 35 > psnr(moved[inner], frame[inner]) + 10
    still = Scene(everywhere(frame), before=(frame,), after=(frame,))
    assert laid_on(frame, still) is still, "what does not move is not touched"
    assert laid_on(frame, replace(still, before=())).after[0] is frame


# ---- the weights that ship


@pytest.fixture(scope="module")
def scan():
    return simulate("diatoms", height=160, width=160, planes=12, seed=24, speed=1)


@THERE
def test_frames_beside_focus_take_over_what_their_neighbours_know(scan):
    sharp = scan.in_focus()
    gains = []
    for number in range(len(scan.stack)):
        frame = scan.stack.picture(number)
        found = next(deblur_stack(scan.stack, method="refocus", frames={number}))
        assert found.frame == number
        assert found.parameters["neighbours"] == min(number, 2) + min(len(scan.stack) - 1 - number, 2)
        gains.append(psnr(found.picture, sharp) - psnr(frame, sharp))
    assert np.mean(gains) > 1
    assert np.mean(np.array(gains) > 0) > 0.8


@THERE
def test_a_plane_in_focus_stays_as_it_is(scan):
    still = scan.static.picture(len(scan.static) // 2)
    alone = deblur(still, method="refocus")
    assert np.array_equal(alone.picture, deblur(still, method="best").picture), "nobody knows more than it does"
    assert alone.parameters["model"] == "deblur-best"
    planes = [blurred(still, sigma) for sigma in (4, 2, 0, 2, 4)]
    stack = from_array(np.stack([(255 * plane).round().astype(np.uint8) for plane in planes]))
    found = next(deblur_stack(stack, method="refocus", frames={2}))
    beside = next(deblur_stack(stack, method="refocus", frames={3}))
    assert detail_snr(found.picture, still) > 12
    assert detail_snr(beside.picture, still) > detail_snr(planes[3], still) + 6


@THERE
def test_the_shipped_net_runs_without_torch_and_says_the_same():
    engine = zoo.engine(MODEL, "cpu")
    assert engine.runs_on == "onnxruntime"
    frames = [blurred(picture(seed=0), 0.5 * k) for k in range(FRAMES)]
    given = seen(*frames).numpy()
    answers = [np.maximum(ask(given), -8) for ask in (engine, runner(zoo.load(MODEL)))]  # an error below e^-8 is none
    np.testing.assert_allclose(*answers, rtol=0, atol=1e-3)
