import cv2
import numpy as np
import pytest
from skimage.feature import structure_tensor

from mmlib.errors import InputError
from mmlib.filters import grey_levels, guided_filter
from mmlib.fusing import fuse
from mmlib.fusing.masks import (
    DERIVATIVE,
    NOISE_RESPONSE,
    RESPONSES,
    Winners,
    clean,
    draw_masks,
    energy,
    fill_flat,
    find_index,
    harris,
    pair_masks,
    respond,
    soften,
    tensor,
)
from mmlib.stacks import from_array

VARIANTS = sorted(RESPONSES)


def texture(seed: int = 0, height: int = 96, width: int = 128) -> np.ndarray:
    random = np.random.default_rng(seed)
    grey = sum(cv2.GaussianBlur(random.normal(size=(height, width)), (0, 0), s) * 2 * s for s in (0.8, 2, 5))
    return np.clip(128 + 40 * grey, 0, 255).astype(np.uint8)


def halves(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scene, and two frames of it: sharp on the left, sharp on the right."""
    sharp = texture(seed)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 3)
    left, right = sharp.copy(), sharp.copy()
    left[:, 64:], right[:, :64] = blurred[:, 64:], blurred[:, :64]
    return sharp, left, right


def test_the_derivative_is_right_for_cubic_grey():
    x = np.arange(40, dtype=np.float64) / 10
    slope = np.correlate(x**3 - 2 * x, DERIVATIVE, mode="valid") * 10
    assert slope == pytest.approx((3 * x**2 - 2)[2:-2], abs=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_white_noise_has_the_response_of_its_variance(variant):
    noise = np.random.default_rng(0).normal(128, 1, (512, 512)).astype(np.float32)
    assert RESPONSES[variant](noise).mean() == pytest.approx(NOISE_RESPONSE[variant], rel=0.03)
    louder = respond(((noise - 128) * 3 + 128).astype(np.float32) / 255, variant).mean()
    assert louder == pytest.approx(9, rel=0.03)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_response_is_blind_to_turns_and_brightness_and_falls_with_blur(variant):
    sharp = grey_levels(texture())
    response = RESPONSES[variant](sharp)
    assert np.abs(RESPONSES[variant](np.rot90(sharp).copy()) - np.rot90(response)).max() < 1e-3 * response.max()
    assert np.abs(RESPONSES[variant](sharp + 20) - response).max() < 1e-3 * response.max()
    assert RESPONSES[variant](cv2.GaussianBlur(sharp, (0, 0), 2)).mean() < 0.3 * response.mean()
    assert response.min() >= 0
    assert not RESPONSES[variant](np.full((40, 40), 77, np.float32)).any()


def test_harris_misses_an_edge_that_the_modified_response_sees():
    edge = np.zeros((41, 41), np.float32)
    edge[:, 20:] = 100
    corner = edge.copy()
    corner[:20] = 0
    assert harris(edge).max() < 1e-3 * harris(corner).max()
    assert tensor(edge).max() > 0.1 * tensor(corner).max()
    assert energy(edge).max() > 0.5 * energy(corner).max()


def test_the_structure_tensor_agrees_with_scikit_image_where_grey_is_smooth():
    grey = cv2.GaussianBlur(grey_levels(texture()), (0, 0), 4)
    rows, columns = np.gradient(grey.astype(np.float64))
    rr, rc, cc = (cv2.GaussianBlur(one, (0, 0), 1.5) for one in (rows * rows, rows * columns, columns * columns))
    expected = structure_tensor(grey.astype(np.float64), sigma=1.5, mode="reflect", order="rc")
    inner = np.s_[12:-12, 12:-12]
    found = tensor(grey)[inner]
    for xx, yy, xy in ((cc, rr, rc), (expected[2] / 64, expected[0] / 64, expected[1] / 64)):  # its Sobel sums to 8
        wanted = np.sqrt(np.abs(xx * yy - xy * xy) + 0.05 * (xx + yy) ** 2)[inner]
        scale = (wanted * found).sum() / (wanted * wanted).sum()
        assert np.abs(found - scale * wanted).max() < 0.1 * found.max()


def test_an_unknown_variant():
    with pytest.raises(InputError, match="unknown mask variant 'tensr'; known: .*; did you mean tensor?"):
        respond(texture(), "tensr")


@pytest.mark.parametrize("variant", VARIANTS)
def test_masks_of_a_half_sharp_pair_are_its_halves(variant):
    _, left, right = halves()
    first, second, shows = pair_masks(left, right, variant=variant)
    assert np.abs(first + second - 1).max() < 1e-6
    inside = np.abs(np.arange(128) - 64) > 10
    assert ((first > 0.5) == (np.arange(128) < 64))[:, inside].mean() > 0.97
    assert shows.mean() > 0.9
    again = pair_masks(right, left, variant=variant)
    assert np.abs(again[1] - first).max() < 1e-6


def test_masks_of_any_number_of_frames_sum_to_one():
    random = np.random.default_rng(0)
    index = clean(random.integers(0, 7, (50, 61)).astype(np.uint16))
    for feather_px in (0, 2):
        total = sum(soften(index, number, feather_px) for number in range(7))
        assert np.abs(total - 1).max() < 1e-5


def test_equal_frames_and_frames_of_other_shapes():
    frame = texture()
    first, second, _ = pair_masks(frame, frame)
    assert first.min() == 1
    assert not second.any()
    with pytest.raises(InputError, match="both frames must have one shape"):
        pair_masks(frame, frame[:-1])


def test_flat_pixels_follow_the_nearest_that_is_not():
    index = np.zeros((20, 30), np.uint16)
    index[:, 15:] = 4
    shows = np.zeros((20, 30), bool)
    shows[:, [2, 27]] = True
    assert np.array_equal(fill_flat(index, shows), index)
    shows[:, 27] = False
    assert not fill_flat(index, shows).any()
    assert np.array_equal(fill_flat(index, np.zeros_like(shows)), index)


def test_specks_are_removed_and_edges_stay():
    index = np.zeros((40, 40), np.uint16)
    index[:, 20:] = 900
    speckled = index.copy()
    speckled[4::8, 4::10] = 300
    assert np.array_equal(clean(speckled), index)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (16, 16, 3), (33, 20)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_any_size(shape, variant):
    random = np.random.default_rng(0)
    winners = Winners(shape[:2], variant)
    for number in range(3):
        winners.see(random.integers(0, 65536, shape).astype(np.uint16), number)
    index = find_index(winners)
    assert index.shape == shape[:2]
    assert index.max() <= 2


def test_the_order_of_frames_does_not_matter():
    _, left, right = halves()
    blurred = cv2.GaussianBlur(left, (0, 0), 4)
    straight, mixed = Winners((96, 128)), Winners((96, 128))
    for number, frame in enumerate((left, blurred, right)):
        straight.see(frame, number)
    for number, frame in ((2, right), (0, left), (1, blurred)):
        mixed.see(frame, number)
    assert np.array_equal(find_index(straight), find_index(mixed))


def test_fusion_by_masks_takes_both_halves():
    sharp, left, right = halves()
    fused = fuse(from_array(np.stack([left, right])), method="focusall", align="off")
    away = np.abs(fused.picture * 255 - sharp)
    assert away[:, np.abs(np.arange(128) - 64) > 10].mean() < 0.5


def test_masks_are_drawn_in_one_colour_a_frame():
    index = np.repeat(np.arange(5, dtype=np.uint16), 4)[None].repeat(3, 0)
    drawn = draw_masks(index, 5)
    assert drawn.shape == (3, 20, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 5
    dark = draw_masks(index, 5, np.zeros(index.shape, np.float32))
    assert (dark <= drawn).all()
    assert draw_masks(np.zeros((1, 1), np.uint16), 1).shape == (1, 1, 3)


def test_the_guided_filter_keeps_an_edge_of_its_guide_and_loses_others():
    guide = np.zeros((40, 60), np.float32)
    guide[:, 30:] = 1
    mask = np.zeros((40, 60), np.float32)
    mask[:, 28:] = 1  # two pixels off
    smooth = guided_filter(mask, guide, 8, 1e-3)
    assert smooth[:, 31:].mean() > 0.95
    assert smooth[:, 10:28].mean() < 0.2
    flat = guided_filter(mask, np.full_like(guide, 0.3), 8, 1e-3)
    assert np.abs(np.diff(flat, axis=1)).max() < 0.12
