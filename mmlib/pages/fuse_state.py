"""What the Fuse page knows: the stack, how to fuse it, the job that does it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import jobs
from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.pages.attempts import Attempt, Batch
from mmlib.pages.background import Runner, at_once, here
from mmlib.pages.fuse_beside import Beside
from mmlib.pages.fuse_choices import (
    ALIGNMENTS,
    CHOSEN,
    PREFERRING,
    PREFERS,
    SHOWS,
    FuseChoices,
    Fusion,
    asked,
    preferred,
    real,
    recipe,
)
from mmlib.pages.fuse_frames import kept_frames, toggled_frame
from mmlib.pages.fuse_retouch import Retouching
from mmlib.pages.sources import data_folder, named, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.pictures import Frame, to_uint8
from mmlib.progress import Progress
from mmlib.sharpness import focus_curve
from mmlib.specimens import truth_of
from mmlib.stacks import ZStack, parse_frames

__all__ = ["FuseChoices", "FuseState", "Fusion"]


class FuseState(PageState[FuseChoices]):
    """The Fuse page without its looks.

    Attributes:
        stack: what is to be fused, or None.
        visible: (H, W), True inside its field of view; None where nothing is open.
        truth: the picture in which everything is sharp, 8 bit, where it is known.
        phase: empty, opening, ready, running, done, failed or cancelled.
        share: how much of the running work is done, 0..1.
        stage: what is being done.
        result: what came of the last job that was done, or None.
        sharpest: the sharpest single frame of those that are fused, once it is known.
        table: the focus table of the same frames (CSV), once it is there.
        said: one sentence about the frames that were chosen for the user, or empty.
        beside: other methods on the same frames, and the numbers of all.
    """

    def __init__(
        self,
        choices: FuseChoices | None = None,
        *,
        run: Runner = at_once,
        aside: Runner = at_once,
        others: Runner = at_once,
        later: Runner = at_once,
        counts: Runner = at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        super().__init__(choices or FuseChoices())
        self.stack: ZStack | None = None
        self.visible: NDArray[np.bool_] | None = None
        self.truth: Frame | None = None
        self.phase = "empty"
        self.share = 0.0
        self.stage = ""
        self.result: Fusion | None = None
        self.sharpest: int | None = None
        self.table: Path | None = None
        self.said = ""
        self.beside = Beside(self._beside_told, run=others, aside=counts, later=later, deliver=deliver)
        self._brush = Retouching(Batch(others, deliver), self._show, self.complain)
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

        def opened(found: tuple[ZStack, NDArray[np.bool_], Frame | None]) -> None:
            self.stack, self.visible, self.truth = found
            self.result, self.table, self.sharpest, self.said = None, None, None, ""
            self.beside.forget()
            self._brush.begin(None)
            new = (source, speed) != (self.choices.source, self.choices.speed)
            fresh = {"frames": "", "region": None, "camera": "", "shows": "pictures", "patches": ""} if new else {}
            self.change(**{"source": source, "speed": speed, "ran": again, **fresh})
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

        def read(tell: Progress) -> tuple[ZStack, NDArray[np.bool_], Frame | None]:
            stack = read_source(source, speed=speed, progress=tell)
            remember(source, stack)
            known = truth_of(source, data=data_folder())
            fits = known is not None and known.picture.shape == stack.shape
            return stack, find_field(stack), to_uint8(known.picture) if known is not None and fits else None

        self._run(read, opened, failed, progress)

    def choose(self, **values: Any) -> None:
        """Choose methods, frames, alignment or what to see; refuse a wrong choice.

        Args:
            **values: fields of `FuseChoices`.
        """
        try:
            for method in (*((values["method"],) if "method" in values else ()), *values.get("beside", ())):
                if method not in CHOSEN:
                    raise unknown("method", method, CHOSEN)
            if values.get("prefer", "clearest") not in PREFERS:
                raise unknown("preference", values["prefer"], PREFERS)
            if values.get("shows", "pictures") not in SHOWS:
                raise unknown("view", values["shows"], SHOWS)
            if "align" in values and values["align"] not in ALIGNMENTS:
                raise unknown("alignment", values["align"], ALIGNMENTS)
            if values.get("frames") and self.stack is not None:
                parse_frames(values["frames"], len(self.stack))
        except InputError as error:
            self.complain(error)
            return
        self.complain("")
        if real(str(values.get("method", self.choices.method))) not in PREFERRING:
            values["prefer"] = "clearest"
        self.change(**values)
        if "patches" in values:
            self._brush.apply(self.choices.patches)
        if "region" in values:
            self.beside.measure_region(self.results, self.choices.region)

    def undo(self) -> None:
        """Go back to what was chosen before; a place that was retouched is as it was fused."""
        before = self.choices.patches
        super().undo()
        if self.choices.patches != before:
            self._brush.apply(self.choices.patches)

    def take_region(self, frame: int) -> None:
        """Take the chosen region from one frame instead.

        Args:
            frame: its number in the whole stack.
        """
        count = 0 if self.stack is None else len(self.stack)
        try:
            self.choose(patches=self._brush.with_place(self.choices, frame, count), region=None)
        except InputError as error:
            self.complain(error)

    def _show(self, result: Fusion) -> None:
        if self.result is None or self.result.folder != result.folder:
            self.result = result
            self.tell("result")
            self._count()

    def toggle_frame(self, frame: int) -> None:
        """Take one frame out of those that are fused, or in.

        Args:
            frame: its number.
        """
        if self.stack is None:
            return
        try:
            self.choose(frames=toggled_frame(self.choices.frames, frame, len(self.stack)))
        except InputError as error:
            self.complain(error)

    def ask_judge(self) -> None:
        """Choose the frames that the focus judge keeps, outside this process."""
        if self.stack is None or self.running:
            return
        turn, count, whole = self._turn, len(self.stack), {**asked(self.choices), "frames": None}
        self._phase("judging", 0.0, "asking the focus judge")

        def begun(job: jobs.Job) -> None:
            job.on_change(lambda told: self._deliver(lambda: heard(told)))

        def heard(job: jobs.Job) -> None:
            if turn != self._turn or self.phase != "judging":
                return
            if job.state not in jobs.ENDED:
                self._phase("judging", job.progress, "asking the focus judge")
                return
            try:
                if job.state != "done":
                    raise InputError(job.message)
                frames, self.said = kept_frames(job.summary["keep"], count)
                self.choose(frames=frames)
                self.tell("frames")
            except InputError as error:
                self.complain(error)
            self._phase("done" if self.result else "ready", 0.0, "")

        def failed(sentence: str) -> None:
            self._phase("done" if self.result else "ready", 0.0, "")
            self.complain(sentence)

        self._run(
            lambda tell: jobs.submit("focus", self.choices.source, **whole), begun, failed, lambda share, stage: None
        )

    @property
    def retouched_places(self) -> int:
        """How many places of the result are taken from one frame."""
        return self._brush.places(self.result)

    @property
    def results(self) -> list[Attempt]:
        """The fused picture and those of the other methods that are chosen, as far as they are there."""
        return self.beside.results(self.result, self.choices.beside)

    @property
    def chosen(self) -> list[int]:
        """The numbers of the frames that are to be fused."""
        if self.stack is None:
            return []
        return parse_frames(self.choices.frames or ":", len(self.stack))

    @property
    def running(self) -> bool:
        """Whether the job of the picture that is kept is under way."""
        return self.phase == "running"

    @property
    def stale(self) -> bool:
        """Whether the result was made with other choices than those that are set now, or a method has none yet."""
        if self.result is None:
            return False
        others = {name for name in self.choices.beside if name != real(self.choices.method)}
        return recipe(self.result.made_with) != recipe(self.choices) or not others <= set(self.beside.attempts)

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
        self.beside.start(choices)

        def submit(_: Any) -> jobs.Job:
            how = {"method": choices.method, "align": choices.align, "prefer": preferred(choices)}
            return jobs.submit("fuse", choices.source, **how, **asked(choices))

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
        self.beside.cancel()
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
        self._brush.begin(self.result)
        self.drift(ran=True)
        self._phase("done", 1.0, "")
        self.tell("result")
        self._count()
        if self.choices.patches:
            self._brush.apply(self.choices.patches)
        self._write_table(turn, choices)

    def _beside_told(self, what: str) -> None:
        if what.startswith("!"):
            self.complain(what[1:])
            return
        self.tell(what)
        if what == "beside":
            self._count()

    def _count(self) -> None:
        """Have everything measured, once every method has ended."""
        if not self.running and self.result is not None:
            self.beside.measure(self.results, self.choices.region)

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
            lambda tell: jobs.submit("focus", choices.source, **asked(choices)),
            begun,
            lambda sentence: None,
            lambda share, stage: None,
        )

    def _phase(self, phase: str, share: float, stage: str) -> None:
        if (phase, share, stage) != (self.phase, self.share, self.stage):
            self.phase, self.share, self.stage = phase, share, stage
            self.tell("phase")
