import subprocess
import sys

import cv2
import numpy as np
import pytest
import pywt

from mmlib.errors import Cancelled, InputError
from mmlib.filters import grey_levels, split_levels
from mmlib.fusing import BEST, METHODS, fuse
from mmlib.fusing.colour import recolour
from mmlib.fusing.detail import NOISE_SHARE
from mmlib.fusing.dwt import SCALING, filters_of, join, most_levels, split
from mmlib.fusing.wavelet import LEVELS, MOST, POWER, WAVELET, WINDOW, Grid
from mmlib.pictures import as_picture
from mmlib.stacks import from_array

ALL = [
    "blend",
    "focusall",
    "mean",
    "pyramid",
    "wavelet",
]  # those without weights; the learned ones have their own files


def texture(seed: int, height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    grey = sum(cv2.GaussianBlur(random.normal(size=(height, width)), (0, 0), s) * 2 * s for s in (0.8, 2, 5))
    return np.clip(np.stack([120 + 40 * grey, 110 + 35 * grey, 130 + 20 * grey], -1), 0, 255).astype(np.float32)


def steps(count: int, noise: float = 3.0, height: int = 160, width: int = 192):
    """A scene of as many steps as frames: frame k is sharp on step k. Gives frames, truth and the step of a pixel."""
    random = np.random.default_rng(count)
    truth = texture(7, height, width)
    step = np.broadcast_to(np.arange(width) * count // width, (height, width))
    blurred = [cv2.GaussianBlur(truth, (0, 0), 0.01 + 1.5 * away) if away else truth for away in range(count)]
    frames = np.empty((count, height, width, 3), np.uint8)
    for k in range(count):
        away = np.abs(step - k)[None, ..., None]
        seen = np.take_along_axis(np.stack(blurred), np.broadcast_to(away, (1, height, width, 3)), 0)[0]
        frames[k] = np.clip(seen + random.normal(0, noise, seen.shape), 0, 255).round()
    return frames, truth / 255, step


def psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((picture - truth) ** 2)))


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7, 3), (2, 90), (17, 23, 3), (65, 33), (120, 90, 3)])
def test_copies_of_one_frame_give_it_back(method, kind, shape):
    frame = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape).astype(kind)
    fused = fuse(from_array(np.stack([frame] * 3)), method=method)
    assert fused.picture.dtype == np.float32
    assert np.abs(fused.picture - as_picture(frame)).max() < 2e-5
    assert fused.index.shape == fused.depth.shape == fused.confidence.shape == shape[:2]
    assert (fused.index.dtype, fused.depth.dtype) == (np.uint16, np.float32)


@pytest.mark.parametrize("method", ALL)
def test_one_frame_is_returned_unchanged(method):
    frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    fused = fuse(from_array(frame[None]), method=method)
    assert np.array_equal(fused.picture, as_picture(frame))
    assert not fused.index.any()
    assert fused.alignment.reason == "a single frame has nothing to be aligned with"


@pytest.mark.parametrize("method", ALL)
def test_a_constant_stays_constant(method):
    fused = fuse(from_array(np.full((4, 50, 60, 3), (10, 128, 250), np.uint8)), method=method)
    assert np.abs(fused.picture - np.float32([10, 128, 250]) / 255).max() < 1e-5
    assert fused.confidence.max() < 0.01


@pytest.mark.parametrize("method", ALL)
def test_the_order_of_the_frames_does_not_matter(method):
    frames, _, _ = steps(5)
    order = [3, 0, 4, 1, 2]
    straight = fuse(from_array(frames, z_um=(0, 1, 2, 3, 4)), method=method, align="off")
    mixed = fuse(from_array(frames[order], z_um=tuple(order)), method=method, align="off")
    assert np.abs(straight.picture - mixed.picture).max() < 1e-4
    assert np.array_equal(np.array(order)[mixed.index], straight.index)
    assert np.abs(straight.depth - mixed.depth).max() < 1e-2


@pytest.mark.parametrize("method", sorted(set(ALL) - {"mean"}))
def test_fusion_beats_every_frame_and_finds_the_steps(method):
    frames, truth, step = steps(4)
    fused = fuse(from_array(frames, z_um=(0, 10, 20, 30)), method=method, align="off")
    assert psnr(fused.picture, truth) > max(psnr(as_picture(frame), truth) for frame in frames) + 3
    inside = np.ones_like(step, bool)
    for edge in range(48, 192, 48):
        inside[:, edge - 8 : edge + 8] = False
    assert (fused.index == step)[inside].mean() > 0.97
    assert np.abs(fused.depth - 10 * step)[inside].mean() < 1.0
    assert fused.confidence.min() >= 0
    assert fused.confidence.max() <= 1


