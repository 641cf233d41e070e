"""Which frames the kernel still owes to which browser: a small state machine without threads, clocks or sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Wanted(NamedTuple):
    """One frame that a browser asked for: the key of its pane, the plane, and ``"preview"`` or ``"exact"``."""

    key: str
    plane: int
    quality: str


@dataclass
class _Client:
    queue: deque[Wanted] = field(default_factory=deque)
    sent: int = 0
    flying: deque[Wanted] = field(default_factory=deque)


class Outbox:
    """The frames owed to every browser that shows a view.

    A browser asks for a small batch, most urgent first, and says how many frames it has received so far. A new request
    replaces what is left of the older one, so a jump to another plane is served at once; frames that are still on their
    way are not sent twice. A new token empties everything: what was asked of an older specimen is never sent.
    """

    def __init__(self) -> None:
        self.token = 0
        self._clients: dict[str, _Client] = {}

    def renew(self) -> int:
        """Forget every request, because other things are shown now.

        Returns:
            The new token.
        """
        self.token += 1
        for client in self._clients.values():
            client.queue.clear()
            client.flying.clear()
        return self.token

    def meet(self, client: str) -> None:
        """Start anew with a browser that says that it is ready.

        Args:
            client: the name that the browser gave itself.
        """
        self._clients[client] = _Client()

    def ask(self, client: str, token: int, seen: int, wanted: Sequence[Wanted], *, again: bool = False) -> bool:
        """Take a request.

        Args:
            client: who asks.
            token: what the browser shows; requests with another token than the present one are dropped.
            seen: how many frames the browser has received from the start.
            wanted: what it misses, most urgent first.
            again: whether frames on their way must be taken as lost.

        Returns:
            Whether the request was taken.
        """
        if token != self.token:
            return False
        state = self._clients.setdefault(client, _Client(sent=seen))
        if again:
            state.flying.clear()
            state.sent = seen
        while state.flying and len(state.flying) > max(state.sent - seen, 0):
            state.flying.popleft()
        state.queue = deque(w for w in wanted if w not in state.flying)
        return True

    def take(self) -> tuple[str, int, Wanted] | None:
        """Take out the most urgent frame; browsers take turns.

        Returns:
            Whom to send it to, under which token, and which frame; None when nothing is owed.
        """
        for name, state in list(self._clients.items()):
            if state.queue:
                wanted = state.queue.popleft()
                state.flying.append(wanted)
                state.sent += 1
                self._clients[name] = self._clients.pop(name)
                return name, self.token, wanted
        return None
