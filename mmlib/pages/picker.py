"""The control that puts a stack under the microscope: a list of what there is, and the scan speed where it matters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from mmlib.pages.layout import classed, seen
from mmlib.pages.sources import cards


class Picker:
    """A list of stacks.

    Attributes:
        widget: what to show.
    """

    def __init__(self, picked: Callable[[str, int | None], None]) -> None:
        """Make the list.

        Args:
            picked: called with the name and the scan speed when the user picks another.
        """
        self._picked = picked
        self._quiet = False
        self._cards = {card.name: card for card in cards()}
        options = [("Choose a stack …", ""), *((card.title, card.name) for card in self._cards.values())]
        self._stack = widgets.Dropdown(options=options, value="", description="Stack")
        self._speed = widgets.Dropdown(options=[("1", 1)], value=1, description="Scan speed")
        self.widget = classed(widgets.VBox([self._stack, self._speed]), "mmp-picker")
        self._stack.observe(self._told, "value")
        self._speed.observe(self._told, "value")
        seen(self._speed, False)

    def show(self, source: str, speed: int | None) -> None:
        """Show which stack is open.

        Args:
            source: its name.
            speed: its scan speed, if it has one.
        """
        self._quiet = True
        if source and source not in {value for _, value in self._stack.options}:
            self._stack.options = [*self._stack.options, (source, source)]
        self._stack.value = source
        speeds = self._speeds(source)
        if speeds:
            ends = {min(speeds): " (slow)", max(speeds): " (fast)"}
            self._speed.options = [(f"{one}{ends.get(one, '')}", one) for one in speeds]
            self._speed.value = speed if speed in speeds else min(speeds)
        seen(self._speed, bool(speeds))
        self._quiet = False

    @property
    def knows_speed(self) -> bool:
        """Whether the scan speed of the stack that is shown is a matter of which scan is opened."""
        return bool(self._cards[self._stack.value].speeds) if self._stack.value in self._cards else False

    def _speeds(self, source: str) -> tuple[int, ...]:
        speeds = self._cards[source].speeds if source in self._cards else ()
        return speeds if len(speeds) > 1 else ()

    def _told(self, change: dict[str, Any]) -> None:
        name = self._stack.value
        if self._quiet or not name:
            return
        chosen = self._speed.value if change["owner"] is self._speed else None
        self._picked(name, chosen if chosen != min(self._speeds(name) or (1,)) else None)
