"""The view of stacks and pictures in a notebook or on a page: one plane, one camera, any number of panes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import anywidget
import traitlets

from mmlib.errors import InputError
from mmlib.widgets import camera as cameras
from mmlib.widgets import overlays as laid
from mmlib.widgets.modules import join_modules, join_styles
from mmlib.widgets.outbox import Outbox, Wanted
from mmlib.widgets.panes import Pane, encode

LAYOUTS = ("side", "curtain", "blink")
"""Panes beside each other, over each other with handles between them, or over each other in turn."""


class Pick(NamedTuple):
    """Where a user clicked: picture px, the plane, and the number of the pane."""

    x: float
    y: float
    plane: int
    pane: int


class StackView(anywidget.AnyWidget):
    """Stacks and pictures side by side, under a curtain, or blinking, with one plane and one camera for all.

    The browser holds the frames: stepping through planes asks nothing of the kernel. A frame is shown as a JPEG
    preview while one moves and exactly (PNG) when one rests; `badge` says which.

    Attributes:
        index: the plane that is shown.
        playing: whether planes play by themselves.
        fps: planes a second while playing.
        camera: ``{"zoom", "x", "y"}``, see `mmlib.widgets.camera`.
        layout_mode: one of `LAYOUTS`.
        contrast: ``(low, high, gamma)``, low and high in 0..1; applied in the browser.
        tool: what dragging does: ``"pan"``, ``"region"`` or ``"line"``.
        line: ``[x0, y0, x1, y1]`` in picture px, drawn by the user, or None.
        region: ``[x, y, width, height]`` in picture px, drawn by the user, or None.
        overlays: what lies over the pictures, see `mmlib.widgets.overlays`.
        overlays_shown: whether overlays are shown.
        cell: the cell of a `CellGrid` that the user chose, counted row by row, -1 for none.
        cell_over: the one under the pointer, -1 for none.
        badge: ``"exact"``, ``"preview"`` or ``"loading"``: what is on screen.
        height: height of the picture area, CSS.
        label: what the view is called by a screen reader.
    """

    _esm = join_modules("stack_view")
    _css = join_styles("theme", "stack_view")

    index = traitlets.Int(0, min=0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    fps = traitlets.Float(10.0, min=0.5, max=60).tag(sync=True)
    camera = traitlets.Dict().tag(sync=True)
    layout_mode = traitlets.Enum(LAYOUTS, "side").tag(sync=True)
    curtain = traitlets.List(traitlets.Float()).tag(sync=True)
    contrast = traitlets.List(traitlets.Float(), [0.0, 1.0, 1.0], minlen=3, maxlen=3).tag(sync=True)
    tool = traitlets.Enum(("pan", "region", "line"), "pan").tag(sync=True)
    line = traitlets.List(traitlets.Float(), None, allow_none=True).tag(sync=True)
    region = traitlets.List(traitlets.Float(), None, allow_none=True).tag(sync=True)
    overlays: traitlets.List[laid.Overlay] = traitlets.List().tag(
        sync=True, to_json=lambda value, _: [laid.describe(item) for item in value]
    )
    overlays_shown = traitlets.Bool(True).tag(sync=True)
    cell = traitlets.Int(-1, min=-1).tag(sync=True)
    cell_over = traitlets.Int(-1, min=-1).tag(sync=True)
    badge = traitlets.Unicode("loading").tag(sync=True)
    height = traitlets.Unicode("60vh").tag(sync=True)
    label = traitlets.Unicode("Stack view").tag(sync=True)
    _panes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _token = traitlets.Int(0).tag(sync=True)

    def __init__(self, panes: Sequence[Pane] = (), **traits: Any) -> None:
        """Make a view, and show panes if there are any.

        Args:
            panes: what to show at first.
            **traits: any attribute of the class.
        """
        self._outbox = Outbox()
        self._owing = threading.Lock()
        self._sender: threading.Thread | None = None
        self._sources: dict[str, Pane] = {}
        self._made = 0
        self._on_pick: list[Callable[[Pick], None]] = []
        self.panes: tuple[Pane, ...] = ()
        super().__init__(**traits)
        self.on_msg(self._receive)
        if panes:
            self.show(panes, index=traits.get("index"))

    @traitlets.default("camera")
    def _default_camera(self) -> cameras.Camera:
        return cameras.fit()

    @traitlets.validate("index")
    def _within(self, proposal: Any) -> int:
        return min(int(proposal["value"]), max(self.count - 1, 0)) if self.panes else int(proposal["value"])

    @traitlets.validate("camera")
    def _whole(self, proposal: Any) -> cameras.Camera:
        try:
            zoom, x, y = (float(proposal["value"][name]) for name in ("zoom", "x", "y"))
        except (KeyError, TypeError, ValueError):
            raise InputError(f"a camera has numbers zoom, x and y; got {proposal['value']!r}") from None
        return {"zoom": zoom, "x": x, "y": y}

    @property
    def count(self) -> int:
        """Number of planes that the slider runs over: the most that a pane has."""
        return max((pane.count for pane in self.panes), default=0)

    def show(self, panes: Sequence[Pane], *, index: int | None = None) -> None:
        """Show other panes; what the browser already holds of the same sources is not sent again.

        Args:
            panes: one or more panes, from left to right.
            index: the plane to show; where not given, the present one if the number of planes stays, else the middle.

        Raises:
            InputError: if there are no panes.
        """
        if not panes:
            raise InputError("a view shows at least one pane; got none")
        count = max(pane.count for pane in panes)
        if index is None:
            index = self.index if count == self.count else count // 2
        with self._owing:
            self._sources = {self._key(pane): pane for pane in panes}
            token = self._outbox.renew()
        names = {id(pane.source): key for key, pane in self._sources.items()}
        self.panes = tuple(panes)
        with self.hold_sync():
            self._panes = [pane.describe(names[id(pane.source)]) for pane in panes]
            self._token = token
            self.index = min(max(index, 0), count - 1)
            self.badge = "loading"
            if len(self.curtain) != len(panes) - 1:
                self.curtain = [(i + 1) / len(panes) for i in range(len(panes) - 1)]

    def on_pick(self, callback: Callable[[Pick], None]) -> None:
        """Call something whenever the user clicks on a picture.

        Args:
            callback: called with the `Pick`.
        """
        self._on_pick.append(callback)

    def _key(self, pane: Pane) -> str:
        for key, known in self._sources.items():
            if known.source is pane.source:
                return key
        self._made += 1
        return f"s{self._made}"

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        kind = message.get("type")
        if kind == "ready":
            with self._owing:
                self._outbox.meet(message["client"])
        elif kind == "want":
            wanted = [Wanted(*frame) for frame in message["frames"]]
            with self._owing:
                taken = self._outbox.ask(
                    message["client"], message["token"], message["seen"], wanted, again=message["again"]
                )
                if taken and self._sender is None:
                    self._sender = threading.Thread(target=self._send_owed, name="mmlib-frames", daemon=True)
                    self._sender.start()
        elif kind == "read":
            self._read(message)
        elif kind == "pick":
            pick = Pick(float(message["x"]), float(message["y"]), int(message["plane"]), int(message["pane"]))
            for callback in self._on_pick:
                callback(pick)

    def _read(self, message: dict[str, Any]) -> None:
        """Answer with the values of a pixel as the camera gave them; the browser holds 8 bits only."""
        with self._owing:
            pane = self._sources.get(str(message["key"]))
        plane, x, y = (int(message[name]) for name in ("plane", "x", "y"))
        if pane is None or not (0 <= plane < pane.count and 0 <= x < pane.shape[1] and 0 <= y < pane.shape[0]):
            return
        try:
            values = pane.values(plane, x, y)
        except (InputError, OSError):
            return  # the pane itself says that the frame cannot be read
        self.send({**message, "type": "value", "values": values})

    def _send_owed(self) -> None:
        """Encode and send frames until none is owed: in a thread, so that the kernel answers meanwhile."""
        while True:
            with self._owing:
                owed = self._outbox.take()
                if owed is None or self.comm is None:
                    self._sender = None
                    return
                client, token, wanted = owed
                pane = self._sources.get(wanted.key)
            told = {"client": client, "token": token, **wanted._asdict()}
            coded = b""
            try:
                if pane is None:
                    raise InputError("this picture is no longer shown")
                coded = encode(pane.frame(wanted.plane), wanted.quality)
            except Exception as error:  # whatever a reader meets is said in the pane
                told["reason"] = str(error) or type(error).__name__
            try:
                self.send({"type": "frame" if coded else "failed", **told}, [coded] if coded else None)
            except BaseException:
                with self._owing:
                    self._sender = None
                raise
