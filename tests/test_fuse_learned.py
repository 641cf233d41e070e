"""Whole-stack fusion with learned weights: what it may do, what it must not, and that it is what was trained."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.filters import join_levels, split_levels
from mmlib.fusing import METHODS, fuse
from mmlib.fusing.layers import convolve, enlarge, halve, mix
from mmlib.fusing.learned import Learned
from mmlib.fusing.method import Layout
from mmlib.fusing.weigher import Weigher, load_weigher
from mmlib.metrics.halos import beside_thick
from mmlib.metrics.reference import psnr
from mmlib.specimens.catalogue import open_source, truth_of
from mmlib.stacks import ZStack, from_array


def slope(count: int, *, noise: float = 2.0, side: int = 128, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A fine texture on a slope from left to right, in colour: frames, and what is sharp everywhere."""
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 1.0)
    coarse = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 5)
    grey = 130 + 90 * fine / np.abs(fine).max() + 40 * coarse / np.abs(coarse).max()
    truth = np.stack([grey, grey * 0.9, grey * 0.8], -1)
    depth = np.linspace(0, count - 1, side, dtype=np.float32)
    frames = []
    for k in range(count):
        frame = np.empty_like(truth)
        for x in range(side):
            sigma = abs(depth[x] - k) * 6 / count + 0.01
            low = max(0, x - 40)
            frame[:, x] = cv2.GaussianBlur(truth[:, low : x + 40], (0, 0), sigma)[:, x - low]
        frames.append(frame + rng.normal(0, noise, frame.shape))
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8), (truth / 255).astype(np.float32)


@pytest.fixture(scope="module")
def six() -> tuple[np.ndarray, np.ndarray]:
    return slope(6)


def test_it_is_a_method_and_gains_over_every_frame_and_the_mean(six):
    frames, truth = six
    fused = fuse(from_array(frames), method="learned", align="off")
    inside = np.s_[8:-8, 8:-8]
    best = max(psnr(frame[inside] / np.float32(255), truth[inside]) for frame in frames)
    mean = psnr(frames.mean(0, dtype=np.float32)[inside] / 255, truth[inside])
    assert psnr(fused.picture[inside], truth[inside]) > max(best, mean) + 2
    true = np.linspace(0, 5, 128)[None, 8:-8]
    assert np.abs(fused.depth[inside] - true).mean() < 0.5
    assert fused.confidence.min() >= 0
    assert fused.confidence.max() <= 1


@pytest.mark.parametrize("align", ["off", "on"])
def test_restored_frames_are_shown_but_do_not_choose(six, align):
    frames, _ = six
    negative = from_array(255 - frames)
    plain = fuse(from_array(frames), method="learned", align=align)
    turned = fuse(from_array(frames), method="learned", align=align, restored=negative)
    if align == "off":  # weights of the frames as they are, pixels of their negatives; an average turns with them
        np.testing.assert_allclose(turned.picture, 1 - plain.picture, atol=2e-3)
    np.testing.assert_array_equal(turned.index, plain.index)
    np.testing.assert_array_equal(turned.depth, plain.depth)
    np.testing.assert_array_equal(turned.alignment.matrices, plain.alignment.matrices)
    other = fuse(from_array(frames), method="pyramid", align="off", restored=negative)
    np.testing.assert_array_equal(other.picture, fuse(negative, method="pyramid", align="off").picture)
    with pytest.raises(InputError, match="restored frames must be like those"):
        fuse(from_array(frames), restored=from_array(frames[:4]))


def test_which_way_a_stack_runs_does_not_matter(six):
    stack = from_array(six[0], z_um=tuple(float(z) for z in range(6)))
    there = fuse(stack, method="learned", align="off")
    back = fuse(stack.select(range(5, -1, -1)), method="learned", align="off")
    assert np.abs(there.picture - back.picture).max() < 1e-4
    assert np.abs(there.depth - back.depth).max() < 1e-2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_equal_frames_give_the_frame(count):
    frame = slope(2, noise=0)[0][0]
    fused = fuse(from_array(np.stack([frame] * count)), method="learned")
    assert np.abs(fused.picture - frame / 255).max() < 1e-3


