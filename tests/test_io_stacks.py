"""Folders, TIFFs and arrays as stacks: order, size, heights, and what is left out is said."""

import json
import pickle

import cv2
import numpy as np
import pytest
import tifffile
from picture_makers import code_of, coded, codes, noise, save_folder

from mmlib import io
from mmlib.errors import InputError


def test_a_folder_is_read_in_natural_order_one_decode_a_frame(tmp_path, monkeypatch):
    folder = save_folder(tmp_path / "scan", 12)
    decoded = []
    import mmlib.io.folder as room

    real = room.decode
    monkeypatch.setattr(room, "decode", lambda *given: decoded.append(given[2]) or real(*given))
    stack = io.open_stack(folder)
    assert (len(stack), stack.shape, stack.dtype, stack.warnings) == (12, (48, 64, 3), np.uint8, ())
    assert decoded == []
    assert codes(stack) == list(range(12))
    assert decoded == [f"z{index}.png" for index in range(12)]
    assert code_of(stack[-1]) == 11


def test_equal_content_has_an_equal_hash(tmp_path):
    one, two = save_folder(tmp_path / "one"), save_folder(tmp_path / "two")
    (two / "readme.txt").write_text("no picture")
    assert io.open_stack(one).content_hash == io.open_stack(two).content_hash
    io.write_picture(two / "z3.png", coded(33))
    assert io.open_stack(one).content_hash != io.open_stack(two).content_hash


def test_strangers_are_named_and_left_out(tmp_path):
    folder = save_folder(tmp_path / "scan", 6)
    io.write_picture(folder / "thumb.png", noise((10, 10)))
    (folder / "z9.jpg").write_bytes(b"")
    (folder / "notes.csv").write_text("1,2")
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "within").mkdir()
    stack = io.open_stack(folder)
    assert codes(stack) == list(range(6))
    told = " ".join(stack.warnings)
    assert "thumb.png left out: not 64 x 48 pixels" in told
    assert "z9.jpg is an empty file" in told
    assert len(stack.warnings) == 2


def test_grey_and_deep_pictures_join_the_others(tmp_path):
    folder = save_folder(tmp_path / "scan", 3)
    io.write_picture(folder / "z4.png", coded(4)[..., 0])
    io.write_picture(folder / "z5.png", coded(5).astype(np.uint16) * 257)
    stack = io.open_stack(folder)
    assert (stack.shape, stack.dtype) == ((48, 64, 3), np.uint16)
    assert codes(stack) == [0, 1, 2, 4, 5]
    np.testing.assert_array_equal(stack[1], coded(1).astype(np.uint16) * 257)
    assert len(stack.warnings) == 2


def test_no_size_of_more_than_half_is_refused(tmp_path):
    folder = save_folder(tmp_path / "scan", 2)
    for index in range(2):
        io.write_picture(folder / f"small{index}.png", noise((9, 9)))
    with pytest.raises(InputError, match=r"2 sizes \(9 x 9, 64 x 48\)"):
        io.open_stack(folder)


@pytest.mark.parametrize("filled", [True, False])
def test_a_folder_without_pictures_is_refused(tmp_path, filled):
    if filled:
        (tmp_path / "words.txt").write_text("words")
    with pytest.raises(InputError, match="has no pictures; PNG"):
        io.open_stack(tmp_path)


def test_a_folder_of_tiffs(tmp_path):
    for index in range(11):
        tifffile.imwrite(tmp_path / f"f{index}.tif", coded(index)[..., 0].astype(np.uint16) * 257)
    stack = io.open_stack(tmp_path)
    assert (stack.shape, stack.dtype) == ((48, 64), np.uint16)
    assert codes(stack) == list(range(11))


def test_a_folder_with_one_tiff_gives_its_pages(tmp_path):
    held = noise((5, 9, 8))
    tifffile.imwrite(tmp_path / "all.tif", held, photometric="minisblack")
    (tmp_path / "readme.txt").write_text("words")
    np.testing.assert_array_equal(np.stack(list(io.open_stack(tmp_path))), held)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(5, 20, 30), (5, 20, 30, 3), (1, 8, 9), (1, 8, 9, 3), (3, 4, 5)])
