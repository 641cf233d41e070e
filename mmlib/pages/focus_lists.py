"""Controls of the Focus page: methods with how far they are, the level that counts as sharp, and frames to keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from mmlib.focusing.judging import OUT_ABOVE
from mmlib.pages import focus_words as say
from mmlib.pages.focus_state import FocusState

FRONT = Path(__file__).parent / "front"
"""The browser's half; `focus.css` is the style of the whole page and comes with the list of methods."""


class MethodList(anywidget.AnyWidget):
    """Methods, one of which is chosen for the grid.

    Attributes:
        rows: ``{"name", "title", "words", "state", "share", "colour", "chosen", "removable"}`` each; the colour
            is the number of its curve, -1 for none.
    """

    _esm = (FRONT / "method_list.js").read_text(encoding="utf-8")
    _css = (FRONT / "focus.css").read_text(encoding="utf-8")
    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, show: Callable[[str], None], remove: Callable[[str], None]) -> None:
        """Make the list.

        Args:
            show: given the name of the method that the user chose.
            remove: given the name of the one that the user took away.
        """
        self._actions = {"show": show, "remove": remove}
        super().__init__()
        self.on_msg(self._receive)

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        action = self._actions.get(str(message.get("type")))
        name = str(message.get("name"))
        if action is not None and name in {row["name"] for row in self.rows}:
            action(name)


def method_rows(state: FocusState) -> list[dict[str, Any]]:
    """Say of every chosen method what it is called, how far it is, and what it found.

    Args:
        state: of the page.

    Returns:
        Rows of a `MethodList`.
    """
    tables, several = state.confusions(), len(state.choices.methods) > 1
    colours = {name: number for number, name in enumerate(state.found())}
    rows = []
    for name in state.choices.methods:
        key = (name, state.choices.cell)
        answer, task = state.answers.get(key), state.tasks.get(key)
        rows.append(
            {
                "name": name,
                "title": say.title(name),
                "words": say.scores(tables.get(name), answer) if answer else say.how_far(task),
                "state": "done" if answer else task.state if task else "cancelled",
                "share": task.share if task else 0.0,
                "colour": colours.get(name, -1),
                "chosen": name == state.shown,
                "removable": several,
            }
        )
    return rows


class LevelSlider(anywidget.AnyWidget):
    """The level up to which a cell counts as sharp.

    Attributes:
        level: 0..9, or -1 for the method's own word.
        usual: where the slider stands until it is moved.
    """

    _esm = (FRONT / "level_slider.js").read_text(encoding="utf-8")
    level = traitlets.Int(-1, min=-1, max=9).tag(sync=True)
    usual = traitlets.Int(OUT_ABOVE).tag(sync=True)


class FrameList(anywidget.AnyWidget):
    """Frames with a reason each; a tick keeps one, its number shows it.

    Attributes:
        rows: ``{"frame", "z", "verdict", "reason", "kept", "by_hand"}`` each.
        index: the frame that is shown.
    """

    _esm = (FRONT / "frame_list.js").read_text(encoding="utf-8")
    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    def __init__(self, keep: Callable[[list[int], bool], None]) -> None:
        """Make the list.

        Args:
            keep: given frames and whether the user keeps them.
        """
        self._keep = keep
        super().__init__()
        self.on_msg(self._receive)

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        if message.get("type") == "keep":
            self._keep([int(frame) for frame in message["frames"]], bool(message["kept"]))
