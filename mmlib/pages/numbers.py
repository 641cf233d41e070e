"""The numbers of the pictures on a page, whole and of a chosen region: measured by jobs, shown as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmlib.pages.attempts import Attempt, Batch
from mmlib.pages.background import Runner, at_once, here
from mmlib.pages.region import Box


class Numbers:
    """What is known of each picture by now.

    Attributes:
        whole: method -> its measurements as dictionaries, once they are there.
        region: method -> those of the chosen region.
        waiting: methods whose whole picture is being measured.
    """

    def __init__(
        self,
        told: Callable[[str], None],
        *,
        later: Runner = at_once,
        aside: Runner = at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        """Set it up.

        Args:
            told: given ``"measures"`` or ``"region"`` when there are new numbers, or one sentence after ``"!"``.
            later: how the jobs of whole pictures are handed in.
            aside: how the jobs of regions are handed in.
            deliver: brings news to where the page lives.
        """
        self.whole: dict[str, list[dict[str, Any]]] = {}
        self.region: dict[str, list[dict[str, Any]]] = {}
        self.waiting: set[str] = set()
        self._told = told
        self._wholes = Batch(later, deliver)
        self._regions = Batch(aside, deliver)

    def forget(self) -> None:
        """Drop all numbers; none of those under way will come."""
        self.cancel()
        self.whole, self.region = {}, {}

    def cancel(self) -> None:
        """Stop the jobs; what is there stays."""
        self._wholes.cancel()
        self._regions.cancel()
        self.waiting = set()

    def measure(self, source: str, files: Mapping[str, Path], box: Box | None, **asked: Any) -> None:
        """Have pictures measured, outside this process.

        Args:
            source: what they were made from.
            files: method -> its picture.
            box: a region to be measured as well, or None.
            **asked: choices of the verb ``measure``.
        """
        wanted = {name: {"picture": str(file), **asked} for name, file in files.items()}
        self.waiting = set(wanted)
        self._told("measures")
        self._wholes.start("measure", source, wanted, self._measured, self._refused)
        self.measure_region(source, files, box, **asked)

    def measure_region(self, source: str, files: Mapping[str, Path], box: Box | None, **asked: Any) -> None:
        """Have a region of pictures measured.

        Args:
            source: what they were made from.
            files: method -> its picture.
            box: the region; None forgets it.
            **asked: choices of the verb ``measure``.
        """
        self.region = {}
        self._told("region")
        if box is None or not files:
            self._regions.cancel()
            return
        wanted = {name: {"picture": str(file), "region": list(box), **asked} for name, file in files.items()}
        self._regions.start("measure", source, wanted, self._found, lambda sentence: self._told(f"!{sentence}"))

    def of(self, method: str) -> list[dict[str, Any]]:
        """Give the numbers of a picture for a table: those of the region first.

        Args:
            method: its name.

        Returns:
            Dictionaries like those of measurements; those of the region are called so.
        """
        inside = [
            {**one, "name": f"region_{one['name']}", "title": f"Region {one['title']}"}
            for one in self.region.get(method, [])
        ]
        return [*inside, *self.whole.get(method, [])]

    def _measured(self, attempt: Attempt) -> None:
        if not attempt.ended:
            return
        self.waiting.discard(attempt.method)
        if attempt.done:
            self.whole[attempt.method] = list(attempt.summary["measures"])
        elif attempt.phase == "failed":
            self._told(f"!{attempt.sentence}")
        self._told("measures")

    def _refused(self, sentence: str) -> None:
        self.waiting = set()
        self._told(f"!{sentence}")
        self._told("measures")

    def _found(self, attempt: Attempt) -> None:
        if attempt.done:
            self.region[attempt.method] = list(attempt.summary["measures"])
            self._told("region")
        elif attempt.phase == "failed":
            self._told(f"!{attempt.sentence}")