@pytest.mark.parametrize("way", [{}, {"ome": True}, {"compression": "zlib"}, {"bigtiff": True}, {"byteorder": ">"}])
def test_tiffs_come_back_bit_for_bit(tmp_path, dtype, shape, way):
    held = noise(shape, dtype)
    photometric = "rgb" if len(shape) == 4 else "minisblack"
    axes = {"metadata": {"axes": "ZYX" + "S" * (len(shape) == 4)}} if "ome" in way else {}
    tifffile.imwrite(tmp_path / "s.tif", held, photometric=photometric, **way, **axes)
    stack = io.open_stack(tmp_path / "s.tif")
    assert (len(stack), stack.shape, stack.dtype) == (shape[0], shape[1:], np.dtype(dtype))
    np.testing.assert_array_equal(np.stack(list(stack)), held)
    np.testing.assert_array_equal(stack[-1], held[-1])
    assert stack.warnings == ()


def test_an_imagej_hyperstack_says_its_heights(tmp_path):
    held = noise((4, 20, 30), "uint16")
    tifffile.imwrite(
        tmp_path / "ij.tif",
        held,
        imagej=True,
        resolution=(4, 4),
        metadata={"spacing": 2.5, "unit": "um", "axes": "ZYX"},
    )
    stack = io.open_stack(tmp_path / "ij.tif")
    assert stack.z_um == (0.0, 2.5, 5.0, 7.5)
    assert stack.pixel_um == pytest.approx(0.25)
    np.testing.assert_array_equal(np.stack(list(stack)), held)


def test_channels_and_times_of_a_hyperstack_are_told(tmp_path):
    held = noise((2, 4, 3, 10, 12))  # T, Z, C, Y, X
    tifffile.imwrite(tmp_path / "ij.tif", held, imagej=True, metadata={"axes": "TZCYX"})
    stack = io.open_stack(tmp_path / "ij.tif")
    np.testing.assert_array_equal(np.stack(list(stack)), np.moveaxis(held[0], 1, -1))
    assert any("places along T" in warning for warning in stack.warnings)
    assert any("3 channels" in warning for warning in stack.warnings)
    tifffile.imwrite(tmp_path / "two.ome.tif", held[0, :, :2], ome=True, metadata={"axes": "ZCYX"})
    stack = io.open_stack(tmp_path / "two.ome.tif")
    np.testing.assert_array_equal(np.stack(list(stack)), held[0, :, 0])
    assert any("along C" in warning for warning in stack.warnings)


def test_ome_units_are_obeyed(tmp_path):
    tifffile.imwrite(
        tmp_path / "n.ome.tif",
        noise((3, 5, 6)),
        metadata={
            "axes": "ZYX",
            "PhysicalSizeX": 500.0,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeZ": 0.002,
            "PhysicalSizeZUnit": "mm",
        },
    )
    stack = io.open_stack(tmp_path / "n.ome.tif")
    assert stack.pixel_um == pytest.approx(0.5)
    assert stack.z_um == pytest.approx((0, 2, 4))


def test_planar_and_inverted_tiffs(tmp_path):
    held = noise((3, 20, 30))
    tifffile.imwrite(tmp_path / "planar.tif", held, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(io.read_picture(tmp_path / "planar.tif"), np.moveaxis(held, 0, -1))
    tifffile.imwrite(tmp_path / "inverted.tif", held[0], photometric="miniswhite")
    np.testing.assert_array_equal(io.read_picture(tmp_path / "inverted.tif"), 255 - held[0])


def test_a_cut_tiff_gives_the_frames_it_holds(tmp_path):
    held = noise((6, 40, 50))
    for way in ({}, {"compression": "zlib"}):
        path = tmp_path / "s.tif"
        with tifffile.TiffWriter(path) as writer:
            for frame in held:
                writer.write(frame, contiguous=False, **way)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * 0.7)])
        stack = io.open_stack(path)
        assert 3 <= len(stack) < 6
        np.testing.assert_array_equal(np.stack(list(stack)), held[: len(stack)])
        assert "cut short" in " ".join(stack.warnings)
        path.write_bytes(content[:300])
        with pytest.raises(InputError, match="cut short or damaged"):
            io.open_stack(path)


def test_a_series_that_is_cut_short_gives_every_whole_page(tmp_path):
    held = noise((6, 40, 50))
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, held, compression="zlib")  # one series that says its shape
    content = path.read_bytes()
    for share in (0.35, 0.7):
        path.write_bytes(content[: int(len(content) * share)])
        stack = io.open_stack(path)
        assert int(6 * share) - 1 <= len(stack) < 6
        np.testing.assert_array_equal(np.stack(list(stack)), held[: len(stack)])
        assert "cut short" in " ".join(stack.warnings)


