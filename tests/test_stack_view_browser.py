"""The widgets in a real browser, served by plain Voilà: a code drawn into each frame proves which one is on screen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from browser import Tab, chromium, open_tab, voila, write_notebook  # noqa: F401
from stack_view_page import FRAMES, PAGE, READ

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    uploads = folder / "uploads"
    write_notebook(folder / "view.ipynb", FRAMES, PAGE.replace("UPLOADS", str(uploads)))
    with voila(folder) as base:
        yield base, uploads


def opened(open_tab, pages, **options) -> Tab:  # noqa: F811
    tab = open_tab(f"{pages[0]}/view.ipynb", **options)
    tab.page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=60_000)
    tab.page.evaluate(READ)
    return tab


@pytest.fixture(scope="module")
def tab(chromium, pages):  # noqa: F811
    """One page for the tests that leave it as they found it."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    shared = Tab(context.new_page())
    shared.page.goto(f"{pages[0]}/view.ipynb", wait_until="load", timeout=60_000)
    shared.page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=60_000)
    shared.page.evaluate(READ)
    yield shared
    shared.page.close(run_before_unload=True)
    context.close()


@pytest.fixture(autouse=True)
def at_the_start(request):
    """Bring the shared page back to plane 30, side by side, fitted."""
    if "tab" in request.fixturenames:
        page = request.getfixturevalue("tab").page
        page.focus(".mm-stage")
        page.keyboard.press("0")
        page.click('[aria-label="Side by side"]')
        page.click('[aria-label="Move the picture"]')
        page.locator(".mm-plane").evaluate("(slider) => (slider.value = 30, slider.dispatchEvent(new Event('input')))")
        page.wait_for_function("shown() === 30")
        page.focus(".mm-stage")


def told(page, **expected) -> dict:
    """Wait until the kernel knows what is expected, and give all that it knows."""
    page.wait_for_function(
        """expected => {
          const told = JSON.parse(document.querySelector('.told').textContent || '{}');
          return Object.entries(expected).every(([k, v]) => JSON.stringify(told[k]) === JSON.stringify(v));
        }""",
        arg=expected,
        timeout=10_000,
    )
    return json.loads(page.text_content(".told"))


def test_keys_step_planes_and_the_kernel_follows(tab):
    page = tab.page
    for key, plane in [
        ("ArrowRight", 31),
        ("ArrowUp", 32),
        ("ArrowLeft", 31),
        ("PageUp", 41),
        ("End", 59),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        page.wait_for_function(f"shown() === {plane}")
    assert page.evaluate("shown(1)") == 200
    told(page, index=0)
    page.focus(".mm-plane")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("shown() === 1")
    assert page.get_attribute(".mm-plane", "aria-valuetext") == "frame 2 of 60, 0.5 µm"


def test_a_held_key_shows_every_plane(tab):
    page = tab.page
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.mm-loaded').dataset.all === 'true' && shown() === 0")
    page.evaluate("""() => {
      window.seen = new Set();
      const look = () => { window.seen.add(shown()); window.looking = requestAnimationFrame(look); };
      look();
    }""")
    page.evaluate("""() => new Promise((done) => {
      let presses = 0;
      const stage = document.querySelector('.mm-stage');
      const timer = setInterval(() => {
        stage.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, repeat: presses > 0 }));
        if ((presses += 1) === 41) { clearInterval(timer); done(); }
      }, 1000 / 30);
    })""")
    page.wait_for_function("window.seen.has(41)")
    seen = page.evaluate("(cancelAnimationFrame(window.looking), [...window.seen])")
    assert set(range(42)) <= set(seen)


def test_at_rest_the_picture_is_exact(tab):
    page = tab.page
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('.mm-view[data-badge="exact"]')
    told(page, badge="exact")
    ramp = np.linspace(40, 200, 320).astype(np.uint8)
    for x in (10, 100, 250, 310):
        assert abs(page.evaluate(f"pixel({x}.5, 200.5)") - int(ramp[x])) <= 1  # between two equal grey values at most


def test_the_wheel_steps_planes_and_zooms_with_ctrl(tab):
    page = tab.page
    page.hover(".mm-pane >> nth=0")
    page.mouse.wheel(0, 120)
    page.wait_for_function("shown() === 31")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_function("parseInt(document.querySelector('.mm-zoom').textContent) > 120")
    assert page.evaluate("document.querySelector('.mm-plane').value") == "31"


def test_both_panes_look_through_one_camera(tab):
    page = tab.page
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_function("parseInt(document.querySelector('.mm-zoom').textContent) === 244")
    box = page.locator(".mm-pane").nth(0).bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 180, steps=4)
    page.mouse.up()
    page.wait_for_timeout(600)
    same = page.evaluate("""() => {
      const [a, b] = [...document.querySelectorAll('.mm-picture')].map((c) => {
        const y = Math.round(c.height * 0.8);
        return [...c.getContext('2d').getImageData(0, y, c.width, 1).data];
      });
      return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    }""")
    assert same <= 1
    camera = told(page, layout_mode="side")["camera"]
    assert camera["zoom"] == pytest.approx(1.25**4)
    assert camera["x"] > 0.5
    page.dblclick(".mm-pane >> nth=0")
    told(page, camera={"zoom": 1, "x": 0.5, "y": 0.5})


