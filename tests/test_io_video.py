"""Videos: the right frames in the right order, upright, with their times; what is damaged is said."""

import av
import numpy as np
import pytest
from picture_makers import HEIGHT, WIDTH, code_of, patch_count, patch_matrix, red_corner, save_video

from mmlib import io
from mmlib.errors import Cancelled, InputError
from mmlib.io.cache import Cache


@pytest.fixture
def cache(tmp_path):
    return io.Cache(tmp_path / "cache")


def codes(stack):
    return [code_of(frame) for frame in stack]


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "dtype", "depth"),
    [
        ("a.mp4", "libx264", "yuv420p", np.uint8, 8),
        ("a.mov", "libx264", "yuv444p", np.uint8, 8),
        ("a.avi", "mjpeg", "yuvj420p", np.uint8, 8),
        ("a.mkv", "ffv1", "bgr0", np.uint8, 8),
        ("a.webm", "libvpx-vp9", "yuv420p", np.uint8, 8),
        ("deep.mkv", "ffv1", "yuv444p10le", np.uint16, 10),
        ("liar.txt.mp4", "libx264", "yuv420p", np.uint8, 8),
    ],
)
def test_every_container_gives_its_frames_in_order(tmp_path, cache, name, codec, pixels, dtype, depth):
    path = save_video(tmp_path / name, 20, codec=codec, pixels=pixels)
    stack = io.open_stack(path, cache=cache)
    assert (len(stack), stack.shape, stack.dtype, stack.bit_depth) == (20, (HEIGHT, WIDTH, 3), dtype, depth)
    assert codes(stack) == list(range(20))
    assert [code_of(stack[index]) for index in (19, 3, -2)] == [19, 3, 18]
    assert stack.times_s == pytest.approx([index / 25 for index in range(20)], abs=2e-3)
    assert stack.warnings == ()
    assert red_corner(stack[0]) == ("top", "left")


@pytest.mark.parametrize(("pixels", "dtype"), [("gray", np.uint8), ("gray16le", np.uint16)])
def test_grey_videos_are_grey(tmp_path, cache, pixels, dtype):
    stack = io.open_stack(save_video(tmp_path / "g.mkv", 9, codec="ffv1", pixels=pixels), cache=cache)
    assert (stack.shape, stack.dtype) == ((HEIGHT, WIDTH), dtype)
    assert codes(stack) == list(range(9))


def test_lossless_video_keeps_every_level(tmp_path, cache):
    from picture_makers import coded

    stack = io.open_stack(save_video(tmp_path / "a.mkv", 5, codec="ffv1", pixels="bgr0"), cache=cache)
    for index, frame in enumerate(stack):
        np.testing.assert_array_equal(frame, coded(index))


@pytest.mark.parametrize(
    ("matrix", "corner", "turned"),
    [
        ((0, 1, -1, 0), ("top", "right"), True),
        ((-1, 0, 0, -1), ("bottom", "right"), False),
        ((0, -1, 1, 0), ("bottom", "left"), True),
        ((-1, 0, 0, 1), ("top", "right"), False),
    ],
)
def test_rotation_metadata_is_obeyed(tmp_path, cache, matrix, corner, turned):
    path = patch_matrix(save_video(tmp_path / "a.mp4", 4), matrix, tmp_path / "turned.mp4")
    stack = io.open_stack(path, cache=cache)
    assert stack.shape == ((WIDTH, HEIGHT, 3) if turned else (HEIGHT, WIDTH, 3))
    assert {red_corner(frame) for frame in stack} == {corner}


def test_variable_frame_rate_keeps_every_frame_and_its_time(tmp_path, cache):
    times = [0, 40, 50, 250, 260, 900, 1000, 3000]
    stack = io.open_stack(save_video(tmp_path / "vfr.mkv", 8, codec="ffv1", pixels="bgr0", times=times), cache=cache)
    assert codes(stack) == list(range(8))
    assert stack.times_s == pytest.approx([moment / 1000 for moment in times], abs=2e-3)


@pytest.mark.parametrize("says", [3, 9, 500])
def test_a_wrong_count_of_frames_is_survived(tmp_path, cache, says):
    path = save_video(tmp_path / "a.mp4", 12)
    stack = io.open_stack(patch_count(path, says, tmp_path / "liar.mp4"), cache=cache)
    seen = codes(stack)
    assert seen == list(range(len(seen)))
    assert len(seen) >= min(says, 12) - 1
    if says > 12:
        assert len(seen) == 12


