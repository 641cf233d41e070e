"""Workers for the jobs: two processes on this computer, started beside the dashboard, or a scheduler elsewhere."""

from __future__ import annotations

import logging
import os
import socket
import threading
from types import TracebackType
from typing import Any

WORKERS = 2
MEMORY_SHARE = 0.6
"""Share of this computer's memory that all workers together may take."""


class Cluster:
    """A Dask cluster as a context; its address is known before it runs, so nobody waits for it.

    Attributes:
        address: what kernels connect to, ``tcp://host:port``.
    """

    def __init__(self, scheduler: str | None = None, *, workers: int = WORKERS) -> None:
        self._own = scheduler is None
        self._workers = workers
        self._port = 0 if scheduler else _free_port()
        self.address = scheduler or f"tcp://127.0.0.1:{self._port}"
        self._running: Any = None
        self._starter: threading.Thread | None = None

    def __enter__(self) -> Cluster:
        if self._own:
            self._starter = threading.Thread(target=self._start, name="start cluster", daemon=True)
            self._starter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._starter is not None:
            self._starter.join()
        if self._running is not None:
            self._running.close()

    def _start(self) -> None:
        from distributed import LocalCluster

        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 << 30
        self._running = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=self._workers,
            threads_per_worker=1,
            processes=True,
            scheduler_port=self._port,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
            memory_limit=int(memory * MEMORY_SHARE / self._workers),
            silence_logs=logging.ERROR,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