def test_the_curtain_moves_by_key_and_by_drag(tab):
    page = tab.page
    page.keyboard.press("c")
    told(page, layout_mode="curtain", curtain=[0.5])
    page.focus(".mm-handle")
    page.keyboard.press("ArrowLeft")
    told(page, curtain=[0.48])
    stage = page.locator(".mm-stage").bounding_box()
    grip = page.locator(".mm-grip").bounding_box()
    page.mouse.move(grip["x"] + 13, grip["y"] + 13)
    page.mouse.down()
    picture = min(stage["width"], stage["height"] * 320 / 240)  # the curtain hangs over the picture alone
    page.mouse.move(stage["x"] + (stage["width"] - picture) / 2 + 0.25 * picture, grip["y"], steps=4)
    page.mouse.up()
    page.wait_for_function("Math.abs(document.querySelector('.mm-handle').getAttribute('aria-valuenow') - 25) <= 1")
    clips = page.evaluate("[...document.querySelectorAll('.mm-pane')].map((pane) => pane.style.clipPath)")
    assert clips[0] != clips[1]
    assert page.locator(".mm-handle").get_attribute("role") == "slider"


def test_contrast_is_made_in_the_browser(tab):
    page = tab.page
    page.click('[aria-label="Contrast"]')
    page.locator('[aria-label="Black point"]').fill("0.5")
    told(page, contrast=[0.5, 1, 1])
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    box = page.locator(".mm-pane").nth(0).bounding_box()
    # on screen: the left of the ramp, darker than half, is black now; a white block is still white
    shot = page.screenshot(clip=box)
    import cv2

    screen = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_GRAYSCALE)
    scale = min(box["width"] / 320, box["height"] / 240)
    left = (box["width"] - 320 * scale) / 2
    at = lambda x, y: int(screen[int(y * scale), int(left + x * scale)])  # noqa: E731
    assert at(100, 215) <= 2
    assert at(300, 150) == pytest.approx(2 * (40 + 160 * 300 / 319) - 255, abs=6)
    page.click('[aria-label="Contrast"]')
    page.click("text=Reset")
    page.keyboard.press("Escape")
    told(page, contrast=[0, 1, 1])


def test_a_region_a_line_and_a_click_reach_the_kernel(tab):
    page = tab.page
    box = page.locator(".mm-pane").nth(0).bounding_box()
    scale = min(box["width"] / 320, box["height"] / 240)
    left = box["x"] + (box["width"] - 320 * scale) / 2

    def drag(x0, y0, x1, y1):
        page.mouse.move(left + x0 * scale, box["y"] + y0 * scale)
        page.mouse.down()
        page.mouse.move(left + x1 * scale, box["y"] + y1 * scale, steps=3)
        page.mouse.up()

    page.click('[aria-label="Draw a region"]')
    drag(50, 60, 150, 120)
    page.wait_for_function("JSON.parse(document.querySelector('.told').textContent).region !== null")
    assert np.allclose(told(page)["region"], [50, 60, 100, 60], atol=2)
    page.click('[aria-label="Draw a line"]')
    drag(10, 200, 300, 100)
    page.wait_for_function("JSON.parse(document.querySelector('.told').textContent).line !== null")
    assert np.allclose(told(page)["line"], [10, 200, 300, 100], atol=2)
    before = len(told(page)["picked"])
    page.mouse.click(left + 33 * scale, box["y"] + 150 * scale)
    page.wait_for_function("JSON.parse(document.querySelector('.told').textContent).picked.length > " + str(before))
    x, y, plane, pane = told(page)["picked"][-1]
    assert (round(x), round(y), plane, pane) == (33, 150, 30, 0)


