"""Work beside the page: in a thread, reported back to where the page lives, so that every click is answered at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mmlib.errors import Cancelled, InputError
from mmlib.progress import Progress

TELL_S = 0.1
"""Progress is passed on no more often than this."""

R = TypeVar("R")
_ONE_AT_A_TIME = threading.RLock()


def here(action: Callable[[], None]) -> None:
    """Do something on the spot, whichever thread this is, but one thing at a time: later news is heard later.

    Args:
        action: what to do.
    """
    with _ONE_AT_A_TIME:
        action()


class Runner(Protocol):
    """How a state has its work done: at once, or beside the page."""

    def __call__(
        self,
        work: Callable[[Progress], R],
        then: Callable[[R], None],
        failed: Callable[[str], None],
        progress: Progress,
    ) -> None:
        """Do the work.

        Args:
            work: given a progress callable; runs anywhere.
            then: given the result, where the page lives.
            failed: given one sentence instead, where the page lives.
            progress: told how far it is, where the page lives.
        """


def at_once(
    work: Callable[[Progress], R], then: Callable[[R], None], failed: Callable[[str], None], progress: Progress
) -> None:
    """Do the work here and now: for scripts and tests.

    Args:
        work: given a progress callable.
        then: given the result.
        failed: given one sentence instead.
        progress: told how far it is.
    """
    outcome = attempt(work, progress)
    if isinstance(outcome, Failure):
        failed(outcome.sentence)
    elif not isinstance(outcome, Cancelled):
        then(outcome)


class Failure:
    """What a piece of work gives instead of a result."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


def attempt(work: Callable[[Progress], R], progress: Progress) -> R | Failure | Cancelled:
    """Do a piece of work and turn every way in which it can end into a value.

    Args:
        work: given a progress callable.
        progress: that callable.

    Returns:
        The result, a `Failure` with one sentence, or `Cancelled`.
    """
    try:
        return work(progress)
    except Cancelled as stopped:
        return stopped
    except InputError as error:
        return Failure(str(error))
    except OSError as error:
        return Failure(f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}")
    except Exception as error:  # a thread has nobody else to tell
        return Failure(f"this went wrong inside mmlib: {type(error).__name__}: {error}")


def deliverer() -> Callable[[Callable[[], None]], None]:
    """Give a function that runs something where the page lives: in this kernel's event loop, else on the spot."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return here

    def deliver(action: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(action)

    return deliver


class Latest:
    """A runner that works in a thread; newer work stops the older, whose result is dropped."""

    def __init__(self) -> None:
        self._deliver = deliverer()
        self._turn = 0

    def stop(self) -> None:
        """Stop what is running; nothing more of it will be heard."""
        self._turn += 1

    def __call__(
        self,
        work: Callable[[Progress], R],
        then: Callable[[R], None],
        failed: Callable[[str], None],
        progress: Progress,
    ) -> None:
        """Start the work in a thread; see `Runner`."""
        self._turn += 1
        turn = self._turn
        told = 0.0

        def hear(action: Callable[..., Any], *values: Any) -> None:
            self._deliver(lambda: action(*values) if turn == self._turn else None)

        def tell(share: float, stage: str) -> None:
            nonlocal told
            if turn != self._turn:
                raise Cancelled
            now = time.monotonic()
            if now - told >= TELL_S:
                told = now
                hear(progress, share, stage)

        def go() -> None:
            outcome = attempt(work, tell)
            if isinstance(outcome, Failure):
                hear(failed, outcome.sentence)
            elif not isinstance(outcome, Cancelled):
                hear(then, outcome)

        threading.Thread(target=go, name="mmlib page work", daemon=True).start()


def apart(
    work: Callable[[Progress], R], then: Callable[[R], None], failed: Callable[[str], None], progress: Progress
) -> None:
    """Do the work in a thread of its own, which nothing newer stops; see `Runner`."""
    Latest()(work, then, failed, progress)
