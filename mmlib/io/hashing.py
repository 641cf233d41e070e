"""Names for content: equal for equal files, whatever they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import BinaryIO

HASH_DIGITS = 32
"""Hexadecimal digits of a content hash, as in `mmlib.stacks.ZStack`."""

_CHUNK_BYTES = 1 << 20


def file_hash(path: Path) -> str:
    """Hash the bytes of a file, a megabyte at a time.

    Args:
        path: the file.

    Returns:
        32 hexadecimal digits of its SHA-256.
    """
    with path.open("rb", buffering=0) as file:
        return stream_hash(file)


def stream_hash(file: BinaryIO | FileIO) -> str:
    """Hash what is left of an open file, a megabyte at a time.

    Args:
        file: the file, opened for reading bytes.

    Returns:
        32 hexadecimal digits of its SHA-256.
    """
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()[:HASH_DIGITS]


def joint_hash(parts: Iterable[str]) -> str:
    """Hash several hashes, in order, into one.

    Args:
        parts: the hashes.

    Returns:
        32 hexadecimal digits.
    """
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:HASH_DIGITS]