def test_best_is_a_real_method_and_says_which():
    stack = from_array(steps(3)[0])
    fused = fuse(stack)
    assert fused.method == BEST
    assert fused.method in METHODS
    assert (fused.parameters["asked"], fused.parameters["method"]) == ("best", BEST)
    assert np.array_equal(fused.picture, fuse(stack, method=BEST).picture)


def test_blend_averages_the_noise_where_nothing_is_seen():
    random = np.random.default_rng(0)
    flat = np.clip(128 + random.normal(0, 5, (12, 96, 96, 3)), 0, 255).astype(np.uint8)
    single = as_picture(flat[0]).std()
    assert fuse(from_array(flat), method="blend", align="off").picture.std() < 0.5 * single


def test_depth_lies_between_planes():
    # two frames equally far from focus on either side: the depth is half-way
    sharp = texture(1, 96, 96)
    near = [cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in (3, 1, 1, 3)]
    depth = fuse(from_array(np.stack(near).astype(np.uint8), z_um=(0, 1, 2, 3)), align="off").depth
    assert depth == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("wavelet", sorted(SCALING))
@pytest.mark.parametrize("shape", [(64, 48), (33, 57), (9, 8)])
def test_the_wavelet_transform_agrees_with_pywavelets(wavelet, shape):
    picture = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    rest, detail = split(picture, wavelet)
    expected, (along_y, along_x, both) = pywt.dwt2(picture, wavelet)
    assert np.abs(rest - expected).max() < 1e-5
    assert np.abs(detail - np.stack([along_x, along_y, both])).max() < 1e-5
    assert np.abs(join(rest, detail, shape, wavelet) - picture).max() < 1e-5
    assert np.abs(filters_of(wavelet)[0] - pywt.Wavelet(wavelet).dec_lo).max() < 1e-12


def test_an_unknown_wavelet():
    with pytest.raises(InputError, match="unknown wavelet 'db3'; known: db2, haar, sym4; did you mean db2?"):
        filters_of("db3")


def test_streaming_wavelet_agrees_with_all_frames_in_memory_and_pywavelets():
    frames, _, _ = steps(5)
    greys, noise = np.stack([grey_levels(frame) for frame in frames]), 9.0
    levels = min(LEVELS, most_levels(*greys.shape[1:], WAVELET))
    trees = [pywt.wavedec2(grey, WAVELET, level=levels, mode="symmetric") for grey in greys]
    fused = []
    for level in range(1, levels + 1):
        detail = np.stack([np.stack(tree[level], -1) for tree in trees])  # (K, h, w, 3), coarse first
        strong = np.stack([cv2.blur((one**2).mean(-1), WINDOW) for one in detail]) / noise
        weight = np.clip(strong, 1, MOST)[..., None] ** POWER
        mixed = (detail * weight).sum(0) / weight.sum(0)
        fused.append(tuple(mixed[..., i] for i in range(3)))
        if level == 1:
            rest = (np.stack([tree[0] for tree in trees]) * weight[..., 0]).sum(0) / weight.sum(0)[..., 0]
    grid = Grid(greys.shape[1:], 0)
    for grey in greys:
        grid.see(grey, noise)
    assert np.abs(grid.join() - pywt.waverec2([rest, *fused], WAVELET, mode="symmetric")).max() < 1e-2


def test_a_moved_grid_gives_back_what_it_was_given():
    grey = grey_levels(texture(3, 77, 90).astype(np.uint8))
    for shift in (0, 3):
        grid = Grid(grey.shape, shift)
        grid.see(grey, 1.0)
        assert np.abs(grid.join() - grey).max() < 1e-2


def test_the_share_of_noise_in_each_level_is_what_it_is():
    noise = np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
    levels = split_levels(noise, len(NOISE_SHARE))
    for level, share in zip(levels[:-1], NOISE_SHARE, strict=True):
        assert np.mean(level.astype(np.float64) ** 2) == pytest.approx(share, rel=0.12)


def test_a_drifting_stack_is_aligned_and_says_so():
    _, truth, _ = steps(4, noise=2)
    wide = cv2.copyMakeBorder((truth * 255).astype(np.uint8), 20, 20, 20, 20, cv2.BORDER_REFLECT)
    random = np.random.default_rng(3)
    frames = [wide[20:180, 20 + 3 * k : 212 + 3 * k] for k in range(4)]
    noisy = np.clip(np.stack(frames) + random.normal(0, 2, (4, 160, 192, 3)), 0, 255).astype(np.uint8)
    moved, left = (fuse(from_array(noisy), align=mode) for mode in ("auto", "off"))
    assert moved.alignment.decided
    assert moved.alignment.drift_px[-1] == pytest.approx([-9, 0], abs=0.2)
    middle = np.s_[20:-20, 20:-20]
    assert psnr(moved.picture[middle], truth[middle]) > psnr(left.picture[middle], truth[middle]) + 5


