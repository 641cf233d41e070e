"""Compiled nets on disk: a file is whole or counts as not there, whoever else writes it at the same time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

SEAL = 32
"""Bytes of the checksum at the end of a file."""
MOST = 64
"""How many compiled nets are kept; those that were not used for longest go first."""


def folder() -> Path:
    """Say where compiled nets are kept: ``engines`` in ``MMLIB_CACHE`` or in the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("MMLIB_CACHE") or platformdirs.user_cache_dir("mmlib")) / "engines"


def find(name: str, place: Path | None = None) -> bytes | None:
    """Read a compiled net.

    Args:
        name: of the file, without its ending.
        place: the folder; `folder` if None.

    Returns:
        What was kept; None where there is nothing, or nothing whole.
    """
    file = _file(name, place)
    try:
        content = file.read_bytes()
    except OSError:
        return None
    model, seal = content[:-SEAL], content[-SEAL:]
    if not model or hashlib.sha256(model).digest() != seal:
        return None
    with contextlib.suppress(OSError):
        os.utime(file)
    return model


def keep(name: str, model: bytes, place: Path | None = None) -> bool:
    """Keep a compiled net; a process that is killed meanwhile leaves at most a file that nobody reads.

    Args:
        name: of the file, without its ending.
        model: what to keep.
        place: the folder; `folder` if None.

    Returns:
        Whether it could be kept: a folder that cannot be written is no reason to stop.
    """
    file = _file(name, place)
    part: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f"{name}.", suffix=".part", delete=False) as opened:
            part = Path(opened.name)
            opened.write(model + hashlib.sha256(model).digest())
        part.replace(file)
        _sweep(file.parent)
    except OSError:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink()
        return False
    return True


def drop(name: str, place: Path | None = None) -> None:
    """Forget a compiled net that turned out to be of no use."""
    with contextlib.suppress(OSError):
        _file(name, place).unlink()


def _file(name: str, place: Path | None) -> Path:
    return (folder() if place is None else place) / f"{name}.onnx"


def _sweep(place: Path) -> None:
    """Remove what was not used for longest, and parts that nobody finished."""
    import time

    def age(file: Path) -> float:
        with contextlib.suppress(OSError):
            return time.time() - file.stat().st_mtime
        return 0.0

    old = sorted(place.glob("*.onnx"), key=age)[MOST:]
    for file in [*old, *(part for part in place.glob("*.part") if age(part) > 3600)]:
        with contextlib.suppress(OSError):
            file.unlink()
