"""A dashboard of one's own to measure: one stack, a server, a browser, and how to look at the memory of its kernels."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

FRAMES, HEIGHT, WIDTH = 100, 720, 960
STACK = "bench.npy"
BROWSERS = ("/usr/bin/chromium", "chromium", "google-chrome", "google-chrome-stable", "chromium-browser")

# Presses a key and waits until the middle of the picture is that of another frame, all within the browser.
STEP = """
async (key) => {
  const stage = document.querySelector('.mm-stage');
  const canvas = document.querySelector('.mm-picture');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const look = () => String(context.getImageData(canvas.width >> 1, canvas.height >> 1, 8, 8).data);
  const before = look();
  const started = performance.now();
  stage.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  while (look() === before) {
    await new Promise(requestAnimationFrame);
    if (performance.now() - started > 5000) return -1;
  }
  return performance.now() - started;
}
"""


@dataclass(frozen=True)
class Dashboard:
    """A server that runs, and a browser beside it.

    Attributes:
        base: address of the home page, ending in a slash.
        server: its process.
        up_s: how long it took until it said that it is ready.
        browser: Playwright's.
    """

    base: str
    server: int
    up_s: float
    browser: Any


@contextlib.contextmanager
def dashboard(flags: Sequence[str] = ("--no-sandbox",)) -> Iterator[Dashboard]:
    """Start a dashboard with one stack, `STACK`, and folders of its own; stop it afterwards.

    Args:
        flags: for the browser.
    """
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        write_stack(data / STACK)
        own = {f"MMLIB_{name}": f"{folder}/{name.lower()}" for name in ("CACHE", "RESULTS", "VOTES")}
        command = [sys.executable, "-m", "mmlib", "serve", "--no-browser", "--port", "0", "--data", str(data)]
        started = time.perf_counter()
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **own})
        try:
            assert server.stdout is not None
            ready = next((line for line in server.stdout if line.startswith("mmlib is ready")), None)
            if ready is None:
                raise SystemExit("the dashboard ended before it was ready; the lines above say why")
            up_s = time.perf_counter() - started
            base = next(word for word in ready.split() if word.startswith("http"))
            with sync_playwright() as playwright:
                found = next((path for path in map(shutil.which, BROWSERS) if path), None)
                browser = playwright.chromium.launch(executable_path=found, args=list(flags))
                yield Dashboard(base, server.pid, up_s, browser)
                browser.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def write_stack(path: Path) -> None:
    """Write 100 frames that differ everywhere, blurred away from the middle as a real stack is."""
    grain = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    sharp = cv2.normalize(cv2.GaussianBlur(grain, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX)
    stack = np.lib.format.open_memmap(path, "w+", np.uint8, (FRAMES, HEIGHT, WIDTH, 3))
    for k in range(FRAMES):
        stack[k] = cv2.GaussianBlur(np.roll(sharp, 3 * k, axis=1), (0, 0), 0.5 + abs(k - FRAMES // 2) / 10)
    stack.flush()


def private_mb(pid: int) -> float:
    """Give the memory that only this process holds, MB.

    Pages of the memory-mapped stack are left out: they belong to the file, the system takes them back whenever it
    likes, and all kernels that show the stack share them.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Swap:"))) / 1024


def kernels_of(pid: int) -> list[int]:
    """List the kernels that a server has begun, the newest last."""
    import psutil

    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # or one that has just ended
            if "ipykernel_launcher" in " ".join(process.cmdline()):
                found.append(process.pid)
    return found
