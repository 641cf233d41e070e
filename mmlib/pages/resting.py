"""Do something once things have come to rest: while a key is held, only the last frame is worth a histogram."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Resting:
    """Calls back a moment after the last touch; on the spot where there is no event loop."""

    def __init__(self, delay_s: float, action: Callable[[], None]) -> None:
        """Set it up.

        Args:
            delay_s: how long nothing must have touched it.
            action: what to do then.
        """
        self._delay_s = delay_s
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def touch(self) -> None:
        """Something moved."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._action()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(self._delay_s, self._action)
