"""Every measure falls under blur, ignores shift, flip, turn and bit depth, and means the same in a cell and a frame."""

import cv2
import numpy as np
import pytest

from mmlib.errors import Cancelled, InputError
from mmlib.pictures import to_grey
from mmlib.sharpness import MEASURES, best_planes, curve_quality, depth_map, focus_curve, frame_sharpness, sharpness_map
from mmlib.sharpness.cells import grid
from mmlib.sharpness.truth import SeenDetail
from mmlib.stacks import from_array

ONE_WAY = {"vollath4", "vollath5"}  # they look along x only
ONE_SIDED = {"brenner", "absolute_gradient", "squared_gradient", "spatial_frequency"}
ALL = sorted(MEASURES)


def texture(height=256, width=256, seed=0, smooth_px=1.2):
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), smooth_px)
    return (smooth - smooth.min()) / np.ptp(smooth)


def eight_bit(picture):
    return np.round(picture * 255).astype(np.uint8)


def test_there_is_every_measure_with_a_title_and_a_source():
    assert len(MEASURES) == 30
    for name, measure in MEASURES.items():
        assert measure.name == name
        assert measure.title
        assert any(letter.isdigit() for letter in measure.source)
        assert (measure.local is None) != (measure.region is None)


@pytest.mark.parametrize("name", ALL)
def test_blur_makes_every_measure_fall(name):
    picture = texture()
    values = [frame_sharpness(cv2.GaussianBlur(picture, (0, 0), s), name) for s in (0.1, 0.7, 1.5, 3.0)]
    assert all(np.diff(values) < 0)


@pytest.mark.parametrize("name", ALL)
def test_flips_and_quarter_turns_do_not_count(name):
    picture = texture(256, 256)
    value = frame_sharpness(picture, name)
    changed = [picture[::-1], picture[:, ::-1]] + ([] if name in ONE_WAY else [np.rot90(picture), picture.T])
    tolerance = 2e-2 if name in ONE_SIDED or name.startswith("wavelet") else 2e-3  # their border is no mirror image
    for other in changed:
        assert frame_sharpness(np.ascontiguousarray(other), name) == pytest.approx(value, rel=tolerance)


