"""The catalogue: what ships opens fast and tells the truth, and nothing beyond the data folder opens by name."""

import json

import cv2
import numpy as np
import pytest
import torch

import mmlib.specimens as specimens
from mmlib import io
from mmlib.errors import InputError
from mmlib.simulation import simulate
from mmlib.specimens import catalogue, make_simulated, open_source, truth_of, write_simulated
from mmlib.specimens.catalogue import DEMO
from mmlib.stacks import from_array

NAMES = [card.name for card in catalogue()]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("MMLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_enough_ships_and_it_is_small():
    assert len(NAMES) >= 10
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 15e6


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_specimen_opens_with_its_truth(name):
    card = next(card for card in catalogue() if card.name == name)
    json.dumps(card.to_dict())
    for speed, planes in zip(card.speeds, card.planes, strict=True):
        stack = open_source(name, speed=speed)
        middle = stack[len(stack) // 2]
        assert (len(stack), stack.height, stack.width) == (planes, card.height, card.width)
        assert stack.speed == speed
        assert stack.source == name
        assert stack.z_um == tuple(sorted(stack.z_um))
        assert stack.pixel_um > 0
    assert card.planes == tuple(sorted(card.planes, reverse=True))
    truth = truth_of(name)
    assert truth.picture.shape == middle.shape
    assert truth.depth_um.shape == middle.shape[:2]
    assert stack.z_um[0] - 5 < truth.depth_um.min() <= truth.depth_um.max() < stack.z_um[-1] + 5
    assert io.read_picture(card.thumbnail).size > 0


@pytest.mark.parametrize("name", NAMES[:4])
def test_fusing_pays_on_what_ships(name):
    """No single frame shows all: the sharpest frame of a cell differs across the field."""
    stack = open_source(name)
    grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in stack]).astype(np.float32)
    sharp = np.stack([cv2.blur(cv2.Laplacian(frame, cv2.CV_32F) ** 2, (31, 31)) for frame in grey])
    best = sharp.argmax(0)[sharp.max(0) > np.percentile(sharp.max(0), 60)]
    assert np.percentile(best, 90) - np.percentile(best, 10) >= 2


def test_the_slowest_speed_is_the_usual_one():
    assert open_source(NAMES[0]).speed == 1
    with pytest.raises(InputError, match="was scanned at speeds 1, 2, 3, 4; speed 7 was asked for"):
        open_source(NAMES[0], speed=7)


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"unknown specimen 'blood_smeer'; known: .*did you mean blood_smear"):
        open_source("blood_smeer", data=tmp_path)
    with pytest.raises(InputError, match=r"there is no file or folder nowhere/at_all.mp4"):
        open_source("nowhere/at_all.mp4")
    with pytest.raises(InputError, match="a source must be a path or a name"):
        open_source("")


@pytest.fixture
def data(tmp_path):
    home = tmp_path / "data"
    (home / "slides").mkdir(parents=True)
    frames = np.random.default_rng(0).integers(0, 255, (3, 20, 30, 3), dtype=np.uint8)
    io.write_stack(home / "mine.tif", from_array(frames))
    io.write_stack(home / "slides" / "folder_of_frames", from_array(frames))
    (home / "notes.txt").write_text("not a stack")
    (home / ".hidden.tif").write_bytes((home / "mine.tif").read_bytes())
    outside = tmp_path / "outside.tif"
    outside.write_bytes((home / "mine.tif").read_bytes())
    (home / "link.tif").symlink_to(outside)
    return home


def test_the_data_folder_is_listed_and_opened_by_name(data):
    yours = [card for card in catalogue(data) if not card.built_in]
    assert [card.name for card in yours] == ["mine.tif", "slides/folder_of_frames"]
    for card in yours:
        stack = open_source(card.name, data=data)
        assert (len(stack), stack.height, stack.width) == (3, 20, 30)
        assert truth_of(card.name, data=data) is None
        json.dumps(card.to_dict())


@pytest.mark.parametrize("name", ["../outside.tif", "slides/../../outside.tif", "link.tif"])
def test_a_name_never_leads_out_of_the_data_folder(data, name):
    with pytest.raises(InputError, match="lies outside the data folder"):
        open_source(name, data=data)


def test_a_data_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"the data folder .* is not there; make it or name another"):
        catalogue(tmp_path / "gone")


