"""Pictures in files: whatever they are called and however they are stored, the frame is the one that was saved."""

import contextlib
import io as bytes_io
import struct

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from picture_makers import coded, noise
from PIL import Image

from mmlib import io
from mmlib.errors import InputError
from mmlib.io.folder import natural_key
from mmlib.io.sniff import sniff
from mmlib.io.turning import matrix_orientation, turn

frames = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda dtype: hnp.arrays(dtype, st.sampled_from([(1, 1), (3, 5), (7, 4, 3), (1, 6, 3), (6, 1)]))
)


@pytest.mark.parametrize("ending", [".png", ".tif"])
@settings(max_examples=40, deadline=None)
@given(frame=frames)
def test_pictures_come_back_bit_for_bit(tmp_path_factory, ending, frame):
    path = tmp_path_factory.mktemp("one") / f"picture{ending}"
    io.write_picture(path, frame)
    back = io.read_picture(path)
    assert back.dtype == frame.dtype
    np.testing.assert_array_equal(back, frame)


def test_other_programs_read_what_was_written(tmp_path):
    frame = noise((20, 30, 3), "uint16")
    io.write_picture(tmp_path / "a.png", frame)
    io.write_picture(tmp_path / "a.tif", frame)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)[..., ::-1], frame)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), frame)


@pytest.mark.parametrize(("ending", "levels"), [(".png", 255), (".tif", 65535)])
def test_floats_are_rounded_to_the_nearest_level(tmp_path, ending, levels):
    picture = np.random.default_rng(1).random((40, 50), np.float32)
    io.write_picture(tmp_path / f"p{ending}", picture)
    np.testing.assert_array_equal(io.read_picture(tmp_path / f"p{ending}"), np.rint(picture * np.float32(levels)))


def test_bits_can_be_chosen(tmp_path):
    frame = noise((9, 9))
    io.write_picture(tmp_path / "deep.png", frame, bits=16)
    np.testing.assert_array_equal(io.read_picture(tmp_path / "deep.png"), frame.astype(np.uint16) * 257)
    io.write_picture(tmp_path / "flat.png", frame.astype(np.uint16) * 257, bits=8)
    np.testing.assert_array_equal(io.read_picture(tmp_path / "flat.png"), frame)


@pytest.mark.parametrize("form", ["JPEG", "BMP", "WEBP", "PNG", "TIFF"])
@pytest.mark.parametrize("grey", [True, False])
def test_the_content_counts_and_not_the_name(tmp_path, form, grey):
    if form == "WEBP" and grey:
        pytest.skip("WebP has no grey")
    image = Image.fromarray(coded(5)).convert("L" if grey else "RGB")
    path = tmp_path / "liar.png"
    image.save(path, form, **({"lossless": True} if form == "WEBP" else {}))
    with Image.open(path) as seen:
        np.testing.assert_array_equal(io.read_picture(path), np.asarray(seen))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_exif_orientation_is_obeyed(tmp_path, orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone"
    Image.fromarray(coded(3)).save(path, form, exif=exif)
    with Image.open(path) as seen:
        from PIL import ImageOps

        upright = np.asarray(ImageOps.exif_transpose(seen))
    np.testing.assert_array_equal(io.read_picture(path), upright)
    assert io.open_stack(path).shape == upright.shape


@given(a=st.integers(1, 8), b=st.integers(1, 8))
@settings(max_examples=64, deadline=None)
def test_turning_only_moves_pixels(a, b):
    frame = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned = turn(turn(frame, a), b)
    assert sorted(turned.ravel()) == sorted(frame.ravel())
    assert turned.flags.c_contiguous


def test_a_display_matrix_says_what_it_does_to_a_corner():
    for matrix, corner in {(0, 1, -1, 0): (0, -1), (0, -1, 1, 0): (-1, 0), (-1, 0, 0, -1): (-1, -1)}.items():
        frame = np.zeros((3, 5), np.uint8)
        frame[0, 0] = 1
        a, b, c, d = (value << 16 for value in matrix)
        orientation = matrix_orientation(struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30))
        assert turn(frame, orientation)[corner] == 1
    slanted = struct.pack("=9i", 46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30)
    assert matrix_orientation(slanted) is None


def test_alpha_is_left_out_with_a_word(tmp_path):
    frame = noise((10, 12, 4))
    for name in ("a.png", "a.webp", "a.tif"):
        Image.fromarray(frame, "RGBA" if name else None).save(tmp_path / name, **{"lossless": True, "exact": True})
        stack = io.open_stack(tmp_path / name)
        np.testing.assert_array_equal(stack[0], frame[..., :3])
        assert any("alpha" in warning for warning in stack.warnings), name
    Image.fromarray(frame[..., :2], "LA").save(tmp_path / "la.png")
    np.testing.assert_array_equal(io.read_picture(tmp_path / "la.png"), frame[..., 0])


