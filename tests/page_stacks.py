"""What the tests of pages share: a small stack with two best planes, folders of their own, and patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


def grain(height: int, width: int) -> np.ndarray:
    """A sharp texture, (H, W, 3) of 20 to 230."""
    noise = np.random.default_rng(5).random((height, width, 3))
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1), None, 20, 230, cv2.NORM_MINMAX)


def two_halves(height: int, width: int, *, count: int = 9, left: int = 2, right: int = 6) -> np.ndarray:
    """A stack whose left half is sharp at one frame and whose right half at another."""
    sharp = grain(height, width)
    frames = []
    for k in range(count):
        frame = cv2.GaussianBlur(sharp, (0, 0), 0.1 + 0.9 * abs(k - left))
        frame[:, width // 2 :] = cv2.GaussianBlur(sharp, (0, 0), 0.1 + 0.9 * abs(k - right))[:, width // 2 :]
        frames.append(frame.astype(np.uint8))
    return np.stack(frames)


def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: np.ndarray) -> Path:
    """Give a test its own data, cache and results, and no cluster; the data folder holds a stack, leaf.npy."""
    for name in ("DATA", "CACHE", "RESULTS"):
        monkeypatch.setenv(f"MMLIB_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("MMLIB_SCHEDULER", raising=False)
    data = tmp_path / "data"
    data.mkdir()
    np.save(data / "leaf.npy", stack)
    return data


def visitors_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with a stack of two halves, a film that is none, and beside the folder a stack that is nobody's."""
    folder = own_folders(tmp_path, monkeypatch, two_halves(96, 144))
    (folder / "text.mp4").write_text("this is no film")
    (tmp_path / "secret.npy").write_bytes((folder / "leaf.npy").read_bytes())
    return folder


def wait_for(true: Callable[[], bool], seconds: float = 90, *, stands: Callable[[], object] = str) -> None:
    """Wait until something is true; where that takes too long, say how things stand."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not true after {seconds} s: {stands()}")
        time.sleep(0.02)
