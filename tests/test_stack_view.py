"""The widgets' half in Python: what is described, owed, encoded and picked, without a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.stacks import from_array
from mmlib.widgets import (
    Cell,
    Grid,
    Line,
    Pane,
    Pick,
    Points,
    Rectangle,
    StackView,
    Tint,
    coloured,
    masked,
)
from mmlib.widgets import camera as cameras
from mmlib.widgets import overlays as laid
from mmlib.widgets.modules import FRONT, join_modules
from mmlib.widgets.outbox import Outbox, Wanted
from mmlib.widgets.panes import PREVIEW_EDGE, encode


def make_stack(count: int = 7, **known: Any):
    rng = np.random.default_rng(3)
    return from_array(rng.integers(0, 256, (count, 20, 30, 3), dtype=np.uint8), **known)


def decoded(data: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


# ---- panes


def test_exact_frames_are_exact_and_previews_are_close():
    smooth = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (48, 1))
    colour = np.dstack([smooth, smooth[:, ::-1], np.full_like(smooth, 90)])
    for frame in (smooth, colour):
        assert np.array_equal(decoded(encode(frame, "exact")), frame)
        preview = decoded(encode(frame, "preview"))
        assert preview.shape == frame.shape
        assert np.abs(preview.astype(int) - frame).mean() < 3


def test_a_very_large_preview_is_shrunk_and_keeps_its_shape():
    frame = np.zeros((PREVIEW_EDGE // 2, 2 * PREVIEW_EDGE), np.uint8)
    assert decoded(encode(frame, "preview")).shape == (PREVIEW_EDGE // 4, PREVIEW_EDGE)


@pytest.mark.parametrize(("bit_depth", "highest", "white"), [(12, 4095, 4095), (12, 60000, 65535), (16, 40000, 65535)])
def test_deep_frames_are_scaled_by_what_the_camera_can_count_to(bit_depth, highest, white):
    frames = np.linspace(0, highest, 3 * 4 * 5).astype(np.uint16).reshape(3, 4, 5)
    pane = Pane(stack=from_array(frames, bit_depth=bit_depth))
    assert pane.white == white
    shown = pane.frame(2)
    assert shown.dtype == np.uint8
    assert np.abs(shown - frames[2] * (255 / white)).max() <= 0.51


def test_a_pane_shows_exactly_one_thing():
    with pytest.raises(InputError, match="a stack or a picture"):
        Pane()
    with pytest.raises(InputError, match="exactly one"):
        Pane(stack=make_stack(), picture=np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"Fused must be \(H, W\)"):
        Pane(picture=np.zeros((2, 2, 2)), title="Fused")


def test_a_float_picture_is_rounded_to_eight_bit():
    pane = Pane(picture=np.array([[0.0, 0.5, 1.0]]))
    assert pane.frame(0).tolist() == [[0, 128, 255]]
    told = pane.describe("k")
    assert (told["width"], told["height"], told["count"], told["colour"]) == (3, 1, 1, False)


def test_what_the_browser_is_told_of_a_stack():
    stack = make_stack(3, z_um=(0.0, 1.5, 3.0), pixel_um=0.25)
    told = Pane(stack=stack, title="Leaf").describe("s1")
    assert told["z_um"] == [0, 1.5, 3]
    assert told["pixel_um"] == 0.25
    assert (told["width"], told["height"], told["count"], told["kind"]) == (30, 20, 3, "stack")


# ---- the outbox


def frames(*planes: int) -> list[Wanted]:
    return [Wanted("s1", plane, "preview") for plane in planes]


def drain(box: Outbox) -> list[int]:
    planes = []
    while owed := box.take():
        planes.append(owed[2].plane)
    return planes


def test_frames_leave_in_the_order_asked_for():
    box = Outbox()
    token = box.renew()
    assert box.ask("a", token, 0, frames(5, 6, 4, 7))
    assert drain(box) == [5, 6, 4, 7]
    assert box.take() is None


def test_a_jump_replaces_what_was_asked_before():
    box = Outbox()
    token = box.renew()
    box.ask("a", token, 0, frames(0, 1, 2, 3))
    assert box.take()[2].plane == 0
    box.ask("a", token, 0, frames(50, 51))
    assert drain(box) == [50, 51]


def test_a_frame_on_its_way_is_not_sent_twice_until_it_counts_as_lost():
    box = Outbox()
    token = box.renew()
    box.ask("a", token, 0, frames(0, 1, 2))
    box.take(), box.take()
    box.ask("a", token, 1, frames(1, 2, 3))  # the browser has frame 0; frame 1 is on its way
    assert drain(box) == [2, 3]
    box.ask("a", token, 1, frames(1, 2, 3))
    assert drain(box) == []
    box.ask("a", token, 1, frames(1, 2, 3), again=True)
    assert drain(box) == [1, 2, 3]


def test_a_new_specimen_cancels_all_that_was_owed():
    box = Outbox()
    old = box.renew()
    box.ask("a", old, 0, frames(0, 1, 2))
    new = box.renew()
    assert box.take() is None
    assert not box.ask("a", old, 0, frames(3))
    assert box.ask("a", new, 0, frames(4))
    assert drain(box) == [4]


def test_two_browsers_take_turns():
    box = Outbox()
    token = box.renew()
    for name in "ab":
        box.meet(name)
        box.ask(name, token, 0, frames(0, 1))
    assert [box.take()[0] for _ in range(4)] == ["a", "b", "a", "b"]


# ---- the view


class Wire:
    """Stands for the line to a browser: keeps what a view sends."""

    def __init__(self, view: StackView) -> None:
        self.view = view
        self.got: list[tuple[dict, bytes]] = []
        view.send = self.take  # type: ignore[method-assign]

    def take(self, message: dict, buffers: Any = ()) -> None:
        self.got.append((message, buffers[0] if buffers else b""))

    def want(self, *wanted: tuple[str, int, str], seen: int = 0, token: int | None = None) -> None:
        told = self.view._token if token is None else token
        message = {"type": "want", "client": "me", "token": told, "seen": seen, "again": False, "frames": list(wanted)}
        self.view._receive(None, message, [])
        sender = self.view._sender
        if sender:
            sender.join(10)


def test_the_view_sends_what_is_wanted_and_says_why_it_cannot():
    stack = make_stack()
    view = StackView([Pane(stack=stack), Pane(picture=np.zeros((4, 4), np.uint8))])
    wire = Wire(view)
    keys = [told["key"] for told in view._panes]
    view._receive(None, {"type": "ready", "client": "me"}, [])
    wire.want((keys[0], 3, "exact"), (keys[1], 0, "preview"), (keys[0], 99, "preview"))
    (first, data), (second, _), (third, nothing) = wire.got
    assert np.array_equal(decoded(data), stack[3])
    assert (first["key"], first["plane"], first["quality"], first["client"]) == (keys[0], 3, "exact", "me")
    assert second["type"] == "frame"
    assert third["type"] == "failed"
    assert "99" in third["reason"]
    assert nothing == b""


def test_a_request_of_an_older_specimen_is_not_answered():
    view = StackView([Pane(stack=make_stack())])
    old = view._token
    wire = Wire(view)
    view.show([Pane(stack=make_stack(5))])
    wire.want((view._panes[0]["key"], 0, "preview"), token=old)
    assert wire.got == []


def test_the_same_source_keeps_its_key_and_another_gets_its_own():
    stack = make_stack()
    view = StackView([Pane(stack=stack)])
    before = view._panes[0]["key"]
    view.show([Pane(stack=stack, title="again"), Pane(stack=make_stack())])
    assert view._panes[0]["key"] == before != view._panes[1]["key"]
    assert view.curtain == [0.5]


def test_the_plane_stays_if_the_number_of_planes_stays():
    view = StackView([Pane(stack=make_stack(9))])
    assert view.index == 4
    view.index = 7
    view.show([Pane(stack=make_stack(9))])
    assert view.index == 7
    view.show([Pane(stack=make_stack(4))])
    assert view.index == 2
    view.show([Pane(stack=make_stack(4))], index=99)
    assert view.index == 3


def test_a_view_needs_a_pane():
    with pytest.raises(InputError, match="at least one pane"):
        StackView().show([])


def test_a_click_reaches_the_callback():
    view = StackView([Pane(stack=make_stack())])
    picked: list[Pick] = []
    view.on_pick(picked.append)
    view._receive(None, {"type": "pick", "x": 3.5, "y": 2, "plane": 1, "pane": 0}, [])
    assert picked == [Pick(3.5, 2.0, 1, 0)]


def test_a_camera_survives_a_link():
    camera = {"zoom": 3.25, "x": 0.12345, "y": 0.9}
    assert cameras.from_text(cameras.to_text(camera)) == camera
    assert StackView().camera == cameras.fit()
    for wrong in ("", "1,2", "0,0.5,0.5", "2,7,0", "a,b,c", "nan,0,0"):
        with pytest.raises(InputError, match=r"zoom,x,y"):
            cameras.from_text(wrong)


def test_overlays_are_described_in_picture_pixels():
    mask = np.zeros((4, 6), bool)
    mask[1, 2] = True
    view = StackView()
    view.overlays = [
        Grid([Cell(0, 84, 84, 84, 0.25, "A", 3)], opacity=0.5),
        Tint(masked(mask), pane=1),
        Rectangle(1, 2, 3, 4, "here"),
        Line(0, 0, 5, 5),
        Points([(1, 2)]),
    ]
    grid, tint, box, line, points = view.get_state()["overlays"]
    assert grid["cells"] == [[0, 84, 84, 84, 0.25, "A", 3]]
    assert tint["pane"] == 1
    tinted = cv2.imdecode(np.frombuffer(tint["png"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert tinted[1, 2].tolist() == [0, 96, 255, 255]
    assert not tinted[0].any()
    assert (box["box"], line["ends"], points["points"]) == ([1, 2, 3, 4], [0, 0, 5, 5], [[1.0, 2.0]])
    with pytest.raises(InputError, match="a tint is"):
        laid.describe(Tint(np.zeros((2, 2), np.uint8)))


def test_a_coloured_map_runs_from_dark_to_bright_and_leaves_the_unknown_clear():
    values = np.array([[0.0, 1.0, 2.0, np.nan]])
    painted = coloured(values)
    assert (np.diff(painted[0, :3, :3].astype(int).sum(1)) > 0).all()
    assert painted[0, :, 3].tolist() == [255, 255, 255, 0]
    assert coloured(np.full((2, 2), np.nan))[:, :, 3].max() == 0


def test_the_widgets_load_no_torch_and_no_matplotlib():
    code = "import sys, mmlib.widgets; print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("main", ["stack_view", "curve_plot", "upload"])
def test_joined_modules_name_nothing_twice_and_load_nothing_else(main):
    text = join_modules(main)
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
    assert text.count("export default") == 1
    assert not re.search(r"^import |^export (?!default)|https?://(?!www\.w3\.org/2000/svg)", text, re.MULTILINE)


def test_no_style_sheet_loads_anything():
    for sheet in FRONT.glob("*.css"):
        assert not re.search(r"@import|url\(", sheet.read_text(encoding="utf-8")), sheet.name
