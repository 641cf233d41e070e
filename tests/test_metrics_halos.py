"""Where halos would stand: empty places beside something thick."""

import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.metrics.halos import REACH_PX, beside_thick


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A dark disc 8 um above clear ground, on which a hair lies: truth, height in um, distance from the disc's rim."""
    rows, columns = np.mgrid[:120, :120]
    away = np.hypot(rows - 60, columns - 60) - 14
    truth = np.where(away < 0, 0.3, 0.8).astype(np.float32)
    truth[50:70, 84:87] = 0.5
    return truth, np.where(away < 0, 8.0, 0.0), away


def test_only_empty_places_near_something_high_count():
    truth, height, away = scene()
    beside = beside_thick(truth, height, 4.0)
    assert not beside[away < 0].any()
    assert not beside[away > 1.5 * REACH_PX].any()
    assert not beside[50:70, 84:87].any()
    assert beside[60, 36]
    assert beside[32, 60]
    assert np.array_equal(beside, beside_thick(np.repeat(truth[..., None], 3, axis=2), height, 4.0))


def test_nothing_is_thick_that_lies_less_high():
    truth, height, _ = scene()
    assert not beside_thick(truth, height, 8.0).any()
    assert not beside_thick(truth, -height, 8.5).any()


def test_truth_and_depth_of_unlike_size_are_one_sentence():
    truth, height, _ = scene()
    with pytest.raises(InputError, match=r"of one size; they are \(120, 120\) and \(60, 120\)"):
        beside_thick(truth, height[::2], 4.0)