@pytest.mark.parametrize("name", ALL)
def test_moving_the_field_with_the_picture_does_not_count(name):
    picture = texture(256, 256, seed=3)
    field = np.zeros(picture.shape, bool)
    field[64:192, 64:192] = True
    moved = np.roll(picture, (16, -24), (0, 1))
    there = np.roll(field, (16, -24), (0, 1))
    assert frame_sharpness(moved, name, there) == pytest.approx(frame_sharpness(picture, name, field), rel=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_sixteen_bit_agrees_with_eight(name):
    frames = [eight_bit(cv2.GaussianBlur(texture(seed=1), (0, 0), s)) for s in (0.3, 0.8, 1.3, 2.0)]
    eight = [frame_sharpness(frame, name) for frame in frames]
    sixteen = [frame_sharpness(frame.astype(np.uint16) * 257, name) for frame in frames]
    # a grey value and a threshold that are equal but for rounding may fall on either side of each other
    assert sixteen == pytest.approx(eight, rel=2e-2 if name.startswith("thresholded") else 1e-4)
    fine = [
        frame_sharpness(np.round(cv2.GaussianBlur(texture(seed=1), (0, 0), s) * 65535).astype(np.uint16), name)
        for s in (0.3, 0.8, 1.3, 2.0)
    ]
    assert np.argsort(fine).tolist() == np.argsort(eight).tolist()


@pytest.mark.parametrize("name", ALL)
def test_a_cell_is_worth_what_the_frame_is_worth_with_that_cell_as_its_field(name):
    frame = eight_bit(texture(200, 230, seed=5))
    values = sharpness_map(frame, name, cell=64, stride=40)
    assert values.shape == (4, 5)
    for row, column in ((0, 0), (1, 3), (3, 4)):
        field = np.zeros(frame.shape, bool)
        field[40 * row : 40 * row + 64, 40 * column : 40 * column + 64] = True
        assert values[row, column] == pytest.approx(frame_sharpness(frame, name, field), rel=1e-4)
        crop = frame[40 * row : 40 * row + 64, 40 * column : 40 * column + 64]
        assert values[row, column] == pytest.approx(frame_sharpness(crop, name), rel=0.2)  # but for its border


@pytest.mark.parametrize("name", ALL)
def test_colour_is_measured_as_grey(name):
    frame = np.random.default_rng(2).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    assert frame_sharpness(frame, name) == pytest.approx(frame_sharpness(to_grey(frame), name), rel=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_an_even_picture_has_no_detail_and_an_empty_field_no_value(name):
    even = np.full((64, 80), 120, np.uint8)
    value = frame_sharpness(even, name)
    assert np.isfinite(value)
    if name not in ("helmli", "thresholded_content", "thresholded_power"):  # these measure brightness too
        assert value == pytest.approx(0, abs=1e-6)
    assert np.isnan(frame_sharpness(even, name, np.zeros(even.shape, bool)))


@pytest.mark.parametrize("name", ["tenengrad", "laplacian"])
@pytest.mark.parametrize("shape", [(64, 64), (97, 131), (3, 3), (1, 9), (9, 1), (1, 1), (2, 5)])
def test_the_integer_path_gives_what_the_float_path_gives(name, shape):
    frame = np.random.default_rng(4).integers(0, 256, shape).astype(np.uint8)
    floats = frame_sharpness(frame.astype(np.uint16) * 257, name)
    assert frame_sharpness(frame, name) == pytest.approx(floats, rel=1e-5, abs=1e-9)


def test_cells_outside_the_field_have_no_value():
    frame = eight_bit(texture(128, 128))
    field = np.zeros(frame.shape, bool)
    field[:, :80] = True
    values = sharpness_map(frame, "tenengrad", cell=32, stride=32, field=field)
    assert np.isfinite(values[:, :3]).all()
    assert np.isnan(values[:, 3]).all()
    assert np.isfinite(values[:, 2]).all()  # exactly half of it lies in the field


def test_a_curve_is_read_once_and_equals_the_frames():
    frames = np.stack([eight_bit(cv2.GaussianBlur(texture(), (0, 0), s)) for s in (3, 1.5, 0.5, 1, 2)])
    seen = []
    curves = focus_curve(
        from_array(frames), ("tenengrad", "vollath4"), progress=lambda share, stage: seen.append(share)
    )
    assert list(curves) == ["tenengrad", "vollath4"]
    assert seen[0] == 0
    assert seen[-1] == 1
    for name, curve in curves.items():
        assert curve.shape == (5,)
        assert curve.argmax() == 2
        assert curve == pytest.approx([frame_sharpness(frame, name) for frame in frames])


def test_a_curve_can_be_stopped():
    def stop(share, stage):
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        focus_curve(from_array(np.zeros((6, 8, 8), np.uint8)), progress=stop)


def test_errors_say_what_to_do():
    frame = np.zeros((50, 60), np.uint8)
    with pytest.raises(InputError, match="unknown focus measure 'tenengrat'.*did you mean tenengrad"):
        frame_sharpness(frame, "tenengrat")
    with pytest.raises(InputError, match="60 x 50 px holds no cell of 84 px; choose a smaller cell"):
        sharpness_map(frame)
    with pytest.raises(InputError, match=r"field must be as large as the frame, \(50, 60\); its shape is \(5, 6\)"):
        frame_sharpness(frame, "tenengrad", np.ones((5, 6), bool))
    with pytest.raises(InputError, match="edge of 4 px or more and a stride of 1 px or more; got 84 and 0"):
        sharpness_map(frame, stride=0)


def test_the_top_of_a_gaussian_profile_is_found_to_a_fraction_of_a_plane():
    planes = np.arange(9.0)
    tops = np.array([[0.0, 2.3], [4.5, 6.75]])
    profiles = -((planes[:, None, None] - tops) ** 2) / 8
    assert best_planes(profiles) == pytest.approx(tops)
    profiles[3, 0, 1] = np.nan
    assert np.isnan(best_planes(profiles)[0, 1])
    assert best_planes(np.zeros((1, 2, 2))).tolist() == [[0, 0], [0, 0]]


def test_a_slope_of_best_planes_is_a_slope_of_depth():
    columns = np.mgrid[:8, :10][1].astype(float)
    planes = 1 + 0.5 * columns
    planes[3, 4] = np.nan
    depth = depth_map(planes, np.ones(planes.shape), (170, 210), cell=20, stride=20, z_um=tuple(np.arange(8) * 3.0))
    assert depth.shape == (170, 210)
    assert depth.dtype == np.float32
    at = 10 + 20 * np.arange(2, 8)
    assert depth[90, at] == pytest.approx(3 * (1 + 0.5 * np.arange(2, 8)), abs=0.25)
    assert np.isnan(depth_map(np.full((2, 2), np.nan), np.ones((2, 2)), (9, 9), cell=4, stride=4)).all()


def test_autofocus_criteria_of_a_known_curve():
    planes = np.arange(21)
    curve = np.exp(-((planes - 8.4) ** 2) / (2 * 3.0**2))
    quality = curve_quality(curve, 8.0, z_um=tuple(planes * 2.0))
    assert quality.error_planes == pytest.approx(0.4, abs=0.05)
    assert quality.error_um == pytest.approx(0.8, abs=0.1)
    assert quality.false_maxima == 0
    assert quality.width_planes == pytest.approx(2.355 * 3, rel=0.05)
    assert quality.range_planes == 20
    ripple = curve + 0.05 * (planes % 4 == 0)
    assert curve_quality(ripple, 8.0).false_maxima >= 2
    with pytest.raises(InputError, match="three finite values"):
        curve_quality(np.array([1.0, np.nan, 2.0]), 1)


def test_the_rim_of_the_field_is_no_detail():
    rows, columns = np.mgrid[:256, :256]
    disc = np.hypot(columns - 128, rows - 128) <= 100
    even = cv2.GaussianBlur(np.where(disc, 200.0, 4.0), (0, 0), 1.5).astype(np.uint8)
    curve = focus_curve(from_array(even[None]), ("tenengrad",), field=disc)["tenengrad"]
    assert curve[0] < 1e-3 * frame_sharpness(even, field=disc)


# ---- what is truly in focus


def test_a_cell_is_in_focus_where_what_it_shows_is_and_clear_glass_says_nothing():
    sharp = np.full((168, 84), 0.8, np.float32)
    sharp[20:40, 20:40] += np.random.default_rng(4).normal(0, 0.1, (20, 20)).astype(np.float32)
    away = np.zeros_like(sharp)
    away[16:44, 16:44] = 3.0  # the only thing in sight lies three depths of field above the glass
    away[84:, :21] = 3.0
    near, far = SeenDetail(sharp, None, grid(sharp.shape, 84, 84)).near_and_far(away)
    assert (away[:84] < 0.5).mean() > 0.85
    assert near[0, 0] < 0.1
    assert far[0, 0] > 0.9
    assert near[1, 0] == pytest.approx(0.75, abs=1e-3)  # nothing is seen: the area decides
    assert far[1, 0] == pytest.approx(0.25, abs=1e-3)


def test_detail_outside_the_field_and_on_its_rim_does_not_count():
    sharp = np.full((84, 84), 0.6, np.float32)
    field = np.zeros(sharp.shape, bool)
    field[:, :42] = True
    sharp[:, 36:] += np.random.default_rng(4).normal(0, 0.1, (84, 48)).astype(np.float32)
    sharp[30:50, 8:16] += np.random.default_rng(5).normal(0, 0.1, (20, 8)).astype(np.float32)
    away = np.where(np.arange(84) < 24, 0.0, 3.0)[None, :].repeat(84, axis=0)
    assert SeenDetail(sharp, field, grid(sharp.shape, 84, 84)).near_and_far(away)[0][0, 0] > 0.8
    assert SeenDetail(sharp, None, grid(sharp.shape, 84, 84)).near_and_far(away)[0][0, 0] < 0.4
