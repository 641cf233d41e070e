"""What changed while a page was on its way to the browser, told again once the page stands there.

The dashboard's browser asks the kernel for all widgets at once and then loads the code that draws them. The kernel
works on meanwhile, and what it tells a widget that is not yet made is lost: on a slow computer a result would be
missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets


class Arrival(anywidget.AnyWidget):
    """Notes every change of the widgets of a page until the page has arrived, and then tells the changes again."""

    _esm = (Path(__file__).parent / "front" / "arrival.js").read_text(encoding="utf-8")

    def __init__(self, *parts: widgets.Widget) -> None:
        """Watch a page.

        Args:
            *parts: what it is made of, with all that is within.
        """
        super().__init__()
        self._watched = {one: one.trait_names(sync=True) for one in _within(parts)}
        self._changed: dict[widgets.Widget, set[str]] = {}
        for one, names in self._watched.items():
            one.observe(self._note, names)
        self.on_msg(self._receive)

    def _note(self, change: dict[str, Any]) -> None:
        self._changed.setdefault(change["owner"], set()).add(change["name"])

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        if message.get("type") != "standing":
            return
        for one, names in self._watched.items():
            one.unobserve(self._note, names)
        changed, self._changed, self._watched = self._changed, {}, {}
        for one, missed in changed.items():
            one.send_state(missed)


def _within(parts: tuple[widgets.Widget, ...]) -> Iterator[widgets.Widget]:
    """Give each of some widgets, and every widget that is a trait of it, once."""
    found: set[widgets.Widget] = set()
    waiting = list(parts)
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        yield one
        for value in one.trait_values(sync=True).values():
            several = value if isinstance(value, list | tuple) else [value]
            waiting += [inner for inner in several if isinstance(inner, widgets.Widget)]
