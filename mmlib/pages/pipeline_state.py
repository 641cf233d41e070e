"""What the Pipeline page knows: a queue of stacks, what is to be done with each, how far it is and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlib import jobs
from mmlib.deblurring import METHODS as DEBLUR
from mmlib.focusing import METHODS as FOCUS
from mmlib.fusing import METHODS as FUSE
from mmlib.pages.background import Runner, at_once
from mmlib.pages.sources import cards as known_cards
from mmlib.pages.sources import check_allowed, data_folder, named
from mmlib.pages.state import PageState
from mmlib.pipeline import Plan

OPTIONS: dict[str, list[tuple[str, str]]] = {
    "focus": [("best", "best"), *((name, name) for name in FOCUS if name != "best"), ("off", "off")],
    "select": [("useful frames", "on"), ("every frame", "off")],
    "deblur": [
        ("only fast scans", "auto"),
        ("best", "best"),
        *((n, n) for n in DEBLUR if n not in ("best", "none")),
        ("off", "off"),
    ],
    "align": [("auto", "auto"), ("on", "on"), ("off", "off")],
    "fuse": [("best", "best"), *((name, name) for name in FUSE)],
    "measure": [("on", "on"), ("off", "off")],
}
"""Each stage whose method can be chosen, in order, and what can be chosen for it."""
STAGES = tuple(OPTIONS)
WORKING, OPEN = ("opening", "waiting", "running"), ("failed", "cancelled", "ready")
FILES = {
    "report.html": "Report",
    "everything.zip": "Everything, zip",
    "fused.png": "Sharp picture, PNG",
    "fused.tif": "Sharp picture, TIFF 16 bit",
    "depth.tif": "Depth map, TIFF",
}
"""What a run writes and a user wants most."""
LEAST_SHARE = 0.03
"""Before so much is done, nobody can say how long the rest takes."""


def _one_of(stage: str, usual: str) -> Any:
    return field(default=usual, metadata={"known": [name for _, name in OPTIONS[stage]]})


@dataclass(frozen=True)
class PipelineChoices:
    """What a user chooses on the Pipeline page."""

    sources: tuple[str, ...] = field(default=(), metadata={"link": "s"})
    speed: int | None = field(default=None, metadata={"link": "v"})
    focus: str = _one_of("focus", "best")
    select: str = _one_of("select", "on")
    deblur: str = _one_of("deblur", "auto")
    align: str = _one_of("align", "auto")
    fuse: str = _one_of("fuse", "best")
    measure: str = _one_of("measure", "on")
    shown: str = field(default="", metadata={"link": "o"})

    def plan(self) -> dict[str, Any]:
        """Give what the work takes."""
        return {"speed": self.speed, **{stage: getattr(self, stage) for stage in STAGES}}


@dataclass
class Entry:
    """A stack in the queue.

    Attributes:
        source: its name.
        phase: ready, opening, waiting, running, done, failed or cancelled.
        share: how much is done, 0..1.
        stage: what is being done.
        message: one sentence if it failed.
        summary: what was done, once it is.
        folder: where the results lie, once they do.
        made_with: the choices it was begun with.
        began_s: when it began to run, on the monotonic clock; None before.
    """

    source: str
    phase: str = "ready"
    share: float = 0.0
    stage: str = ""
    message: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    made_with: dict[str, Any] = field(default_factory=dict)
    began_s: float | None = None
    job: jobs.Job | None = None

    def seconds_left(self, now_s: float) -> float | None:
        """Guess how long the rest takes from how long the beginning took.

        Args:
            now_s: the monotonic clock.

        Returns:
            Seconds, or None where nobody can say.
        """
        if self.began_s is None or self.phase != "running" or self.share < LEAST_SHARE:
            return None
        return (now_s - self.began_s) * (1 - self.share) / self.share


def here(action: Callable[[], None]) -> None:
    """Do something on the spot."""
    action()


class PipelineState(PageState[PipelineChoices]):
    """The Pipeline page without its looks.

    Attributes:
        entries: the queue, in the order in which stacks were added.
    """

    def __init__(
        self,
        choices: PipelineChoices | None = None,
        *,
        runner: Callable[[], Runner] = lambda: at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        super().__init__(choices or PipelineChoices())
        self._runner = runner
        self._deliver = deliver
        self.entries: list[Entry] = []
        self._batch: list[Entry] = []
        self._began_s = 0.0
        for source in self.choices.sources:
            self._append(source)
        self._keep_sources()

    def add(self, source: str) -> None:
        """Put a stack at the end of the queue; one that is there already stays where it is.

        Args:
            source: its name, or a link to a page that shows it.
        """
        self.complain("")
        source = named(source)
        if source and self._append(source):
            self._keep_sources()
            self.tell("entries")

    def add_yours(self) -> None:
        """Put every stack of the data folder into the queue."""
        names = [card.name for card in known_cards() if not card.built_in]
        self.complain("" if names else "there are no stacks of yours yet; upload them on Home")
        for name in names:
            self._append(name)
        self._keep_sources()
        self.tell("entries")

    def remove(self, entry: Entry) -> None:
        """Take a stack out of the queue; work on it stops, results stay on the disk."""
        if entry in self.entries:
            self.cancel(entry)
            self.entries.remove(entry)
            self._keep_sources()
            self.tell("entries")

    def choose(self, **values: Any) -> None:
        """Choose something else for what is begun from now on."""
        self.complain("")
        self.change(**values)

    def start(self) -> None:
        """Begin everything that waits to be begun, failed or was cancelled, or was made with other choices."""
        self.complain("")
        wanted = [e for e in self.entries if e.phase in OPEN or (e.phase == "done" and self.stale(e))]
        if not self.entries:
            self.complain("add a stack first: choose one from the list")
        for entry in wanted:
            self.begin(entry)

    def cancel_all(self) -> None:
        """Stop all work; what is done stays."""
        for entry in self.entries:
            self.cancel(entry)

    def begin(self, entry: Entry) -> None:
        """Begin, or begin again, with one stack.

        Args:
            entry: of the queue.
        """
        plan = self.choices.plan()
        if not self.working:
            self._batch, self._began_s = [], time.monotonic()
        if entry not in self._batch:
            self._batch.append(entry)
        entry.phase, entry.share, entry.stage, entry.message = "opening", 0.0, "opening", ""
        entry.made_with, entry.began_s, entry.job = plan, None, None
        self.tell("entry", "entries")

        def submitted(job: jobs.Job) -> None:
            if entry.phase != "opening":  # cancelled meanwhile
                job.cancel()
                return
            entry.job = job
            job.on_change(lambda told: self._deliver(lambda: self._heard(entry, told)))

        def failed(sentence: str) -> None:
            entry.phase, entry.message = "failed", sentence
            self.tell("entry", "entries")

        self._runner()(lambda tell: self._submit(entry.source, plan), submitted, failed, lambda share, stage: None)

    def cancel(self, entry: Entry) -> None:
        """Stop the work on one stack.

        Args:
            entry: of the queue.
        """
        if entry.phase in WORKING:
            entry.phase, entry.stage = "cancelled", ""
            if entry.job is not None:
                entry.job.cancel()
            self.tell("entry", "entries")

    def show(self, source: str) -> None:
        """Look at what came of one stack.

        Args:
            source: its name.
        """
        self.drift(shown=source)
        self.tell("result")

    @property
    def shown(self) -> Entry | None:
        """The stack whose results are looked at: the chosen one, or else the first that is done."""
        done = [entry for entry in self.entries if entry.phase == "done"]
        return next((entry for entry in done if entry.source == self.choices.shown), done[0] if done else None)

    @property
    def working(self) -> bool:
        """Whether anything is being worked on."""
        return any(entry.phase in WORKING for entry in self.entries)

    def batch(self, now_s: float) -> tuple[int, int, float | None]:
        """Say how far the queue is that was begun together.

        Args:
            now_s: the monotonic clock.

        Returns:
            How many have ended, how many there are, and the seconds that the rest takes, or None where nobody can say.
        """
        shares = [entry.share if entry.phase in WORKING else 1.0 for entry in self._batch]
        ended = sum(entry.phase not in WORKING for entry in self._batch)
        done = sum(shares)
        known = self._batch and done >= LEAST_SHARE * len(shares)
        return ended, len(shares), (now_s - self._began_s) * (len(shares) - done) / done if known else None

    def stale(self, entry: Entry) -> bool:
        """Say whether a result was made with other choices than those on the page."""
        return entry.phase == "done" and entry.made_with != self.choices.plan()

    def _submit(self, source: str, plan: dict[str, Any]) -> jobs.Job:
        check_allowed(source, [card.name for card in known_cards()])
        Plan(**plan)
        return jobs.submit("run", source, data=str(data_folder()), **plan)

    def _heard(self, entry: Entry, job: jobs.Job) -> None:
        if entry.job is not job or entry.phase not in WORKING:
            return
        entry.phase, entry.share, entry.stage, entry.message = job.state, job.progress, job.stage, job.message
        if job.state == "running" and job.stage != "waiting" and entry.began_s is None:
            entry.began_s = time.monotonic()
        if job.state == "done":
            entry.folder, entry.summary = job.folder, job.summary
            self.tell("entry", "entries", "result")
            return
        self.tell("entry", *(["entries"] if job.state not in WORKING else []))

    def _append(self, source: str) -> bool:
        if any(entry.source == source for entry in self.entries):
            return False
        self.entries.append(Entry(source))
        return True

    def _keep_sources(self) -> None:
        self.drift(sources=tuple(entry.source for entry in self.entries))


def time_words(seconds: float | None) -> str:
    """Say how long something still takes, as one says it.

    Args:
        seconds: or None where nobody knows.

    Returns:
        Such as ``about 2 minutes left``; empty where nobody knows.
    """
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} seconds left"
    return f"about {round(seconds / 60)} minutes left"
