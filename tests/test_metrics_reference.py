"""Measures against a true picture: identities, agreement with piq and scikit-image, the field, and words of errors."""

import math

import cv2
import numpy as np
import piq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmlib.errors import InputError
from mmlib.metrics import MEASURES, measure, pooled, reference
from mmlib.metrics.detail import depth_error, detail_snr

STRUCTURAL = ["ssim", "ms_ssim", "vif", "gmsd", "haarpsi"]
PERFECT = {"psnr": math.inf, "detail_snr": math.inf, "gmsd": 0.0}


def scene(height=192, width=224, *, colour=True, seed=0):
    generator = np.random.default_rng(seed)
    noise = generator.random((height, width, 3))
    picture = cv2.GaussianBlur(noise, (0, 0), 1.2) + 2 * cv2.GaussianBlur(noise, (0, 0), 5)
    picture = 0.1 + 0.8 * (picture - picture.min()) / np.ptp(picture)
    return np.ascontiguousarray(picture if colour else picture[..., 0]).astype(np.float32)


def worse(picture, *, sigma=1.5, seed=1):
    noise = np.random.default_rng(seed).normal(0, 0.01, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), sigma) + noise, 0, 1).astype(np.float32)


def disc(height=192, width=224, radius=0.49):
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) < radius * min(height, width)


def stage(name):
    """A scene with an eyepiece disc in which the measure has windows: those of MS-SSIM reach over 176 px."""
    size = (384, 384) if name == "ms_ssim" else (192, 224)
    truth = scene(*size, colour=name != "ms_ssim")
    return truth, worse(truth), disc(*size)


def hide(picture, field, level):
    return np.where(field if picture.ndim == 2 else field[..., None], picture, level).astype(np.float32)


def with_reference():
    return [name for name, card in MEASURES.items() if card.needs == "reference"]


def score(name, picture, true, **more):
    function = detail_snr if name == "detail_snr" else getattr(reference, name)
    return function(picture, true, **more)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", with_reference())
def test_a_picture_equals_itself(name, colour):
    size = (384, 384) if name == "ms_ssim" else (192, 224)
    truth, field = scene(*size, colour=colour), disc(*size)
    for where in (None, field):
        assert score(name, truth, truth, field=where) == pytest.approx(PERFECT.get(name, 1.0), abs=1e-5)


@pytest.mark.parametrize("name", with_reference())
def test_more_blur_is_worse(name):
    truth = scene()
    scores = [score(name, worse(truth, sigma=sigma), truth) for sigma in (0.6, 1.2, 2.4)]
    assert sorted(scores, reverse=MEASURES[name].better == "higher") == scores


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", STRUCTURAL)
def test_maps_pooled_over_everything_agree_with_piq(name, colour):
    truth = scene(colour=colour)
    blurred = worse(truth)
    everything = np.ones(truth.shape[:2], np.bool_)
    assert getattr(pooled, name)(blurred, truth, everything) == pytest.approx(
        getattr(reference, name)(blurred, truth), abs=2e-5
    )


def test_psnr_and_ssim_agree_with_scikit_image():
    truth = scene()
    blurred = worse(truth)
    assert reference.psnr(blurred, truth) == pytest.approx(
        peak_signal_noise_ratio(truth, blurred, data_range=1), abs=1e-4
    )
    options = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    whole, each = structural_similarity(truth, blurred, channel_axis=2, full=True, **options)
    assert reference.ssim(blurred, truth) == pytest.approx(whole, abs=1e-5)
    inside = cv2.erode(disc().astype(np.uint8), np.ones((11, 11))) > 0
    inside[:5] = inside[-5:] = inside[:, :5] = inside[:, -5:] = False
    assert reference.ssim(blurred, truth, field=disc()) == pytest.approx(each[inside].mean(), abs=1e-5)


def test_psnr_agrees_with_piq_and_with_the_formula_on_a_field():
    truth = scene()
    blurred = worse(truth)
    batches = [torch.from_numpy(p.transpose(2, 0, 1).copy())[None] for p in (blurred, truth)]
    assert reference.psnr(blurred, truth) == pytest.approx(float(piq.psnr(*batches)), abs=1e-3)
    flat, grey = np.full((6, 6), 0.5), np.full((6, 6), 0.5)
    grey[0, 0], grey[5, 5] = 0.6, 1.0
    corner = np.zeros((6, 6), np.bool_)
    corner[:2, :2] = True
    assert reference.psnr(grey, flat, field=corner) == pytest.approx(10 * math.log10(4 / 0.01), abs=1e-4)


