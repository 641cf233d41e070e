"""Measures of fusion: identities, symmetry, small cases by hand, and plain restatements of their definitions."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d
from sklearn.metrics import mutual_info_score

from mmlib.errors import InputError
from mmlib.metrics import MEASURES, fusion, measure
from mmlib.stacks import from_array

NAMES = [name for name, card in MEASURES.items() if card.needs == "sources"]
BEST = {"q_abf": 0.9994 / (1 + math.exp(-7.5)) * 0.9879 / (1 + math.exp(-4.4)), "q_mi": 2.0}


def scene(height=64, width=72, *, seed=0, colour=False):
    noise = np.random.default_rng(seed).random((height, width, 3))
    picture = cv2.GaussianBlur(noise, (0, 0), 1.2) + cv2.GaussianBlur(noise, (0, 0), 5)
    picture = np.round(10 + 235 * (picture - picture.min()) / np.ptp(picture)).astype(np.uint8)
    return picture if colour else np.ascontiguousarray(picture[..., 0])


def halves(truth):
    """Two sources, each in focus on one side."""
    blurred, middle = cv2.GaussianBlur(truth, (0, 0), 2.5), truth.shape[1] // 2
    left, right = truth.copy(), truth.copy()
    left[:, middle:], right[:, :middle] = blurred[:, middle:], blurred[:, :middle]
    return left, right


def score(name, fused, sources, **more):
    return getattr(fusion, name)(fused, sources, **more)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_fusing_a_picture_with_itself_gives_the_maximum(name, colour):
    truth = scene(colour=colour)
    best = BEST.get(name, 1.0)
    assert score(name, truth, [truth, truth]) == pytest.approx(best, abs=1e-6)
    assert score(name, truth, [truth] * 4) == pytest.approx(best, abs=1e-6)
    assert MEASURES[name].high >= best - 1e-4
    assert score(name, scene(seed=9, colour=colour), [truth, truth]) < best - 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_sources_does_not_matter(name):
    truth = scene()
    left, right = halves(truth)
    third = scene(seed=3)
    first = score(name, truth, [left, right, third])
    assert score(name, truth, [third, right, left]) == pytest.approx(first, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_sharp_fusion_beats_a_blurred_one(name):
    truth = scene()
    left, right = halves(truth)
    blurred = cv2.GaussianBlur(truth, (0, 0), 2.5)
    assert score(name, truth, [left, right]) > score(name, blurred, [left, right])


@pytest.mark.parametrize("name", NAMES)
def test_turning_all_pictures_turns_nothing(name):
    truth = scene()
    left, right = halves(truth)
    turned = [np.ascontiguousarray(p[::-1, ::-1]) for p in (truth, left, right)]
    assert score(name, turned[0], turned[1:]) == pytest.approx(score(name, truth, [left, right]), abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_an_array_and_a_list_are_the_same_sources(name):
    truth = scene()
    sources = np.stack(halves(truth))
    expected = score(name, truth, list(sources))
    assert score(name, truth, sources) == expected
    assert score(name, truth, from_array(sources)) == expected
    assert score(name, truth / 255, sources / 255) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_outside_the_field_has_a_say(name):
    truth = scene(96, 104)
    left, right = halves(truth)
    y, x = np.mgrid[:96, :104]
    field = np.hypot(y - 47.5, x - 51.5) < 47
    expected = score(name, truth, [left, right], field=field)
    pictures = [p.copy() for p in (truth, left, right)]
    for seed, picture in enumerate(pictures):
        picture[~field] = np.random.default_rng(seed).integers(0, 256, int((~field).sum()))
    assert score(name, pictures[0], pictures[1:], field=field) == pytest.approx(expected, abs=1e-9)
    assert expected == pytest.approx(score(name, truth, [left, right]), abs=0.1)
    hurt = pictures[0].copy()
    hurt[40:56, 6:22] = 128
    assert score(name, hurt, pictures[1:], field=field) < expected


def test_edges_half_as_strong_or_turned_by_a_right_angle_by_hand():
    ramp = np.tile(np.arange(0, 200, 10, np.uint8), (20, 1))
    kept = 0.9879 / (1 + math.exp(-22 * 0.2))
    assert fusion.q_abf((ramp // 10) * 5, [ramp, ramp]) == pytest.approx(0.9994 / 2 * kept, abs=1e-6)
    lost = 0.9879 / (1 + math.exp(22 * 0.8))
    full = 0.9994 / (1 + math.exp(-7.5))
    assert fusion.q_abf(ramp.T.copy(), [ramp, ramp]) == pytest.approx(full * lost, abs=1e-9)
    steep, flat = ramp, np.full_like(ramp, 7)
    assert fusion.q_abf(steep, [steep, flat]) == pytest.approx(full * kept, abs=1e-6)  # no edge, no say


def test_opposite_edges_have_one_direction():
    ramp = np.tile(np.arange(0, 200, 10, np.uint8), (20, 1))
    assert fusion.q_abf(ramp[:, ::-1].copy(), [ramp, ramp]) == pytest.approx(BEST["q_abf"], abs=1e-9)


def test_mutual_information_agrees_with_scikit_learn():
    truth, other, fused = scene(), scene(seed=4), scene(seed=5)
    fused = ((truth.astype(int) + fused) // 2).astype(np.uint8)

    def entropy(values):
        return mutual_info_score(values.ravel(), values.ravel())

    expected = sum(
        2 * mutual_info_score(s.ravel(), fused.ravel()) / (entropy(s) + entropy(fused)) for s in (truth, other)
    )
    assert fusion.q_mi(fused, [truth, other]) == pytest.approx(expected, abs=1e-9)


def test_mutual_information_of_two_levels_by_hand():
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))
    quarters = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((4, 4), np.uint8))
    assert fusion.q_mi(stripes, [stripes, quarters]) == pytest.approx(1)  # one tells all, the other nothing
    assert fusion.q_mi(255 - stripes, [stripes, stripes]) == pytest.approx(2)  # inverted is as telling


def test_similarity_agrees_with_its_definition_window_by_window():
    truth = scene(20, 22)
    left, right = halves(truth)
    fused = cv2.GaussianBlur(truth, (0, 0), 0.7)
    steps = np.arange(-3, 4)
    window = np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * 1.5**2))
    window /= window.sum()

    def similar(a, b):
        mean_a, mean_b = (window * a).sum(), (window * b).sum()
        var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
        shared = (window * (a - mean_a) * (b - mean_b)).sum()
        return 4 * mean_a * mean_b * shared / ((mean_a**2 + mean_b**2) * (var_a + var_b)), var_a

    values = []
    for y in range(14):
        for x in range(16):
            a, b, f = (p[y : y + 7, x : x + 7].astype(float) for p in (left, right, fused))
            (with_a, var_a), (with_b, var_b) = similar(a, f), similar(b, f)
            share = var_a / (var_a + var_b)
            agree = similar(a, b)[0] >= 0.75
            values.append(share * with_a + (1 - share) * with_b if agree else max(with_a, with_b))
    assert fusion.q_y(fused, [left, right]) == pytest.approx(np.mean(values), abs=1e-9)


def test_contrast_agrees_with_its_definition_in_scipy():
    truth = scene(40, 46)
    left, right = halves(truth)
    fused = cv2.GaussianBlur(truth, (0, 0), 0.7)
    steps = np.arange(-15, 16)

    def gaussian(sigma):
        return np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)

    def contrast(picture):
        levels = np.round((picture - picture.min()) / np.ptp(picture) * 255.0)
        v, u = (np.fft.fftfreq(n) * 2 * n / 30 for n in levels.shape)
        r = np.hypot(v[:, None], u)
        sensitivity = np.exp(-((r / 15.3870) ** 2)) - 0.7622 * np.exp(-((r / 1.3456) ** 2))
        seen = np.fft.ifft2(np.fft.fft2(levels) * sensitivity).real
        local = np.abs(convolve2d(seen, gaussian(2), "same") / convolve2d(seen, gaussian(4), "same") - 1)
        return local**3 / (local**2 + 0.0001)

    a, b, f = (contrast(p.astype(float)) for p in (left, right, fused))
    quality = (a**2 * np.minimum(a, f) / np.maximum(a, f) + b**2 * np.minimum(b, f) / np.maximum(b, f)) / (a**2 + b**2)
    assert fusion.q_cb(fused, [left, right]) == pytest.approx(quality.mean(), abs=1e-9)


def test_fidelity_agrees_with_its_definition_in_scipy():
    truth = scene(60, 66).astype(float)
    left, right = (p.astype(float) for p in halves(truth.astype(np.uint8)))
    fused = np.round(0.6 * truth + 20)

    def scales(source, seen):
        answers = []
        for scale, size in enumerate((17, 9, 5, 3)):
            steps = np.arange(size) - size // 2
            window = np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * (size / 5) ** 2))
            window /= window.sum()

            def mean(values, window=window):
                return convolve2d(values, window, "valid")

            if scale:
                source, seen = mean(source)[::2, ::2], mean(seen)[::2, ::2]
            spread, spread_seen = mean(source**2) - mean(source) ** 2, mean(seen**2) - mean(seen) ** 2
            shared = mean(source * seen) - mean(source) * mean(seen)
            gain = shared / spread
            rest = np.where(gain < 0, spread_seen, spread_seen - gain * shared)
            gain = np.maximum(gain, 0)
            noise = 0.005 * 255**2
            answers.append((np.log10(1 + gain**2 * spread / (rest + noise)), np.log10(1 + spread / noise), gain))
        return answers

    score_by_hand = 0.0
    for weight, one, two in zip((1, 0, 0.15, 1), scales(left, fused), scales(right, fused), strict=True):
        first = one[2] < two[2]
        seen, there = ((np.where(first, one[i], two[i]) + 1e-7).sum() for i in (0, 1))
        score_by_hand += weight / 2.15 * seen / there
    assert fusion.viff(fused.astype(np.uint8), [left.astype(np.uint8), right.astype(np.uint8)]) == pytest.approx(
        score_by_hand, abs=1e-9
    )


def test_a_flat_fusion_shows_nothing_and_more_contrast_shows_more():
    truth = scene()
    left, right = halves(truth)
    assert fusion.viff(np.full_like(truth, 90), [left, right]) == pytest.approx(0, abs=1e-4)
    stronger = np.clip(128 + 1.3 * (truth.astype(float) - truth.mean()), 0, 255).astype(np.uint8)
    assert fusion.viff(stronger, [left, right]) > fusion.viff(truth, [left, right])


@pytest.mark.parametrize("name", NAMES)
def test_sources_that_do_not_fit_are_told_apart_in_one_sentence(name):
    truth = scene()
    broken = truth / 255
    broken[2, 2] = np.nan
    cases = [
        ([truth], "needs at least two sources; it got 1"),
        ([truth, truth[:-1]], "picture and source 1 must have one size"),
        ([truth, scene(colour=True)], "picture is grey and source 1 is RGB"),
        ([truth, broken], "source 1 has values that are not finite"),
    ]
    for sources, words in cases:
        with pytest.raises(InputError, match=words):
            score(name, truth, sources)


@pytest.mark.parametrize("name", NAMES)
def test_constant_or_tiny_pictures_have_a_right_value_or_a_reason(name):
    grey = np.full((64, 64), 100, np.uint8)
    if name in ("q_y", "viff"):
        assert score(name, grey, [grey, grey]) == pytest.approx(1)
    else:
        with pytest.raises(InputError, match="no source has|both constant"):
            score(name, grey, [grey, grey])
    with pytest.raises(InputError, match="at least|both constant"):
        score(name, np.zeros((1, 1), np.uint8), [np.zeros((1, 1), np.uint8)] * 2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), count=st.integers(2, 4), sigma=st.floats(0.5, 3), black=st.booleans())
def test_values_stay_in_their_range(seed, count, sigma, black):
    sources = [cv2.GaussianBlur(scene(seed=seed + i), (0, 0), sigma) for i in range(count)]
    fused = scene(seed=seed)
    if black:  # flat corners, as beyond an eyepiece
        for picture in (fused, *sources):
            picture[:20, :20] = 0
    for answer in measure(fused, sources=sources, only=NAMES):
        assert answer.value is not None
        assert answer.measure.low - 1e-9 <= answer.value <= answer.measure.high + 1e-4
