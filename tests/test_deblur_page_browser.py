"""Deblur, and what the Fuse page compares, as users meet them: a real server, real jobs, a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from browser import chromium, open_tab  # noqa: F401
from test_pages_browser import SHOTS, at_rest, complaints, dashboard, fetched, go, overflow, ready, serious, visit

from mmlib.deblurring import METHODS
from mmlib.pipeline import deblur_frame, open_frames, write_deblurred

pytestmark = pytest.mark.browser
__all__ = ["dashboard", "visit"]

MEMORY_MB = 120
LEARNED = sorted(set(METHODS) - {"none", "wiener", "richardson_lucy"})


@pytest.fixture(scope="module", autouse=True)
def no_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every trained method lacks its weights, as in a checkout without them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMLIB_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
        yield


def private_mb(process: psutil.Process) -> float:
    info = process.memory_full_info()
    return float(info.uss) / 1e6


def test_two_methods_under_one_curtain_measured_whole_and_by_region(visit, dashboard, tmp_path):
    tab = visit("deblur?s=pollen&v=4")
    page = tab.page
    at_rest(tab)
    for box in page.locator(".mmp-panel:has(h2:text-is('Methods')) input[type=checkbox]:checked").all():
        box.uncheck()
    page.get_by_role("button", name="Deblur", exact=True, disabled=True).wait_for(timeout=20_000)
    page.get_by_label("Wiener").check()
    page.get_by_label("Richardson-Lucy").check()
    page.wait_for_function("location.search.includes('m=richardson_lucy,wiener')")
    page.get_by_role("button", name="Deblur", exact=True).click()
    page.wait_for_selector(".mm-pane >> nth=3", timeout=180_000)
    assert page.locator(".mm-title").all_inner_texts() == ["Blurred", "Richardson-Lucy", "Wiener", "Truth"]
    page.wait_for_selector("th:has-text('PSNR')", timeout=240_000)

    page.focus(".mm-stage")
    page.keyboard.press("c")
    page.wait_for_selector('.mm-view[data-mode="curtain"]')
    handle = page.locator(".mm-handle").first
    before = float(handle.get_attribute("aria-valuenow"))
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"Number(document.querySelector('.mm-handle').getAttribute('aria-valuenow')) > {before}")
    page.focus(".mm-stage")
    page.keyboard.press("c")

    page.get_by_role("button", name="Draw a region").click()
    pane = page.locator(".mm-pane").first.bounding_box()
    middle = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    page.mouse.move(middle[0] - 60, middle[1] - 40)
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] + 40, steps=4)
    page.mouse.up()
    page.wait_for_selector("th:has-text('Region PSNR')", timeout=20_000)
    page.wait_for_function("location.search.includes('g=')")

    stack = open_frames("pollen", speed=4)
    number = int(page.evaluate("new URLSearchParams(location.search).get('z')"))
    write_deblurred(deblur_frame(stack, number, method="wiener", speed=4), stack, tmp_path / "direct.png")
    assert fetched(tab, "Wiener, PNG") == (tmp_path / "direct.png").read_bytes()

    page.get_by_role("button", name="Difference", exact=True).click()
    page.wait_for_selector("text=Wiener − Blurred")
    page.get_by_label("Taken from").select_option("the truth")
    page.wait_for_selector("text=Wiener − Truth")
    assert page.locator(".mm-map-legend").first.is_visible()
    page.get_by_role("button", name="Spectrum", exact=True).click()
    page.wait_for_selector("text=Spectrum of Wiener, region")
    page.get_by_role("button", name="Pictures", exact=True).click()
    page.wait_for_selector(".mm-title:text-is('Wiener')")
    for kernel in dashboard.kernels():
        assert private_mb(kernel) < MEMORY_MB

    page.reload()
    ready(tab)
    page.wait_for_selector(".mm-pane >> nth=3", timeout=180_000)  # done before: there again without any work
    page.wait_for_selector("th:has-text('Region PSNR')", timeout=180_000)
    assert complaints(tab) == []


def test_what_goes_wrong_is_said_in_its_row_and_the_rest_goes_on(visit, dashboard):
    noise = np.random.default_rng(0).integers(0, 255, (24, 400, 400, 3), dtype=np.uint8)
    np.save(dashboard.data / "shaken.npy", noise)
    methods = ["wiener", *LEARNED[:1]]
    tab = visit(f"deblur?s=shaken.npy&z=3&m={','.join(methods)}&r=1")
    page = tab.page
    page.wait_for_selector(".mm-pane >> nth=1", timeout=180_000)
    if LEARNED:
        words = page.wait_for_selector(".mmp-notice-error", timeout=180_000).inner_text()
        assert "mmlib train" in words or "weights" in words
        assert "\n" not in words.strip()
    assert page.locator(".mm-title").all_inner_texts() == ["Blurred", "Wiener"]
    page.get_by_label("Every frame of the stack").check()
    page.get_by_role("button", name="Deblur", exact=True).click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_selector("text=Cancelled; what was done before is still here.")
    assert page.get_by_role("button", name="Deblur", exact=True).is_enabled()
    go(tab, f"{dashboard.base}deblur?s=../../etc/passwd&m=no")
    assert "no stack named" in page.wait_for_selector(".mmp-notice-error").inner_text()
    assert page.is_visible("text=No blurred frame yet")
    assert complaints(tab) == []


def test_fused_methods_side_by_side_and_a_pixel_that_tells_its_frame(visit):
    tab = visit("fuse?s=other.npy&m=pyramid&a=off")
    page = tab.page
    at_rest(tab)
    page.get_by_label("Beside it").select_option("mean")
    page.get_by_role("button", name="Leave frame", exact=False).click()
    page.wait_for_function("location.search.includes('f=')")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("!location.search.includes('f=')")
    page.get_by_role("button", name="Fuse", exact=True).click()
    page.wait_for_selector(".mm-title:text-is('mean')", timeout=180_000)
    page.get_by_label("Show which frame each pixel is from").check()
    page.get_by_label("Show it as a relief").check()
    page.wait_for_selector(".mm-title:text-is('Which frame')")
    page.wait_for_selector(".mm-title:text-is('Relief')")
    page.wait_for_selector("th:has-text('Q_AB/F')", timeout=240_000)
    pane = page.locator(".mm-pane >> nth=1").bounding_box()
    page.mouse.click(pane["x"] + pane["width"] / 3, pane["y"] + pane["height"] / 2)
    words = page.wait_for_selector("text=is from frame").inner_text()
    frame = int(words.rstrip(".").split("frame ")[1].split(",")[0])
    page.wait_for_function(f"shown() === {24 - frame}")  # this stack is coded backwards, from 23 down to 0
    page.get_by_role("button", name="Difference", exact=True).click()
    page.wait_for_selector("text=mean − pyramid")
    assert complaints(tab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_deblur_and_comparisons_on_laptop_and_phone(visit, dashboard, theme):
    SHOTS.mkdir(exist_ok=True)
    pages = {
        "deblur-empty": ("deblur", 0),
        "deblur": ("deblur?s=pollen&v=4&z=2&m=wiener,richardson_lucy&r=1", 4),
        "deblur-difference": ("deblur?s=pollen&v=4&z=2&m=wiener,richardson_lucy&o=difference&r=1", 2),
        "fuse-beside": ("fuse?s=pollen&v=4&m=pyramid&n=mean&d=1&l=1&i=1&r=1", 6),
    }
    tab = visit("deblur", color_scheme=theme)
    for name, (address, panes) in pages.items():
        go(tab, dashboard.base + address)
        if panes:
            tab.page.wait_for_selector(f".mm-pane >> nth={panes - 1}", timeout=240_000)
            tab.page.wait_for_selector("th:has-text('SSIM')", timeout=240_000)
            at_rest(tab)
        for width, height in [(1280, 800), (390, 844)]:
            tab.page.set_viewport_size({"width": width, "height": height})
            tab.page.wait_for_timeout(400)
            tab.page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png", full_page=width < 500)
            assert overflow(tab) <= 0, f"{name} scrolls sideways at {width} px"
        assert serious(tab) == []
    assert complaints(tab) == []