def test_floats_in_separate_planes_can_be_written_as_a_picture(tmp_path):
    values = np.random.default_rng(0).random((3, 40, 50)).astype(np.float32)
    tifffile.imwrite(tmp_path / "s.tif", values, photometric="rgb", planarconfig="separate")
    frame = io.open_stack(tmp_path / "s.tif")[0]
    assert frame.flags.c_contiguous
    io.write_picture(tmp_path / "p.png", np.moveaxis(values, 0, -1), bits=16)
    np.testing.assert_allclose(io.read_picture(tmp_path / "p.png").astype(int), frame.astype(int), atol=1)


def save_float(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        tifffile.imwrite(path, values, photometric="minisblack")


@pytest.mark.parametrize("name", ["f.tif", "f.npy"])
def test_floats_are_checked_and_scaled_alike(tmp_path, name):
    path = tmp_path / name
    values = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)
    save_float(path, values)
    stack = io.open_stack(path)
    assert stack.warnings == ()
    np.testing.assert_array_equal(np.stack(list(stack)), np.rint(values.astype(float) * 65535))
    save_float(path, values * 300 - 20)
    stack = io.open_stack(path)
    assert "stretched over 0 to 65535" in stack.warnings[0]
    whole = np.stack(list(stack))
    assert (whole.min(), whole.max()) == (0, 65535)
    assert np.corrcoef(whole.ravel(), values.ravel())[0, 1] > 0.999999
    for bad in (np.nan, np.inf):
        spoilt = values.copy()
        spoilt[1, 2, 3] = bad
        save_float(path, spoilt)
        with pytest.raises(InputError, match="not finite"):
            io.open_stack(path)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "int32", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_bit_for_bit(tmp_path, dtype, order):
    held = np.asarray(noise((4, 20, 30)) > 99 if dtype == "bool" else noise((4, 20, 30)), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", held)
    stack = io.open_stack(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.stack(list(stack)), held.astype(int) * (255 if dtype == "bool" else 1))
    np.testing.assert_array_equal(stack[2], list(stack)[2])
    assert stack.dtype in (np.uint8, np.uint16)


@pytest.mark.parametrize(
    ("shape", "frames", "frame"),
    [((20, 30), 1, (20, 30)), ((20, 30, 3), 1, (20, 30, 3)), ((5, 9, 8, 4), 5, (9, 8, 3)), ((5, 9, 8, 1), 5, (9, 8))],
)
def test_shapes_of_arrays(tmp_path, shape, frames, frame):
    np.save(tmp_path / "a.npy", noise(shape))
    stack = io.open_stack(tmp_path / "a.npy")
    assert (len(stack), stack.shape, stack[0].shape) == (frames, frame, frame)


def test_a_pickle_is_never_loaded(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="never loaded"):
        io.open_stack(tmp_path / "o.npy")
    (tmp_path / "p.npy").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(InputError, match="pickle, which is never loaded"):
        io.open_stack(tmp_path / "p.npy")


def test_cut_and_empty_arrays_are_one_sentence(tmp_path):
    np.save(tmp_path / "a.npy", noise((4, 20, 30)))
    content = (tmp_path / "a.npy").read_bytes()
    for length, words in ((20, "broken header"), (1000, "cut short")):
        (tmp_path / "a.npy").write_bytes(content[:length])
        with pytest.raises(InputError, match=words):
            io.open_stack(tmp_path / "a.npy")
    np.save(tmp_path / "none.npy", np.zeros((0, 4, 5), np.uint8))
    with pytest.raises(InputError, match="no frames"):
        io.open_stack(tmp_path / "none.npy")


def test_broken_notes_of_a_folder_are_passed_over(tmp_path):
    folder = save_folder(tmp_path / "scan", 3)
    (folder / "stack.json").write_text("{")
    assert "passed over" in io.open_stack(folder).warnings[0]
    (folder / "stack.json").write_text(json.dumps({"z_um": [1, 2], "pixel_um": 0.5}))
    stack = io.open_stack(folder)
    assert (stack.z_um, stack.pixel_um) == (None, 0.5)


def test_a_jpeg_reads_as_opencv_reads_it(tmp_path):
    folder = save_folder(tmp_path / "scan", 3, ending=".jpg")
    for index, frame in enumerate(io.open_stack(folder)):
        seen = cv2.imread(str(folder / f"z{index}.jpg"))[..., ::-1]
        assert np.abs(frame.astype(int) - seen).max() <= 2
