"""The browser's part of the blind test: the keys, and the random name that it votes under."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from mmlib.pages.votes import CHOICES, Choice


class BlindTestKeys(anywidget.AnyWidget):
    """Tells of the keys 1, 2 and space anywhere on the page, and remembers the voter's name in the browser.

    Attributes:
        voting: whether there is a pair to vote on.
        place: of that pair in the ballot.
        voter: the name to remember.
    """

    _esm = (Path(__file__).parent / "front" / "blind_test.js").read_text(encoding="utf-8")
    voting = traitlets.Bool(False).tag(sync=True)
    place = traitlets.Int(-1).tag(sync=True)
    voter = traitlets.Unicode("").tag(sync=True)

    def __init__(self, hello: Callable[[str, bool], None], voted: Callable[[Choice, int], None]) -> None:
        """Listen.

        Args:
            hello: told the name that the browser remembers (or an empty one) and whether it can remember.
            voted: told the choice and the place of the pair that was seen.
        """
        self._hello, self._voted = hello, voted
        super().__init__()
        self.on_msg(self._receive)

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        if message.get("type") == "hello":
            self._hello(str(message.get("voter", "")), bool(message.get("kept")))
        elif message.get("type") == "vote" and message.get("choice") in CHOICES:
            self._voted(message["choice"], int(message["place"]))
