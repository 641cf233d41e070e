"""Stacks written and read again: every frame, every height, and how they were made."""

import resource

import av
import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_makers import code_of, coded, noise

from mmlib import io
from mmlib.errors import Cancelled, InputError
from mmlib.stacks import from_array

MADE = {"method": "pyramid", "levels": 5, "words": 'µm, "quotes" & <tags>', "list": [1.5, None, True]}


@pytest.mark.parametrize("name", ["s.tif", "s.ome.tif", "s.npy", "s.zip", "scan"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(4, 21, 33), (4, 21, 33, 3), (1, 5, 6), (3, 1, 1)])
def test_stacks_come_back_bit_for_bit(tmp_path, name, dtype, shape):
    held = noise(shape, dtype)
    known = {"z_um": tuple(2.5 * k - 1 for k in range(shape[0])), "pixel_um": 0.325, "bit_depth": 12}
    known["times_s"] = tuple(0.1 * k for k in range(shape[0]))
    io.write_stack(tmp_path / name, from_array(held, **known), provenance=MADE)
    stack = io.open_stack(tmp_path / name)
    np.testing.assert_array_equal(np.stack(list(stack)), held)
    assert (stack.shape, stack.dtype) == (shape[1:], np.dtype(dtype))
    if name in ("s.zip", "scan") or shape[0] > 1:
        assert stack.z_um == pytest.approx(known["z_um"])
        assert stack.times_s == pytest.approx(known["times_s"])
    assert stack.pixel_um == pytest.approx(0.325)
    assert stack.bit_depth == 12
    assert stack.warnings == ()
    assert io.read_provenance(tmp_path / name) == MADE


@pytest.mark.parametrize("name", ["s.ome.tif", "s.npy", "s.zip"])
def test_equal_stacks_give_equal_bytes(tmp_path, name):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        io.write_stack(tmp_path / folder / name, from_array(noise((3, 9, 8)), z_um=(0.0, 1.0, 2.0)), provenance=MADE)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_uneven_heights_survive_an_ome_tiff(tmp_path):
    heights = (0.0, 1.0, 5.5, 5.0)
    io.write_stack(tmp_path / "s.ome.tif", from_array(noise((4, 9, 8)), z_um=heights))
    assert io.open_stack(tmp_path / "s.ome.tif").z_um == pytest.approx(heights)
    with tifffile.TiffFile(tmp_path / "s.ome.tif") as seen:
        assert seen.is_ome
        assert seen.series[0].axes == "ZYX"


