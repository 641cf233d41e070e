"""The cache: one decoding, whole entries or none, two processes at once, kills, age and a full disk."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from picture_makers import code_of, coded, noise, save_folder

from mmlib import io
from mmlib.errors import InputError
from mmlib.stacks import from_array

FILLER = """
import sys, time, pathlib
import numpy as np
from mmlib import io
folder, mark, pause, share = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
def frames():
    for index in range(20):
        with mark.open("a") as file:
            file.write(".")
        time.sleep(pause)
        yield np.full((50, 60), index, np.uint8)
found, notes = io.Cache(pathlib.Path(folder), 10**9).fill("ab12", frames(), lambda: {"z_um": [1]})
print(len(found), int(found[7].mean()), notes["z_um"])
"""


def filler(folder, mark, pause=0.01, share=1.0):
    words = [sys.executable, "-c", FILLER, str(folder), str(mark), str(pause), str(share)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def entry(cache, key, size=1000, value=0):
    frames, _ = cache.fill(key, [np.full((size,), value, np.uint8)[None]], dict)
    return frames


def test_an_entry_comes_back_as_it_was(tmp_path):
    cache = io.Cache(tmp_path / "cache", 10**9)
    held = noise((4, 9, 8, 3), "uint16")
    frames, notes = cache.fill("k1", held, lambda: {"z_um": [1.5, 2]})
    assert notes == {"z_um": [1.5, 2]}
    np.testing.assert_array_equal(frames.array, held)
    again, _ = cache.fill("k1", iter(lambda: pytest.fail("decoded twice"), 0), dict)
    np.testing.assert_array_equal(list(again), held)
    np.testing.assert_array_equal(np.load(cache.folder / "k1" / "frames.npy", mmap_mode="r"), held)
    assert json.loads((cache.folder / "k1" / "notes.json").read_text()) == notes
    assert not again[0].flags.writeable


def test_cached_keeps_everything_that_is_known(tmp_path):
    cache = io.Cache(tmp_path / "cache", 10**9)
    known = {"z_um": (0.0, 2.0, 5.0), "times_s": (0.0, 0.1, 0.3), "pixel_um": 0.7, "speed": 2, "bit_depth": 12}
    stack = from_array(noise((3, 9, 8), "uint16"), source="mine", warnings=("odd",), **known)
    mapped = io.cached(stack, cache)
    for name in (*known, "source", "warnings", "shape", "dtype", "content_hash"):
        assert getattr(mapped, name) == getattr(stack, name), name
    np.testing.assert_array_equal(np.stack(list(mapped)), stack.frames)
    assert io.cached(mapped, cache) is mapped
    assert len(cache.entries()) == 1


def test_two_processes_decode_once(tmp_path):
    mark = tmp_path / "mark"
    both = [filler(tmp_path / "cache", mark) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert (out.strip(), err) == ("20 7 [1]", "")
    assert mark.read_text() == "." * 20


def test_two_threads_decode_once(tmp_path):
    cache = io.Cache(tmp_path / "cache", 10**9)
    asked = []

    def frames():
        asked.append(1)
        time.sleep(0.2)
        yield noise((5, 6))

    threads = [threading.Thread(target=lambda: cache.fill("k", frames(), dict)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_a_kill_half_way_leaves_no_entry_and_is_cleaned_up(tmp_path):
    folder, mark = tmp_path / "cache", tmp_path / "mark"
    process = filler(folder, mark, pause=0.2)
    while not (mark.exists() and len(mark.read_text()) >= 3):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    cache = io.Cache(folder, 10**9)
    assert cache.entries() == []
    assert cache.find("ab12") is None
    assert [place.name for place in folder.glob("*.making")] == ["ab12.making"]
    entry(cache, "other")
    assert list(folder.glob("*.making")) == []
    out, err = filler(folder, mark, pause=0).communicate(timeout=60)
    assert (out.strip(), err) == ("20 7 [1]", "")


def test_what_another_process_is_making_is_let_alone(tmp_path):
    folder, mark = tmp_path / "cache", tmp_path / "mark"
    process = filler(folder, mark, pause=0.05)
    while not mark.exists():
        time.sleep(0.01)
    entry(io.Cache(folder, 10**9), "other")
    assert [place.name for place in folder.glob("*.making")] == ["ab12.making"]
    out, err = process.communicate(timeout=60)
    assert (out.strip(), err) == ("20 7 [1]", "")


def test_the_least_recently_used_go_first(tmp_path):
    cache = io.Cache(tmp_path / "cache", 4 * 1300)
    for number, key in enumerate("abc"):
        entry(cache, key)
        os.utime(cache.folder / key / "notes.json", (1000 + number,) * 2)
    assert cache.entries() == ["a", "b", "c"]
    assert cache.find("a") is not None
    assert cache.entries() == ["b", "c", "a"]
    entry(cache, "d")
    entry(cache, "e")
    assert cache.entries() == ["c", "a", "d", "e"]
    assert cache.size() <= cache.max_bytes
    entry(cache, "f", 3000)
    assert "f" in cache.entries()
    assert cache.size() <= cache.max_bytes
    cache.clear()
    assert (cache.entries(), cache.size()) == ([], 0)


def test_who_has_an_entry_open_keeps_it(tmp_path):
    cache = io.Cache(tmp_path / "cache", 2000)
    first = entry(cache, "a", value=5)
    entry(cache, "b", value=6)
    assert cache.entries() == ["b"]
    assert first[0].mean() == 5


def test_what_is_larger_than_the_cache_is_one_sentence(tmp_path):
    cache = io.Cache(tmp_path / "cache", 2000)
    entry(cache, "a")
    with pytest.raises(InputError, match="MMLIB_CACHE_BYTES"):
        entry(cache, "b", 5000)
    with pytest.raises(InputError, match="MMLIB_CACHE_BYTES"):
        io.cached(io.open_stack(save_folder(tmp_path / "scan", 3)), cache)
    assert cache.entries() == ["a"]
    assert sorted(place.name for place in cache.folder.iterdir()) == ["a", "locks"]


@contextmanager
def largest_file(size):
    """A real refusal of the kernel: no file may grow beyond this size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing_half(tmp_path):
    cache = io.Cache(tmp_path / "cache", 10**9)
    entry(cache, "a")
    with largest_file(20_000), pytest.raises(InputError, match=r"no room on the disk for the cache folder"):
        cache.fill("b", noise((10, 100, 100)), dict)
    assert cache.entries() == ["a"]
    assert sorted(place.name for place in cache.folder.iterdir()) == ["a", "locks"]
    cache.fill("b", noise((10, 100, 100)), dict)


