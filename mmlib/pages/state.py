"""The state of a page: what the user chose, the way back, and one sentence when something went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic

from mmlib.errors import InputError
from mmlib.pages.links import C, to_query

UNDO_DEPTH = 50

Listener = Callable[[frozenset[str]], None]
"""Told the names of what changed."""


class PageState(Generic[C]):
    """What a page shows, in plain Python: views listen and draw, and never decide.

    Attributes:
        choices: a frozen dataclass; `change` replaces it.
        error: one sentence, or empty.
    """

    def __init__(self, choices: C) -> None:
        self.choices = choices
        self.error = ""
        self._past: list[C] = []
        self._listeners: list[Listener] = []

    def on_change(self, listener: Listener) -> None:
        """Tell a view whenever something changes.

        Args:
            listener: given the names of what changed.
        """
        self._listeners.append(listener)

    def tell(self, *names: str) -> None:
        """Say that something changed.

        Args:
            *names: what changed.
        """
        for listener in list(self._listeners):
            listener(frozenset(names))

    def change(self, **values: Any) -> None:
        """Choose something else, with a way back.

        Args:
            **values: fields of the choices.
        """
        before = self.choices
        if self._take(values):
            self._past = [*self._past[1 - UNDO_DEPTH :], before]
            self._tell_since(before)

    def drift(self, **values: Any) -> None:
        """Choose something else that is not worth a way back, such as the next frame: `undo` leaves it as it is.

        Args:
            **values: fields of the choices.
        """
        before = self.choices
        self._past = [replace(past, **values) for past in self._past]
        if self._take(values):
            self._tell_since(before)

    def _take(self, values: dict[str, Any]) -> bool:
        before, self.choices = self.choices, replace(self.choices, **values)
        return before != self.choices

    def _tell_since(self, before: C) -> None:
        names = self.choices.__dataclass_fields__
        self.tell(*(name for name in names if getattr(before, name) != getattr(self.choices, name)))

    @property
    def can_undo(self) -> bool:
        """Whether there is something to go back to."""
        return bool(self._past)

    def forget(self) -> None:
        """Begin anew: what was chosen before cannot be come back to."""
        self._past = []

    def undo(self) -> None:
        """Go back to what was chosen before; nothing happens at the beginning."""
        if not self._past:
            return
        before, self.choices = self.choices, self._past.pop()
        self._tell_since(before)

    def to_query(self) -> str:
        """Write what is chosen as the query of an address."""
        return to_query(self.choices)

    def complain(self, error: InputError | str) -> None:
        """Keep one sentence for the user; an empty one takes it away.

        Args:
            error: what went wrong.
        """
        if str(error) != self.error:
            self.error = str(error)
            self.tell("error")
