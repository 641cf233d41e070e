"""What the Fuse page knows: the stack, how to fuse it, the job that does it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import jobs
from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.fusing import BEST, METHODS
from mmlib.pages.background import Runner, at_once
from mmlib.pages.sources import data_folder, named, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.progress import Progress
from mmlib.sharpness import focus_curve
from mmlib.stacks import ZStack, parse_frames

ALIGNMENTS = {"auto": "Auto", "on": "On", "off": "Off"}
FILES = {"fused.png": "PNG", "fused.tif": "TIFF, 16 bit", "depth.tif": "Depth map, TIFF"}
"""What a job writes and a user can keep."""


@dataclass(frozen=True)
class FuseChoices:
    """What a user chooses on the Fuse page."""

    source: str = field(default="", metadata={"link": "s"})
    speed: int | None = field(default=None, metadata={"link": "v"})
    method: str = field(default="best", metadata={"link": "m"})
    frames: str = field(default="", metadata={"link": "f"})
    align: str = field(default="auto", metadata={"link": "a"})
    depth: bool = field(default=False, metadata={"link": "d"})
    ran: bool = field(default=False, metadata={"link": "r"})


@dataclass(frozen=True)
class Fusion:
    """What came of a job.

    Attributes:
        made_with: the choices it was made with.
        folder: where the files lie.
        summary: what the job reported.
    """

    made_with: FuseChoices
    folder: Path
    summary: dict[str, Any]

    def file(self, name: str) -> Path:
        """Give the path of a file that the job wrote, such as ``fused.png``."""
        return self.folder / name


def here(action: Callable[[], None]) -> None:
    """Do something on the spot."""
    action()


class FuseState(PageState[FuseChoices]):
    """The Fuse page without its looks.

    Attributes:
        stack: what is to be fused, or None.
        visible: (H, W), True inside its field of view; None where nothing is open.
        phase: empty, opening, ready, running, done, failed or cancelled.
        share: how much of the running work is done, 0..1.
        stage: what is being done.
        result: what came of the last job that was done, or None.
        sharpest: the sharpest single frame of those that are fused, once it is known.
        table: the focus table of the same frames (CSV), once it is there.
    """

    def __init__(
        self,
        choices: FuseChoices | None = None,
        *,
        run: Runner = at_once,
        aside: Runner = at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        super().__init__(choices or FuseChoices())
        self.stack: ZStack | None = None
        self.visible: NDArray[np.bool_] | None = None
        self.phase = "empty"
        self.share = 0.0
        self.stage = ""
        self.result: Fusion | None = None
        self.sharpest: int | None = None
        self.table: Path | None = None
        self._run = run
        self._aside = aside
        self._deliver = deliver
        self._job: jobs.Job | None = None
        self._turn = 0

    def open(self, source: str, *, speed: int | None = None, again: bool = False) -> None:
        """Take a stack; the old one stays if that fails.

        Args:
            source: see `mmlib.pages.sources.read_source`.
            speed: scan speed 1..4 of a built-in specimen.
            again: whether to fuse it at once, as a link to a result asks for.
        """
        self.complain("")
        source = named(source)
        if not source:
            return
        self.cancel()
        self._phase("opening", 0.0, "opening")

        def opened(found: tuple[ZStack, NDArray[np.bool_]]) -> None:
            stack, self.visible = found
            self.stack, self.result, self.table, self.sharpest = stack, None, None, None
            new = (source, speed) != (self.choices.source, self.choices.speed)
            self.change(source=source, speed=speed, ran=again, frames="" if new else self.choices.frames)
            self.forget()
            self._phase("ready", 0.0, "")
            self.tell("stack", "result")
            if again:
                self.start()

        def failed(sentence: str) -> None:
            self._phase("empty" if self.stack is None else "done" if self.result else "ready", 0.0, "")
            self.complain(sentence)

        def progress(share: float, stage: str) -> None:
            self._phase("opening", share, stage)

        def read(tell: Progress) -> tuple[ZStack, NDArray[np.bool_]]:
            stack = read_source(source, speed=speed, progress=tell)
            remember(source, stack)
            return stack, find_field(stack)

        self._run(read, opened, failed, progress)

    def choose(self, **values: Any) -> None:
        """Choose method, frames, alignment or whether to see the depth; refuse a wrong choice.

        Args:
            **values: fields of `FuseChoices`.
        """
        try:
            if "method" in values and values["method"] not in (*METHODS, "best"):
                raise unknown("method", values["method"], [*METHODS, "best"])
            if "align" in values and values["align"] not in ALIGNMENTS:
                raise unknown("alignment", values["align"], ALIGNMENTS)
            if values.get("frames") and self.stack is not None:
                parse_frames(values["frames"], len(self.stack))
        except InputError as error:
            self.complain(error)
            return
        self.complain("")
        self.change(**values)

    @property
    def chosen(self) -> list[int]:
        """The numbers of the frames that are to be fused."""
        if self.stack is None:
            return []
        return parse_frames(self.choices.frames or ":", len(self.stack))

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self.phase == "running"

    @property
    def stale(self) -> bool:
        """Whether the result was made with other choices than those that are set now."""
        return self.result is not None and _recipe(self.result.made_with) != _recipe(self.choices)

    def start(self) -> None:
        """Fuse, outside this process; equal work that was done before is there at once."""
        if self.running:
            return
        if self.stack is None:
            self.complain("choose a stack first, then fuse it")
            return
        try:
            chosen = self.chosen
        except InputError as error:
            self.complain(error)
            return
        self.complain("")
        self._turn += 1
        turn, choices = self._turn, self.choices
        self.table = None
        self._phase("running", 0.0, "starting")
        self._find_sharpest(self.stack, chosen, turn)

        def submit(_: Any) -> jobs.Job:
            return jobs.submit("fuse", choices.source, method=choices.method, align=choices.align, **_frames(choices))

        def begun(job: jobs.Job) -> None:
            if turn != self._turn:
                job.cancel()
                return
            self._job = job
            job.on_change(lambda told: self._deliver(lambda: self._heard(told, turn, choices)))

        def failed(sentence: str) -> None:
            if turn == self._turn:
                self._phase("failed", 0.0, "")
                self.complain(sentence)

        self._run(submit, begun, failed, lambda share, stage: None)

    def cancel(self) -> None:
        """Stop the job; the page is free at once, the worker stops at its next frame."""
        if not self.running:
            return
        self._turn += 1
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._phase("cancelled", 0.0, "")

    def _heard(self, job: jobs.Job, turn: int, choices: FuseChoices) -> None:
        if turn != self._turn or not self.running:
            return
        if job.state in ("waiting", "running"):
            self._phase("running", job.progress, job.stage)
            return
        self._job = None
        if job.state != "done":
            self._phase(job.state, 0.0, "")
            self.complain(job.message)
            return
        self.result = Fusion(choices, job.folder, job.summary)
        self.drift(ran=True)
        self._phase("done", 1.0, "")
        self.tell("result")
        self._write_table(turn, choices)

    def _find_sharpest(self, stack: ZStack, chosen: list[int], turn: int) -> None:
        """Find the best single frame meanwhile, to put the fused picture beside it."""
        visible = self.visible

        def look(tell: Progress) -> int | None:
            curve = focus_curve(stack.select(chosen), ["tenengrad"], visible, tell)["tenengrad"]
            return chosen[int(np.nanargmax(curve))] if np.isfinite(curve).any() else None

        def found(sharpest: int | None) -> None:
            if turn == self._turn and sharpest is not None:
                self.sharpest = sharpest
                self.tell("sharpest")

        self._aside(look, found, lambda sentence: None, lambda share, stage: None)

    def _write_table(self, turn: int, choices: FuseChoices) -> None:
        """Have the focus table of the same frames written beside, for those who want numbers."""

        def begun(job: jobs.Job) -> None:
            job.on_change(lambda told: self._deliver(lambda: finished(told)))

        def finished(job: jobs.Job) -> None:
            if job.state == "done" and turn == self._turn and self.table is None:
                self.table = job.folder / "cells.csv"
                self.tell("table")

        self._run(
            lambda tell: jobs.submit("focus", choices.source, **_frames(choices)),
            begun,
            lambda sentence: None,
            lambda share, stage: None,
        )

    def _phase(self, phase: str, share: float, stage: str) -> None:
        if (phase, share, stage) != (self.phase, self.share, self.stage):
            self.phase, self.share, self.stage = phase, share, stage
            self.tell("phase")


def best_words() -> str:
    """Say what ``best`` stands for."""
    return f"best ({BEST})"


def _recipe(choices: FuseChoices) -> tuple[Any, ...]:
    return choices.source, choices.speed, choices.method, choices.frames, choices.align


def _frames(choices: FuseChoices) -> dict[str, Any]:
    return {"frames": choices.frames or None, "speed": choices.speed, "data": str(data_folder())}
