"""How long work reports where it is: one callable, which may raise `Cancelled` to stop the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and the name of the stage, such as ``"reading"``."""

Item = TypeVar("Item")


def silent(share: float, stage: str) -> None:
    """Report to nobody."""


def report(items: Iterable[Item], total: int, stage: str, progress: Progress) -> Iterator[Item]:
    """Pass items on, reporting the share done before each and 1.0 after the last.

    Args:
        items: what to pass on.
        total: how many there will be; 0 is taken as 1.
        stage: the name of the stage to report.
        progress: whom to tell; what it raises goes through.

    Yields:
        The items, unchanged.
    """
    for done, item in enumerate(items):
        progress(min(done / max(total, 1), 1.0), stage)
        yield item
    progress(1.0, stage)


def part(progress: Progress, start: float, end: float) -> Progress:
    """Give a stage its part of a longer bar: its 0..1 becomes start..end.

    Args:
        progress: the whole bar.
        start: where the part begins, 0..1.
        end: where the part ends, 0..1.

    Returns:
        A progress callable for the stage.
    """
    return lambda share, stage: progress(start + (end - start) * share, stage)
