"""The Pipeline and About pages in a real browser: a queue with a good, a broken and a cancelled stack."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Tab, chromium, free_port, open_tab, serving  # noqa: F401
from test_pages_browser import complaints, overflow, ready, serious

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).resolve().parents[1] / "artefacts"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pipeline")
    data = folder / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    np.save(data / "good.npy", rng.integers(0, 255, (5, 200, 260, 3), dtype=np.uint8))
    np.save(data / "long.npy", rng.integers(0, 255, (60, 900, 900, 3), dtype=np.uint8))
    (data / "broken.zip").write_bytes(b"no zip")
    command = [sys.executable, "-m", "mmlib", "serve", "--no-browser", "--port", str(port := free_port())]
    url, log = f"http://127.0.0.1:{port}/", folder / "log.txt"
    settings = {f"MMLIB_{name}": str(folder / name.lower()) for name in ("CACHE", "RESULTS")}
    with serving([*command, "--data", str(data)], f"{url}voila/templates/mmlib/static/pages.css", log, **settings):
        yield url
    assert "Traceback" not in log.read_text()


def test_a_queue_is_worked_through_and_its_results_can_be_kept(
    base: str,
    open_tab: Callable[..., Tab],  # noqa: F811
) -> None:
    tab = open_tab(f"{base}pipeline?s=good.npy,broken.zip,long.npy&deblur=off&measure=off")
    ready(tab)
    page = tab.page
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("alert").filter(has_text="zip").wait_for(timeout=60_000)
    page.locator(".mmq-entry", has_text="good.npy").get_by_text("Done: ").wait_for(timeout=120_000)
    long = page.locator(".mmq-entry", has_text="long.npy")
    long.get_by_role("button", name="Cancel").click()
    long.get_by_text("Cancelled; nothing was kept.").wait_for(timeout=20_000)
    page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=60_000)
    page.locator(".mmp-words", has_text="fused by").wait_for()
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("button", name="Everything, zip", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as zipped:
        assert {"fused.png", "report.html", "depth.tif"} <= set(zipped.namelist())
    assert serious(tab) == []
    page.screenshot(path=SHOTS / "pipeline_laptop.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    assert overflow(tab) <= 0
    page.screenshot(path=SHOTS / "pipeline_phone.png", full_page=True)
    long.get_by_role("button", name="Remove").click()
    long.wait_for(state="detached")
    page.wait_for_function("!location.search.includes('long')")
    assert complaints(tab) == []


def test_the_about_page_is_readable_everywhere(base: str, open_tab: Callable[..., Tab]) -> None:  # noqa: F811
    tab = open_tab(f"{base}about", width=390, height=844, color_scheme="dark")
    ready(tab)
    tab.page.get_by_text("It is not a medical device.").wait_for()
    tab.page.locator("summary").first.click()
    assert overflow(tab) <= 0
    assert serious(tab) == []
    tab.page.screenshot(path=SHOTS / "about_phone_dark.png", full_page=True)
    assert complaints(tab) == []
