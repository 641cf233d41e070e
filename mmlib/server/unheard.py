"""Kernels that nobody listens to any more, and when to end them.

A page that closes says goodbye, and its kernel ends at once. Here are the others: a page that was closed before it had
a kernel to say goodbye to, a browser that crashed, a network that went away and may come back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jupyter_core.utils import ensure_async

LOOK_S = 5.0
"""How often somebody looks."""
NEVER_HEARD_S = 90.0
"""So long a kernel waits for its page to come up; the page itself gives up after as long."""
LOST_S = 300.0
"""So long a kernel waits for a page that had a line and lost it: the page tries again for about four minutes."""


@dataclass(frozen=True)
class Heard:
    """What is known of a kernel at one moment.

    Attributes:
        name: of the kernel.
        lines: how many pages are connected to it.
        busy: whether it works.
    """

    name: str
    lines: int
    busy: bool = False


class Unheard:
    """Since when each kernel has been without a page."""

    def __init__(self) -> None:
        self._had_a_line: set[str] = set()
        self._alone_since_s: dict[str, float] = {}

    def due(self, kernels: Iterable[Heard], now_s: float) -> list[str]:
        """Say which kernels have waited for long enough.

        Args:
            kernels: every kernel that runs.
            now_s: the monotonic clock.

        Returns:
            Their names. A kernel that works is never among them, nor is one that has a page.
        """
        seen = list(kernels)
        names = {kernel.name for kernel in seen}
        self._had_a_line &= names
        alone = {kernel.name for kernel in seen if not kernel.lines and not kernel.busy}
        self._alone_since_s = {name: self._alone_since_s.get(name, now_s) for name in alone}
        self._had_a_line |= {kernel.name for kernel in seen if kernel.lines}
        return [name for name in sorted(alone) if now_s - self._alone_since_s[name] >= self._patience_s(name)]

    def _patience_s(self, name: str) -> float:
        return LOST_S if name in self._had_a_line else NEVER_HEARD_S


async def end_unheard(manager: Any, unheard: Unheard) -> None:
    """End the kernels that have waited for long enough.

    Args:
        manager: the server's manager of kernels.
        unheard: what was seen of them before.
    """
    kernels = [
        Heard(kernel["id"], kernel["connections"], busy=kernel["execution_state"] == "busy")
        for kernel in manager.list_kernels()
    ]
    for name in unheard.due(kernels, time.monotonic()):
        await end_kernel(manager, name)


async def end_kernel(manager: Any, name: str) -> None:
    """End a kernel at once; one that is gone already is no error.

    Args:
        manager: the server's manager of kernels.
        name: of the kernel.
    """
    if name not in manager:
        return
    try:
        await ensure_async(manager.shutdown_kernel(name, now=True))
    except Exception:  # somebody else is just ending it; if not, it is looked at again
        logging.getLogger(__name__).debug("kernel %s could not be ended", name, exc_info=True)
