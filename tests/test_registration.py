import cv2
import numpy as np
import pytest

from mmlib.errors import Cancelled, InputError
from mmlib.registration import align, warp
from mmlib.registration.grains import GRAINS, search
from mmlib.registration.similarity import IDENTITY, compose, invert
from mmlib.simulation import simulate
from mmlib.stacks import from_array

SIZE = 400


def scene(seed: int, side: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    fine, coarse = (cv2.GaussianBlur(random.normal(size=(side, side)), (0, 0), sigma) for sigma in (1.5, 6))
    grey = 128 + 35 * fine / fine.std() + 25 * coarse / coarse.std()
    return np.clip(np.stack([grey, 0.8 * grey + 20, 0.9 * grey], -1), 0, 255).astype(np.float32)


def similarity(scale: float, turn_deg: float, right: float, down: float) -> np.ndarray:
    angle, middle = np.radians(turn_deg), (SIZE - 1) / 2
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    return np.column_stack([matrix, np.array([middle + right, middle + down]) - matrix @ [middle, middle]])


def drifting(count: int, shift_px: float, scale: float, turn_deg: float, noise: float = 4.0, seed: int = 0):
    """A tilted scene that goes through focus while it drifts, and where each frame lies."""
    random = np.random.default_rng(seed)
    margin = 60
    wide = scene(seed, SIZE + 2 * margin)
    blurred = [cv2.GaussianBlur(wide, (0, 0), 0.3 + 0.35 * step) for step in range(count)]
    tilt = np.linspace(0, count - 1, SIZE + 2 * margin)[None, :, None]
    frames, matrices = [], []
    for k in range(count):
        away = np.broadcast_to(np.abs(tilt - k), wide.shape)
        seen = np.zeros_like(wide)
        for step in range(count):
            seen += blurred[step] * np.clip(1 - np.abs(away - step), 0, 1)
        share = k / max(count - 1, 1)
        matrix = similarity(1 + scale * share, turn_deg * share, 0.8 * shift_px * share, 0.6 * shift_px * share)
        source = invert(matrix)
        source[:, 2] += margin
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        frame = cv2.warpAffine(seen, source, (SIZE, SIZE), flags=flags)
        frames.append(np.clip(frame + random.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
        matrices.append(matrix)
    return np.stack(frames), np.stack(matrices)


def error_px(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    points = np.array([[x, y, 1] for x in (0, SIZE - 1) for y in (0, SIZE - 1)]).T
    return np.abs(found @ points - truth @ points).max((1, 2))


@pytest.mark.parametrize(("shift_px", "scale", "turn_deg"), [(20, 0.01, 0.0), (3, 0.0, 0.0), (8, -0.01, 0.5)])
def test_drift_through_focus_is_recovered_to_a_fifth_of_a_pixel(shift_px, scale, turn_deg):
    frames, truth = drifting(8, shift_px, scale, turn_deg)
    alignment = align(from_array(frames))
    assert alignment.decided
    assert "frames drift" in alignment.reason
    assert error_px(alignment.matrices, truth).max() < 0.2
    assert alignment.scale[-1] == pytest.approx(1 + scale, abs=5e-4)
    assert alignment.rotation_deg[-1] == pytest.approx(turn_deg, abs=0.03)
    assert alignment.drift_px[-1] == pytest.approx([0.8 * shift_px, 0.6 * shift_px], abs=0.2)


def test_a_still_stack_is_left_alone_bit_for_bit():
    frames, _ = drifting(6, 0, 0, 0)
    alignment = align(from_array(frames))
    assert not alignment.decided
    assert "no frame drifts" in alignment.reason
    frame = frames[3]
    assert alignment.warp(frame, 3) is frame


def test_edges_that_only_swell_out_of_focus_are_not_taken_for_drift():
    frames = []
    for sigma in (1, 2, 4, 6, 9):
        picture = np.full((SIZE, SIZE), 240, np.uint8)
        cv2.ellipse(picture, (150, 200), (130, 60), 20, 0, 360, 20, -1)
        blurred = cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32)
        frames.append(np.clip(blurred * 1.3, 0, 255).astype(np.uint8))  # bright light eats into the rim
    assert not align(from_array(np.stack(frames))).decided


def test_rims_that_swell_are_not_taken_for_growth_in_a_stack_that_drifts():
    random = np.random.default_rng(1)
    bubbles = np.random.default_rng(7).uniform((20, 20, 5), (SIZE - 20, SIZE - 20, 12), (40, 3))
    y, x = np.mgrid[:SIZE, :SIZE]

    def rims(swollen: float) -> np.ndarray:
        picture = np.full((SIZE, SIZE), 180.0)
        for right, down, radius in bubbles:
            picture -= 70 * np.exp(-(((np.hypot(x - right, y - down) - radius - swollen) / 1.5) ** 2))
        return picture

    seen = [rims(0), *(np.roll(rims(swollen), 3, axis=1) for swollen in (0, 4, 7))]  # moves once, then leaves focus
    frames = np.clip(np.stack(seen) + random.normal(0, 3, (4, SIZE, SIZE)), 0, 255).astype(np.uint8)
    alignment = align(from_array(frames))
    assert alignment.decided
    np.testing.assert_allclose(alignment.drift_px, [[0, 0], [3, 0], [3, 0], [3, 0]], atol=0.1)
    np.testing.assert_allclose(alignment.scale, 1, atol=0.001)


def test_a_shaking_hand_is_followed_where_planes_are_far_apart_and_a_steady_one_is_not_corrected():
    away_px = {}
    for shake in (0.0, 3.0):
        scan = simulate("bacteria", seed=29, planes=16, speed=2, height=288, width=288, shake=shake)
        true = np.array(scan.parameters["outcome"]["shift_px"])[:, ::-1]
        for name, left in (("unmoved", true), ("moved", align(scan.stack).drift_px - true)):
            away_px[name, shake] = float(np.sqrt(np.mean(np.sum((left - left.mean(axis=0)) ** 2, axis=1))))
    assert away_px["moved", 0.0] < 0.3
    assert away_px["unmoved", 3.0] > 2.5
    assert away_px["moved", 3.0] < 0.5 * away_px["unmoved", 3.0]


def test_layers_that_come_into_focus_elsewhere_are_not_taken_for_a_shaking_hand():
    scan = simulate("feather", seed=202, planes=16, speed=3, height=288, width=288, shake=0.0)
    alignment = align(scan.stack)
    assert alignment.decided is False
    assert "no frame drifts" in alignment.reason


def test_a_ruined_frame_is_not_trusted_and_follows_its_neighbours():
    frames, truth = drifting(7, 12, 0, 0)
    frames[3] = np.random.default_rng(5).integers(0, 255, frames[3].shape)
    alignment = align(from_array(frames))
    assert alignment.trusted.tolist() == [True, True, True, False, True, True, True]
    assert error_px(alignment.matrices, truth).max() < 0.3
    assert "1 could not be measured and follows the frames around" in alignment.reason


def test_blank_frames_do_not_move():
    frames = np.full((4, 64, 80), 200, np.uint8)
    alignment = align(from_array(frames))
    assert not alignment.decided
    assert np.array_equal(alignment.matrices, np.repeat(IDENTITY[None], 4, axis=0))


def test_only_the_field_is_compared():
    frames, truth = drifting(5, 10, 0, 0)
    field = np.zeros((SIZE, SIZE), bool)
    cv2.circle(view := field.astype(np.uint8), (200, 200), 150, 1, -1)
    field = view > 0
    rim = np.where(field[None, ..., None], frames, 0)  # a rim that stays while the specimen drifts
    rim[:, 0:40, 0:200:4] = 255
    assert error_px(align(from_array(rim), field=field).matrices, truth).max() < 0.4


def test_matrices_undo_each_other():
    matrix = similarity(1.02, 1, 3, -4)
    assert np.allclose(compose(matrix, invert(matrix)), IDENTITY)


@pytest.mark.parametrize(("right", "down"), [(0.3, -0.7), (6.25, -11.5), (-14.0, 3.0)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_plain_shift_agrees_with_the_general_warp(right, down, kind):
    frame = (scene(3, 120) * (1 if kind == np.uint8 else 257)).astype(kind)
    matrix = np.array([[1, 0, right], [0, 1, down]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    general = cv2.warpAffine(frame, matrix, (120, 120), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    away = np.abs(warp(frame, matrix).astype(float) - general) / np.iinfo(kind).max
    assert away.max() < 0.03  # warpAffine rounds the shift to a 32nd of a pixel
    assert away.mean() < 0.002


@pytest.mark.parametrize("shape", [(3, 1, 1), (2, 5, 400), (3, 20, 20, 3)])
def test_tiny_frames_are_no_reason_to_fail(shape):
    frames = np.random.default_rng(2).integers(0, 255, shape, dtype=np.uint8)
    assert len(align(from_array(frames), mode="on")) == shape[0]


def test_modes():
    stack = from_array(drifting(3, 6, 0, 0)[0])
    off = align(stack, mode="off")
    assert (off.decided, off.reason) == (False, "alignment was switched off")
    assert align(stack, mode="on").reason.startswith("alignment was switched on; frames drift by up to")
    with pytest.raises(InputError, match="unknown alignment 'of'; known: auto, off, on; did you mean off?"):
        align(stack, mode="of")
    with pytest.raises(InputError, match=r"the field must be as large as the frames, \(400, 400\); it is \(4, 4\)"):
        align(stack, field=np.ones((4, 4), bool))


def test_progress_can_stop_it():
    def stop(share: float, stage: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        align(from_array(np.zeros((3, 20, 20), np.uint8)), progress=stop)


def test_a_far_shift_is_found_at_once_within_the_field():
    wide = cv2.GaussianBlur(np.random.default_rng(4).normal(size=(160, 200)), (0, 0), 2).astype(np.float32)
    field = np.zeros((120, 150), bool)
    field[10:110, 15:140] = True
    fixed, moving = wide[20:140, 25:175], wide[4:124, 32:182]
    assert search(fixed, moving, field, 30) == (-7.0, 16.0)


def test_the_strength_of_structure_stays_where_dark_and_bright_change_places():
    grey = scene(9, 100)[..., 0]
    fine, strong = GRAINS[0], GRAINS[-1]
    np.testing.assert_allclose(strong.look(255 - grey), strong.look(grey), atol=1e-3)
    np.testing.assert_allclose(fine.look(255 - grey), -fine.look(grey), atol=1e-3)
    assert np.corrcoef(strong.look(grey).ravel(), fine.look(grey).ravel() ** 2)[0, 1] > 0.5
