"""Comparisons of pictures: signs, scales and legends, the spectrum against Parseval, the relief under its light."""

from __future__ import annotations

import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.widgets import Compared, Pane, difference, difference_panes, ramp_legend, shaded, signed, spectrum
from mmlib.widgets.compare import SIGNED, rounded_up, spectrum_panes
from mmlib.widgets.modules import join_modules


def noise(seed: int, shape: tuple[int, ...] = (40, 60)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_a_difference_has_the_sign_of_what_is_brighter_and_turns_with_the_order():
    one, two = noise(1), noise(2)
    values = difference(one, two)
    np.testing.assert_allclose(values, one.astype(float) - two, atol=1e-3)
    np.testing.assert_array_equal(values, -difference(two, one))
    assert difference(one, one).any() == np.False_


def test_bit_depths_are_compared_as_brightness():
    eight = noise(3)
    np.testing.assert_allclose(difference(eight.astype(np.uint16) * 257, eight), 0, atol=1e-3)


def test_colours_of_a_difference_run_from_blue_over_dark_to_orange():
    painted = signed(np.array([[-9.0, -4.0, 0.0, 4.0, 9.0]]), 4)
    assert painted[0, 0].tolist() == painted[0, 1].tolist() == list(SIGNED[0])
    assert painted[0, 3].tolist() == painted[0, 4].tolist() == list(SIGNED[-1])
    assert painted[0, 2].sum() == painted.sum(axis=2).min()


@pytest.mark.parametrize(("value", "limit"), [(0, 1), (1, 1), (1.2, 2), (3, 5), (5, 5), (7, 10), (12, 20), (80, 100)])
def test_a_scale_is_a_round_number(value: float, limit: float):
    assert rounded_up(value) == limit


def test_panes_of_a_difference_share_one_scale_and_say_it():
    truth = noise(4)
    near, far = np.clip(truth.astype(int) + 3, 0, 255).astype(np.uint8), 255 - truth
    panes = difference_panes([Compared("near", near), Compared("far", far)], Compared("truth", truth))
    assert [pane.title for pane in panes] == ["near − truth", "far − truth"]
    assert panes[0].legend == panes[1].legend
    told = panes[0].describe("k")["legend"]
    low, middle, high = told["words"]
    assert middle == "0"
    assert low[1:] == high[1:]
    assert len(told["colours"]) == len(SIGNED)
    assert "of 255" in panes[0].note
    with pytest.raises(InputError, match="must have one size; they are 60 x 40 and 40 x 60 px"):
        difference_panes([Compared("near", near)], Compared("truth", truth.T))


def test_a_spectrum_shows_a_grating_where_its_fineness_belongs_and_white_noise_flat():
    height, width, cycles = 64, 96, 12
    grating = 0.5 + 0.4 * np.cos(2 * np.pi * cycles * np.arange(width) / width)
    values = spectrum(np.tile(grating, (height, 1)))
    row, column = np.unravel_index(np.argmax(values), values.shape)
    assert (row, abs(column - width // 2)) == (height // 2, cycles)
    flat = np.random.default_rng(0).normal(0.5, 0.05, (256, 256)).clip(0, 1)
    power = 10 ** (spectrum(flat) / 10)
    assert power.mean() == pytest.approx(flat.var(), rel=0.02)  # Parseval: the mean power a pixel is the variance


def test_blur_takes_from_the_edges_of_a_spectrum_only():
    import cv2

    sharp = noise(6, (128, 128))
    lost = spectrum(sharp) - spectrum(cv2.GaussianBlur(sharp, (0, 0), 2.0))
    middle = lost[60:68, 60:68]
    assert abs(np.median(middle)) < 1.5
    assert np.median(lost[:8]) > 20


def test_spectra_share_one_scale_and_say_how_fine_the_finest_is():
    panes = spectrum_panes([Compared("a", noise(1)), Compared("b", noise(2))], pixel_um=0.25)
    assert panes[0].legend == panes[1].legend
    assert panes[0].legend is not None
    assert "0.5 µm" in panes[0].legend.name
    assert panes[0].pixel_um is None


def test_a_relief_is_lit_from_the_upper_left_and_blank_where_nothing_is_known():
    rows, columns = np.mgrid[:80, :80]
    hill = 10 * np.exp(-((rows - 40) ** 2 + (columns - 40) ** 2) / 300).astype(np.float32)
    hill[:5, :5] = np.nan
    light = shaded(hill).sum(axis=2).astype(int)
    assert light[30, 30] > light[50, 50]
    assert light[:5, :5].max() == 0
    assert len({tuple(colour) for colour in shaded(np.full((9, 9), 3.0)).reshape(-1, 3)}) == 1
    with pytest.raises(InputError, match=r"\(H, W\)"):
        shaded(np.zeros((3, 3, 3)))


def test_the_browser_is_told_the_legend_of_a_map_and_draws_it():
    legend = ramp_legend("frame 1", "frame 9", "which frame")
    assert Pane(picture=noise(1), legend=legend).describe("k")["legend"]["words"] == ("frame 1", "frame 9")
    assert Pane(picture=noise(1)).describe("k")["legend"] is None
    assert "mm-map-legend" in join_modules("stack_view")
