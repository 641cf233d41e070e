"""Where files may be written: the endings of each kind, and whether the folder is there and open."""

from __future__ import annotations

import os
from pathlib import Path

from mmlib.errors import InputError
from mmlib.io.reasons import writing

PICTURE, MAP, STACK = (".png", ".tif", ".tiff"), (".tif", ".tiff"), (".tif", ".tiff", ".npy", ".mp4", ".zip", "")
"""Endings of what is written, in small letters."""


def check_ending(path: Path, kind: str) -> str:
    """Raise unless the ending of a file fits what is to be written to it.

    Args:
        path: the file.
        kind: ``picture``, ``map``, ``stack`` or ``table``, which may end in anything.

    Returns:
        The ending in small letters.

    Raises:
        InputError: if it does not fit.
    """
    suffix = path.suffix.lower()
    if kind == "picture" and suffix not in PICTURE:
        raise InputError(f"{path} must end in .png, .tif or .tiff; a picture is written as PNG or TIFF")
    if kind == "map" and suffix not in MAP:
        raise InputError(f"{path} must end in .tif or .tiff; a map is written as a 32-bit TIFF")
    if kind == "stack" and suffix not in STACK:
        raise InputError(
            f"{path} must end in .tif, .npy, .zip or .mp4, or in nothing for a folder; it ends in {suffix}"
        )
    return suffix


def check_free(path: Path) -> None:
    """Raise unless a folder can be made in a place: nothing, or an empty folder, may be there.

    Args:
        path: the place.

    Raises:
        InputError: if something else is.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} exists and is not empty; name a new folder")


def check_target(path: str | os.PathLike[str], kind: str) -> None:
    """Raise unless a file can be written where it is wanted; nothing is written yet.

    Args:
        path: the file.
        kind: as in `check_ending`.

    Raises:
        InputError: if the ending is wrong, or the folder is missing or closed to this user.
    """
    where = Path(path)
    suffix = check_ending(where, kind)
    with writing(where):
        if where.is_dir() and (kind != "stack" or suffix):
            raise IsADirectoryError
        if kind == "stack" and not suffix:
            check_free(where)
        if not where.parent.is_dir():
            raise FileNotFoundError
        if not os.access(where.parent, os.W_OK):
            raise PermissionError