def test_weights_of_pure_chance_cannot_invent():
    """Whatever the net says, it averages: of equal frames comes the frame."""
    rng = np.random.default_rng(4)
    known = load_weigher("fuse-best")
    wild = {name: (rng.normal(size=one.shape) * 0.5).astype(np.float32) for name, one in known.layers.items()}
    frame = slope(2, side=96)[0][0]
    making = Learned(
        Layout(frame.shape, frame.dtype, np.arange(3, dtype=np.float32)),
        Weigher(wild, levels=4, context=3, guard=0, guard_coarse=0, softer=1, around=1.5),
    )
    for turn in range(making.turns):
        for number in range(3):
            making.see(frame, number, turn)
    assert np.abs(making.finish().picture - frame / 255).max() < 1e-3


def test_the_numpy_layers_are_those_of_torch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(5, 33, 150)).astype(np.float32)
    kernel, bias = rng.normal(size=(7, 5, 3, 3)).astype(np.float32), rng.normal(size=7).astype(np.float32)
    batch = torch.from_numpy(maps)[None]
    wanted = functional.relu(functional.conv2d(batch, torch.from_numpy(kernel), torch.from_numpy(bias), padding=1))[0]
    assert np.abs(convolve(maps, kernel, bias) - wanted.numpy()).max() < 1e-4
    mixed = functional.conv2d(batch, torch.from_numpy(kernel[:, :, :1, :1].copy()), torch.from_numpy(bias))[0]
    assert np.abs(mix(maps, kernel[:, :, 0, 0], bias) - mixed.numpy()).max() < 1e-4
    framed = functional.pad(batch, (0, 0, 0, 1), mode="replicate")
    assert np.abs(halve(maps) - functional.avg_pool2d(framed, 2)[0].numpy()).max() < 1e-6
    large = functional.interpolate(batch, (66, 299), mode="bilinear", align_corners=False)[0]
    assert np.abs(enlarge(maps, (66, 299)) - large.numpy()).max() < 1e-3


@pytest.mark.parametrize(("count", "height", "width"), [(5, 128, 128), (1, 64, 80), (2, 70, 61), (4, 99, 131)])
def test_what_runs_is_what_was_trained(count, height, width):
    torch = pytest.importorskip("torch")
    from mmlib.train.fuse_best_loop import find_depth, fused
    from mmlib.zoo import load

    frames = slope(count, side=160)[0][:, :height, :width]
    ours = fuse(from_array(frames), method="learned", align="off")
    batch = torch.from_numpy(frames.astype(np.float32) / 255).permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        picture, weight = fused(load("fuse-best"), batch)
        depth, _ = find_depth(weight, torch.arange(count)[None].float())
    assert depth.shape[1:] == ((height + 1) // 2, (width + 1) // 2)
    assert np.abs(picture[0].permute(1, 2, 0).clamp(0, 1).numpy() - ours.picture).max() < 2e-3


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (33, 50), (9, 12)])
def test_pyramids_of_batches_are_those_of_opencv(size):
    torch = pytest.importorskip("torch")
    from mmlib.nets.pyramids import join, split

    picture = np.random.default_rng(2).random(size, dtype=np.float32)
    details, coarse = split(torch.from_numpy(picture)[None, None], 2)
    for ours, level in zip([*details, coarse[-1]], split_levels(picture, 2), strict=True):
        assert np.abs(ours[0, 0].numpy() - level).max() < 1e-5
    assert np.abs(join(details, coarse[-1])[0, 0].numpy() - join_levels(split_levels(picture, 2))).max() < 1e-5


@pytest.mark.parametrize("kind", ["foreign", "black", "bright"])
def test_one_ruined_frame_is_left_out(six, kind):
    frames, truth = six
    ruined = frames.copy()
    if kind == "foreign":
        ruined[2] = slope(2, seed=9)[0][0][::-1]
    else:
        ruined[2] = 0 if kind == "black" else np.clip(ruined[2].astype(int) * 3, 0, 255)
    fused = fuse(from_array(ruined), method="learned", align="off")
    without = fuse(from_array(np.delete(frames, 2, 0)), method="learned", align="off")
    assert fused.parameters["left_out"] == [2]
    inside = np.s_[8:-8, 8:-8]
    assert psnr(fused.picture[inside], truth[inside]) > psnr(without.picture[inside], truth[inside]) - 1.5


