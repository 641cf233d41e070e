"""The dashboard: time to a usable page, private memory of a kernel, time from a key to new pixels.

Run: python benchmarks/app.py [--steps 50] [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

FRAMES, HEIGHT, WIDTH = 100, 720, 960
PAGES = {"home": "", "explore": "explore?s=bench.npy", "fuse": "fuse?s=bench.npy"}
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
    import psutil

    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # or one that has just ended
            if "ipykernel_launcher" in " ".join(process.cmdline()):
                found.append(process.pid)
    return found


def measure(page: Any, base: str, server: int, steps: int) -> dict[str, Any]:
    """Open every page as a new user would and measure it."""
    told: dict[str, Any] = {}
    for name, address in PAGES.items():
        started = time.perf_counter()
        page.goto(base + address)
        page.wait_for_selector("body.mmp-ready", timeout=60_000)
        told[f"{name}_ready_s"] = round(time.perf_counter() - started, 2)
        if name != "home":
            page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=60_000)
            told[f"{name}_first_exact_frame_s"] = round(time.perf_counter() - started, 2)
        if name == "explore":
            page.wait_for_selector('.mm-loaded[data-all="true"]', state="attached", timeout=60_000)
            told["all_frames_in_browser_s"] = round(time.perf_counter() - started, 2)
            page.wait_for_timeout(3000)
            page.keyboard.press("Home")
            times = [page.evaluate(STEP, "ArrowRight") for _ in range(steps)]
            told["step_median_ms"] = round(statistics.median(times), 1)
            told["step_p95_ms"] = round(sorted(times)[int(0.95 * (len(times) - 1))], 1)
        page.wait_for_timeout(1000)
        told[f"{name}_kernel_private_mb"] = round(private_mb(kernels_of(server)[-1]), 1)
    page.get_by_label("Method").select_option("mean")
    page.get_by_role("button", name="Fuse", exact=True).click()
    page.wait_for_selector("text=Frames used", timeout=120_000)
    told["kernel_after_a_job_private_mb"] = round(private_mb(kernels_of(server)[-1]), 1)
    return told


def run(steps: int) -> dict[str, Any]:
    """Start a dashboard of its own, measure it, stop it."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        write_stack(data / "bench.npy")
        environment = {**os.environ, "MMLIB_CACHE": f"{folder}/cache", "MMLIB_RESULTS": f"{folder}/results"}
        command = [sys.executable, "-m", "mmlib", "serve", "--no-browser", "--port", str(port), "--data", str(data)]
        started = time.perf_counter()
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            told: dict[str, Any] = {"server_up_s": round(time.perf_counter() - started, 2)}
            with sync_playwright() as playwright:
                found = next((path for path in map(shutil.which, BROWSERS) if path), None)
                browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                told |= measure(page, f"http://127.0.0.1:{port}/", server.pid, steps)
                page.close(run_before_unload=True)
                time.sleep(2)
                told["kernels_left"] = len(kernels_of(server.pid))
                browser.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    told = run(arguments.steps)
    if arguments.json:
        print(json.dumps(told))
        return
    print(f"one stack of {FRAMES} frames of {WIDTH} x {HEIGHT} px, colour")
    for name, value in told.items():
        print(f"{name:<28} {value}")


if __name__ == "__main__":
    main()
