"""The pages in JupyterLab: each opens, and the arrow keys belong to the picture while it has the focus."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from pathlib import Path

import pytest
from browser import chromium, free_port, open_tab, serving, write_notebook  # noqa: F401
from playwright.sync_api import TimeoutError as NotInTime

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
PAGES = ("index", "explore", "focus", "fuse")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for name in PAGES:
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", folder)
    write_notebook(folder / "keys.ipynb", "from mmlib.pages import explore\nexplore.show('onion_skin')")
    settings = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    settings |= {"MMLIB_CACHE": str(folder / "cache"), "MMLIB_RESULTS": str(folder / "results")}
    base = f"http://127.0.0.1:{(port := free_port())}"
    options = ["--no-browser", f"--port={port}", "--ip=127.0.0.1", "--allow-root", "--IdentityProvider.token="]
    command = [sys.executable, "-m", "jupyterlab", str(folder), *options]
    with serving(command, f"{base}/api", folder / "lab.log", **settings):
        yield base


def run_until(tab, shown: str) -> None:
    """Run all cells until something shows: a kernel that is not connected yet swallows the first request."""
    page = tab.page
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_selector(".jp-StatusBar-TextItem:has-text('Idle')", timeout=60_000)
    for _ in range(4):
        page.locator(".lm-MenuBar-itemLabel", has_text="Run").click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        with contextlib.suppress(NotInTime):
            page.wait_for_selector(shown, timeout=20_000)
            return
    page.wait_for_selector(shown, timeout=20_000)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens(lab, open_tab, name):  # noqa: F811
    tab = open_tab(f"{lab}/lab/tree/{name}.ipynb?reset")
    run_until(tab, ".mmp-page")
    assert tab.page.locator(".jp-RenderedText[data-mime-type*=error]").count() == 0


def test_keys_step_the_picture_and_leave_the_cells_alone(lab, open_tab):  # noqa: F811
    tab = open_tab(f"{lab}/lab/tree/keys.ipynb?reset")
    page = tab.page
    run_until(tab, ".mm-view[data-badge=exact]")
    slider = page.locator(".mm-planes input[type=range]").first
    slider.focus()
    cells, start = page.locator(".jp-Cell").count(), int(slider.input_value())
    for key, change in (("ArrowLeft", -1), ("ArrowRight", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        page.wait_for_function(
            "([at]) => +document.querySelector('.mm-planes input[type=range]').value === at", arg=[start + change]
        )
    page.keyboard.press("Home")
    page.wait_for_function("+document.querySelector('.mm-planes input[type=range]').value === 0")
    for key in ("a", "b", "x", "d", "d"):  # in Lab's command mode: new cells, cut, delete
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.locator(".jp-Cell").count() == cells
