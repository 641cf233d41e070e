"""Decoded frames kept on disk, memory-mapped, under a hash of their content: the least recently used go first."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import platformdirs

from mmlib.errors import InputError
from mmlib.io.arrays import npy_header, read_npy_header
from mmlib.io.mapped import MappedArrays
from mmlib.io.reasons import reading, writing
from mmlib.io.spooling import write_all
from mmlib.pictures import Frame
from mmlib.progress import Progress, silent

_FRAMES, _NOTES = "frames.npy", "notes.json"
_MAKING, _GOING = ".making", ".going"
_POLL_S = 0.1


def _user_folder() -> Path:
    return Path(os.environ.get("MMLIB_CACHE") or platformdirs.user_cache_dir("mmlib"))


def _user_bytes() -> int:
    told = os.environ.get("MMLIB_CACHE_BYTES", "")
    if told and not told.isdecimal():
        raise InputError(f"MMLIB_CACHE_BYTES must be a number of bytes; it is {told!r}")
    return int(told) if told else 4 * 1024**3


@dataclass(frozen=True)
class Cache:
    """A folder of decoded stacks.

    An entry is a folder of a memory-mappable ``frames.npy`` and its ``notes.json``, made under another name and
    renamed when it is whole, so that nobody sees half of one; a lock makes two processes decode a stack once.

    Attributes:
        folder: where it lies; by default ``MMLIB_CACHE`` or the user's cache folder.
        max_bytes: how large it may grow; by default ``MMLIB_CACHE_BYTES`` or 4 GiB.
    """

    folder: Path = field(default_factory=_user_folder)
    max_bytes: int = field(default_factory=_user_bytes)

    def find(self, key: str) -> tuple[MappedArrays, dict[str, Any]] | None:
        """Open an entry and mark it as used now.

        Args:
            key: its name.

        Returns:
            (frames, notes), or None where there is no such entry.
        """
        entry = self.folder / key
        try:
            notes: dict[str, Any] = json.loads((entry / _NOTES).read_text())
            path = entry / _FRAMES
            with path.open("rb") as file:
                shape, _, dtype, offset = read_npy_header(file, str(path))
            frames = MappedArrays(path, offset, shape[0], shape[1:], dtype)
            os.utime(entry / _NOTES)
        except (OSError, ValueError, TypeError):  # not there, evicted in between, or meddled with
            return None
        return frames, notes

    def fill(
        self,
        key: str,
        frames: Iterable[Frame],
        notes: Callable[[], dict[str, Any]],
        *,
        expected_bytes: int = 0,
        progress: Progress = silent,
    ) -> tuple[MappedArrays, dict[str, Any]]:
        """Give an entry, making it first where there is none.

        Args:
            key: its name.
            frames: what to keep, all of one shape and type; not touched where the entry is there.
            notes: gives what to note, asked after the last frame.
            expected_bytes: of all frames, where known: room is made before writing.
            progress: told while another process makes the entry; may raise to stop waiting.

        Returns:
            (frames, notes).

        Raises:
            InputError: if it does not fit the cache or the disk; nothing half is left.
        """
        lock = self._lock(key)
        while True:
            found = self.find(key)
            if found is not None:
                return found
            with writing(f"the cache folder {self.folder}"):
                lock_held = _try(lock)
            if lock_held:
                break
            progress(0.0, "waiting for another process that reads the same")
            time.sleep(_POLL_S)
        try:
            found = self.find(key)
            if found is not None:
                return found
            self._make(key, frames, notes, expected_bytes)
        finally:
            lock.release()
        self.shrink(keep=key)
        found = self.find(key)
        if found is None:
            raise InputError(f"the cache folder {self.folder} was emptied meanwhile; try again")
        return found

    def _make(
        self, key: str, frames: Iterable[Frame], notes: Callable[[], dict[str, Any]], expected_bytes: int
    ) -> None:
        self._check_room(expected_bytes)
        self.shrink(room=expected_bytes)
        making = self.folder / (key + _MAKING)
        try:
            with writing(f"the cache folder {self.folder}"):
                shutil.rmtree(making, ignore_errors=True)  # left by a process that was killed: its lock is ours
                making.mkdir()
                file = (making / _FRAMES).open("wb", buffering=0)
            with file:
                self._write_frames(file, frames)
            with writing(f"the cache folder {self.folder}"), (making / _NOTES).open("w") as words:
                json.dump(notes(), words)
                words.flush()
                os.fsync(words.fileno())
            with writing(f"the cache folder {self.folder}"):
                self._remove(key)  # an entry that could not be read
                making.rename(self.folder / key)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise

    def _write_frames(self, file: Any, frames: Iterable[Frame]) -> None:
        """Write frames as they come: only frames are decoded outside of `writing`, so that errors keep their cause."""
        count, written = 0, 0
        shape: tuple[int, ...] = ()
        dtype = np.dtype(np.uint8)
        for frame in frames:
            if count == 0:
                shape, dtype = frame.shape, frame.dtype
                with writing(f"the cache folder {self.folder}"):
                    write_all(file, npy_header((0, *shape), dtype))
            with writing(f"the cache folder {self.folder}"):
                write_all(file, np.ascontiguousarray(frame).data.cast("B"))
            count += 1
            written += frame.nbytes
            self._check_room(written)
        with writing(f"the cache folder {self.folder}"):
            file.seek(0)
            write_all(file, npy_header((count, *shape), dtype))
            os.fsync(file.fileno())

    def _check_room(self, needed: int) -> None:
        if needed > self.max_bytes:
            raise InputError(
                f"the decoded frames need more than the {self.max_bytes / 1e9:.1f} GB of the cache; "
                "set MMLIB_CACHE_BYTES higher or choose fewer frames"
            )

    def entries(self) -> list[str]:
        """List the entries, the least recently used first.

        Returns:
            Their keys.
        """
        return [key for _, key, _ in self._aged()]

    def size(self) -> int:
        """Add up the entries.

        Returns:
            Bytes of all entries.
        """
        return sum(size for _, _, size in self._aged())

    def _aged(self) -> list[tuple[int, str, int]]:
        found = []
        with reading(self.folder):
            if not self.folder.is_dir():
                return []
            for entry in self.folder.iterdir():
                try:
                    used = (entry / _NOTES).stat().st_mtime_ns
                    size = (entry / _FRAMES).stat().st_size
                except OSError:
                    continue
                if not entry.name.endswith((_MAKING, _GOING)):
                    found.append((used, entry.name, size))
        return sorted(found)

    def shrink(self, *, room: int = 0, keep: str = "") -> None:
        """Remove what killed processes left, then the least recently used entries until the rest fits.

        Args:
            room: bytes that are to be free within the cap.
            keep: a key that stays.
        """
        if not self.folder.is_dir():
            return
        for left in self.folder.glob(f"*{_GOING}"):
            shutil.rmtree(left, ignore_errors=True)
        for left in self.folder.glob(f"*{_MAKING}"):
            key = left.name.removesuffix(_MAKING)
            lock = self._lock(key)
            if key != keep and _try(lock):  # nobody makes it any more
                shutil.rmtree(left, ignore_errors=True)
                lock.release()
        aged = self._aged()
        total = sum(size for _, _, size in aged)
        for _, key, size in aged:
            if total + room <= self.max_bytes:
                return
            if key != keep and self._remove(key):
                total -= size

    def clear(self) -> None:
        """Remove every entry."""
        for key in self.entries():
            self._remove(key)

    def _remove(self, key: str) -> bool:
        """Remove an entry at one stroke; whoever has it open keeps it."""
        going = self.folder / f"{key}-{secrets.token_hex(4)}{_GOING}"
        try:
            (self.folder / key).rename(going)
        except OSError:  # gone already, or in use where an open file cannot be moved
            return False
        shutil.rmtree(going, ignore_errors=True)
        return True

    def _lock(self, key: str) -> filelock.FileLock:
        locks = self.folder / "locks"
        with writing(f"the cache folder {self.folder}"):
            locks.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(locks / f"{key[:2]}.lock")


def _try(lock: filelock.FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except (filelock.Timeout, RuntimeError):  # held by another process, or by this very thread
        return False
    return True
