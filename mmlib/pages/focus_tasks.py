"""One job of a page: begun beside it, heard where the page lives, and stopped at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmlib import jobs
from mmlib.pages.background import Runner


class Task:
    """A job from the first click to its end.

    Attributes:
        state: waiting, running, done, failed or cancelled.
        share: how much is done, 0..1.
        stage: the name of what is being done.
        message: one sentence when it failed.
        job: the job, once it is submitted.
    """

    def __init__(
        self,
        *,
        changed: Callable[[], None],
        done: Callable[[jobs.Job], None],
        deliver: Callable[[Callable[[], None]], None],
    ) -> None:
        """Prepare it.

        Args:
            changed: called where the page lives whenever something changes.
            done: given the job once its results are there; calls `finish` or `fail` in turn.
            deliver: runs something where the page lives.
        """
        self.state, self.share, self.stage, self.message = "waiting", 0.0, "waiting", ""
        self.job: jobs.Job | None = None
        self._changed, self._done, self._deliver = changed, done, deliver

    @property
    def busy(self) -> bool:
        """Whether it is under way."""
        return self.state in ("waiting", "running")

    def submit(self, aside: Runner, verb: str, source: str, **choices: Any) -> None:
        """Begin.

        Args:
            aside: does the submitting, which may wait for a scheduler.
            verb: see `mmlib.jobs.submit`.
            source: see `mmlib.jobs.submit`.
            **choices: see `mmlib.jobs.submit`.
        """
        aside(lambda _: jobs.submit(verb, source, **choices), self._begun, self.fail, lambda share, stage: None)

    def cancel(self) -> None:
        """Stop it, and hear no more of it."""
        if not self.busy:
            return
        self._set("cancelled")
        if self.job is not None:
            self.job.cancel()

    def finish(self) -> None:
        """Say that its results were taken."""
        if self.busy:
            self.share = 1.0
            self._set("done")

    def fail(self, sentence: str) -> None:
        """Say that it came to nothing.

        Args:
            sentence: why.
        """
        if self.busy:
            self.message = sentence
            self._set("failed")

    def _begun(self, job: jobs.Job) -> None:
        if not self.busy:
            job.cancel()
            return
        self.job = job
        job.on_change(lambda told: self._deliver(lambda: self._heard(told)))

    def _heard(self, job: jobs.Job) -> None:
        if not self.busy or self.share >= 1:
            return
        if job.state == "done":
            self.share, self.stage = 1.0, "reading the results"
            self._done(job)
        elif job.state in ("waiting", "running"):
            if (job.state, job.progress, job.stage) != (self.state, self.share, self.stage):
                self.share, self.stage = min(job.progress, 0.99), job.stage
                self._set(job.state)
        elif job.state == "cancelled":
            self._set("cancelled")
        else:
            self.fail(job.message)

    def _set(self, state: str) -> None:
        self.state = state
        self._changed()
