"""The command line: the same answers as the library, and one line for everything that can go wrong."""

import csv
import json

import cv2
import numpy as np
import pytest

import mmlib
from mmlib import io
from mmlib.__main__ import main


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MMLIB_RESULTS", str(tmp_path / "results"))


@pytest.fixture
def folder(tmp_path):
    """Three frames: a texture, sharp in the middle one."""
    where = tmp_path / "scan"
    where.mkdir()
    sharp = np.random.default_rng(0).integers(0, 255, (180, 200, 3), dtype=np.uint8)
    for name, blur in (("z1.png", 2.0), ("z2.png", 0.0), ("z10.png", 3.0)):
        cv2.imwrite(str(where / name), cv2.GaussianBlur(sharp, (0, 0), blur) if blur else sharp)
    return where


def run(capsys, *words) -> tuple[int, str, str]:
    status = 0
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_info_tells_what_the_stack_is(capsys, folder):
    status, out, _ = run(capsys, "info", folder, "--json")
    told = json.loads(out)
    assert status == 0
    assert (told["frames"], told["width"], told["height"]) == (3, 200, 180)
    assert (told["colour"], told["bit_depth"], told["field"]) == ("RGB", 8, "whole frame")
    assert told["content"] == mmlib.open_stack(str(folder)).content_hash


def test_fuse_writes_what_the_library_gives(capsys, folder, tmp_path):
    out_file, depth_file = tmp_path / "fused.tif", tmp_path / "depth.tif"
    words = ("fuse", folder, "--method", "pyramid", "-o", out_file, "--depth", depth_file, "--json")
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert json.loads(out)["frames"] == 3
    fused = mmlib.fuse(mmlib.open_stack(str(folder)), method="pyramid")
    written = io.read_picture(out_file)
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written, np.round(fused.picture * 65535).astype(np.uint16))
    assert io.read_provenance(out_file)["method"] == "pyramid"
    np.testing.assert_allclose(io.read_map(depth_file), fused.depth)


def test_fuse_of_chosen_frames(capsys, folder, tmp_path):
    status, _, _ = run(capsys, "fuse", folder, "--frames", "1", "--method", "mean", "-o", tmp_path / "one.png")
    assert status == 0
    np.testing.assert_array_equal(io.read_picture(tmp_path / "one.png"), mmlib.open_stack(str(folder))[1])


def test_focus_finds_the_sharp_frame_and_writes_the_columns(capsys, folder, tmp_path):
    status, _, _ = run(capsys, "focus", folder, "--stride", "42", "-o", tmp_path / "cells.csv")
    assert status == 0
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["frame", "x", "y", "size", "field", "detail", "level", "score", "label"]
    assert list(rows[0]) == [*columns, "defocus_dof", "defocus_low_dof", "defocus_high_dof", "certainty"]
    corner = {int(r["frame"]): float(r["score"]) for r in rows if (r["x"], r["y"]) == ("42", "84")}
    assert max(corner, key=corner.__getitem__) == 1


def test_specimens_are_listed_and_open(capsys):
    status, out, _ = run(capsys, "specimens", "--json")
    cards = json.loads(out)
    assert status == 0
    assert len(cards) >= 8
    status, out, _ = run(capsys, "info", cards[0]["name"], "--json")
    assert status == 0
    assert json.loads(out)["frames"] > 3


def test_deblur_writes_a_picture_or_a_stack_as_the_library_gives_them(capsys, folder, tmp_path):
    stack = mmlib.open_stack(str(folder))
    one, every = tmp_path / "one.tif", tmp_path / "every.tif"
    assert run(capsys, "deblur", folder, "--method", "wiener", "--frame", "2", "--speed", "3", "-o", one)[0] == 0
    alone = mmlib.deblur(stack[2], method="wiener", speed=3)
    np.testing.assert_array_equal(io.read_picture(one), np.round(alone.picture * 65535).astype(np.uint16))
    assert io.read_provenance(one)["parameters"]["frame"] == 2
    status, out, _ = run(capsys, "deblur", folder, "--method", "none", "-o", every, "--json")
    assert (status, json.loads(out)["frames"]) == (0, 3)
    written = mmlib.open_stack(str(every))
    assert len(written) == 3
    assert all(np.array_equal(new, old.astype(np.uint16) * 257) for new, old in zip(written, stack, strict=True))