@pytest.mark.parametrize("name", ["p.png", "p.tif", "m.tif", "s.tif", "s.npy", "s.mp4", "scan"])
def test_a_full_disk_leaves_the_older_file(tmp_path, name):
    stack = from_array(noise((6, 200, 200, 3)))
    writers = {
        "p": lambda path: io.write_picture(path, stack[0]),
        "m": lambda path: io.write_map(path, noise((200, 200)).astype(float)),
        "s": lambda path: io.write_stack(path, stack),
    }
    path = tmp_path / name
    if "." in name:
        path.write_bytes(b"older")
    with largest_file(20_000), pytest.raises(InputError, match="no room on the disk") as said:
        writers[name[0]](path)
    assert "\n" not in str(said.value)
    assert [place.name for place in tmp_path.iterdir()] == ([name] if "." in name else [])
    if "." in name:
        assert path.read_bytes() == b"older"
    writers[name[0]](path)
    assert len(io.open_stack(path, cache=None)) == (6 if name[0] == "s" else 1)


@contextmanager
def nobody():
    """Be a user without rights for a moment, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission_is_one_sentence(tmp_path):
    folder = save_folder(tmp_path / "scan", 2)
    picture = tmp_path / "p.png"
    io.write_picture(picture, noise((5, 5)))
    locked = tmp_path / "locked"
    locked.mkdir()
    for place in (folder, picture, locked):
        place.chmod(0)
    try:
        with nobody():
            for place in (folder, picture):
                with pytest.raises(InputError, match="may not be read by this user"):
                    io.open_stack(place)
            with pytest.raises(InputError, match="may not be written by this user"):
                io.write_picture(locked / "p.png", noise((5, 5)))
            with pytest.raises(InputError, match="may not be written by this user"):
                entry(io.Cache(locked / "cache", 10**6), "a")
    finally:
        for place in (folder, picture, locked):
            place.chmod(0o700)


def test_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="does not exist; check the name"):
        io.open_stack(tmp_path / "nothing.mp4")
    with pytest.raises(InputError, match="its folder does not exist"):
        io.write_picture(tmp_path / "no" / "p.png", noise((5, 5)))
    (tmp_path / "p.png").mkdir()
    with pytest.raises(InputError, match="is a folder; name a file"):
        io.write_picture(tmp_path / "p.png", noise((5, 5)))
    with pytest.raises(InputError, match="no regular file"):
        io.open_stack("/dev/null")


def test_a_meddled_entry_is_made_again(tmp_path):
    cache = io.Cache(tmp_path / "cache", 10**9)
    entry(cache, "a", value=3)
    (cache.folder / "a" / "notes.json").write_text("{")
    assert entry(cache, "a", value=4)[0].mean() == 4
    (cache.folder / "a" / "frames.npy").write_bytes(b"")
    assert entry(cache, "a", value=5)[0].mean() == 5


def test_the_user_says_where_and_how_large(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("MMLIB_CACHE_BYTES", "123456")
    cache = io.Cache()
    assert (cache.folder, cache.max_bytes) == (tmp_path / "mine", 123456)
    mapped = io.cached(from_array(np.stack([coded(i) for i in range(3)])))
    assert [code_of(frame) for frame in mapped] == [0, 1, 2]
    assert len(cache.entries()) == 1
    monkeypatch.setenv("MMLIB_CACHE_BYTES", "lots")
    with pytest.raises(InputError, match="MMLIB_CACHE_BYTES must be a number"):
        io.Cache()