def test_errors_and_progress():
    stack = from_array(steps(3)[0])
    with pytest.raises(InputError, match="unknown method 'wavlet'; known: .*; did you mean wavelet?"):
        fuse(stack, method="wavlet")
    with pytest.raises(InputError, match="unknown alignment 'yes'; known: auto, off, on"):
        fuse(stack, align="yes")
    with pytest.raises(InputError, match=r"the field must be as large as the frames, \(160, 192\); it is \(5, 5\)"):
        fuse(stack, field=np.ones((5, 5), bool))
    told: list[float] = []
    fuse(stack, progress=lambda share, stage: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(share: float, stage: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fuse(stack, progress=stop)


PEAK = """
import pathlib, resource, sys
import numpy as np
from mmlib.fusing import fuse
from mmlib.stacks import ZStack

class Frames:
    def __len__(self): return int(sys.argv[2])
    def __getitem__(self, i): return np.random.default_rng(i).integers(0, 256, (640, 640, 3), dtype=np.uint8)
    def __iter__(self): return (self[i] for i in range(len(self)))

fuse(ZStack(frames=Frames(), shape=(640, 640, 3), dtype=np.dtype(np.uint8), source="made"), method=sys.argv[1])
assert "torch" not in sys.modules and "matplotlib" not in sys.modules and "ipywidgets" not in sys.modules
status = pathlib.Path("/proc/self/status")
if status.exists():  # the peak of this program; getrusage counts from that of the parent
    print(next(int(line.split()[1]) // 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform != "darwin" else 1 << 20))
"""


@pytest.mark.parametrize("method", ALL)
def test_memory_does_not_grow_with_the_number_of_frames(method):
    def peak_mb(count: int) -> int:
        arguments = [sys.executable, "-c", PEAK, method, str(count)]
        return int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)

    few, many = peak_mb(5), peak_mb(20)
    assert many < few + 8
    assert many < 200


def test_colour_follows_the_luma_and_the_luma_is_kept():
    random = np.random.default_rng(1)
    chosen = random.integers(90, 160, (40, 50, 3)).astype(np.uint8)
    before = grey_levels(chosen)
    np.testing.assert_allclose(recolour(before, chosen), as_picture(chosen), atol=2e-6)
    for wanted in (before * 0.5, before * 1.2, before * 0.1):
        np.testing.assert_allclose(grey_levels(recolour(wanted, chosen)), wanted, atol=0.6)  # 8-bit luma is rounded
    yellow = np.full((8, 8, 3), (200, 190, 60), np.uint8)  # a bright surrounding, blurred over something dark
    dark = recolour(np.full((8, 8), 20, np.float32), yellow)
    assert np.ptp(dark[0, 0]) < np.ptp(as_picture(yellow)[0, 0]) / 4


def test_a_camera_of_twelve_bits_is_fused_like_one_of_eight():
    frames, _, step = steps(3, noise=1)
    deep = frames.astype(np.uint16) * 16  # 0..4095, as a 12-bit camera gives it
    inside = np.s_[:, 12:52]
    fused = fuse(from_array(deep, bit_depth=12), align="off")
    assert (fused.index[inside] == step[inside]).mean() > 0.97
    plain = fuse(from_array(frames), align="off").picture * (255 * 16 / 65535)
    assert np.abs(fused.picture - plain).mean() < 0.02 * plain.mean()


def test_a_drifting_stack_has_no_streaks_at_its_border():
    """A stripe leaves the picture; where later frames do not reach, no row repeats the one above it."""
    scene = cv2.GaussianBlur(np.random.default_rng(5).normal(size=(260, 260)).astype(np.float32), (0, 0), 1.5)
    scene = np.clip(128 + 120 * scene / np.abs(scene).max(), 0, 255).astype(np.uint8)
    frames = np.stack([scene[20 - step : 220 - step, 20:220] for step in (0, 6, 12)])
    fused = fuse(from_array(frames), method="blend", align="on")
    bottom = fused.picture[-8:, 10:-10]
    true = frames[0][-8:, 10:-10] / 255
    assert np.abs(np.diff(bottom, axis=0)).mean() > 0.5 * np.abs(np.diff(true, axis=0)).mean()
    assert np.abs(bottom - true).mean() < 0.02
