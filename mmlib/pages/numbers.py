"""The numbers of the pictures on a page: of each whole picture by a job, of a chosen region here, both as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mmlib.pages.attempts import Attempt, Batch, here
from mmlib.pages.background import Runner, at_once
from mmlib.pages.region import Box, RegionNumbers, region_numbers
from mmlib.pages.scores import number
from mmlib.pictures import Picture


class Numbers:
    """What is known of each picture by now.

    Attributes:
        whole: method -> its measurements as dictionaries, once they are there.
        region: method -> numbers of the chosen region.
        waiting: methods whose whole picture is being measured.
    """

    def __init__(
        self,
        told: Callable[[str], None],
        *,
        aside: Runner = at_once,
        later: Runner = at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        """Set it up.

        Args:
            told: given ``"measures"`` or ``"region"`` when there are new numbers, or one sentence after ``"!"``.
            aside: how a region is measured.
            later: how jobs are handed in.
            deliver: brings news to where the page lives.
        """
        self.whole: dict[str, list[dict[str, Any]]] = {}
        self.region: dict[str, RegionNumbers] = {}
        self.waiting: set[str] = set()
        self._told = told
        self._aside = aside
        self._batch = Batch(later, deliver)
        self._turn = 0

    def forget(self) -> None:
        """Drop all numbers; none of those under way will come."""
        self._batch.cancel()
        self._turn += 1
        self.whole, self.region, self.waiting = {}, {}, set()

    def cancel(self) -> None:
        """Stop the jobs; what is there stays."""
        self._batch.cancel()
        self.waiting = set()

    def measure(self, source: str, files: Mapping[str, Path], **asked: Any) -> None:
        """Have pictures measured, outside this process.

        Args:
            source: what they were made from.
            files: method -> its picture.
            **asked: choices of the verb ``measure``.
        """
        wanted = {name: {"picture": str(file), **asked} for name, file in files.items()}
        self.waiting = set(wanted)
        self._told("measures")
        self._batch.start("measure", source, wanted, self._measured, lambda sentence: None)

    def measure_region(
        self, files: Mapping[str, Path], box: Box | None, truth: Picture | None, plane: int | None = None
    ) -> None:
        """Measure a region of pictures, beside the page.

        Args:
            files: method -> its picture, or its stack where `plane` is given.
            box: the region; None forgets it.
            truth: what is true of the whole picture, or None.
            plane: which frame of the stacks.
        """
        self._turn += 1
        if box is None or not files:
            self.region = {}
            self._told("region")
            return
        self._aside(
            lambda _: region_numbers(files, box, truth, plane),
            partial(self._found, self._turn),
            lambda sentence: self._told(f"!{sentence}"),
            lambda share, stage: None,
        )

    def of(self, method: str) -> list[dict[str, Any]]:
        """Give the numbers of a picture for a table: those of the region first.

        Args:
            method: its name.

        Returns:
            Dictionaries like those of measurements.
        """
        inside = self.region.get(method)
        return [*([] if inside is None else _of_region(inside)), *self.whole.get(method, [])]

    def _measured(self, attempt: Attempt) -> None:
        if not attempt.ended:
            return
        self.waiting.discard(attempt.method)
        if attempt.done:
            self.whole[attempt.method] = list(attempt.summary["measures"])
        self._told("measures")

    def _found(self, turn: int, numbers: dict[str, RegionNumbers]) -> None:
        if turn == self._turn:
            self.region = numbers
            self._told("region")


def _of_region(inside: RegionNumbers) -> list[dict[str, Any]]:
    known = inside.psnr_db is not None
    return [
        *([number("region_psnr", "Region PSNR", inside.psnr_db, unit="dB")] if known else []),
        *([number("region_ssim", "Region SSIM", inside.ssim)] if known else []),
        number("region_tenengrad", "Region Tenengrad", inside.tenengrad),
    ]
