"""How fast and how heavy the view of stacks is: ``python benchmarks/stack_view.py [--json]``, with a Chromium at hand.

100 frames of 720 x 960 pixels, memory-mapped, in plain Voilà and a headless browser on this machine. Reported: slider
step to new pixels (50 steps to the next plane, 50 jumps anywhere), planes seen of 41 presses of a held key at 30 a
second, time until all frames are in the browser, private memory of the kernel without
the mapped file.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import FLAGS, installed_browser, voila, write_notebook

FRAMES, HEIGHT, WIDTH = 100, 720, 960
STEPS = 50
PRESSES = 41

NOTEBOOK = """
import os
import ipywidgets
import numpy as np
from mmlib.stacks import from_array
from mmlib.widgets import Pane, StackView
view = StackView([Pane(stack=from_array(np.load("FILE", mmap_mode="r")))], index=50)
kernel = ipywidgets.Label(str(os.getpid()))
kernel.add_class("kernel")
ipywidgets.VBox([view, kernel])
"""
PAGE = """
window.shown = () => {
  const canvas = document.querySelector('.mm-picture');
  const scale = Math.min(canvas.width / 960, canvas.height / 720);
  const left = (canvas.width - 960 * scale) / 2, top = (canvas.height - 720 * scale) / 2;
  const strip = canvas.getContext('2d').getImageData(left, top + 16 * scale, 8 * 32 * scale, 1).data;
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    if (strip[4 * Math.round((32 * bit + 16) * scale)] > 127) number |= 1 << bit;
  }
  return number;
};
window.step = (plane) => new Promise((done) => {
  const slider = document.querySelector('.mm-plane');
  const start = performance.now();
  slider.value = plane;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  const look = () => (shown() === plane ? done(performance.now() - start) : requestAnimationFrame(look));
  requestAnimationFrame(look);
});
window.hold = (presses) => new Promise((done) => {
  const seen = new Set();
  let looking = true;
  const look = () => (seen.add(shown()), looking && requestAnimationFrame(look));
  look();
  let pressed = 0;
  const stage = document.querySelector('.mm-stage');
  const timer = setInterval(() => {
    stage.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, repeat: pressed > 0 }));
    if ((pressed += 1) < presses) return;
    clearInterval(timer);
    setTimeout(() => ((looking = false), done([...seen])), 700);
  }, 1000 / 30);
});
void 0;
"""


def write_frames(path: Path) -> None:
    """Write frames that compress like a specimen and carry their number as eight blocks."""
    rng = np.random.default_rng(0)
    coarse = rng.random((HEIGHT // 8, WIDTH // 8, 3))
    scene = np.kron(coarse, np.ones((8, 8, 1))) * 120 + 60
    frames = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(FRAMES, HEIGHT, WIDTH, 3))
    for plane in range(FRAMES):
        frame = np.clip(np.roll(scene, 3 * plane, axis=1) + rng.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)
        for bit in range(8):
            frame[:32, 32 * bit : 32 * bit + 32] = 255 * (plane >> bit & 1)
        frames[plane] = frame
    frames.flush()


def private_megabytes(pid: int, mapped: Path) -> float:
    """Give the memory that only this process holds, without the mapped file, whose pages all kernels share."""
    total = 0
    counted = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            counted = not line.endswith(str(mapped))
        elif counted and line.startswith("Private"):
            total += int(line.split()[1])
    return total / 1024


def measure() -> dict[str, float]:
    """Run everything once."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_frames(folder / "frames.npy")
        write_notebook(folder / "view.ipynb", NOTEBOOK.replace("FILE", str(folder / "frames.npy")))
        with voila(folder) as base:
            browser = playwright.chromium.launch(executable_path=installed_browser(), args=list(FLAGS))
            page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
            start = time.perf_counter()
            page.goto(f"{base}/view.ipynb")
            page.wait_for_selector('.mm-view[data-badge="preview"], .mm-view[data-badge="exact"]', timeout=60_000)
            first = time.perf_counter()
            page.wait_for_selector('.mm-loaded[data-all="true"]', state="attached", timeout=60_000)
            last = time.perf_counter()
            page.evaluate(PAGE)
            page.wait_for_timeout(1000)
            steps = [page.evaluate(f"step({20 + i})") for i in range(STEPS)]
            planes = np.random.default_rng(1).permutation(FRAMES)[:STEPS]
            jumps = [page.evaluate(f"step({plane})") for plane in planes]
            page.evaluate("step(10)")
            page.wait_for_timeout(500)
            seen = set(page.evaluate(f"hold({PRESSES})")) & set(range(11, 11 + PRESSES))
            memory = private_megabytes(int(page.text_content(".kernel") or 0), folder / "frames.npy")
            page.close(run_before_unload=True)
            browser.close()
    return {
        "first_pixels_s": first - start,
        "all_frames_after_first_pixels_s": last - first,
        "step_median_ms": statistics.median(steps),
        "step_p95_ms": float(np.percentile(steps, 95)),
        "jump_median_ms": statistics.median(jumps),
        "jump_p95_ms": float(np.percentile(jumps, 95)),
        "planes_seen": len(seen),
        "planes_pressed": PRESSES,
        "kernel_private_mb": memory,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    found = {name: round(value, 2) for name, value in measure().items()}
    print(json.dumps(found) if asked.json else "\n".join(f"{name:34}{value:8g}" for name, value in found.items()))
