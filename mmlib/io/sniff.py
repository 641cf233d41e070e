"""What a file is, told by its first bytes and never by its name."""

from __future__ import annotations

PICTURES = ("bmp", "jpeg", "png", "tiff", "webp")
"""Kinds that hold pictures."""

VIDEOS = ("avi", "matroska", "mov")
"""Kinds that hold a video, by the name that libav gives the container; mp4 is a ``mov``, webm a ``matroska``."""

HEAD_BYTES = 64
"""How many bytes `sniff` looks at."""

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"GIF8", "gif"),
    (b"%PDF", "pdf"),
    (b"\x80\x04\x95", "pickle"),
)
_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_STILL_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def sniff(head: bytes) -> str:
    """Name the kind of a file.

    Args:
        head: its first bytes, 64 where it has them.

    Returns:
        One of `PICTURES` or `VIDEOS`, ``npy``, ``zip``; or what is known but not read: ``gif``, ``heif``, ``pdf``,
        ``pickle``, ``text``, ``empty``; or ``unknown``.
    """
    if not head:
        return "empty"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12], "unknown")
    if head[4:8] in _ATOMS:
        return "heif" if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS else "mov"
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":
        return "bmp"
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return "text"
    return "unknown"


def in_words(kind: str) -> str:
    """Say what a file of an unread kind is, to go into a sentence.

    Args:
        kind: what `sniff` said.

    Returns:
        Such as ``"a text file"``.
    """
    words = {
        "empty": "an empty file",
        "gif": "a GIF",
        "heif": "a HEIF or AVIF picture",
        "pdf": "a PDF",
        "pickle": "a Python pickle, which is never loaded",
        "text": "a text file",
        "zip": "a zip archive",
        "npy": "a NumPy array",
        "tiff": "a TIFF",
    }
    if kind in VIDEOS:
        return "a video"
    return words.get(kind, "a file of an unknown kind" if kind == "unknown" else f"a {kind.upper()} picture")
