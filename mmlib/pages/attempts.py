"""Several jobs of a page at once, one for each method that is tried: every one goes its own way to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mmlib import jobs
from mmlib.errors import InputError
from mmlib.pages.background import Runner, here


@dataclass(frozen=True)
class Attempt:
    """How far one method is, and what came of it.

    Attributes:
        method: its name.
        phase: waiting, running, done, failed or cancelled.
        share: how much is done, 0..1.
        sentence: why it failed.
        folder: where its files lie, once done.
        summary: what the job reported.
    """

    method: str
    phase: str = "waiting"
    share: float = 0.0
    sentence: str = ""
    folder: Path | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.phase == "done"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.phase in jobs.ENDED

    def file(self, name: str) -> Path:
        """Give the path of a file that the job wrote.

        Args:
            name: of the file.

        Returns:
            Where it lies.

        Raises:
            InputError: if there is no result.
        """
        if self.folder is None:
            raise InputError(f"{self.method} has no result yet; run it first")
        return self.folder / name


class Batch:
    """Jobs that were started together; those that are started next replace them."""

    def __init__(self, run: Runner, deliver: Callable[[Callable[[], None]], None] = here) -> None:
        """Set it up.

        Args:
            run: how jobs are handed in, which reads the source.
            deliver: brings news to where the page lives.
        """
        self._run = run
        self._deliver = deliver
        self._jobs: list[jobs.Job] = []
        self._turn = 0

    def start(
        self,
        verb: str,
        source: str,
        wanted: Mapping[str, dict[str, Any]],
        heard: Callable[[Attempt], None],
        failed: Callable[[str], None],
    ) -> None:
        """Start one job for each of several methods; what was done before is there at once.

        Args:
            verb: a key of `mmlib.pipeline.VERBS`.
            source: what it works on.
            wanted: method -> what its job is asked for.
            heard: told whenever one of them is further.
            failed: told one sentence if they could not be handed in.
        """
        self.cancel()
        turn = self._turn

        def submit(_: Any) -> dict[str, jobs.Job]:
            return {name: jobs.submit(verb, source, **choices) for name, choices in wanted.items()}

        def begun(made: dict[str, jobs.Job]) -> None:
            if turn != self._turn:
                for job in made.values():
                    job.cancel()
                return
            self._jobs = list(made.values())
            for name, job in made.items():
                job.on_change(partial(news, name))

        def news(name: str, job: jobs.Job) -> None:
            self._deliver(partial(tell, name, job))

        def tell(name: str, job: jobs.Job) -> None:
            if turn == self._turn:
                heard(_attempt(name, job))

        self._run(submit, begun, lambda sentence: failed(sentence) if turn == self._turn else None, _quiet)

    def cancel(self) -> None:
        """Stop all of them; nothing more of them will be heard."""
        self._turn += 1
        for job in self._jobs:
            job.cancel()
        self._jobs = []


def _attempt(name: str, job: jobs.Job) -> Attempt:
    done = job.state == "done"
    return Attempt(
        name, job.state, job.progress, job.message, job.folder if done else None, dict(job.summary) if done else {}
    )


def _quiet(share: float, stage: str) -> None:
    """Say nothing: handing in is quick."""
