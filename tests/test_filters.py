import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.filters import grey_levels, guided_filter, join_levels, level_count, noise_level, split_levels


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("shape", [(64, 64), (33, 57), (17, 9, 3), (128, 40, 3)])
def test_a_pyramid_joins_to_the_picture_it_was_split_from(shape, random):
    picture = random.random(shape).astype(np.float32)
    levels = split_levels(picture, level_count(*shape[:2]))
    assert np.abs(join_levels(levels) - picture).max() < 1e-6


def test_a_constant_has_no_detail():
    levels = split_levels(np.full((40, 60), 0.3, np.float32), 3)
    assert max(np.abs(level).max() for level in levels[:-1]) < 1e-6
    assert levels[-1] == pytest.approx(0.3)


def test_small_pictures_have_fewer_levels():
    assert level_count(1, 1) == level_count(15, 4000) == 0
    assert level_count(16, 16) == 1
    assert level_count(4000, 4000, most=4) == 4


@pytest.mark.parametrize("sigma", [0.5, 2.0, 6.0])
def test_noise_is_found_on_a_slope_within_a_tenth(sigma, random):
    slope = np.add.outer(np.arange(600.0), 0.5 * np.arange(400.0))
    noisy = (slope + random.normal(0, sigma, slope.shape)).astype(np.float32)
    assert noise_level(noisy) == pytest.approx(sigma, rel=0.1)


def test_noise_of_a_tiny_picture_is_zero():
    assert noise_level(np.ones((2, 90), np.float32)) == 0.0


def test_grey_levels_do_not_depend_on_the_type_of_the_frame(random):
    frame = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    from_deep = grey_levels(frame.astype(np.uint16) * 257)
    from_float = grey_levels(frame.astype(np.float32) / 255)
    assert np.abs(grey_levels(frame) - from_deep).max() <= 0.6
    assert np.abs(from_float - from_deep).max() <= 0.6


def test_guided_filter_keeps_the_edge_of_its_guide(random):
    guide = np.zeros((60, 60), np.float32)
    guide[:, 30:] = 1
    noisy = guide + random.normal(0, 0.2, guide.shape).astype(np.float32)
    smooth = guided_filter(noisy, guide, 8, 1e-4)
    assert np.abs(smooth - guide).mean() < 0.25 * np.abs(noisy - guide).mean()
    assert smooth[:, 31].mean() - smooth[:, 28].mean() > 0.9


def test_guided_filter_wants_a_guide_of_the_same_size():
    with pytest.raises(InputError, match=r"the guide must be as large as the map, \(3, 3\); it is \(4, 3\)"):
        guided_filter(np.ones((3, 3), np.float32), np.ones((4, 3), np.float32), 1, 0.1)