def test_no_frame_of_an_honest_stack_is_left_out(six):
    for frames in (six[0], slope(12, side=96)[0], np.zeros((4, 40, 40), np.uint8)):
        assert fuse(from_array(frames), method="learned", align="off").parameters["left_out"] == []


def test_near_and_far_surfaces():
    """Two sharp patterns in one place, in the first and in the last frame: the one that is wanted shows."""
    rng = np.random.default_rng(3)
    patterns = [cv2.GaussianBlur(rng.normal(size=(96, 96)).astype(np.float32), (0, 0), 1.2) for _ in range(2)]
    low, high = (np.clip(128 + 60 * p / p.std() / 3, 0, 255) for p in patterns)
    frames = [low, *[cv2.GaussianBlur((low + high) / 2, (0, 0), 6) for _ in range(3)], high]
    stack = from_array(np.stack(frames).astype(np.uint8), z_um=(0.0, 1.0, 2.0, 3.0, 4.0))

    def likeness(prefer: str, pattern: np.ndarray) -> float:
        picture = fuse(stack, method="learned", align="off", prefer=prefer).picture
        fine = picture - cv2.GaussianBlur(picture, (0, 0), 3)
        return float(np.corrcoef(fine.ravel(), (pattern - cv2.GaussianBlur(pattern, (0, 0), 3)).ravel())[0, 1])

    assert likeness("near", high) > likeness("near", low) + 0.3
    assert likeness("far", low) > likeness("far", high) + 0.3
    with pytest.raises(InputError, match="method blend takes what is clearest; for near or far surfaces use"):
        fuse(stack, method="blend", prefer="near")
    with pytest.raises(InputError, match="unknown preference 'top'; known: clearest, far, near"):
        fuse(stack, prefer="top")