def test_run_goes_the_whole_way_and_says_what_failed(capsys, folder, tmp_path):
    words = ("run", folder, "-o", tmp_path / "out", "--deblur", "off", "--measure", "off")
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert "fused by" in out
    assert (tmp_path / "out" / "scan" / "report.html").is_file()
    status, out, err = run(capsys, *words, "nowhere.mp4", "--json")
    assert [row["state"] for row in json.loads(out)] == ["kept", "failed"]
    assert status == 1
    assert err.startswith("mmlib: 1 of 2 stacks failed")
    assert err.count("\n") == 1


def test_focus_is_told_to_people_in_one_line_a_frame(capsys, folder):
    status, out, _ = run(capsys, "focus", folder, "--method", "tenengrad")
    assert status == 0
    lines = out.splitlines()
    assert len([line for line in lines if line.startswith("frame ")]) == 3
    assert any(line.split() == ["best", "frame", "1"] for line in lines)
    assert max(map(len, lines)) < 200
    assert "{" not in out


def test_nothing_is_written_over_the_stack_or_among_its_frames(capsys, folder, tmp_path):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for words in (
        ("fuse", folder, "--method", "mean", "-o", folder / "z1.png"),
        ("fuse", folder, "--frames", "0:2", "--method", "mean", "-o", folder / "fused.png"),
        ("deblur", folder, "--method", "none", "-o", folder / "all.tif"),
        ("deblur", folder / "z1.png", "--method", "none", "-o", folder / "z1.png"),
    ):
        status, _, err = run(capsys, *words)
        assert status == 1
        assert "would be" in err
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
    one = tmp_path / "one.tif"
    status, _, err = run(capsys, "fuse", folder, "--method", "mean", "-o", one, "--depth", one)
    assert (status, one.exists()) == (1, False)
    assert "name two files" in err


def test_what_benchmarks_share_is_no_benchmark(capsys):
    status, _, err = run(capsys, "bench", "dashboard")
    assert status == 1
    known = err.split("known: ")[1].replace(",", "").split()
    assert {"app", "sessions", "fuse"} <= set(known)
    assert "dashboard" not in known


def test_measure_knows_a_perfect_copy(capsys, folder):
    status, out, _ = run(capsys, "measure", folder / "z2.png", "--reference", folder / "z2.png", "--json")
    told = {row["name"]: row["value"] for row in json.loads(out)}
    assert status == 0
    assert told["ssim"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("info", "nowhere.mp4"), "nowhere.mp4"),
        (("deblur", "FOLDER", "-o", "x.tif", "--method", "winer"), "did you mean wiener?"),
        (("deblur", "FOLDER", "-o", "x.png", "--frame", "9"), "frames 0 to 2"),
        (("deblur", "FOLDER", "-o", "x.tif", "--speed", "7"), "speed must be 1"),
        (("deblur", "FOLDER", "-o", "/proc/none/x.tif"), "/proc/none"),
        (("run", "FOLDER", "-o", "x", "--fuse", "magic"), "unknown choice 'magic'"),
        (("fuse", "FOLDER"), "Missing option '--output'"),
        (("fuse", "FOLDER", "-o", "x.png", "--method", "wavlet"), "unknown method 'wavlet'"),
        (("fuse", "FOLDER", "-o", "x.png", "--align", "maybe"), "auto"),
        (("fuse", "FOLDER", "-o", "x.png", "--method", "mean", "--prefer", "near"), "near"),
        (("fuse", "FOLDER", "-o", "x.png", "--frames", "7:9"), "the stack has frames 0 to 2"),
        (("fuse", "FOLDER", "-o", "x.png", "--frames", "some"), "frames must look like 3:20:2"),
        (("fuse", "FOLDER", "-o", "x.docx"), ".docx"),
        (("fuse", "FOLDER", "-o", "x.png", "--depth", "no/d.tif"), "no/d.tif cannot be written"),
        (("fuse", "FOLDER", "-o", "x.png", "--speed", "9"), "speed must be 1"),
        (("focus", "FOLDER", "-o", "no/c.csv"), "its folder does not exist; make it first"),
        (("fuse", "FOLDER", "-o", "/proc/none/x.png"), "/proc/none"),
        (("focus", "FOLDER", "--method", "tenegrad"), "did you mean tenengrad?"),
        (("focus", "FOLDER", "--cell", "500"), "500"),
        (("focus", "FOLDER", "--cell", "two"), "--cell"),
        (("simulate", "unicorn", "-o", "x"), "unicorn"),
        (("nonsense",), "No such command"),
    ],
)
def test_one_line_and_status_one(capsys, folder, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *[folder if word == "FOLDER" else word for word in words])
    assert status == 1
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("mmlib: ")
    assert said in err
    assert "Traceback" not in err
