"""Small pictures for cards: those that come with a specimen, and those remembered from stacks that were opened."""

from __future__ import annotations

import contextlib
import hashlib
import os
from base64 import b64encode
from functools import lru_cache
from pathlib import Path

import cv2
import platformdirs

from mmlib import io
from mmlib.errors import InputError
from mmlib.pages.sources import data_folder
from mmlib.pictures import Frame, to_uint8
from mmlib.specimens import SpecimenCard
from mmlib.stacks import ZStack

EDGE_PX = 420


def thumbnail(card: SpecimenCard) -> str:
    """Give the preview of a card.

    Args:
        card: from the catalogue.

    Returns:
        A data URI, or an empty string where there is none yet.
    """
    if card.thumbnail:
        return data_uri(Path(card.thumbnail))
    kept = _kept(card.name)
    return data_uri(kept) if kept is not None and kept.is_file() else ""


def remember(name: str, stack: ZStack) -> None:
    """Keep a small picture of the middle frame of a user's stack; nothing happens where it cannot be kept.

    Args:
        name: of the stack in the data folder.
        stack: its frames.
    """
    kept = _kept(name)
    if kept is None or kept.is_file():
        return
    with contextlib.suppress(OSError, InputError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        io.write_picture(kept, _small(stack[len(stack) // 2]))


def data_uri(path: Path) -> str:
    """Shrink a picture file to the width of a card.

    Args:
        path: a picture.

    Returns:
        A data URI (JPEG), or an empty string if the file cannot be read.
    """
    try:
        return _shrunk(path, path.stat().st_mtime)
    except (OSError, InputError):
        return ""


def _kept(name: str) -> Path | None:
    """Say where the small picture of a stack in the data folder is kept; None where there is no such stack."""
    path = data_folder() / name
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    made_from = f"{path.resolve()} {state.st_mtime_ns} {state.st_size}"
    cache = Path(os.environ.get("MMLIB_CACHE") or platformdirs.user_cache_dir("mmlib"))
    return cache / "thumbnails" / f"{hashlib.sha256(made_from.encode()).hexdigest()[:32]}.png"


def _small(picture: Frame) -> Frame:
    picture = to_uint8(picture)
    scale = min(1.0, EDGE_PX / max(picture.shape[:2]))
    size = [max(1, round(edge * scale)) for edge in picture.shape[1::-1]]
    small: Frame = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small


@lru_cache(maxsize=64)
def _shrunk(path: Path, _: float) -> str:
    if path.suffix.lower() in (".jpg", ".jpeg") and path.stat().st_size < 60_000:
        return "data:image/jpeg;base64," + b64encode(path.read_bytes()).decode()
    small = _small(io.read_picture(path))
    if small.ndim == 3:
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    return "data:image/jpeg;base64," + b64encode(coded.tobytes()).decode()
