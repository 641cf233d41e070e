"""The chunks of a PNG file: what its header says, whether it is whole, and words kept inside it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MARK = b"\x89PNG\r\n\x1a\n"
_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


@dataclass(frozen=True)
class PngHeader:
    """What stands before the pixels of a PNG.

    Attributes:
        height: rows.
        width: columns.
        bits: of a sample: 1, 2, 4, 8 or 16.
        colour: whether the picture is RGB once decoded.
        alpha: whether it has transparency.
        bit_depth: bits that the camera really used.
        exif: its EXIF block, empty where there is none.
        whole: whether the file reaches its end mark.
    """

    height: int
    width: int
    bits: int
    colour: bool
    alpha: bool
    bit_depth: int
    exif: bytes
    whole: bool


def read_header(file: BinaryIO) -> PngHeader:
    """Read the chunks before the pixels, and look for the end mark.

    Args:
        file: an open PNG that can seek.

    Returns:
        What they say.

    Raises:
        ValueError: if the first chunk is not a header.
    """
    file.seek(0)
    start = file.read(33)
    if len(start) < 33 or start[12:16] != b"IHDR":
        raise ValueError("no header")
    width, height, bits, kind = struct.unpack_from(">IIBB", start, 16)
    alpha, exif, bit_depth = kind in (4, 6), b"", bits
    for name, length in _walk(file):
        if name == b"IDAT":
            break
        if name == b"tRNS":
            alpha = True
        elif name == b"eXIf" and length < 1 << 20:
            exif = file.read(length)
        elif name == b"sBIT" and bits == 16 and 0 < length <= 4:
            bit_depth = min(max(file.read(length)), bits)
    size = file.seek(0, 2)
    file.seek(max(size - len(_END), 0))
    whole = file.read() == _END or any(name == b"IEND" for name, _ in _walk(file))
    return PngHeader(height, width, bits, kind in (2, 3, 6), alpha, max(bit_depth, 8), exif, whole)


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Give the name and length of each chunk that lies wholly in the file, with the file at its content."""
    size, place = file.seek(0, 2), len(_MARK)
    while place + 12 <= size:
        file.seek(place)
        length, name = struct.unpack(">I4s", file.read(8))
        if place + 12 + length > size:
            return
        yield name, length
        place += 12 + length


def with_text(png: bytes, words: dict[str, str]) -> bytes:
    """Put words into a PNG, after its header.

    Args:
        png: the whole file.
        words: what to keep, by keyword; Latin-1 only.

    Returns:
        The whole file, with one tEXt chunk for each keyword.
    """
    after_header = len(_MARK) + 25
    chunks = b"".join(_chunk(b"tEXt", key.encode() + b"\0" + text.encode("latin-1")) for key, text in words.items())
    return png[:after_header] + chunks + png[after_header:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def read_text(file: BinaryIO, keyword: str) -> str | None:
    """Find words that `with_text` put into a PNG.

    Args:
        file: an open PNG that can seek.
        keyword: their keyword.

    Returns:
        The words, or None where there are none.
    """
    wanted = keyword.encode() + b"\0"
    for name, length in _walk(file):
        if name == b"tEXt":
            content = file.read(length)
            if content.startswith(wanted):
                return content[len(wanted) :].decode("latin-1")
    return None