@pytest.mark.parametrize("name", with_reference())
def test_nothing_outside_the_field_has_a_say(name):
    truth, blurred, field = stage(name)
    black, wild = blurred.copy(), blurred.copy()
    black[~field] = 0
    wild[~field] = np.random.default_rng(3).random(wild[~field].shape)
    first = score(name, black, hide(truth, field, 0), field=field)
    assert score(name, wild, hide(truth, field, 1), field=field) == pytest.approx(first, abs=1e-9)


@pytest.mark.parametrize("name", with_reference())
def test_damage_anywhere_in_the_field_is_seen(name):
    truth, blurred, field = stage(name)
    clean = score(name, blurred, truth, field=field)
    middle = truth.shape[0] // 2
    left = int(np.argmax(field[middle])) + (40 if name == "ms_ssim" else 12)
    for x in (left, truth.shape[1] // 2, truth.shape[1] - 1 - left):
        hurt = blurred.copy()
        hurt[middle - 12 : middle + 12, x - 6 : x + 6] = 0.5
        assert (score(name, hurt, truth, field=field) > clean) == (MEASURES[name].better == "lower")


@pytest.mark.parametrize("name", with_reference())
def test_an_eyepiece_disc_costs_nothing_where_the_field_is_given(name):
    truth, blurred, field = stage(name)
    through_disc = [hide(p, field, 0) for p in (blurred, truth)]
    inner = score(name, *through_disc, field=field)
    whole = score(name, blurred, truth)
    tolerance = {"psnr": 0.5, "detail_snr": 0.7, "vif": 0.06, "gmsd": 0.01, "haarpsi": 0.04}.get(name, 0.02)
    assert inner == pytest.approx(whole, abs=tolerance)
    if name in ("psnr", "ssim"):
        without = score(name, *through_disc)
        assert abs(without - whole) > abs(inner - whole)  # black beyond the disc flatters


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", with_reference())
def test_whole_numbers_and_floats_agree(name, kind):
    top = np.iinfo(kind).max
    pictures = [np.round(p * top).astype(kind) for p in (worse(scene()[:176, :176]), scene()[:176, :176])]
    floats = [(p / top).astype(np.float32) for p in pictures]
    tolerance = 0.05 if name == "detail_snr" else 1e-4  # its 8-bit luma is rounded
    assert score(name, *pictures) == pytest.approx(score(name, *floats), abs=tolerance)


def test_data_range_says_where_white_is():
    truth = scene(176, 176, colour=False)
    blurred = worse(truth)
    twelve_bits = [np.round(p * 4095).astype(np.uint16) for p in (blurred, truth)]
    for name in ("psnr", *STRUCTURAL):
        assert score(name, *twelve_bits, data_range=4095 / 65535) == pytest.approx(
            score(name, blurred, truth), abs=1e-2 if name == "psnr" else 1e-3
        )
    with pytest.raises(InputError, match="a value reaches"):
        reference.psnr(*twelve_bits, data_range=0.01)
    with pytest.raises(InputError, match="data_range must lie above 0"):
        reference.psnr(*twelve_bits, data_range=255)


def test_detail_snr_is_blind_to_brightness_and_contrast():
    truth = scene()
    blurred = worse(truth)
    dimmer = (0.1 + 0.5 * blurred).astype(np.float32)
    assert detail_snr(dimmer, truth) == pytest.approx(detail_snr(blurred, truth), abs=0.01)


def test_detail_snr_agrees_with_its_definition_in_scipy():
    field = disc()
    truth = np.where(field, scene(colour=False), 0).astype(np.float32)
    blurred = np.where(field, worse(truth), 0).astype(np.float32)

    def gaussian(picture, sigma):
        return ndimage.gaussian_filter(picture.astype(np.float64), sigma, mode="mirror", truncate=4)

    p, r = (x - gaussian(x, 3) for x in (blurred, truth))
    energy = gaussian(r**2, 4)
    inner = ndimage.binary_erosion(field, np.ones((21, 21)), border_value=1)
    where = inner & (energy > np.percentile(energy[inner], 90))
    gain = (p * r)[where].sum() / (p * p)[where].sum()
    expected = 10 * np.log10((r[where] ** 2).mean() / ((gain * p - r)[where] ** 2).mean())
    assert detail_snr(blurred, truth, field=field) == pytest.approx(expected, abs=0.02)


def test_detail_snr_takes_the_dark_for_outside():
    truth, field = scene(), disc()
    hidden = [hide(p, field, 0) for p in (worse(truth), truth)]
    assert detail_snr(*hidden) == pytest.approx(detail_snr(*hidden, field=field), abs=0.3)
    with pytest.raises(InputError, match="10 px from its rim"):
        detail_snr(np.zeros((40, 40)), np.zeros((40, 40)))


def test_depth_error_is_the_mean_distance_on_the_known_field():
    true = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, np.nan]])
    found = np.array([[1.5, 2.0, 2.0], [9.0, 5.0, 7.0]])
    assert depth_error(found, true) == pytest.approx((0.5 + 0 + 1 + 5 + 0) / 5)
    assert depth_error(found, true, field=np.array([[True] * 3, [False] * 3])) == pytest.approx(0.5)
    with pytest.raises(InputError, match="no pixel of the field"):
        depth_error(found, true, field=np.array([[False] * 3, [False, False, True]]))
    with pytest.raises(InputError, match="two \\(H, W\\) maps"):
        depth_error(found, true[:1])
    with pytest.raises(InputError, match="not finite"):
        depth_error(true, found)


