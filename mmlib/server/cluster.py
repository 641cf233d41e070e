"""Workers for the jobs: two processes on this computer, started beside the dashboard, or a scheduler elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from types import TracebackType

WORKERS = 2
END_S = 10.0


class Cluster:
    """A Dask cluster as a context; its address is known before it runs, so nobody waits for it.

    It runs in a session of its own: Ctrl-C in the terminal reaches the dashboard alone, which then ends it. Should the
    dashboard be killed, the cluster's input ends, and so does the cluster.

    Attributes:
        address: what kernels connect to, ``tcp://host:port``.
    """

    def __init__(self, scheduler: str | None = None, *, workers: int = WORKERS) -> None:
        self._workers = workers
        self._port = 0 if scheduler else _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.address = scheduler or f"tcp://127.0.0.1:{self._port}"

    def __enter__(self) -> Cluster:
        if self._port:
            command = [sys.executable, "-m", "mmlib.server.workers", str(self._port), str(self._workers)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                if hasattr(os, "killpg"):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
