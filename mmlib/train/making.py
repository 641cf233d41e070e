"""Files that a training needs and that are made once: what is there is whole, what is missing is made side by side."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.progress import Progress


def make_missing(
    wanted: Mapping[Path, tuple[Any, ...]],
    make: Callable[..., None],
    *,
    processes: int,
    budget_s: float,
    words: str,
    progress: Progress,
) -> list[Path]:
    """Make the files that are not there yet, each in a process of one thread.

    Args:
        wanted: file -> what `make` is given besides it, in the order in which they are made.
        make: writes one file, whole or not at all; a function of a module.
        processes: how many work at once.
        budget_s: begin nothing more after this many seconds.
        words: what is made, for the progress.
        progress: told how far it is.

    Returns:
        The files that are there, in order.
    """
    missing = [file for file in wanted if not file.is_file()]
    started, done, running = time.monotonic(), len(wanted) - len(missing), set[Future[None]]()
    if missing:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max(1, processes), context, initializer=_one_thread) as makers:
            while missing or running:
                if time.monotonic() - started > budget_s:
                    missing.clear()
                while missing and len(running) < 2 * processes:
                    file = missing.pop(0)
                    running.add(makers.submit(make, file, *wanted[file]))
                if running:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        future.result()
                    done += len(ended)
                    progress(done / len(wanted), f"{words}: {done} of {len(wanted)}")
    return [file for file in wanted if file.is_file()]


def write_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as ``.npz``, whole or not at all, whoever else writes the same.

    Args:
        file: where to.
        arrays: by name.
    """
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **arrays)
    part.replace(file)


def _one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
