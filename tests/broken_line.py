"""A line between browser and server that a test can cut and mend, as a network does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator


class Line:
    """Passes bytes on between a port of its own and another; while it is cut nobody comes through.

    Attributes:
        port: where browsers connect.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._whole = True
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()

    def cut(self) -> None:
        """Break every connection and take no more."""
        self._whole = False
        self._loop.call_soon_threadsafe(self._break_all)

    def mend(self) -> None:
        """Let through again who comes anew."""
        self._whole = True

    def _break_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while part := await reader.read(1 << 16):
                writer.write(part)
                await writer.drain()
        writer.close()
        self._open.discard(writer)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))

    async def _listen(self, ready: threading.Event, over: asyncio.Event) -> None:
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()
        self._break_all()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """Lay a line to a server until the block ends.

    Args:
        port: where the server listens on this computer.
    """
    line, ready, over = Line(port), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: line._loop.run_until_complete(line._listen(ready, over)), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield line
    finally:
        line._loop.call_soon_threadsafe(over.set)
        thread.join(10)
        line._loop.close()
