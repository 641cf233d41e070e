"""Eight visitors at once: time from a key to new pixels, memory of each session, jobs done, kernels left afterwards.

Half of the visitors explore a stack of 100 frames of 720 x 960 pixels, half fuse every fifth frame of it (two ask for
one method and two for another, so two jobs do the work of four); all step through it at the same time, in browsers of
their own.

Run: python benchmarks/sessions.py [--visitors 8] [--steps 40] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from dashboard import FRAMES, HEIGHT, STEP, WIDTH, dashboard, kernels_of, private_mb

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-timer-throttling", "--disable-renderer-backgrounding")
METHODS = ("mean", "pyramid")
FUSED = "0:100:5"
PAUSE_MS = 150

# Steps back and forth as fast as a hand does, and keeps how long each step took.
WALK = f"""
(steps) => {{
  const step = {STEP.strip()};
  window.walked = null;
  (async () => {{
    const times = [];
    for (let i = 0; i < steps; i += 1) {{
      times.push(await step(i % 20 < 10 ? 'ArrowRight' : 'ArrowLeft'));
      await new Promise((done) => setTimeout(done, {PAUSE_MS}));
    }}
    window.walked = times;
  }})();
}}
"""


def visit(browser: Any, base: str, visitors: int) -> tuple[list[Any], float]:
    """Open a page for each visitor, all at once, and wait until every frame is in every browser."""
    started = time.perf_counter()
    pages = []
    for i in range(visitors):
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        name = "explore" if i % 2 == 0 else "fuse"
        page.goto(f"{base}{name}?s=bench.npy", wait_until="commit", timeout=120_000)
        pages.append(page)
    for page in pages:
        page.wait_for_selector("body.mmp-ready", timeout=120_000)
    ready_s = time.perf_counter() - started
    for page in pages:
        page.wait_for_selector('.mm-loaded[data-all="true"]', state="attached", timeout=120_000)
    return pages, ready_s


def walk(pages: list[Any], steps: int) -> list[list[float]]:
    """Let all step at once."""
    for page in pages:
        page.evaluate(WALK, steps)
    for page in pages:
        page.wait_for_function("window.walked !== null", timeout=120_000)
    return [page.evaluate("window.walked") for page in pages]


def measure(browser: Any, base: str, server: int, visitors: int, steps: int) -> dict[str, Any]:
    """Everything that is measured while the visitors are there, and what is left when they have gone."""
    pages, ready_s = visit(browser, base, visitors)
    resting = [time_ms for times in walk(pages, steps) for time_ms in times]
    fusing = pages[1::2]
    for i, page in enumerate(fusing):
        page.get_by_label("Method").select_option(METHODS[i // 2 % len(METHODS)])
        page.get_by_role("textbox", name="Frames").fill(FUSED)
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Fuse", exact=True).click()
    working = [time_ms for times in walk(pages, steps) for time_ms in times]
    for page in fusing:
        page.wait_for_selector("text=Frames used", timeout=180_000)
    memory = [private_mb(pid) for pid in kernels_of(server)]
    for page in pages:
        page.close(run_before_unload=True)
    end = time.perf_counter() + 30
    while kernels_of(server) and time.perf_counter() < end:
        time.sleep(0.2)
    told = {f"all_{visitors}_pages_ready_s": ready_s, "jobs_asked_for": len(fusing), "jobs_done": len(fusing)}
    for name, times in (("", resting), ("_while_jobs_run", working)):
        told[f"step_median_ms{name}"] = statistics.median(times)
        told[f"step_p95_ms{name}"] = sorted(times)[int(0.95 * (len(times) - 1))]
        told[f"steps_lost{name}"] = sum(time_ms < 0 for time_ms in times)
    told |= {
        "sessions": len(memory),
        "session_private_mb_largest": max(memory),
        "kernels_left": len(kernels_of(server)),
    }
    return {name: round(value, 1) for name, value in told.items()}


def run(visitors: int, steps: int) -> dict[str, Any]:
    """Start a dashboard of its own, measure it, stop it."""
    with dashboard(FLAGS) as running:
        return measure(running.browser, running.base, running.server, visitors, steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    told = run(arguments.visitors, arguments.steps)
    if arguments.json:
        print(json.dumps(told))
        return
    print(f"{arguments.visitors} visitors, one stack of {FRAMES} frames of {WIDTH} x {HEIGHT} px, colour")
    for name, value in told.items():
        print(f"{name:<32} {value}")


if __name__ == "__main__":
    main()