def test_a_palette_gives_its_colours(tmp_path):
    image = Image.fromarray(coded(9)).quantize(7)
    for name in ("p.png", "p.bmp", "p.tif"):
        image.save(tmp_path / name)
        np.testing.assert_array_equal(io.read_picture(tmp_path / name), np.asarray(image.convert("RGB")))
    image.save(tmp_path / "clear.png", transparency=2)
    assert io.open_stack(tmp_path / "clear.png").shape == (48, 64, 3)


def test_black_and_white_is_0_and_255(tmp_path):
    image = Image.fromarray(coded(9)).convert("1")
    for name in ("b.png", "b.bmp", "b.tif"):
        image.save(tmp_path / name)
        np.testing.assert_array_equal(io.read_picture(tmp_path / name), np.asarray(image) * np.uint8(255))


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_is_shown_as_rgb_with_a_word(tmp_path, form):
    flat = np.empty((16, 16, 3), np.uint8)
    flat[:] = (200, 120, 40)
    path = tmp_path / "print"
    Image.fromarray(flat).convert("CMYK").save(path, form)
    stack = io.open_stack(path)
    assert np.abs(stack[0].astype(int) - flat).max() <= 3
    assert "CMYK" in " ".join(stack.warnings)


def test_twelve_bits_in_sixteen_are_told(tmp_path):
    io.write_picture(tmp_path / "a.png", noise((8, 8), "uint16"))
    content = (tmp_path / "a.png").read_bytes()
    import zlib

    chunk = b"sBIT" + bytes([12])
    content = content[:33] + struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]
    (tmp_path / "a.png").write_bytes(content)
    assert io.open_stack(tmp_path / "a.png").bit_depth == 12


@pytest.mark.parametrize("size", [(1, 1), (2, 20_000), (20_000, 1)])
def test_tiny_and_very_wide_pictures_are_pictures(tmp_path, size):
    for ending in (".png", ".tif"):
        frame = noise(size)
        io.write_picture(tmp_path / f"p{ending}", frame)
        np.testing.assert_array_equal(io.read_picture(tmp_path / f"p{ending}"), frame)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_a_cut_picture_is_one_sentence(tmp_path, form, share):
    held = bytes_io.BytesIO()
    Image.fromarray(noise((90, 80, 3))).save(held, form)
    path = tmp_path / "cut.png"
    path.write_bytes(held.getvalue()[: int(len(held.getvalue()) * share)])
    with pytest.raises(InputError, match=r"cut short or damaged.*copy") as said:
        io.read_picture(path)
    assert "\n" not in str(said.value)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "BMP", "WEBP", "TIFF"]), st.data())
def test_damaged_bytes_never_raise_anything_else(tmp_path_factory, form, draw):
    held = bytes_io.BytesIO()
    Image.fromarray(coded(4, 24, 24)).save(held, form)
    content = bytearray(held.getvalue())
    for _ in range(draw.draw(st.integers(1, 6))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert io.read_picture(path).dtype in (np.uint8, np.uint16)


def test_limits_are_asked_before_decoding(tmp_path):
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + bytes(4) + b"\0\0\0\0IEND\xaeB`\x82"
    )
    with pytest.raises(InputError, match=r"100000 x 100000 pixels.*200,000,000"):
        io.open_stack(tmp_path / "bomb.png")
    io.write_picture(tmp_path / "fine.png", noise((20, 20)))
    with pytest.raises(InputError, match="crop or shrink"):
        io.read_picture(tmp_path / "fine.png", limits=io.Limits(pixels=399))
    assert io.read_picture(tmp_path / "fine.png", limits=io.Limits(pixels=400)).shape == (20, 20)


def test_names_sort_as_people_count():
    names = ["z10.png", "z2.png", "Z1.png", "z02.png", "a.png", "z2b.png", "10.png", "9.png"]
    assert sorted(names, key=natural_key) == [
        "9.png", "10.png", "a.png", "Z1.png", "z02.png", "z2.png", "z2b.png", "z10.png"
    ]  # fmt: skip


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_names_can_be_sorted(names):
    assert sorted(sorted(names, key=natural_key)) == sorted(names)


def test_kinds_are_told_by_content():
    assert sniff(b"") == "empty"
    assert sniff(b"plain words") == "text"
    assert sniff(b"\0\0\0\x18ftypheic") == "heif"
    assert sniff(b"\0\0\0\x18ftypisom") == "mov"
    assert sniff(bytes(64)) == "unknown"
