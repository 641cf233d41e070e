"""Texts for the clipboard: the link to this view, and the same work as Python or as a command."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Copies(anywidget.AnyWidget):
    """A row of quiet buttons, each of which copies a text.

    Attributes:
        entries: ``{"label", "text"}`` each; an empty text stands for the address of the page.
    """

    _esm = (Path(__file__).parent / "front" / "copies.js").read_text(encoding="utf-8")
    entries: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)

    def offer(self, texts: dict[str, str]) -> None:
        """Show these texts and no others.

        Args:
            texts: what a button says, and what it copies.
        """
        self.entries = [{"label": label, "text": text} for label, text in texts.items()]
