"""The dashboard as its users meet it: a real server, real kernels, a real cluster, a real browser."""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import Tab, chromium, free_port, open_tab, serving  # noqa: F401

import mmlib
from mmlib.pages.explore_state import ExploreState
from mmlib.pipeline import write_fused
from mmlib.server.unheard import LOOK_S, NEVER_HEARD_S
from mmlib.specimens import built_in

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[1]
SHOTS = ROOT / "artefacts"
COUNT, WIDTH, HEIGHT = 24, 320, 240
LEFT_BEST, RIGHT_BEST = 9, 17

# The frame on screen, read from the blocks along the upper edge of its canvas; -1 where there is nothing yet.
READ = """
window.shown = (pane = 0) => {
  const canvas = document.querySelectorAll('.mm-picture')[pane];
  if (!canvas) return -1;
  const scale = Math.min(canvas.width / 320, canvas.height / 240);
  const left = (canvas.width - 320 * scale) / 2, top = (canvas.height - 240 * scale) / 2;
  const context = canvas.getContext('2d');
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    const pixel = context.getImageData(left + (40 * bit + 20) * scale, top + 16 * scale, 1, 1).data;
    if (!pixel[3]) return -1;
    if (pixel[0] > 127) number |= 1 << bit;
  }
  return number;
};
void 0;
"""


def coded_frames() -> np.ndarray:
    """Frames whose number is written in 8 blocks along the upper edge; each half is sharp at a frame of its own."""
    rng = np.random.default_rng(3)
    grain = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH, 3)), (0, 0), 1.2)
    sharp = cv2.normalize(grain, None, 30, 225, cv2.NORM_MINMAX)
    frames = []
    for number in range(COUNT):
        frame = cv2.GaussianBlur(sharp, (0, 0), 0.1 + 0.5 * abs(number - LEFT_BEST))
        right = cv2.GaussianBlur(sharp, (0, 0), 0.1 + 0.5 * abs(number - RIGHT_BEST))
        frame[:, WIDTH // 2 :] = right[:, WIDTH // 2 :]
        for bit in range(8):
            frame[:32, 40 * bit : 40 * bit + 40] = 255 * (number >> bit & 1)
        frames.append(frame.astype(np.uint8))
    return np.stack(frames)


def write_film(path: Path) -> Path:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in coded_frames():
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode())
    return path


