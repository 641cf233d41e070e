"""One picture in a file: what its header says, and its pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from PIL import BmpImagePlugin, JpegImagePlugin, WebPImagePlugin

from mmlib.errors import InputError
from mmlib.io import chunks, tiff
from mmlib.io.limits import Limits
from mmlib.io.sniff import HEAD_BYTES, PICTURES, in_words, sniff
from mmlib.io.turning import UPRIGHT, exif_orientation, turn, upright_size
from mmlib.pictures import Frame

_PLUGINS: dict[str, Callable[[Any], Any]] = {
    "bmp": BmpImagePlugin.BmpImageFile,
    "jpeg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
_CUT = "is cut short or damaged; copy it again"


@dataclass(frozen=True)
class PictureHeader:
    """What a picture file says before it is decoded.

    Attributes:
        kind: one of `mmlib.io.sniff.PICTURES`.
        height: rows once upright.
        width: columns once upright.
        colour: whether the frame is RGB.
        dtype: uint8 or uint16.
        bit_depth: bits that the camera really used.
        orientation: EXIF orientation 1..8.
        remarks: what is left out or changed, each to follow the name of the picture.
        plain: whether the fast decoder gives the frame as it is.
    """

    kind: str
    height: int
    width: int
    colour: bool
    dtype: np.dtype[Any]
    bit_depth: int
    orientation: int = UPRIGHT
    remarks: tuple[str, ...] = ()
    plain: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3) of the upright frame."""
        return (self.height, self.width, 3) if self.colour else (self.height, self.width)


def read_header(file: BinaryIO, name: str, limits: Limits) -> PictureHeader:
    """Read what a picture says about itself, without decoding it.

    Args:
        file: the open picture, which can seek.
        name: what to call it in an error.
        limits: what is too large.

    Returns:
        What it says.

    Raises:
        InputError: if it is no picture, is cut short, or is too large.
    """
    file.seek(0)
    kind = sniff(file.read(HEAD_BYTES))
    file.seek(0)
    if kind not in PICTURES:
        raise InputError(f"{name} is {in_words(kind)}; a PNG, JPEG, TIFF, BMP or WebP picture was expected")
    try:
        header = {"png": _png_header, "tiff": _tiff_header}.get(kind, _pillow_header)(file, kind)
    except InputError as error:
        raise InputError(f"{name} {error}") from None
    except Exception:  # the decoders raise whatever broken bytes make them raise
        raise InputError(f"{name} {_CUT}") from None
    limits.check_frame(header.height, header.width, name)
    return header


def _png_header(file: BinaryIO, kind: str) -> PictureHeader:
    said = chunks.read_header(file)
    if not said.whole:
        raise InputError(_CUT)
    orientation = exif_orientation(said.exif)
    height, width = upright_size(said.height, said.width, orientation)
    dtype = np.dtype(np.uint16 if said.bits == 16 else np.uint8)
    remarks = ("has an alpha channel, which is left out",) if said.alpha else ()
    return PictureHeader(kind, height, width, said.colour, dtype, said.bit_depth, orientation, remarks, True)


def _tiff_header(file: BinaryIO, kind: str) -> PictureHeader:
    shape, dtype, remarks = tiff.first_frame_form(file)
    return PictureHeader(kind, shape[0], shape[1], len(shape) == 3, dtype, 8 * dtype.itemsize, remarks=remarks)


def _pillow_header(file: BinaryIO, kind: str) -> PictureHeader:
    image = _PLUGINS[kind](file)
    width, height = image.size
    orientation = exif_orientation(image.info.get("exif", b""))
    if kind == "jpeg" and not _jpeg_is_whole(file):
        raise InputError(_CUT)
    height, width = upright_size(height, width, orientation)
    remarks: tuple[str, ...] = ()
    if image.mode in ("RGBA", "RGBX", "LA", "PA") or "transparency" in image.info:
        remarks = ("has an alpha channel, which is left out",)
    if image.mode == "CMYK":
        remarks = ("is CMYK, shown as RGB without a colour profile",)
    colour = image.mode not in ("1", "L", "LA")
    plain = kind == "jpeg" and image.mode in ("L", "RGB")
    return PictureHeader(kind, height, width, colour, np.dtype(np.uint8), 8, orientation, remarks, plain)


def _jpeg_is_whole(file: BinaryIO) -> bool:
    """Say whether a JPEG has its end mark: in the last bytes, or else anywhere after its scan began."""
    file.seek(-2, io.SEEK_END)
    if file.read(2) == b"\xff\xd9":
        return True
    file.seek(0)
    content = file.read()
    place = 2
    while content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] != b"\xda":
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return content.find(b"\xff\xd9", place) >= 0


def decode(content: bytes, header: PictureHeader, name: str) -> Frame:
    """Decode a picture.

    Args:
        content: the bytes of its file.
        header: what `read_header` said of it.
        name: what to call it in an error.

    Returns:
        The upright frame, of the shape and type that the header promised.

    Raises:
        InputError: if the file is damaged.
    """
    try:
        if header.kind == "png":
            frame = imagecodecs.png_decode(content)
        elif header.plain:
            frame = imagecodecs.jpeg8_decode(content)
        elif header.kind == "tiff":
            frame = tiff.first_frame(io.BytesIO(content))
        else:
            frame = _pillow_pixels(content, header)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except Exception:  # the decoders raise whatever broken bytes make them raise
        raise InputError(f"{name} {_CUT}") from None
    if frame.ndim == 3 and not header.colour:
        frame = frame[:, :, 0]
    elif frame.ndim == 3:
        frame = frame[:, :, :3]
    frame = turn(frame, header.orientation)
    if frame.shape != header.shape or frame.dtype != header.dtype:
        raise InputError(f"{name} {_CUT}")
    return frame


def _pillow_pixels(content: bytes, header: PictureHeader) -> Frame:
    image = _PLUGINS[header.kind](io.BytesIO(content))
    if image.mode == "RGBA":  # convert() would do the same, with a copy
        return np.asarray(image)[:, :, :3]
    return np.asarray(image.convert("RGB" if header.colour else "L"))
