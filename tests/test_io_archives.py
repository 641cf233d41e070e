"""Zips as stacks, and a folder or zip that holds one TIFF or one video: what is in it, what is refused."""

import tempfile
import zipfile

import numpy as np
import pytest
import tifffile
from picture_makers import coded, codes, noise, save_folder, save_video

from mmlib import io
from mmlib.errors import InputError


def zipped(path, folder, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"scan/{file.name}")
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_the_folder_in_it(tmp_path):
    folder = save_folder(tmp_path / "scan", 12)
    junk = {"__MACOSX/scan/._z0.png": b"\0\5", "scan/.DS_Store": b"x", "scan/readme.txt": b"words"}
    stack = io.open_stack(zipped(tmp_path / "scan.zip", folder, **junk))
    assert codes(stack) == list(range(12))
    assert stack.warnings == ()
    np.testing.assert_array_equal(stack[7], io.open_stack(folder)[7])


def test_a_zip_with_two_folders_gives_the_fuller_one(tmp_path):
    folder = save_folder(tmp_path / "scan", 3)
    path = zipped(tmp_path / "scan.zip", folder, **{"masks/m.png": (folder / "z0.png").read_bytes()})
    stack = io.open_stack(path)
    assert len(stack) == 3
    assert "1 pictures in other folders" in stack.warnings[0]


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:\\evil.png", "..\\evil.png"])
def test_names_outside_the_zip_are_refused(tmp_path, name):
    path = zipped(tmp_path / "evil.zip", save_folder(tmp_path / "scan", 2), **{name: b"x"})
    with pytest.raises(InputError, match="place outside itself"):
        io.open_stack(path)


def test_a_zip_bomb_is_refused_on_its_directory(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(80 * 1024 * 1024))
    with pytest.raises(InputError, match="decompression bomb"):
        io.open_stack(path)
    flat = tmp_path / "flat"
    flat.mkdir()
    io.write_picture(flat / "0.png", np.zeros((5000, 5000), np.uint8))
    for index in range(1, 5):
        (flat / f"{index}.png").write_bytes((flat / "0.png").read_bytes())
    with pytest.raises(InputError, match="decompression bomb"):
        io.open_stack(flat, limits=io.Limits(ratio=100))
    with pytest.raises(InputError, match=r"decodes to 0\.1 GB"):
        io.open_stack(flat, limits=io.Limits(bytes=10**8))
    with pytest.raises(InputError, match=r"has 5 frames; up to 4"):
        io.open_stack(flat, limits=io.Limits(frames=4))


def test_broken_zips_are_one_sentence(tmp_path):
    path = zipped(tmp_path / "scan.zip", save_folder(tmp_path / "scan", 3))
    content = bytearray(path.read_bytes())
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="no whole zip"):
        io.open_stack(tmp_path / "cut.zip")
    content[80:200] = bytes(120)
    (tmp_path / "bad.zip").write_bytes(content)
    stack = io.open_stack(tmp_path / "bad.zip")
    assert codes(stack) == [1, 2]
    assert "z0.png" in stack.warnings[0]


@pytest.mark.parametrize("place", ["scan.zip", "scan"])
@pytest.mark.parametrize("way", [{}, {"compression": "zlib"}])
def test_a_tiff_alone_in_a_zip_or_folder_is_the_stack_that_it_is(tmp_path, monkeypatch, place, way):
    (tmp_path / "unpacked").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "unpacked"))
    held = noise((4, 20, 30), "uint16")
    known = {"resolution": (4, 4), "metadata": {"spacing": 2.5, "unit": "um", "axes": "ZYX"}}
    folder = tmp_path / "scan"
    folder.mkdir()
    tifffile.imwrite(folder / "ij.tif", held, imagej=True, **known, **way)
    (folder / "readme.txt").write_text("how it was taken")
    outside = io.open_stack(folder / "ij.tif")
    if place == "scan.zip":
        zipped(tmp_path / place, folder, **{"__MACOSX/._ij.tif": b"x", "inner/.DS_Store": b"x"})
    stack = io.open_stack(tmp_path / place)
    assert (stack.z_um, stack.pixel_um) == ((0.0, 2.5, 5.0, 7.5), pytest.approx(0.25))
    np.testing.assert_array_equal(np.stack(list(stack)), held)
    np.testing.assert_array_equal(stack[2], held[2])
    assert stack.content_hash == outside.content_hash  # results made from the one are found for the other
    assert stack.warnings == ()
    assert not list((tmp_path / "unpacked").iterdir())


@pytest.mark.parametrize("place", ["scan.zip", "scan"])
def test_a_video_alone_in_a_zip_or_folder_is_opened(tmp_path, place):
    folder = tmp_path / "scan"
    folder.mkdir()
    cache = io.Cache(tmp_path / "cache")
    outside = io.open_stack(save_video(folder / "film.mp4", 9), cache=cache)
    zipped(tmp_path / "scan.zip", folder, **{"notes.txt": b"x"})
    stack = io.open_stack(tmp_path / place, cache=cache)
    assert codes(stack) == list(range(9))
    assert stack.times_s == outside.times_s
    assert len(cache.entries()) == 1  # the same video is decoded once, in a zip or not
    if place == "scan.zip":
        assert stack.source == str(tmp_path / place)


def test_what_is_not_alone_in_a_zip_is_a_frame_among_others(tmp_path):
    folder = save_folder(tmp_path / "one", 1)
    assert codes(io.open_stack(zipped(tmp_path / "one.zip", folder))) == [0]
    tifffile.imwrite(folder / "z1.tif", np.stack([coded(1), coded(2)]), photometric="rgb")
    stack = io.open_stack(zipped(tmp_path / "two.zip", folder))
    assert codes(stack) == [0, 1]
    assert "holds 2 frames, of which the first is read" in stack.warnings[0]
    save_video(folder / "film.mp4", 3)
    assert codes(io.open_stack(zipped(tmp_path / "three.zip", folder))) == [0, 1]


def test_several_videos_or_a_bad_one_in_a_zip_are_one_sentence(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    save_video(folder / "a.mp4", 3)
    content = (folder / "a.mp4").read_bytes()
    path = zipped(tmp_path / "two.zip", folder, **{"b.mp4": content})
    with pytest.raises(InputError, match="holds 2 videos"):
        io.open_stack(path)
    (folder / "a.mp4").write_bytes(content[:60])
    with pytest.raises(InputError, match=r"^scan/a\.mp4 in .*bad\.zip is no whole video"):
        io.open_stack(zipped(tmp_path / "bad.zip", folder), cache=None)
    (folder / "a.mp4").write_bytes(content)
    broken = bytearray(zipped(tmp_path / "cut.zip", folder).read_bytes())
    broken[200:400] = bytes(200)
    (tmp_path / "cut.zip").write_bytes(broken)
    with pytest.raises(InputError, match=r"a\.mp4 in .* is damaged"):
        io.open_stack(tmp_path / "cut.zip", cache=None)