def test_the_pointer_reads_the_value_beneath_it(tab):
    page = tab.page
    page.wait_for_selector('.mm-view[data-badge="exact"]')
    box = page.locator(".mm-pane").nth(1).bounding_box()
    scale = min(box["width"] / 320, box["height"] / 240)
    page.mouse.move(box["x"] + (box["width"] - 320 * scale) / 2 + 160.5 * scale, box["y"] + 200.5 * scale)
    words = page.text_content(".mm-reading")
    assert words.split("=")[0].split()[:4] == ["x", "160", "y", "200"]
    assert int(words.split("=")[1]) == int(np.linspace(40, 200, 320)[160])


def test_playing_moves_by_itself_and_stops(tab):
    page = tab.page
    page.keyboard.press("Space")
    page.wait_for_function("shown() > 32")
    assert page.locator('[aria-label="Pause (space)"]').count() == 1
    page.keyboard.press("Space")
    told(page, playing=False)
    still = page.evaluate("shown()")
    page.wait_for_timeout(400)
    assert page.evaluate("shown()") == still


def test_a_click_on_the_curve_shows_that_plane(tab):
    page = tab.page
    box = page.locator(".mm-curve-area").bounding_box()
    page.mouse.click(box["x"] + 14 + (box["width"] - 28) * 41 / 59, box["y"] + 60)
    page.wait_for_function("shown() === 41")
    page.focus(".mm-curve-area")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("shown() === 42")
    assert "frame 43" in page.get_attribute(".mm-curve-area", "aria-valuetext")
    page.click(".mm-key >> nth=1")
    page.wait_for_function("document.querySelectorAll('.mm-curve').length === 1")
    page.click(".mm-key >> nth=1")


def test_the_sheet_of_keys_opens_and_closes(tab):
    page = tab.page
    page.keyboard.press("?")
    assert page.is_visible(".mm-sheet")
    page.keyboard.press("Escape")
    assert not page.is_visible(".mm-sheet")


def test_an_upload_in_pieces_is_byte_identical(tab, pages, tmp_path):
    page = tab.page
    data = np.random.default_rng(1).bytes(5_000_000)
    (tmp_path / "film.bin").write_bytes(data)
    (tmp_path / "notes.txt").write_text("no")
    page.set_input_files(".mm-upload input", [tmp_path / "film.bin", tmp_path / "notes.txt"])
    page.wait_for_selector('.mm-file[data-state="done"]', timeout=20_000)
    page.wait_for_selector('.mm-file[data-state="refused"]')
    assert "not taken here" in page.text_content('.mm-file[data-state="refused"]')
    page.wait_for_function("document.querySelector('.done').textContent")
    written = Path(page.text_content(".done"))
    assert hashlib.sha256(written.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert [path.name for path in pages[1].iterdir()] == ["film.bin"]


def test_people_with_other_senses_are_not_shut_out(tab):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab.page, context={"include": [[".mm-view"], [".mm-curves"], [".mm-upload"]]})
    assert [violation["id"] for violation in found.response["violations"]] == []


def test_nothing_was_complained_about(tab):
    # plain Voilà's own template asks for a style sheet from outside, which does not exist here
    assert [words for words in tab.complaints if "Failed to load resource" not in words] == []


def test_on_a_phone_nothing_scrolls_sideways_and_another_specimen_replaces_the_first(open_tab, pages):  # noqa: F811
    phone = opened(open_tab, pages, width=390, height=844, has_touch=True, color_scheme="dark")
    page = phone.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click('[aria-label="One frame up (→)"]')
    page.wait_for_function("shown() === 31")
    page.click("text=other specimen")
    page.wait_for_function("shown() === 110")
    page.wait_for_selector('.mm-view[data-badge="exact"]')
    page.focus(".mm-stage")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("shown() === 111")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('.mm-pane[data-state="failed"]')
    assert page.text_content(".mm-trouble") == "frame 12 is damaged"
    page.keyboard.press("End")
    page.wait_for_function("shown() === 159")
    assert page.locator(".mm-pane").count() == 1
    assert [words for words in phone.complaints if "Failed to load resource" not in words] == []
