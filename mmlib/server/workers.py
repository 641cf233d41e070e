"""The process that holds the workers: it lives as long as its standard input stays open."""

from __future__ import annotations

import logging
import os
import sys

MEMORY_SHARE = 0.6
"""Share of this computer's memory that all workers together may take."""


def main() -> None:
    """Run a scheduler on the port and with the number of workers that the command line names, until input ends."""
    from distributed import LocalCluster

    port, workers = map(int, sys.argv[1:3])
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 << 30
    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        scheduler_port=port,
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # it listens in any case; not where another one may
        worker_dashboard_address=None,
        memory_limit=int(memory * MEMORY_SHARE / workers),
        silence_logs=logging.CRITICAL,
    )
    sys.stdin.read()
    cluster.close()


if __name__ == "__main__":
    main()
