"""The field is the eyepiece's disc where there is one and the whole frame everywhere else."""

import cv2
import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.field import find_field
from mmlib.stacks import from_array


def disc(height, width, centre, radius):
    rows, columns = np.mgrid[:height, :width]
    return np.hypot(columns - centre[0], rows - centre[1]) <= radius


def specimen(height, width, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width))
    return 150 + 40 * cv2.GaussianBlur(noise, (0, 0), 4) * 8


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    ("shape", "centre", "radius"),
    [
        ((600, 800), (400, 300), 270),
        ((1024, 768), (384, 500), 372),
        ((600, 800), (420, 310), 350),  # cut by the frame above and below
        ((700, 700), (350, 350), 420),  # only the four corners are black
        ((1500, 2000), (1000, 740), 700),
    ],
)
def test_a_disc_is_found(shape, centre, radius, colour, dtype):
    truth = disc(*shape, centre, radius)
    picture = np.where(truth, specimen(*shape), 4) + np.random.default_rng(1).normal(0, 2, shape)
    picture = cv2.GaussianBlur(np.clip(picture, 0, 255), (0, 0), 1.5)
    frame = picture.astype(np.uint8) if dtype == np.uint8 else (picture * 257).astype(np.uint16)
    if colour:
        frame = np.stack([frame, frame // 2, frame // 4], axis=2)
    found = find_field(frame)
    assert found.shape == shape
    assert found.dtype == np.bool_
    assert overlap(found, truth) > 0.99
    assert (found & ~truth).sum() < 0.001 * truth.sum()  # drawn in, not out


def test_dark_specimens_in_a_disc_stay_in_the_field():
    truth = disc(600, 800, (400, 300), 280)
    frame = np.where(truth, specimen(600, 800), 3)
    frame[disc(600, 800, (400, 250), 60)] = 5  # in the middle
    frame[250:330, 100:260] = 5  # over the rim
    assert overlap(find_field(frame.clip(0, 255).astype(np.uint8)), truth) > 0.99


def test_a_dim_disc_is_found():
    truth = disc(600, 800, (400, 300), 270)
    frame = np.where(truth, specimen(600, 800) * 0.12, 0.5).clip(0, 255).astype(np.uint8)
    assert overlap(find_field(frame), truth) > 0.99


def test_the_field_of_a_stack_does_not_change_with_blur_or_order():
    truth = disc(480, 640, (320, 240), 215)
    frames = [
        np.where(truth, cv2.GaussianBlur(specimen(480, 640), (0, 0), s), 3).clip(0, 255) for s in (0.1, 2, 5, 9, 2)
    ]
    stack = from_array(np.stack(frames).astype(np.uint8))
    found = find_field(stack)
    assert overlap(found, truth) > 0.99
    assert np.array_equal(found, find_field(stack.select([4, 3, 2, 1, 0])))


def vignetted(height, width):
    rows, columns = np.mgrid[:height, :width]
    away = np.hypot(columns - width / 2, rows - height / 2) / (width / 2)
    return specimen(height, width) * np.clip(1.1 - away**2, 0, 1)


def dark_field(height, width):
    frame = np.full((height, width), 6.0)
    generator = np.random.default_rng(3)
    for _ in range(30):
        frame[disc(height, width, generator.uniform((0, 0), (width, height)), generator.uniform(5, 40))] = 200
    return frame


def half_covered(height, width):
    frame = specimen(height, width)
    frame[:, : width // 2] = 8
    return frame


def one_dark_corner(height, width):
    frame = specimen(height, width)
    frame[disc(height, width, (0, 0), 260)] = 5
    return frame


def ragged(height, width):
    blobs = cv2.GaussianBlur(np.random.default_rng(9).normal(size=(height, width)), (0, 0), 40)
    return np.where(blobs > 0, specimen(height, width), 6)


@pytest.mark.parametrize(
    "picture",
    [
        vignetted,
        dark_field,
        half_covered,
        one_dark_corner,
        ragged,
        specimen,
        lambda h, w: np.zeros((h, w)),
        lambda h, w: np.full((h, w), 255.0),
    ],
    ids=["vignetted", "dark field", "half covered", "dark corner", "ragged", "bright field", "black", "white"],
)
def test_what_is_no_disc_is_not_cut(picture):
    frame = picture(600, 800).clip(0, 255).astype(np.uint8)
    assert find_field(frame).all()
    assert find_field(np.dstack([frame] * 3)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (5, 7)])
def test_tiny_pictures_are_whole(shape):
    assert find_field(np.full(shape, 90, np.uint8)).shape == shape
    assert find_field(np.full(shape, 90, np.uint8)).all()


def test_a_wrong_shape_is_said():
    with pytest.raises(InputError, match=r"\(H, W\) or \(H, W, 3\)"):
        find_field(np.zeros((4, 5, 6, 7), np.uint8))
