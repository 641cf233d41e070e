"""Files for the user to keep: fetched from the kernel in pieces, so it works on the dashboard and inside JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

PIECE_BYTES = 4 << 20

Content = Path | Callable[[], bytes]
"""A file, or a function that makes the bytes of a small one when they are asked for."""


class Offer(NamedTuple):
    """A file that can be downloaded: what the button says, the name of the file, where its bytes come from."""

    label: str
    name: str
    content: Content


class Downloads(anywidget.AnyWidget):
    """A row of buttons, one a file.

    Attributes:
        entries: what the browser knows of the offers.
    """

    _esm = (Path(__file__).parent / "front" / "downloads.js").read_text(encoding="utf-8")
    entries: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._made: tuple[str, bytes] = ("", b"")
        super().__init__()
        self.on_msg(self._receive)

    def offer(self, offers: list[Offer]) -> None:
        """Show these files and no others.

        Args:
            offers: the files, from left to right.
        """
        self._offers = {f"{number} {offer.name}": offer for number, offer in enumerate(offers)}
        self._made = ("", b"")
        self.entries = [{"key": key, "label": o.label, "name": o.name} for key, o in self._offers.items()]

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        if message.get("type") != "want":
            return
        key, offset = str(message["key"]), int(message["offset"])
        try:
            piece, total = self._read(self._offers[key].content, key, offset)
        except (OSError, KeyError):
            self.send({"type": "failed", "key": key, "reason": "This result is no longer there; make it again."})
            return
        self.send({"type": "piece", "key": key, "offset": offset, "total": total}, [piece])

    def _read(self, content: Content, key: str, offset: int) -> tuple[bytes, int]:
        if isinstance(content, Path):
            with content.open("rb") as file:
                file.seek(offset)
                return file.read(PIECE_BYTES), content.stat().st_size
        if self._made[0] != key:
            self._made = (key, content())
        return self._made[1][offset : offset + PIECE_BYTES], len(self._made[1])