def test_what_is_written_reads_back_with_its_truth(tmp_path):
    made = [simulate("yeast", seed=3, speed=speed, planes=6, height=48, width=64) for speed in (1, 4)]
    files = write_simulated(made[0], tmp_path / "one")
    assert [file.name for file in files if "mask" not in file.name] == [
        "stack.ome.tif", "stack.static.ome.tif", "truth.png", "depth.tif", "parameters.json"
    ]  # fmt: skip
    assert all(file.is_file() for file in files)
    stack, truth = open_source(tmp_path / "one"), truth_of(tmp_path / "one")
    assert stack.z_um == pytest.approx(made[0].stack.z_um)
    assert stack.pixel_um == pytest.approx(made[0].stack.pixel_um)
    np.testing.assert_array_equal(stack[2], made[0].stack[2])
    np.testing.assert_array_equal(truth.depth_um, made[0].depth_um)
    np.testing.assert_allclose(truth.picture, made[0].truth, atol=1 / 254)
    write_simulated(made, tmp_path / "both", kind="mp4", about={"title": "Yeast, twice"}, extras=False)
    fast = open_source("both", speed=4, data=tmp_path)
    assert len(fast) == len(made[1].stack)
    assert np.abs(fast[0].astype(int) - made[1].stack[0]).mean() < 6
    card = next(card for card in catalogue(tmp_path) if card.name == "both")
    assert (card.title, card.speeds, card.has_truth) == ("Yeast, twice", (1, 4), True)


def test_scans_of_different_specimens_are_not_written_together(tmp_path):
    made = [simulate("yeast", seed=seed, planes=3, height=32, width=32) for seed in (1, 2)]
    with pytest.raises(InputError, match="must show the same specimen"):
        write_simulated(made, tmp_path / "mixed")
    with pytest.raises(InputError, match="no scan to write"):
        write_simulated([], tmp_path / "none")
    odd = simulate("yeast", planes=2, height=33, width=32)
    with pytest.raises(InputError, match="an mp4 has even sizes, and its truth must fit it; the frames are 33 x 32"):
        write_simulated(odd, tmp_path / "odd", kind="mp4")


def test_pictures_in_a_folder_become_specimens(tmp_path):
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(InputError, match=r"the texture folder .* has no pictures; put PNG, JPEG or TIFF pictures"):
        specimens.specimens_of(tmp_path, pixel_um=0.5, generator=generator)
    with pytest.raises(InputError, match=r"the texture folder .* is not there"):
        specimens.specimens_of(tmp_path / "gone", pixel_um=0.5, generator=generator)
    for i in range(2):
        picture = np.random.default_rng(i).integers(0, 255, (40, 50, 3), dtype=np.uint8)
        io.write_picture(tmp_path / f"{i}.png", picture)
    made = list(specimens.specimens_of(tmp_path, pixel_um=0.5, generator=generator, relief="tilted"))
    assert [specimen.family for specimen in made] == ["0", "1"]
    assert made[0].density.shape[-2:] in {(40, 50)}


def test_a_scan_of_a_family_or_of_ones_own_pictures_is_made_and_found(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(2):
        picture = np.random.default_rng(i).integers(0, 255, (41, 50, 3), dtype=np.uint8)
        io.write_picture(pictures / f"slide{i}.png", picture)
    files = make_simulated(pictures, tmp_path / "scans", planes=3, speed=2)
    assert {file.parent.name for file in files} == {"slide0", "slide1"}
    for name in ("slide0", "slide1"):
        assert len(open_source(name, data=tmp_path / "scans")) == 2
        assert truth_of(name, data=tmp_path / "scans").picture.shape == (40, 50, 3)
    one = make_simulated(pictures / "slide1.png", tmp_path / "one", planes=2, video=True)
    assert (tmp_path / "one" / "stack.mp4") in one
    film = open_source("one", data=tmp_path)
    assert film.z_um is not None
    assert film.shape == truth_of("one", data=tmp_path).picture.shape == (40, 50, 3)  # a film has even sizes


def test_what_cannot_be_scanned_or_written_is_told_before_the_work(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("no folder")
    for specimen, folder, words in (
        ("unicorn", "out", "unknown specimen 'unicorn'"),
        (tmp_path / "gone.png", "out", r"there is no picture or folder .*gone.png; check the path"),
        (tmp_path / "empty", "out", r"the texture folder .* has no pictures"),
        (tmp_path / "file.txt", "out", "file.txt"),
        ("yeast", "file.txt", r"cannot make the folder .*file.txt: File exists; choose another"),
    ):
        with pytest.raises(InputError, match=words):
            make_simulated(specimen, tmp_path / folder, planes=10_000)
    assert not (tmp_path / "out" / "parameters.json").exists()
