"""Frames that a camera stored turned or mirrored, put upright: EXIF orientation and the display matrix of a video."""

from __future__ import annotations

import struct

import numpy as np

from mmlib.pictures import Frame

UPRIGHT = 1
"""The EXIF orientation that needs nothing done."""

_ORIENTATION_TAG = 0x0112
_OF_MATRIX = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


def turn(frame: Frame, orientation: int) -> Frame:
    """Put a stored frame upright.

    Args:
        frame: (H, W) or (H, W, 3) as stored.
        orientation: EXIF orientation 1..8; anything else is taken as 1.

    Returns:
        The upright frame, contiguous; height and width change places for 5 to 8.

    Source: EXIF 2.32, tag Orientation.
    """
    if orientation in (5, 6, 7, 8):
        frame = np.swapaxes(frame, 0, 1)
    if orientation in (3, 4, 7, 8):
        frame = frame[::-1]
    if orientation in (2, 3, 6, 7):
        frame = frame[:, ::-1]
    return np.ascontiguousarray(frame)


def upright_size(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Give height and width after `turn`.

    Args:
        height: stored rows.
        width: stored columns.
        orientation: EXIF orientation 1..8.

    Returns:
        (height, width) of the upright frame.
    """
    return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


def exif_orientation(exif: bytes) -> int:
    """Find the orientation in an EXIF block; one that is broken says nothing.

    Args:
        exif: the block, with or without its ``Exif`` mark.

    Returns:
        1..8; 1 where none is said.
    """
    block = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", block, entry)
            if tag == _ORIENTATION_TAG:
                return int(value) if 1 <= value <= 8 else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT


def matrix_orientation(matrix: bytes) -> int | None:
    """Give the EXIF orientation that does what a video's display matrix does.

    Args:
        matrix: nine 32-bit integers of this machine's byte order, as libav gives them.

    Returns:
        1..8, or None where the matrix is no quarter turn or mirror.

    Source: ISO/IEC 14496-12, track header box: x' = a x + c y, y' = b x + d y.
    """
    if len(matrix) < 36:
        return None
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    largest = max(abs(a), abs(b), abs(c), abs(d), 1)
    return _OF_MATRIX.get((round(a / largest), round(b / largest), round(c / largest), round(d / largest)))
