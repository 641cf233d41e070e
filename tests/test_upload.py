"""A file in pieces: acknowledged, checked, whole at the end or not there, without a browser."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mmlib.widgets import (
    ChunkedUpload,
)
from mmlib.widgets.intake import Intake, safe_name


def send(intake: Intake, data: bytes, name: str = "film.mp4", key: str = "k", piece: int = 1000):
    answer, path = intake.handle({"type": "open", "id": key, "name": name, "size": len(data)})
    while answer["type"] == "got" and answer["at"] < len(data):
        at = answer["at"]
        part = data[at : at + piece]
        told = {"type": "piece", "id": key, "at": at, "sha256": hashlib.sha256(part).hexdigest()}
        answer, path = intake.handle(told, [memoryview(part)])
    return intake.handle({"type": "close", "id": key}) if answer["type"] == "got" else (answer, path)


def test_a_file_in_pieces_arrives_whole_and_only_then(tmp_path):
    data = np.random.default_rng(0).bytes(5500)
    intake = Intake(tmp_path, limit_bytes=10_000)
    intake.handle({"type": "open", "id": "x", "name": "film.mp4", "size": 10})
    assert not (tmp_path / "film.mp4").exists()
    answer, path = send(intake, data)
    assert path == tmp_path / "film.mp4"
    assert path.read_bytes() == data
    assert answer["sha256"] == hashlib.sha256(data).hexdigest()
    intake.close()
    assert [each.name for each in tmp_path.iterdir()] == ["film.mp4"]


def test_a_damaged_or_repeated_piece_is_not_written(tmp_path):
    intake = Intake(tmp_path, limit_bytes=100)
    intake.handle({"type": "open", "id": "k", "name": "a.bin", "size": 6})
    piece = {"type": "piece", "id": "k", "at": 0, "sha256": hashlib.sha256(b"abc").hexdigest()}
    assert intake.handle(piece, [b"abX"])[0]["at"] == 0
    assert intake.handle(piece, [b"abc"])[0]["at"] == 3
    assert intake.handle(piece, [b"abc"])[0]["at"] == 3
    assert intake.handle({"type": "where", "id": "k"})[0]["at"] == 3
    assert intake.handle({"type": "close", "id": "k"}) == ({"type": "got", "id": "k", "at": 3}, None)
    intake.handle({"type": "piece", "id": "k", "at": 3}, [b"def"])
    _, path = intake.handle({"type": "close", "id": "k"})
    assert path is not None
    assert path.read_bytes() == b"abcdef"


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    intake = Intake(tmp_path, limit_bytes=100)
    names = [send(intake, text, key=str(i))[1].name for i, text in enumerate([b"1", b"2", b"3"])]
    assert names == ["film.mp4", "film-2.mp4", "film-3.mp4"]
    assert [(tmp_path / name).read_bytes() for name in names] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("big.mp4", 101, "big.mp4 has 101 bytes; files of up to 100 bytes are taken"),
        ("empty.mp4", 0, "empty.mp4 is empty"),
        ("words.txt", 5, "words.txt is not taken here; send one of .mp4"),
    ],
)
def test_what_is_not_taken_is_refused_in_one_sentence(tmp_path, name, size, words):
    intake = Intake(tmp_path, limit_bytes=100, suffixes=(".mp4",))
    answer, _ = intake.handle({"type": "open", "id": "k", "name": name, "size": size})
    assert answer["type"] == "refused"
    assert words in answer["reason"]
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_file_leaves_nothing(tmp_path):
    intake = Intake(tmp_path, limit_bytes=100)
    intake.handle({"type": "open", "id": "k", "name": "a.bin", "size": 9})
    intake.handle({"type": "piece", "id": "k", "at": 0}, [b"abc"])
    assert intake.handle({"type": "cancel", "id": "k"})[0]["type"] == "cancelled"
    assert list(tmp_path.iterdir()) == []
    assert "no longer knows" in intake.handle({"type": "piece", "id": "k", "at": 3}, [b"d"])[0]["reason"]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\Leaf 1.MP4", "Leaf 1.MP4"),
        ("..", "upload"),
        (".hidden", "hidden"),
        ("a\x00b?.tif", "a_b_.tif"),
        ("x" * 300 + ".tif", "x" * 100 + ".tif"),
    ],
)
def test_a_name_from_a_browser_stays_in_the_folder(told, kept):
    assert safe_name(told) == kept


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    answer, _ = Intake(blocked / "in", limit_bytes=9).handle({"type": "open", "id": "k", "name": "a", "size": 1})
    assert answer["reason"].startswith("the server could not write the file")


def test_the_upload_widget_calls_back_with_the_path(tmp_path):
    widget = ChunkedUpload(tmp_path / "in", suffixes=(".bin",), limit_bytes=3_200_000)
    assert "3.2 MB" in widget.hint
    done: list[Path] = []
    widget.on_done(done.append)
    for message, buffers in [
        ({"type": "open", "id": "k", "name": "a.bin", "size": 3}, []),
        ({"type": "piece", "id": "k", "at": 0, "sha256": ""}, [memoryview(b"abc")]),
        ({"type": "close", "id": "k"}, []),
    ]:
        widget._receive(None, message, buffers)
    assert [path.read_bytes() for path in done] == [b"abc"]
