"""All measures at once: the same numbers as each alone, the field found, reasons where there is no number."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from mmlib import io, metrics, sharpness
from mmlib.__main__ import app
from mmlib.errors import InputError
from mmlib.field import find_field
from mmlib.measuring import MEASURES, SHOWN, measure
from mmlib.zoo import cards


def scene(height=200, width=240, seed=0):
    noise = np.random.default_rng(seed).random((height, width, 3))
    picture = cv2.GaussianBlur(noise, (0, 0), 1.2) + 2 * cv2.GaussianBlur(noise, (0, 0), 5)
    return (0.3 + 0.6 * (picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def on_black(picture):
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    return picture * (np.hypot(y - height / 2 + 0.5, x - width / 2 + 0.5) < 0.46 * min(height, width))[..., None]


def test_without_names_every_measure_that_applies_answers_once():
    truth = scene()
    worse = cv2.GaussianBlur(truth, (0, 0), 1)
    names = [answer.name for answer in measure(worse, reference=truth)]
    apply = [name for name, card in metrics.MEASURES.items() if card.needs in ("nothing", "reference")]
    assert names == [*apply, *(name for name in sharpness.MEASURES if name in SHOWN)]


def test_the_numbers_are_those_of_each_measure_alone():
    truth = scene()
    worse = cv2.GaussianBlur(truth, (0, 0), 1)
    found = {answer.name: answer.value for answer in measure(worse, reference=truth)}
    for alone in metrics.measure(worse, reference=truth, only=["psnr", "ssim", "gmsd"]):
        assert found[alone.name] == alone.value
    for name in SHOWN:
        assert found[name] == pytest.approx(sharpness.frame_sharpness(worse, name), rel=1e-6)


@pytest.mark.parametrize("name", sorted(sharpness.MEASURES))
def test_every_measure_of_sharpness_can_be_asked_for(name):
    (answer,) = measure(scene(), only=[name])
    assert answer.value == pytest.approx(sharpness.frame_sharpness(scene(), name), rel=1e-6)
    assert answer.measure.better == "higher"


def test_the_field_is_found_and_what_lies_beyond_has_no_say():
    picture = on_black(scene(240, 240))
    field = find_field(picture)
    assert 0.4 < field.mean() < 0.8
    given = measure(picture, field=field, only=["tenengrad", "brisque"])
    found = measure(picture, only=["tenengrad", "brisque"])
    whole = measure(picture, field=None, only=["tenengrad"])
    assert [a.value for a in found] == [a.value for a in given]
    assert whole[0].value != found[0].value


def test_what_is_missing_is_said_where_it_was_asked_for():
    answers = {answer.name: answer for answer in measure(scene(), only=["psnr", "q_abf", "tenengrad"])}
    assert answers["psnr"].value is None
    assert answers["psnr"].reason == "PSNR needs a reference picture"
    assert answers["q_abf"].reason == "Q_AB/F needs the source frames"
    assert answers["tenengrad"].reason == ""


def test_a_name_that_is_not_known_names_the_known():
    with pytest.raises(InputError, match="unknown measure 'tenengard'; known: .*did you mean tenengrad"):
        measure(scene(), only=["tenengard"])


def test_a_word_that_is_no_field_is_refused():
    with pytest.raises(InputError, match="field must be a mask, None or 'auto'; it is 'disc'"):
        measure(scene(), field="disc")  # type: ignore[arg-type]


def test_without_weights_the_reason_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    (answer,) = measure(scene(), only=["cnniqa"])
    assert answer.value is None
    assert "there are no trained nets in" in answer.reason
    assert "MMLIB_WEIGHTS" in answer.reason


def test_a_field_without_room_says_so():
    field = np.zeros((200, 240), np.bool_)
    field[:3, :3] = True
    answers = measure(scene(), field=field, only=["brisque", "wavelet_ratio"])
    assert all(answer.value is not None or answer.reason for answer in answers)


@pytest.mark.parametrize("name", [name for name in ("cnniqa", "cnniqa_plus") if name in cards()])
def test_trained_judges_see_ever_more_blur_noise_and_blocks(name):
    truth = (scene(256, 256, seed=3) * 255).astype(np.uint8)
    generator = np.random.default_rng(0)

    def noisy(sigma):
        return np.clip(truth + generator.normal(0, sigma, truth.shape), 0, 255).astype(np.uint8)

    def packed(quality):
        return cv2.imdecode(cv2.imencode(".jpg", truth, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)

    (best,) = measure(truth, only=[name])
    for worse in (cv2.GaussianBlur(truth, (0, 0), 3), noisy(30), packed(5)):
        (answer,) = measure(worse, only=[name])
        assert answer.value > best.value


def test_the_command_prints_value_direction_and_what_to_know(tmp_path):
    truth = scene()
    io.write_picture(tmp_path / "truth.png", truth)
    io.write_picture(tmp_path / "worse.png", cv2.GaussianBlur(truth, (0, 0), 1))
    arguments = ["measure", str(tmp_path / "worse.png"), "--reference", str(tmp_path / "truth.png")]
    lines = CliRunner().invoke(app, arguments).output.splitlines()
    psnr = next(line for line in lines if line.startswith("PSNR"))
    assert "dB" in psnr
    assert "higher is better" in psnr
    brisque = next(line for line in lines if line.startswith("BRISQUE"))
    assert "lower is better" in brisque
    assert "does not rank microscope pictures" in brisque
    told = json.loads(CliRunner().invoke(app, ["measure", str(tmp_path / "worse.png"), "--json"]).output)
    assert "tenengrad" in [row["name"] for row in told]


def test_the_command_says_why_there_is_no_value(tmp_path):
    io.write_picture(tmp_path / "tiny.png", scene(24, 24))
    lines = (
        CliRunner().invoke(app, ["measure", str(tmp_path / "tiny.png"), "--only", "cnniqa,psnr"]).output.splitlines()
    )
    assert any("needs a reference picture" in line for line in lines)
    assert any(line.startswith("CNNIQA") and "32" in line for line in lines)


def test_every_measure_has_one_name():
    assert len(MEASURES) == len(metrics.MEASURES) + len(sharpness.MEASURES)
