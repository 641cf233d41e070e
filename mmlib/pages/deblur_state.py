"""What the Deblur page knows: the stack, the frame, the methods to try on it, and what came of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmlib.deblurring import BEST, METHODS
from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.pages.attempts import Attempt, Batch
from mmlib.pages.background import Runner, at_once, here
from mmlib.pages.numbers import Numbers
from mmlib.pages.region import Box
from mmlib.pages.sources import data_folder, named, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.pictures import Frame, to_uint8
from mmlib.progress import Progress
from mmlib.sharpness import focus_curve
from mmlib.specimens import truth_of
from mmlib.stacks import ZStack

INPUT = "none"
"""The method that leaves a frame as it is: every other has to beat its numbers."""

OFFERED = tuple(name for name in METHODS if name != INPUT)
"""The methods a user can choose."""

SHOWS = {"pictures": "Pictures", "difference": "Difference", "spectrum": "Spectrum"}
AGAINST = {"input": "the blurred frame", "truth": "the truth"}
"""What a difference is taken from."""
LOOKED_AT = 12
"""Frames among which the sharpest is sought when a stack is opened."""


@dataclass(frozen=True)
class DeblurChoices:
    """What a user chooses on the Deblur page; `speed` is the scan speed, 1 to 4, or None where it is not known."""

    source: str = field(default="", metadata={"link": "s"})
    speed: int | None = field(default=None, metadata={"link": "v"})
    frame: int | None = field(default=None, metadata={"link": "z"})
    whole: bool = field(default=False, metadata={"link": "w"})
    methods: tuple[str, ...] = field(default=("best",), metadata={"link": "m", "known": OFFERED})
    shows: str = field(default="pictures", metadata={"link": "o", "known": SHOWS})
    against: str = field(default="input", metadata={"link": "a", "known": AGAINST})
    truth: bool = field(default=True, metadata={"link": "t"})
    region: Box | None = field(default=None, metadata={"link": "g"})
    camera: str = field(default="", metadata={"link": "cam"})
    ran: bool = field(default=False, metadata={"link": "r"})


class DeblurState(PageState[DeblurChoices]):
    """The Deblur page without its looks.

    Attributes:
        stack: what is open, or None.
        truth: the picture in which everything is sharp, 8 bit, where it is known.
        phase: empty, opening, ready, running, done or cancelled.
        share: how much of the opening is done, 0..1.
        attempts: method -> how far it is, for the frame that is chosen; the input itself comes first.
        numbers: what is measured of each result, whole and in the chosen region.
    """

    def __init__(
        self,
        choices: DeblurChoices | None = None,
        *,
        run: Runner = at_once,
        aside: Runner = at_once,
        later: Runner = at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        super().__init__(choices or DeblurChoices())
        self.stack: ZStack | None = None
        self.truth: Frame | None = None
        self.phase = "empty"
        self.share = 0.0
        self.attempts: dict[str, Attempt] = {}
        self.numbers = Numbers(self._counted, aside=aside, later=later, deliver=deliver)
        self._run = run
        self._work = Batch(run, deliver)

    def open(self, source: str, *, speed: int | None = None, again: bool = False) -> None:
        """Take a stack; the old one stays if that fails.

        Args:
            source: see `mmlib.pages.sources.read_source`.
            speed: scan speed 1..4, where it is known.
            again: whether to deblur at once, as a link to a result asks for.
        """
        self.complain("")
        source = named(source)
        if not source:
            return
        self.cancel()
        self._phase("opening")

        def opened(found: tuple[ZStack, Frame | None, int]) -> None:
            stack, truth, sharpest = found
            self.stack, self.truth = stack, truth
            self._drop()
            new = source != self.choices.source
            keep = self.choices.frame is not None and (again or not new)
            asked = self.choices.frame if keep and self.choices.frame is not None else sharpest
            fresh = {} if again or not new else {"region": None, "camera": "", "shows": "pictures"}
            frame = min(max(asked, 0), len(stack) - 1)
            self.change(**{"source": source, "speed": speed, "frame": frame, "ran": again, **fresh})
            self.forget()
            self._phase("ready")
            self.tell("stack", "attempts")
            if again:
                self.start()

        def failed(sentence: str) -> None:
            self._phase("empty" if self.stack is None else "ready")
            self.complain(sentence)

        def progress(share: float, stage: str) -> None:
            self.share = share
            self.tell("phase")

        def read(tell: Progress) -> tuple[ZStack, Frame | None, int]:
            stack = read_source(source, speed=speed, progress=tell)
            remember(source, stack)
            known = truth_of(source, data=data_folder())
            fits = known is not None and known.picture.shape[:2] == stack.shape[:2]
            return stack, to_uint8(known.picture) if known is not None and fits else None, _sharpest(stack)

        self._run(read, opened, failed, progress)

    def choose(self, **values: Any) -> None:
        """Choose the frame, the methods, or what to look at; refuse a wrong choice.

        Args:
            **values: fields of `DeblurChoices`.
        """
        try:
            for method in values.get("methods", ()):
                if method not in (*METHODS, "best"):
                    raise unknown("method", method, [*METHODS, "best"])
            if values.get("shows", "pictures") not in SHOWS:
                raise unknown("view", values["shows"], SHOWS)
        except InputError as error:
            self.complain(error)
            return
        self.complain("")
        before = self.choices
        self.change(**values)
        self._follow(before)

    def step(self, frame: int) -> None:
        """Look at another frame: the next one to be deblurred, or where the whole stack is, the one that is measured.

        Args:
            frame: 0 to K - 1.
        """
        if not self.running:
            before = self.choices
            self.drift(frame=frame)
            self._follow(before)

    def undo(self) -> None:
        """Go back to what was chosen before; results of another frame are dropped."""
        before = self.choices
        super().undo()
        self._follow(before)

    def _follow(self, before: DeblurChoices) -> None:
        """Drop what belongs to another frame, and measure another region."""
        if _subject(self.choices) != _subject(before):
            self.cancel()
            self._drop()
            self._phase("ready")
            self.drift(ran=False)
            self.tell("attempts")
        elif (self.choices.region, self.choices.frame) != (before.region, before.frame):
            self._measure_region()

    def _drop(self) -> None:
        self.attempts = {}
        self.numbers.forget()

    @property
    def frame(self) -> int:
        """The frame that is deblurred, 0 to K - 1."""
        return self.choices.frame or 0

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self.phase == "running"

    @property
    def wanted(self) -> tuple[str, ...]:
        """The input and the chosen methods, in the order of the registry."""
        chosen = {_real(name) for name in self.choices.methods}
        return (INPUT, *(name for name in OFFERED if name in chosen))

    @property
    def results(self) -> list[Attempt]:
        """What is done of what is wanted: the input first."""
        return [one for name in self.wanted if (one := self.attempts.get(name)) is not None and one.done]

    @property
    def missing(self) -> bool:
        """Whether a chosen method has no result for the chosen frame."""
        return any(name not in self.attempts or not self.attempts[name].done for name in self.wanted)

    @property
    def done_share(self) -> float:
        """How much of the running work is done, 0..1."""
        shares = [1.0 if one.ended else one.share for one in self.attempts.values()]
        return float(np.mean(shares)) if shares else 0.0

    def start(self) -> None:
        """Deblur, outside this process: one job a method; what was done before is there at once."""
        if self.running:
            return
        if self.stack is None:
            self.complain("choose a stack first, then deblur it")
            return
        if len(self.wanted) < 2:
            self.complain("tick at least one method, then deblur")
            return
        self.complain("")
        kept = {name: one for name, one in self.attempts.items() if one.done}
        missing = [name for name in self.wanted if name not in kept]
        self.attempts = {name: kept.get(name, Attempt(name)) for name in dict.fromkeys([*self.wanted, *kept])}
        self._phase("running")
        self.tell("attempts")
        self._work.start(
            "deblur",
            self.choices.source,
            {name: {"method": name, **asked(self.choices)} for name in missing},
            self._heard,
            self._refused,
        )
        self._conclude()

    def cancel(self) -> None:
        """Stop all jobs; the page is free at once, the workers stop at their next step."""
        self.numbers.cancel()
        if not self.running:
            return
        self._work.cancel()
        self.attempts = {name: one for name, one in self.attempts.items() if one.ended}
        self._phase("cancelled")
        self.tell("attempts")

    def _heard(self, attempt: Attempt) -> None:
        self.attempts[attempt.method] = attempt
        self.tell("attempts" if attempt.ended else "rows")
        self._conclude()

    def _refused(self, sentence: str) -> None:
        self.attempts = {name: one for name, one in self.attempts.items() if one.done}
        self._phase("ready")
        self.complain(sentence)
        self.tell("attempts")

    def _conclude(self) -> None:
        if not self.running or any(not one.ended for one in self.attempts.values()):
            return
        self.drift(ran=True)
        self._phase("done")
        self.measure()

    def measure(self) -> None:
        """Have every result measured, outside this process: of a whole stack the frame that is looked at."""
        if self.running or not self.results:
            return
        self.numbers.measure(self.choices.source, self._files(), self.choices.region, **self._counting())

    def _measure_region(self) -> None:
        self.numbers.measure_region(self.choices.source, self._files(), self.choices.region, **self._counting())

    def _files(self) -> dict[str, Path]:
        return {one.method: one.file("deblurred.tif") for one in self.results}

    def _counting(self) -> dict[str, Any]:
        choices = self.choices
        return {"speed": choices.speed, "data": str(data_folder()), "plane": self.frame if choices.whole else None}

    def _counted(self, what: str) -> None:
        if what.startswith("!"):
            self.complain(what[1:])
        else:
            self.tell(what)

    def _phase(self, phase: str) -> None:
        self.phase, self.share = phase, 0.0
        self.tell("phase")


def asked(choices: DeblurChoices) -> dict[str, Any]:
    """Give what a job is asked for beside the method."""
    return {
        "frame": None if choices.whole else choices.frame,
        "speed": choices.speed,
        "data": str(data_folder()),
    }


def toggled(methods: tuple[str, ...], name: str, on: bool) -> tuple[str, ...]:
    """Give the chosen methods with one more or one less, in the order of the registry."""
    chosen = {_real(method) for method in methods} - {name} | ({name} if on else set())
    return tuple(method for method in OFFERED if method in chosen)


def _real(name: str) -> str:
    """Give the method that ``best`` stands for, and every other as it is."""
    return BEST if name == "best" else name


def _subject(choices: DeblurChoices) -> tuple[Any, ...]:
    """What results belong to."""
    whole = choices.whole
    return choices.source, choices.speed, whole, None if whole else choices.frame


def _sharpest(stack: ZStack) -> int:
    """Find the sharpest of a few frames across a stack: a good one to begin with."""
    chosen = sorted(set(np.linspace(0, len(stack) - 1, LOOKED_AT).round().astype(int).tolist()))
    curve = focus_curve(stack.select(chosen), ["tenengrad"], find_field(stack))["tenengrad"]
    return chosen[int(np.nanargmax(curve))] if np.isfinite(curve).any() else len(stack) // 2
