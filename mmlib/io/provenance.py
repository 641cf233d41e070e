"""How a file was made, kept inside it and read back."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import tifffile

from mmlib.errors import InputError
from mmlib.io import chunks, notes
from mmlib.io.reasons import reading
from mmlib.io.sniff import HEAD_BYTES, VIDEOS, sniff
from mmlib.io.tiff_planes import hushed

KEYWORD = "mmlib"
"""The one key under which provenance is kept, so that other words in a file are not taken for it."""


def to_words(provenance: dict[str, Any] | None, **more: Any) -> str:
    """Give provenance as words of plain ASCII.

    Args:
        provenance: how something was made: anything JSON can say; None says nothing.
        **more: what else to keep beside it.

    Returns:
        JSON.

    Raises:
        InputError: if JSON cannot say it.
    """
    try:
        return json.dumps({KEYWORD: provenance or {}, **more}, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"provenance must be what JSON can say ({error}); give numbers, words, lists or dicts"
        ) from None


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read how a file was made.

    Args:
        path: a PNG, TIFF, MP4, .npy or .zip, or a folder of frames, that this room wrote.

    Returns:
        What was given when it was written; empty where nothing was, or another program wrote it.

    Raises:
        InputError: if the file cannot be read.
    """
    where = Path(path)
    with reading(where):
        if where.is_dir():
            kept = where / notes.NOTES_FILE
            return _from_words(kept.read_text() if kept.is_file() else "")
        with where.open("rb") as file:
            kind = sniff(file.read(HEAD_BYTES))
            if kind == "png":
                return _from_words(chunks.read_text(file, KEYWORD))
        if kind == "npy":
            return dict(notes.read_notes(where).get(KEYWORD, {}))
    try:
        if kind == "tiff":
            return _of_tiff(where)
        if kind == "zip":
            with zipfile.ZipFile(where) as archive:
                return _from_words(archive.read(notes.NOTES_FILE).decode() if _has_notes(archive) else "")
        if kind in VIDEOS:
            import av  # libav is large, and only videos need it

            with av.open(str(where), format=kind, options={"protocol_whitelist": "file"}) as opened:
                return _from_words(opened.metadata.get("comment"))
    except Exception:  # the readers raise whatever broken bytes make them raise
        raise InputError(f"{where} is cut short or damaged; copy it again") from None
    return {}


def _has_notes(archive: zipfile.ZipFile) -> bool:
    name = notes.NOTES_FILE
    return name in archive.namelist() and archive.getinfo(name).file_size < notes.MOST_BYTES


def _of_tiff(path: Path) -> dict[str, Any]:
    with hushed(), tifffile.TiffFile(path, _multifile=False) as tif:
        if tif.ome_metadata is None:
            return _from_words(tif.pages.first.description)
        parts = tifffile.xml2dict(tif.ome_metadata).get("OME", {})
        image = parts.get("Image", {})
        image = image[0] if isinstance(image, list) else image
        return _from_words(str(image.get("Description", "")))


def _from_words(words: str | None) -> dict[str, Any]:
    try:
        said = json.loads(words or "{}")
        return dict(said.get(KEYWORD, {}))
    except (ValueError, AttributeError, TypeError):
        return {}
