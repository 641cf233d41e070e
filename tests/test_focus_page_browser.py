"""The Focus page as its users meet it: its main path and its worst, with keys alone, at both widths and themes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser import chromium, open_tab  # noqa: F401
from test_pages_browser import (
    SHOTS,
    at_rest,
    complaints,
    dashboard,  # noqa: F401
    fetched,
    go,
    overflow,
    serious,
    shows,
    visit,  # noqa: F401
)

import mmlib
from mmlib.pipeline import write_curve, write_frames

pytestmark = pytest.mark.browser

SPECIMEN = "tissue_section"
MEGABYTE = 2**20
SLOWEST_MS = 120_000


def answered(tab, methods: int = 1) -> None:
    tab.page.wait_for_selector(f".mmf-method[data-state=done] >> nth={methods - 1}", timeout=SLOWEST_MS)


def linked(tab, words: str) -> None:
    tab.page.wait_for_function("(words) => location.search.includes(words)", arg=words, timeout=15_000)


def test_judge_compare_point_keep_and_download_the_bytes_of_the_library(visit, dashboard, tmp_path):  # noqa: F811
    tab = visit("focus?s=other.npy&e=42")
    page = tab.page
    answered(tab)
    at_rest(tab)
    stack = mmlib.open_stack("other.npy", data=dashboard.data)
    report = mmlib.focus(stack, cell=42, stride=42)
    shows(tab, len(stack) - 1 - report.best_frame)  # the frames of this stack are numbered downwards
    assert "From here" in page.inner_text(".mmf-advice") or "stay" in page.inner_text(".mmf-advice")

    page.get_by_label("Compare").select_option("Tenengrad")
    answered(tab, 2)
    linked(tab, "m=best,tenengrad")
    page.get_by_role("radio", name="Tenengrad").check()
    linked(tab, "g=tenengrad")
    page.get_by_role("radio", name=re.compile("^Best")).check()

    page.focus(".mm-stage")
    page.keyboard.press("Shift+ArrowRight")  # the middle cell first
    page.wait_for_selector("text=Row 3, column 4")
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_selector("text=Row 3, column 3")
    linked(tab, "i=")
    box = page.locator(".mm-stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.wait_for_function("!document.body.innerText.includes('Row 3, column 3')")
    page.mouse.move(2, 2)
    page.wait_for_selector("text=Row 3, column 3")

    kept = [advice.frame for advice in report.keep if advice.verdict == "sharp"]
    page.get_by_label(f"Keep frame {kept[0] + 1}", exact=True).uncheck()
    page.wait_for_selector(f"text={len(kept) - 1} of {len(stack)} frames are kept")
    page.get_by_label("Show frame 1", exact=True).click()
    shows(tab, len(stack) - 1)
    linked(tab, f"x={kept[0]}")
    page.get_by_role("button", name=re.compile("Make the file")).click()
    page.wait_for_selector("text=Kept frames, OME-TIFF", timeout=60_000)
    report.write_csv(tmp_path / "cells.csv")
    write_curve(report, stack, tmp_path / "curve.csv")
    write_frames(stack, kept[1:], tmp_path / "frames.ome.tif")
    for button, name in [("Cells, CSV", "cells.csv"), ("Focus curve, CSV", "curve.csv")]:
        assert fetched(tab, button) == (tmp_path / name).read_bytes(), name
    label = page.get_by_role("button", name=re.compile("OME-TIFF")).inner_text()
    assert fetched(tab, label) == (tmp_path / "frames.ome.tif").read_bytes()

    page.reload()
    page.wait_for_selector("body.mmp-ready", timeout=60_000)
    answered(tab, 2)
    assert not page.get_by_label(f"Keep frame {kept[0] + 1}", exact=True).is_checked()
    page.wait_for_selector("text=Row 3, column 3")
    assert complaints(tab) == []


def test_a_threshold_moves_the_table_of_a_specimen_with_truth(visit, dashboard):  # noqa: F811
    tab = visit(f"focus?s={SPECIMEN}&e=64&o=errors&m=bands")
    page = tab.page
    answered(tab)
    page.wait_for_selector(".mmf-truth")
    numbers = "[...document.querySelectorAll('.mmf-truth tbody td')].map((cell) => parseInt(cell.innerText))"
    before = page.evaluate(numbers)
    assert sum(before) > 50
    page.get_by_label("Sharp up to level").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    linked(tab, "t=5")
    page.wait_for_function(f"JSON.stringify({numbers}) !== '{str(before).replace(' ', '')}'")
    after = page.evaluate(numbers)
    assert sum(after) == sum(before)
    assert after[0] >= before[0]  # more of those in focus are found
    page.get_by_label("as the method itself says").check()
    page.wait_for_function(f"JSON.stringify({numbers}) === '{str(before).replace(' ', '')}'")
    for kernel in dashboard.kernels():
        memory = kernel.memory_full_info()
        assert memory.uss < 120 * MEGABYTE
        assert not any("libtorch" in part.path for part in kernel.memory_maps())
    assert complaints(tab) == []


def test_what_goes_wrong_is_one_sentence_and_a_cancelled_job_can_go_on(visit, dashboard):  # noqa: F811
    np.save(dashboard.data / "many.npy", np.random.default_rng(1).integers(0, 255, (40, 500, 500), dtype=np.uint8))
    tab = visit("focus?s=../../../etc/passwd")
    page = tab.page
    assert "no stack named" in page.wait_for_selector(".mmp-notice-error").inner_text()
    assert page.is_visible("text=No stack to judge yet")
    go(tab, f"{dashboard.base}focus?s=other.npy&m=bset&e=42")
    assert "'bset' that is not known here" in page.wait_for_selector(".mmp-notice-error").inner_text()
    answered(tab)  # by the usual one
    go(tab, f"{dashboard.base}focus?s=other.npy&e=1000")
    page.wait_for_selector(".mmf-method[data-state=failed]", timeout=60_000)
    assert "choose a smaller cell" in page.inner_text(".mmf-method-words")
    go(tab, f"{dashboard.base}focus?s=many.npy&m=dct_ratio,best")
    page.wait_for_selector(".mmf-method-words:has-text('%')", timeout=60_000)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_selector(".mmf-method[data-state=cancelled] >> nth=1")
    page.get_by_role("button", name="Take", exact=False).first.click()
    page.get_by_role("button", name="Judge again", exact=True).click()
    answered(tab)
    assert complaints(tab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_laptop_and_phone(visit, theme):  # noqa: F811
    SHOTS.mkdir(exist_ok=True)
    tab = visit(f"focus?s={SPECIMEN}&m=best,tenengrad&e=64&i=20", color_scheme=theme)
    answered(tab, 2)
    at_rest(tab)
    for width, height in [(1280, 800), (390, 844)]:
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.wait_for_timeout(400)
        tab.page.screenshot(path=SHOTS / f"focus-{theme}-{width}.png", full_page=width < 500)
        assert overflow(tab) <= 0, f"it scrolls sideways at {width} px"
        box = tab.page.locator(".mmp-bar [aria-current]").bounding_box()
        row = tab.page.locator(".mmp-bar nav").bounding_box()
        assert row["x"] <= box["x"], "the open page is out of the row of pages"
        assert box["x"] + box["width"] <= row["x"] + row["width"] + 1
        assert serious(tab) == []
    assert complaints(tab) == []
