"""Files that come in pieces: what is taken, written and answered, without any widget."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any

PIECE_BYTES = 2 * 2**20
"""Bytes of a piece: far below the ten megabytes that a notebook server takes in one message."""

PART = ".part"
STALE_S = 24 * 3600.0


def safe_name(name: str) -> str:
    """Make a file name of what a browser says: no folders, no control characters, not hidden, not too long.

    Args:
        name: anything.

    Returns:
        A name for a file in a folder of ours, ``"upload"`` where nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", last).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    return (f"{stem[:100]}{dot}{suffix[:12]}" if stem else kept[:100]) or "upload"


def amount(number: float) -> str:
    """Write a number of bytes for people.

    Args:
        number: bytes.

    Returns:
        Such as ``"3.2 MB"``.
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if number >= 100 or unit == "bytes" else f"{number:.1f} {unit}"


@dataclass
class _Arriving:
    name: str
    size: int
    part: Path
    file: BufferedWriter
    received: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


class Intake:
    """Writes files that come in pieces into one folder; a file appears there only when it is whole.

    Every message is answered with how many bytes are on disk, so a browser that lost the line goes on from there.
    """

    def __init__(self, folder: Path, *, limit_bytes: int, suffixes: Sequence[str] = ()) -> None:
        """Take files into a folder.

        Args:
            folder: where they go; made if need be.
            limit_bytes: the largest file taken.
            suffixes: the endings taken, such as ``".mp4"``; none takes all.
        """
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.suffixes = tuple(suffix.lower() for suffix in suffixes)
        self._arriving: dict[str, _Arriving] = {}

    def handle(self, message: dict[str, Any], buffers: Sequence[Any] = ()) -> tuple[dict[str, Any], Path | None]:
        """Take one message of the browser.

        Args:
            message: ``type`` is open, piece, where, close or cancel; ``id`` names the file.
            buffers: the bytes of a piece.

        Returns:
            The answer, and the path of the file if it is whole now.
        """
        key = str(message.get("id", ""))
        try:
            match message.get("type"):
                case "open":
                    return self._open(key, str(message["name"]), int(message["size"])), None
                case "piece":
                    return self._piece(key, message, bytes(buffers[0]) if buffers else b""), None
                case "where":
                    return self._where(key), None
                case "close":
                    return self._close(key)
                case _:
                    self._drop(key)
                    return {"type": "cancelled", "id": key}, None
        except OSError as error:
            self._drop(key)
            return _refused(key, f"the server could not write the file: {error.strerror or error}"), None

    def close(self) -> None:
        """Forget all files that are not whole."""
        for key in list(self._arriving):
            self._drop(key)

    def _open(self, key: str, name: str, size: int) -> dict[str, Any]:
        kept = safe_name(name)
        if self.suffixes and Path(kept).suffix.lower() not in self.suffixes:
            return _refused(key, f"{kept} is not taken here; send one of {', '.join(self.suffixes)}")
        if size <= 0:
            return _refused(key, f"{kept} is empty; choose a file with something in it")
        if size > self.limit_bytes:
            return _refused(key, f"{kept} has {amount(size)}; files of up to {amount(self.limit_bytes)} are taken")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        if size > shutil.disk_usage(self.folder).free:
            return _refused(key, f"{kept} has {amount(size)}, more than is free on the server's disk")
        self._drop(key)
        token = hashlib.sha256(f"{key} {time.time_ns()}".encode()).hexdigest()[:16]
        part = self.folder / f".{token}{PART}"
        self._arriving[key] = _Arriving(kept, size, part, part.open("xb"))
        return self._where(key)

    def _piece(self, key: str, message: dict[str, Any], piece: bytes) -> dict[str, Any]:
        file = self._arriving.get(key)
        if file is None:
            return _lost(key)
        told = str(message.get("sha256", ""))
        fits = message.get("at") == file.received and file.received + len(piece) <= file.size
        if fits and piece and (not told or told == hashlib.sha256(piece).hexdigest()):
            file.file.write(piece)
            file.digest.update(piece)
            file.received += len(piece)
        return self._where(key)

    def _where(self, key: str) -> dict[str, Any]:
        file = self._arriving.get(key)
        return {"type": "got", "id": key, "at": file.received} if file else _lost(key)

    def _close(self, key: str) -> tuple[dict[str, Any], Path | None]:
        file = self._arriving.get(key)
        if file is None:
            return _lost(key), None
        if file.received != file.size:
            return self._where(key), None
        file.file.close()
        path = self._claim(file)
        del self._arriving[key]
        return {"type": "done", "id": key, "name": path.name, "sha256": file.digest.hexdigest()}, path

    def _claim(self, file: _Arriving) -> Path:
        """Give the whole file its name, or the next that is free, without ever replacing another."""
        wanted = Path(file.name)
        number = 1
        while True:
            name = file.name if number == 1 else f"{wanted.stem}-{number}{wanted.suffix}"
            path = self.folder / name
            try:
                path.hardlink_to(file.part)
            except FileExistsError:
                number += 1
            except OSError:  # a file system without hard links
                if path.exists():
                    number += 1
                    continue
                file.part.replace(path)
                return path
            else:
                file.part.unlink()
                return path

    def _drop(self, key: str) -> None:
        file = self._arriving.pop(key, None)
        if file is not None:
            with contextlib.suppress(OSError):
                file.file.close()
            file.part.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what pages left half-way that were closed a day ago or more."""
        for part in self.folder.glob(f".*{PART}"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE_S:
                    part.unlink()


def _refused(key: str, reason: str) -> dict[str, Any]:
    return {"type": "refused", "id": key, "reason": reason}


def _lost(key: str) -> dict[str, Any]:
    return _refused(key, "the server no longer knows this upload; send the file again")