class Dashboard:
    """A running server, its data folder, and what its pages asked for."""

    def __init__(self, base: str, data: Path, log: Path) -> None:
        self.base, self.data, self.log = base, data, log
        self.asked: list[str] = []

    def kernels(self) -> list[psutil.Process]:
        """The kernels that run below this server."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if "ipykernel_launcher" in words and self._is_ours(process):
                found.append(process)
        return found

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("MMLIB_DATA") == str(self.data)
        except psutil.Error:
            return False


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("dashboard")
    data = folder / "data"
    data.mkdir()
    np.save(data / "other.npy", coded_frames()[::-1])
    np.save(data / "long.npy", np.random.default_rng(0).integers(0, 255, (50, 900, 900, 3), dtype=np.uint8))
    port = free_port()
    command = [sys.executable, "-m", "mmlib", "serve", "--no-browser", "--port", str(port), "--data", str(data)]
    url, log = f"http://127.0.0.1:{port}/", folder / "log.txt"
    settings = {"MMLIB_CACHE": str(folder / "cache"), "MMLIB_RESULTS": str(folder / "results")}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    with serving(command, f"{url}voila/templates/mmlib/static/pages.css", log, **settings):
        yield Dashboard(url, data, log)
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    said = log.read_text()
    assert "Traceback" not in said, said[:6000]


@pytest.fixture
def visit(open_tab: Callable[..., Tab], dashboard: Dashboard) -> Callable[..., Tab]:  # noqa: F811
    """Give a function that opens a page of the dashboard as a new user and waits until it is ready."""

    def opened(address: str, **options: Any) -> Tab:
        tab = open_tab("about:blank", **options)
        tab.page.on("request", lambda request: dashboard.asked.append(request.url))
        go(tab, dashboard.base + address)
        return tab

    return opened


def go(tab: Tab, url: str) -> None:
    tab.page.goto(url, timeout=60_000)
    ready(tab)


def ready(tab: Tab) -> None:
    tab.page.wait_for_selector("body.mmp-ready", timeout=60_000)
    tab.page.evaluate(READ)


def at_rest(tab: Tab) -> None:
    tab.page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=60_000)


def shows(tab: Tab, number: int, pane: int = 0) -> None:
    tab.page.wait_for_function("([number, pane]) => shown(pane) === number", arg=[number, pane], timeout=15_000)


def serious(tab: Tab) -> list[str]:
    """The findings of axe-core that are serious or worse, each with the element."""
    found = Axe().run(tab.page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def complaints(tab: Tab) -> list[str]:
    """What the console had to say, but for what a widget wanted to tell a kernel while its page was being left."""
    return [words for words in tab.complaints if "Cannot send" not in words]


def overflow(tab: Tab) -> int:
    return int(tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def fetched(tab: Tab, button: str) -> bytes:
    with tab.page.expect_download(timeout=20_000) as download:
        tab.page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_upload_a_film_explore_it_and_come_back_by_link(visit, dashboard, tmp_path):
    film = write_film(tmp_path / "my film.mp4")
    tab = visit("")
    page = tab.page
    assert page.title() == "Home · mmlib"
    page.set_input_files(".mm-upload input[type=file]", film)
    page.wait_for_selector(f"text={COUNT} frames of {WIDTH} × {HEIGHT} px", timeout=30_000)
    assert (dashboard.data / film.name).read_bytes() == film.read_bytes()
    page.fill("input[placeholder^=blood]", "my film")
    page.wait_for_function("document.querySelectorAll('.mmp-card h3 a').length === 1")
    page.click(".mmp-card h3 a")
    ready(tab)
    at_rest(tab)
    stack = mmlib.open_stack(film.name, data=dashboard.data)
    expected = ExploreState()
    os.environ["MMLIB_DATA"] = str(dashboard.data)
    expected.open(film.name)
    shows(tab, expected.plane)
    assert expected.plane in (LEFT_BEST, RIGHT_BEST)
    page.wait_for_selector(".mm-curves svg, .mm-curves canvas")

    page.focus(".mm-stage")
    for key, plane in [("Home", 0), ("ArrowRight", 1), ("PageUp", 11), ("ArrowLeft", 10), ("End", COUNT - 1)]:
        page.keyboard.press(key)
        shows(tab, plane)
    page.wait_for_function(f"location.search.includes('z={COUNT - 1}')")

    plot = page.locator(".mm-curves svg, .mm-curves canvas").first.bounding_box()
    page.mouse.click(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.wait_for_function(f"Math.abs(shown() - {COUNT // 2}) <= 2")
    clicked = page.evaluate("shown()")
    page.wait_for_function(f"location.search.includes('z={clicked}')")
    assert np.array_equal(stack[clicked][16, ::40][:8, 0] > 127, [clicked >> bit & 1 for bit in range(8)])

    table = list(csv.reader(io.StringIO(fetched(tab, "Curves, CSV").decode())))
    assert table == list(csv.reader(io.StringIO(expected.curves_csv().decode())))

    page.get_by_label("Show on top").select_option(label="Sharpest frame of each cell")
    page.wait_for_function("location.search.includes('o=planes')")
    page.wait_for_selector('[aria-label="Overlays (o)"]:visible', timeout=20_000)
    page.reload()
    ready(tab)
    shows(tab, clicked)
    assert page.get_by_label("Show on top").input_value()
    page.wait_for_selector('[aria-label="Overlays (o)"]:visible', timeout=20_000)
    assert complaints(tab) == []
    os.environ.pop("MMLIB_DATA")


def test_fuse_and_download_the_bytes_of_the_library(visit, dashboard, tmp_path):
    tab = visit("fuse?s=other.npy")
    page = tab.page
    at_rest(tab)
    page.get_by_label("Method").select_option("pyramid")
    page.get_by_role("textbox", name="Frames").fill("2:22")
    page.get_by_role("textbox", name="Frames").press("Enter")
    page.wait_for_function("location.search.includes('f=2:22')")
    page.get_by_role("button", name="Fuse", exact=True).click()
    page.wait_for_selector("text=Frames used", timeout=60_000)
    page.wait_for_selector(".mm-pane >> nth=1")
    stack = mmlib.open_stack("other.npy", data=dashboard.data).select(range(2, 22))
    fused = mmlib.fuse(stack, method="pyramid")
    for button, name in [("PNG", "fused.png"), ("TIFF, 16 bit", "fused.tif")]:
        write_fused(fused, stack, tmp_path / name)
        assert fetched(tab, button) == (tmp_path / name).read_bytes(), name
    page.wait_for_selector("text=Focus of every cell, CSV", timeout=60_000)
    mmlib.focus(stack).write_csv(tmp_path / "cells.csv")
    assert fetched(tab, "Focus of every cell, CSV") == (tmp_path / "cells.csv").read_bytes()
    page.get_by_label("Show the depth map").check()
    page.wait_for_selector(".mm-pane >> nth=2")
    page.wait_for_function("['d=1', 'r=1'].every((part) => location.search.includes(part))")
    page.reload()
    ready(tab)
    page.wait_for_selector(".mm-pane >> nth=2", timeout=30_000)  # done before: there again without any work
    assert page.get_by_role("textbox", name="Frames").input_value() == "2:22"
    assert complaints(tab) == []


CANCEL = """async () => {
    const button = [...document.querySelectorAll("button")].find((b) => b.innerText.trim() === "Cancel");
    const started = performance.now();
    button.click();
    while (!document.body.innerText.includes("Cancelled") && performance.now() - started < 5000)
        await new Promise(requestAnimationFrame);
    return performance.now() - started;
}"""
"""From the click to the answer on the page, in milliseconds, as the browser's own clock has it."""