@pytest.mark.parametrize("name", with_reference())
def test_pictures_that_do_not_fit_are_told_apart_in_one_sentence(name):
    truth = scene()
    broken = truth.copy()
    broken[3, 3] = np.nan
    cases = [
        (truth[:-1], "must have one size; they have 191 x 224 and 192 x 224 pixels"),
        (truth[..., 0], "picture is grey and reference is RGB"),
        (broken, "not finite"),
        (truth * 255, "must lie in 0..1"),
    ]
    for picture, words in cases:
        with pytest.raises(InputError, match=words) as caught:
            score(name, picture, truth)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no pixel counts"):
        score(name, truth, truth, field=np.zeros(truth.shape[:2], np.bool_))
    with pytest.raises(InputError, match="field must be a mask"):
        score(name, truth, truth, field=np.ones(truth.shape[:2]))


@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_picture_too_small_is_told_so(name):
    with pytest.raises(InputError, match="needs at least .* the picture has 1 x 1"):
        score(name, np.full((1, 1), 0.5), np.full((1, 1), 0.5))
    tiny = np.zeros((192, 224), np.bool_)
    tiny[:3, :3] = True
    with pytest.raises(InputError, match="lies wholly in the field"):
        score(name, worse(scene()), scene(), field=tiny)


def test_one_pixel_has_a_psnr():
    assert reference.psnr(np.full((1, 1), 0.5), np.full((1, 1), 0.6)) == pytest.approx(20, abs=1e-3)


def test_constant_pictures_have_a_right_value_or_a_reason():
    grey, darker = np.full((192, 192), 0.5, np.float32), np.full((192, 192), 0.4, np.float32)
    assert reference.ssim(grey, grey) == pytest.approx(1)
    assert reference.gmsd(grey, darker) < 0.2
    expected = (2 * 0.5 * 0.4 + 1e-4) / (0.5**2 + 0.4**2 + 1e-4)
    assert reference.ssim(grey, darker) == pytest.approx(expected, abs=1e-4)
    for name in ("vif", "haarpsi"):
        with pytest.raises(InputError, match="constant"):
            score(name, grey, darker)
    with pytest.raises(InputError, match="no detail"):
        detail_snr(grey, grey)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), sigma=st.floats(0.5, 4), noise=st.floats(0, 0.2), colour=st.booleans())
def test_values_stay_in_their_range(seed, sigma, noise, colour):
    truth = scene(96, 100, colour=colour, seed=seed)
    rough = np.random.default_rng(seed).normal(0, noise, truth.shape)
    picture = np.clip(cv2.GaussianBlur(truth, (0, 0), sigma) + rough, 0, 1).astype(np.float32)
    field = disc(96, 100)
    for answer in measure(picture, reference=truth, field=field):
        card = answer.measure
        if card.needs == "reference" and card.name not in ("ms_ssim", "detail_snr"):
            assert answer.value is not None
            assert card.low - 1e-6 <= answer.value <= card.high + 1e-6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), name=st.sampled_from(["psnr", "ssim", "vif", "gmsd", "haarpsi", "detail_snr"]))
def test_no_field_of_any_shape_lets_the_outside_speak(seed, name):
    generator = np.random.default_rng(seed)
    truth = scene(96, 100, seed=seed)
    field = cv2.GaussianBlur(generator.random((96, 100)), (0, 0), 12)
    field = field > np.quantile(field, 0.1)
    field[24:72, 24:76] = True  # room for the largest window
    seen = worse(truth, seed=seed)
    other = seen.copy()
    other[~field] = generator.random((int((~field).sum()), 3))
    answers = [measure(p, reference=truth, field=field, only=[name])[0].value for p in (seen, other)]
    assert answers[0] is not None
    assert answers[1] == pytest.approx(answers[0], abs=1e-9)