def test_numpy_reads_an_array_with_notes(tmp_path):
    held = noise((4, 9, 8), "uint16")
    io.write_stack(tmp_path / "s.npy", from_array(held), provenance=MADE)
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), held)
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy", mmap_mode="r"), held)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63), (720, 961)])
def test_a_sweep_shows_every_frame_in_order_and_in_colour(tmp_path, height, width):
    stack = from_array(np.stack([coded(index, height, width) for index in range(12)]))
    io.write_stack(tmp_path / "s.mp4", stack, provenance=MADE)
    back = io.open_stack(tmp_path / "s.mp4", cache=io.Cache(tmp_path / "cache"))
    assert back.shape == (height + height % 2, width + width % 2, 3)
    assert [code_of(frame) for frame in back] == list(range(12))
    assert back.times_s == pytest.approx([index / 10 for index in range(12)], abs=1e-3)
    assert np.abs(back[3][: height // 4, : width // 5].astype(int) - (255, 0, 0)).max() <= 6
    assert io.read_provenance(tmp_path / "s.mp4") == MADE
    with av.open(str(tmp_path / "s.mp4")) as seen:
        assert seen.streams.video[0].codec_context.name == "h264"
        assert seen.streams.video[0].pix_fmt == "yuv420p"


def test_a_grey_sweep_stays_grey(tmp_path):
    held = np.stack([coded(index)[..., 1] for index in range(4)])
    io.write_stack(tmp_path / "s.mp4", from_array(held), frame_rate_hz=29.97)
    back = io.open_stack(tmp_path / "s.mp4", cache=None)
    assert np.ptp(back[2], axis=2).max() <= 1
    assert np.abs(back[2].astype(int).mean() - held[2].mean()) < 2


def test_a_sweep_is_neither_darker_nor_tinted(tmp_path):
    smooth = cv2.GaussianBlur(noise((120, 160, 3)).astype(np.float32), (0, 0), 9)
    held = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    io.write_stack(tmp_path / "s.mp4", from_array(held[None]))
    shift = io.open_stack(tmp_path / "s.mp4", cache=None)[0].astype(float) - held
    assert np.abs(shift.mean(axis=(0, 1))).max() < 0.5
    assert np.abs(shift).mean() < 2


@pytest.mark.parametrize("name", ["p.png", "p.tif"])
def test_a_picture_says_how_it_was_made(tmp_path, name):
    io.write_picture(tmp_path / name, noise((5, 6, 3)), provenance=MADE)
    assert io.read_provenance(tmp_path / name) == MADE
    io.write_picture(tmp_path / name, noise((5, 6, 3)))
    assert io.read_provenance(tmp_path / name) == {}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(
    made=st.dictionaries(st.text(max_size=8), json_values, max_size=4),
    name=st.sampled_from(["p.png", "p.tif", "p.npy"]),
)
def test_any_provenance_survives(tmp_path_factory, made, name):
    path = tmp_path_factory.getbasetemp() / name
    if name == "p.npy":
        io.write_stack(path, from_array(noise((1, 2, 3))), provenance=made)
    else:
        io.write_picture(path, noise((2, 3)), provenance=made)
    assert io.read_provenance(path) == made


def test_files_of_others_have_no_provenance(tmp_path):
    np.save(tmp_path / "a.npy", noise((3, 3)))
    tifffile.imwrite(tmp_path / "a.tif", noise((3, 3)), description='{"mmlib": 5}')
    (tmp_path / "a.txt").write_text("words")
    for name in ("a.npy", "a.tif", "a.txt", ""):
        assert io.read_provenance(tmp_path / name) == {}


def test_provenance_that_json_cannot_say_is_one_sentence(tmp_path):
    for made in ({"a": object()}, {"a": float("nan")}):
        with pytest.raises(InputError, match="JSON can say"):
            io.write_picture(tmp_path / "p.png", noise((5, 5)), provenance=made)
    assert list(tmp_path.iterdir()) == []


def test_maps_keep_their_numbers(tmp_path):
    depth = np.random.default_rng(0).normal(0, 50, (20, 30)).astype(np.float32)
    depth[3, 4] = np.nan
    io.write_map(tmp_path / "depth.tif", depth, provenance=MADE)
    np.testing.assert_array_equal(io.read_map(tmp_path / "depth.tif"), depth)
    assert io.read_provenance(tmp_path / "depth.tif") == MADE
    with pytest.raises(InputError, match="32-bit TIFF"):
        io.write_map(tmp_path / "depth.png", depth)
    io.write_picture(tmp_path / "p.png", noise((5, 5)))
    with pytest.raises(InputError, match="no whole TIFF"):
        io.read_map(tmp_path / "p.png")


def test_tables_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "t.csv"
    io.write_table(path, ["name", "value"], [["a, b", 1], ["ü", 2.5]])
    assert path.read_bytes().decode() == 'name,value\r\n"a, b",1\r\nü,2.5\r\n'

    def rows():
        yield ["c", 3]
        raise Cancelled

    with pytest.raises(Cancelled):
        io.write_table(path, ["name", "value"], rows())
    assert "ü" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_spooled_frames_come_back_and_a_full_disk_is_one_sentence(tmp_path):
    held = noise((5, 30, 40, 3), "uint16")
    np.testing.assert_array_equal(io.spool(tmp_path / "f.npy", iter(held)), held)
    with pytest.raises(InputError, match="no frames for mine"):
        io.spool(tmp_path / "none.npy", iter(()), target="mine")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * held[0].nbytes, before[1]))
    try:
        with pytest.raises(InputError, match="no room on the disk for out.tif"):
            io.spool(tmp_path / "g.npy", iter(held), target="out.tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("picture", "p.jpg", "PNG or TIFF"),
        ("map", "m.png", "32-bit TIFF"),
        ("stack", "s.gif", "nothing for a folder"),
        ("stack", "full", "not empty"),
        ("picture", "there/p.png", "folder does not exist"),
        ("table", "full", "is a folder"),
    ],
)
def test_a_target_is_refused_before_anything_is_written(tmp_path, kind, name, said):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    with pytest.raises(InputError, match=said):
        io.check_target(tmp_path / name, kind)
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine"]
    io.check_target(tmp_path / "p.png", "picture")


def test_unknown_endings_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.png, \.tif"):
        io.write_picture(tmp_path / "p.xyz", noise((5, 5)))
    with pytest.raises(InputError, match="or in nothing for a folder"):
        io.write_stack(tmp_path / "s.gif", from_array(noise((2, 5, 5))))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        io.write_stack(tmp_path / "full", from_array(noise((2, 5, 5))))


@pytest.mark.parametrize("name", ["s.tif", "s.npy", "s.mp4", "scan"])
def test_a_stopped_writing_leaves_nothing(tmp_path, name):
    def stop(share, stage):
        if share > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        io.write_stack(tmp_path / name, from_array(noise((6, 64, 64))), progress=stop)
    assert list(tmp_path.iterdir()) == []
