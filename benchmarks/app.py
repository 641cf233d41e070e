"""The dashboard: time to a usable page, private memory of a kernel, time from a key to new pixels.

Run: python benchmarks/app.py [--steps 50] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from dashboard import FRAMES, HEIGHT, STACK, STEP, WIDTH, dashboard, kernels_of, private_mb

PAGES = {"home": "", "explore": f"explore?s={STACK}", "fuse": f"fuse?s={STACK}"}


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
    with dashboard() as running:
        told: dict[str, Any] = {"server_up_s": round(running.up_s, 2)}
        page = running.browser.new_page(viewport={"width": 1366, "height": 768})
        told |= measure(page, running.base, running.server, steps)
        page.close(run_before_unload=True)
        time.sleep(2)
        told["kernels_left"] = len(kernels_of(running.server))
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