def cut(path):
    """Cut a video in the middle of a packet, about three quarters along."""
    content = path.read_bytes()
    with av.open(str(path)) as opened:
        packets = [(packet.pos, packet.size) for packet in opened.demux(video=0) if packet.pos]
    place, size = max(packet for packet in packets if packet[0] < 0.75 * len(content))
    path.write_bytes(content[: place + size // 2])
    return path


def test_a_cut_video_gives_what_it_holds_and_says_so(tmp_path, cache):
    for name, codec, options in (
        ("a.mkv", "ffv1", {}),
        ("fast.mp4", "libx264", {"movflags": "faststart"}),
        ("parts.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov", "frag_duration": "100000"}),
    ):
        pixels = "bgr0" if codec == "ffv1" else "yuv420p"
        path = cut(save_video(tmp_path / name, 40, codec=codec, pixels=pixels, options=options))
        stack = io.open_stack(path, cache=cache)
        assert 1 <= len(stack) < 40, name
        seen = codes(stack)
        assert seen == sorted(set(seen))
        assert seen[:-3] == list(range(len(seen) - 3))  # frames are not kept in order: a late one may be whole
        assert stack.warnings, name


def test_what_is_left_of_a_cut_video_does_not_hang_on_threads(tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "100000"}
    path = cut(save_video(tmp_path / "parts.mp4", 40, options=options))
    found = [codes(io.open_stack(path, cache=Cache(tmp_path / str(number)))) for number in range(5)]
    assert all(seen == found[0] for seen in found)
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        stream.thread_type = "NONE"
        whole = [packet for packet in opened.demux(stream) if not packet.is_corrupt]
        assert len(found[0]) == sum(len(packet.decode()) for packet in whole)


def test_what_is_no_video_is_one_sentence(tmp_path, cache):
    whole = save_video(tmp_path / "a.mp4", 12).read_bytes()
    cases = {
        b"": "is an empty file",
        b"just some words in a file": "is a text file",
        whole[: len(whole) // 2]: "is no whole video",
        whole[:40]: "is no whole video",
        b"\x1aE\xdf\xa3" + bytes(200): "is no whole video",
        bytes(500): "is a file of an unknown kind",
    }
    for content, words in cases.items():
        (tmp_path / "bad.mp4").write_bytes(content)
        with pytest.raises(InputError, match=words) as said:
            io.open_stack(tmp_path / "bad.mp4", cache=cache)
        assert "\n" not in str(said.value)
    assert cache.entries() == []


def test_nothing_is_said_on_the_terminal(tmp_path, cache, capfd):
    path = save_video(tmp_path / "a.mp4", 12)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat")
    end = content.index(b"moov", start)
    content[end - 300 : end - 100] = bytes(200)
    path.write_bytes(content)
    capfd.readouterr()
    stack = io.open_stack(path, cache=cache)
    assert len(stack) >= 1
    assert capfd.readouterr() == ("", "")


def test_sound_alone_is_no_video(tmp_path, cache):
    import av

    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="only sound"):
        io.open_stack(tmp_path / "sound.mkv", cache=cache)


def test_one_frame_is_a_video_and_a_picture(tmp_path, cache):
    path = save_video(tmp_path / "one.mp4", 1)
    assert codes(io.open_stack(path, cache=cache)) == [0]
    assert io.read_picture(path).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(InputError, match="holds 3 frames; one picture"):
        io.read_picture(save_video(tmp_path / "three.mp4", 3))


def test_limits_hold_for_videos(tmp_path, cache):
    path = save_video(tmp_path / "a.mp4", 12)
    for limits, words in (
        (io.Limits(frames=11), "12 frames; up to 11"),
        (io.Limits(pixels=100), "64 x 48 pixels"),
        (io.Limits(bytes=90_000), r"decodes to 0\.0 GB"),
    ):
        with pytest.raises(InputError, match=words):
            io.open_stack(path, limits=limits, cache=cache)
    assert cache.entries() == []
    io.open_stack(path, cache=cache)
    with pytest.raises(InputError, match="up to 11"):
        io.open_stack(path, limits=io.Limits(frames=11), cache=cache)


def test_a_video_is_decoded_once_and_known_by_content(tmp_path, cache):
    path = save_video(tmp_path / "a.mp4", 12)
    first = io.open_stack(path, cache=cache)
    copy = tmp_path / "copy.mov"
    copy.write_bytes(path.read_bytes())
    told = []
    second = io.open_stack(copy, cache=cache, progress=lambda share, stage: told.append(share))
    assert told == [1.0]
    assert first.content_hash == second.content_hash
    assert (second.source, second.times_s) == (str(copy), first.times_s)
    assert len(cache.entries()) == 1
    np.testing.assert_array_equal(first[5], second[5])


def test_decoding_can_be_watched_and_stopped(tmp_path, cache):
    path = save_video(tmp_path / "a.mp4", 12)

    def stop(share, stage):
        if share > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        io.open_stack(path, cache=cache, progress=stop)
    assert cache.entries() == []
    assert [entry.name for entry in cache.folder.iterdir()] == ["locks"]
    told = []
    io.open_stack(path, cache=cache, progress=lambda share, stage: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_without_a_cache_nothing_is_left(tmp_path, monkeypatch):
    import tempfile

    (tmp_path / "home").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "home"))
    stack = io.open_stack(save_video(tmp_path / "a.mp4", 6), cache=None)
    assert list((tmp_path / "home").iterdir()) == []
    assert codes(stack) == list(range(6))
