"""Cells over a stack: what the browser is told, how one is pointed at and chosen; and deep pixels read as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browser import chromium, open_tab, voila, write_notebook  # noqa: F401

from mmlib.errors import InputError
from mmlib.stacks import from_array
from mmlib.widgets import CellGrid, CellStyle, Pane, StackView

STYLES = (CellStyle(fill="rgb(255 0 0 / 1)"), CellStyle(fill="rgb(0 0 255 / 1)", hatch="#fff", label="7"))

PAGE = """
import json
import ipywidgets
import numpy as np
from mmlib.stacks import from_array
from mmlib.widgets import CellGrid, CellStyle, Pane, StackView

ramp = np.tile(np.linspace(0, 4095, 320).astype(np.uint16), (240, 1))
stack = from_array(np.stack([ramp, ramp[:, ::-1], ramp]), bit_depth=12)
view = StackView([Pane(stack=stack)], index=0, height="480px")
codes = np.zeros((3, 2, 3), int)
codes[1] = 1
styles = [CellStyle(fill="rgb(255 0 0)"), CellStyle(fill="rgb(0 0 255)")]
view.overlays = [CellGrid(codes, x=(0, 100, 200), y=(0, 100), size=100, styles=styles)]
told = ipywidgets.Label()
told.add_class("told")
tell = lambda *_: setattr(told, "value", json.dumps([view.cell, view.cell_over]))
view.observe(tell)
ipywidgets.VBox([view, told])
"""
PIXEL = """([share_x, share_y]) => {
  const canvas = document.querySelector(".mm-over");
  const at = [Math.round(canvas.width * share_x), Math.round(canvas.height * share_y)];
  return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].join();
}"""


def test_the_browser_is_told_one_code_for_every_cell_and_plane() -> None:
    codes = np.arange(24).reshape(2, 3, 4) % 2
    view = StackView()
    view.overlays = [CellGrid(codes, x=range(0, 40, 10), y=range(0, 30, 10), size=10, styles=STYLES)]
    (told,) = view.get_state()["overlays"]
    assert (told["type"], told["planes"], told["x"], told["size"]) == ("cellgrid", 2, [0, 10, 20, 30], 10)
    assert np.array_equal(np.frombuffer(told["codes"], "<u2").reshape(2, 3, 4), codes)
    assert told["styles"][1] == {"fill": "rgb(0 0 255 / 1)", "edge": "", "hatch": "#fff", "label": "7"}


def test_a_grid_without_a_code_for_every_cell_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs codes \(K, 2, 2\)"):
        CellGrid(np.zeros((1, 2, 3)), x=(0, 10), y=(0, 10), size=10, styles=STYLES).describe()


def test_a_pixel_is_read_as_the_camera_gave_it() -> None:
    frames = np.random.default_rng(2).integers(0, 4096, (3, 6, 7, 3)).astype(np.uint16)
    pane = Pane(stack=from_array(frames, bit_depth=12))
    assert pane.values(2, 5, 4) == frames[2, 4, 5].tolist()
    assert pane.describe("k")["white"] == 4095
    assert Pane(picture=frames[0, :, :, 0].astype(np.uint8)).values(0, 3, 1) == [int(frames[0, 1, 3, 0]) & 255]


@pytest.mark.browser
def test_a_cell_is_pointed_at_and_chosen_by_mouse_and_keys_and_deep_pixels_are_read(open_tab, tmp_path) -> None:  # noqa: F811
    write_notebook(tmp_path / "page.ipynb", PAGE)
    with voila(tmp_path) as base:
        page = (tab := open_tab(f"{base}/page.ipynb")).page
        page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=60_000)

        def until(chosen: int, over: int) -> None:
            page.wait_for_function(
                "(value) => document.querySelector('.told')?.innerText.trim() === value",
                arg=json.dumps([chosen, over]),
                timeout=10_000,
            )

        box = page.locator(".mm-stage").bounding_box()
        scale = min(box["width"] / 320, box["height"] / 240)
        left, top = (box["width"] - 320 * scale) / 2, (box["height"] - 240 * scale) / 2

        def at(x: float, y: float) -> tuple[float, float]:
            return box["x"] + left + x * scale, box["y"] + top + y * scale

        page.mouse.move(*at(150, 50))
        until(-1, 1)
        page.wait_for_function("document.querySelector('.mm-reading').innerText.includes('=')")
        words = page.inner_text(".mm-reading")
        column = int(words.split()[1])
        assert f"= {int(np.linspace(0, 4095, 320)[column])}" in words
        page.mouse.move(*at(150, 220))
        until(-1, -1)
        page.mouse.click(*at(250, 150))
        until(5, 5)
        page.keyboard.press("Shift+ArrowLeft")
        until(4, 5)
        page.keyboard.press("Shift+ArrowUp")
        until(1, 5)
        share = [(left + 50 * scale) / box["width"], (top + 150 * scale) / box["height"]]
        assert page.evaluate(PIXEL, share) == "255,0,0,255"
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"({PIXEL})({json.dumps(share)}) === '0,0,255,255'")
        page.keyboard.press("Escape")
        until(-1, 5)
        assert [words for words in tab.complaints if "Failed to load" not in words] == []
