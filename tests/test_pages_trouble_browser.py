"""Pages in trouble, in a real browser: a line that is cut and mended, and a computer too busy to start a widget."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_line import line_to
from browser import Tab, chromium, open_tab  # noqa: F401
from test_pages_browser import COUNT, at_rest, complaints, dashboard, go, ready, shows  # noqa: F401

pytestmark = pytest.mark.browser

# Keeps the browser busy for longer than anywidget waits, right when the first two widgets are loaded.
BUSY = """
const make = URL.createObjectURL.bind(URL);
let left = 2;
URL.createObjectURL = (what) => {
  const end = performance.now() + (left-- > 0 ? 2600 : 0);
  while (performance.now() < end);
  return make(what);
};
"""


def test_a_page_whose_line_is_cut_says_so_and_goes_on_when_it_is_mended(
    dashboard,  # noqa: F811
    open_tab: Callable[..., Tab],  # noqa: F811
) -> None:
    port = int(dashboard.base.rstrip("/").rpartition(":")[2])
    with line_to(port) as line:
        tab = open_tab("about:blank")
        go(tab, f"http://127.0.0.1:{line.port}/explore?s=other.npy&z=3")
        at_rest(tab)
        page = tab.page
        page.wait_for_selector('.mm-loaded[data-all="true"]', state="attached", timeout=60_000)
        measures = page.locator(".mmp-chip")
        before = measures.count()
        line.cut()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_selector("text=The dashboard does not answer", timeout=20_000)
        page.focus(".mm-stage")
        page.keyboard.press("ArrowRight")
        shows(tab, COUNT - 1 - 4)  # the frames are in the browser: one can go on looking
        page.get_by_label("Add").select_option(label="Brenner")
        page.wait_for_timeout(2000)
        assert measures.count() == before
        line.mend()
        page.wait_for_function("(count) => document.querySelectorAll('.mmp-chip').length > count", arg=before)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_selector("#mmp-gone", state="detached", timeout=20_000)


def test_a_browser_that_is_slow_to_start_its_widgets_shows_the_page_all_the_same(
    dashboard,  # noqa: F811
    open_tab: Callable[..., Tab],  # noqa: F811
) -> None:
    tab = open_tab("about:blank")
    tab.page.add_init_script(BUSY)
    tab.page.goto(f"{dashboard.base}explore?s=other.npy&z=3", timeout=60_000)
    ready(tab)
    at_rest(tab)
    shows(tab, COUNT - 1 - 3)
    assert complaints(tab) == []


def test_what_changes_while_a_slow_browser_still_loads_is_on_the_page_in_the_end(
    dashboard,  # noqa: F811
    open_tab: Callable[..., Tab],  # noqa: F811
) -> None:
    tab = open_tab("about:blank")
    asked: list[str] = []
    tab.page.on("websocket", lambda line: asked.append(line.url))

    def late(route: Any) -> None:
        """Hold up the code of the widgets, which is fetched after the kernel was asked for them, until all is done."""
        end = time.monotonic() + 120
        while asked and measured() < 2 and time.monotonic() < end:
            time.sleep(0.2)
        time.sleep(2 if asked else 0)
        route.continue_()

    def measured() -> int:
        results = Path(os.environ["MMLIB_RESULTS"]).glob("*/result.json")
        return sum(json.loads(one.read_text())["verb"] == "measure" for one in results)

    tab.page.route("**/jupyterlab-manager/static/*.js*", late)
    tab.page.goto(f"{dashboard.base}deblur?s=other.npy&z=3&m=wiener&r=1", timeout=60_000)
    tab.page.wait_for_selector("body.mmp-ready", timeout=150_000)
    tab.page.wait_for_selector("th:has-text('BRISQUE')", timeout=20_000)
    assert tab.page.locator(".mm-title").all_inner_texts() == ["Blurred", "Wiener"]
    assert complaints(tab) == []