class Odd:
    """Frames that are not all alike."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.frames[index]

    def __iter__(self):
        return iter(self.frames)


@pytest.mark.parametrize(
    "other", [np.zeros((40, 50), np.uint8), np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint16)]
)
def test_frames_unlike_the_others_are_named(other):
    first = np.zeros((40, 40), np.uint8)
    stack = ZStack(frames=Odd([first, other]), shape=first.shape, dtype=first.dtype, source="sweep")
    for method in ("learned", "blend"):
        with pytest.raises(InputError, match="frame 1 of sweep is .*; all frames of a stack must be alike in size"):
            fuse(stack, method=method)


@pytest.mark.parametrize("method", ["learned", "blend"])
def test_an_all_black_stack_is_black_and_finite(method):
    fused = fuse(from_array(np.zeros((3, 48, 64, 3), np.uint8)), method=method)
    assert np.abs(fused.picture).max() < 1e-3
    assert np.isfinite(fused.depth).all()
    assert np.isfinite(fused.confidence).all()


def test_five_hundred_frames_and_tiny_ones():
    frames = np.random.default_rng(0).integers(0, 255, (500, 24, 20), dtype=np.uint8)
    fused = fuse(from_array(frames), method="learned", align="off")
    assert fused.picture.shape == (24, 20)
    assert np.isfinite(fused.picture).all()
    for side in (3, 7, 15, 17):
        tiny = fuse(from_array(frames[:3, :side, :side]), method="learned")
        assert tiny.picture.shape == (side, side)
        assert np.isfinite(tiny.depth).all()


def test_a_camera_of_twelve_bits_is_fused_like_one_of_eight(six):
    frames = six[0]
    deep = frames.astype(np.uint16) * 257
    plain, fine = (fuse(from_array(one), method="learned", align="off").picture for one in (frames, deep))
    assert np.abs(plain - fine).max() < 0.02


def test_weights_that_are_missing_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    load_weigher.cache_clear()
    try:
        with pytest.raises(InputError, match="there are no trained nets in"):
            METHODS["learned"](Layout((32, 32), np.dtype(np.uint8), np.arange(2, dtype=np.float32)))
    finally:
        load_weigher.cache_clear()


@pytest.mark.slow
def test_training_goes_on_where_it_stopped(tmp_path):
    pytest.importorskip("torch")
    from dataclasses import replace

    from mmlib.train import scenes
    from mmlib.train.fuse_best_loop import FuseBestRecipe, train

    few = scenes.Pool(train=2, validation=1, thick=0, size=64, planes=4, points=3)
    for split in scenes.SPLITS:
        scenes.make_pool(split, few, tmp_path, processes=1)
    recipe = replace(
        FuseBestRecipe(), channels=4, levels=2, steps=3, batch=1, size=64, planes=(2, 3), checks=1, validate_every=2
    )
    halfway = replace(recipe)
    folder = tmp_path / "stand"
    net, state = train(halfway, work=tmp_path, pool=few, checkpoint=folder)
    assert state.step == 3
    assert len(state.scores) == 2
    again, same = train(halfway, work=tmp_path, pool=few, checkpoint=folder, resume=True)
    assert same.step == 3
    for one, other in zip(net.parameters(), again.parameters(), strict=True):
        assert bool((one == other).all())


def test_the_halo_beside_thick_grains_is_faint():
    stack, truth = open_source("pollen", speed=1), truth_of("pollen")
    assert truth is not None
    assert stack.z_um is not None
    beside = beside_thick(truth.picture, truth.depth_um, 4 * float(np.abs(np.diff(stack.z_um)).mean()))
    assert beside.mean() > 0.05
    ours, nearest = (
        psnr(fuse(stack, method=name, align="off").picture, truth.picture, field=beside)
        for name in ("learned", "focusall")
    )
    assert ours > nearest + 7


def test_the_target_leaves_out_the_rims_of_what_lies_above():
    torch = pytest.importorskip("torch")
    from mmlib.train.fuse_stacks import clearness

    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    radius = (rows - 48).hypot(columns - 48)
    body, rim = radius < 12, (radius >= 12) & (radius < 18)
    truth = torch.where(body, 0.3, 0.8).expand(1, 3, 96, 96).contiguous()
    places = torch.arange(9.0)[None]
    fading = (1 - places / 6).clamp_min(0).view(1, 9, 1, 1, 1)  # seen from below, what lies above has a bright rim
    still = truth[:, None] + 0.15 * fading * rim
    depth = torch.where(body, 8.0, 0.0)[None]
    share = clearness(still, truth, places, depth).softmax(1)
    place = (share * places[..., None, None]).sum(1)[0]
    assert place[48, 48] > 7
    assert place[48, 48 + 15] > 4  # where the rim is three parts gone
    assert place[4, 4] < 1


def test_rims_count_where_the_field_is_empty_beside_something_thick():
    torch = pytest.importorskip("torch")
    from mmlib.train.fuse_best_loop import rim_loss
    from mmlib.train.fuse_stacks import Stacks, beside_thick

    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    radius = (rows - 48).hypot(columns - 48)
    body = radius < 12
    target = torch.where(body, 0.3, 0.8).expand(1, 3, 96, 96).contiguous()
    target[:, :, 40:56, 64:67] = 0.5  # a hair on the ground
    depth = torch.where(body, 8.0, 0.0)[None]
    beside = beside_thick(target, depth)[0]
    assert not beside[body].any()
    assert not beside[radius > 46].any()
    assert not beside[46:50, 62:69].any()
    assert beside[48, 26]
    assert beside[24, 48]
    assert not beside_thick(target, depth / 4).any()
    stacks = Stacks(target[:, None], target, target, torch.zeros(1, 1), depth, beside[None] | True, beside[None])
    halo = target + 0.1 * beside
    assert rim_loss(halo, stacks) > rim_loss(target, stacks) + 4
    assert rim_loss(target + 0.1 * body, stacks) == rim_loss(target, stacks)


def test_what_only_bends_light_is_taken_where_it_is_in_focus():
    torch = pytest.importorskip("torch")
    from mmlib.train.fuse_stacks import clearness

    truth = torch.full((1, 3, 64, 64), 0.8)
    places = torch.arange(5.0)[None]
    still = truth[:, None].repeat(1, 5, 1, 1, 1)
    still[:, 2] += 0.05 * torch.rand(64, 64, generator=torch.Generator().manual_seed(0))
    share = clearness(still, truth, places, torch.full((1, 64, 64), 2.0)).softmax(1)
    assert int(share[0, :, 32, 32].argmax()) == 2