def test_a_long_run_is_cancelled_within_a_second(visit):
    tab = visit("fuse?s=long.npy")
    page = tab.page
    page.get_by_label("Method").select_option("mean")
    page.get_by_label("Alignment").select_option("On")
    page.get_by_role("button", name="Fuse", exact=True).click()
    page.wait_for_selector(".mmp-progress-track", timeout=20_000)
    page.wait_for_selector("text=Cancel")
    assert page.evaluate(CANCEL) < 1000
    page.wait_for_selector("button:text-is('Fuse'):visible")
    assert complaints(tab) == []


def test_what_cannot_be_opened_is_one_sentence(visit, dashboard, tmp_path):
    lie = tmp_path / "lie.mp4"
    lie.write_text("no film at all")
    tab = visit("")
    tab.page.set_input_files(".mm-upload input[type=file]", lie)
    notice = tab.page.wait_for_selector(".mmp-notice-error", timeout=20_000).inner_text()
    assert "\n" not in notice
    assert not (dashboard.data / "lie.mp4").exists()
    go(tab, f"{dashboard.base}explore?s=../../../etc/passwd")
    assert "no stack named" in tab.page.wait_for_selector(".mmp-notice-error").inner_text()
    assert tab.page.is_visible("text=No stack under the microscope yet")
    go(tab, f"{dashboard.base}explore?s=other.npy&z=first")
    assert "was ignored" in tab.page.wait_for_selector(".mmp-notice-error").inner_text()
    assert complaints(tab) == []


def alive(process: psutil.Process) -> bool:
    """Whether a process still runs: one that was killed stays in the list until its parent has asked for it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_two_users_do_not_disturb_each_other_and_a_lost_kernel_is_said(visit, dashboard):
    one, other = visit("explore?s=other.npy&z=3"), visit("explore?s=other.npy&z=20")
    for tab, plane in [(one, 3), (other, 20)]:
        shows(tab, COUNT - 1 - plane)
        tab.page.focus(".mm-stage")
    one.page.keyboard.press("ArrowRight")
    other.page.keyboard.press("ArrowLeft")
    shows(one, COUNT - 1 - 4)
    shows(other, COUNT - 1 - 19)
    assert complaints(one) + complaints(other) == []
    killed = dashboard.kernels()
    for kernel in killed:
        kernel.kill()
    end = time.monotonic() + 10
    while any(map(alive, killed)) and time.monotonic() < end:
        time.sleep(0.05)
    one.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    one.page.wait_for_selector("text=The Python behind this page has ended")
    one.page.click("text=Reload")
    ready(one)
    shows(one, COUNT - 1 - 4)  # the address had kept it


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_on_laptop_and_phone(visit, dashboard, theme):
    SHOTS.mkdir(exist_ok=True)
    specimen = built_in()[0].name
    pages = {"home": "", "explore": f"explore?s={specimen}&o=planes", "fuse": f"fuse?s={specimen}&d=1&r=1"}
    tab = visit(pages["home"], color_scheme=theme)
    for name, address in pages.items():
        if name != "home":
            go(tab, dashboard.base + address)
            at_rest(tab)
        if name == "fuse":
            tab.page.wait_for_selector(".mm-pane >> nth=2", timeout=60_000)
        assert tab.page.evaluate("document.documentElement.dataset.theme") == theme
        for width, height in [(1366, 768), (390, 844)]:
            tab.page.set_viewport_size({"width": width, "height": height})
            tab.page.wait_for_timeout(400)
            tab.page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png", full_page=width < 500)
            assert overflow(tab) <= 0, f"{name} scrolls sideways at {width} px"
        assert serious(tab) == []
    tab.page.set_viewport_size({"width": 1366, "height": 768})
    tab.page.click("#mmp-theme")
    other = {"light": "dark", "dark": "light"}[theme]
    tab.page.reload()
    assert tab.page.evaluate("document.documentElement.dataset.theme") == other
    assert complaints(tab) == []


def test_pages_ask_no_other_host(dashboard):
    assert len(dashboard.asked) > 100
    outside = [url for url in dashboard.asked if not url.startswith((dashboard.base, "data:", "blob:"))]
    assert outside == []


def kernels_end(dashboard: Dashboard, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while dashboard.kernels() and time.monotonic() < end:
        time.sleep(0.2)
    return not dashboard.kernels()


def test_no_kernel_is_left_when_the_pages_are_closed(dashboard):
    # one whose page went away before it had its name is waited for by the server, and then ended
    assert kernels_end(dashboard, NEVER_HEARD_S + 4 * LOOK_S), dashboard.kernels()


def test_a_browser_that_ends_without_a_farewell_leaves_no_kernel(chromium, dashboard):  # noqa: F811
    context = chromium.new_context()
    context.add_init_script("navigator.sendBeacon = () => true")
    page = context.new_page()
    page.goto(f"{dashboard.base}about", timeout=60_000)
    page.wait_for_selector("body.mmp-ready", timeout=60_000)
    assert len(dashboard.kernels()) == 1
    context.close()
    assert kernels_end(dashboard, 15), dashboard.kernels()
