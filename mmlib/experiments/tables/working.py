"""Scoring specimens: each in a process of its own, every score kept as soon as it is there."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from mmlib.experiments.recipes import SPEEDS, Recipe
from mmlib.experiments.tables import deblur_scores, focus_crops, focus_scores, fusion_scores, keeping
from mmlib.experiments.tables.scans import Scan, open_scans
from mmlib.progress import Progress, silent

Scored = dict[str, Any]
"""A scan's scores: ``specimen``, ``speed``, ``crops`` (Table 1), and ``scores`` by the method's name."""


@dataclass(frozen=True)
class Task:
    """What is to be scored: one specimen for one table."""

    number: int
    recipe: Recipe
    folder: Path
    speeds: tuple[int, ...] = SPEEDS
    cnniqa: Path | None = None
    only_kept: bool = False


class NotKept(Exception):  # noqa: N818 - no error: there is work to do
    """Raised where a score would have to be worked out and only kept ones were asked for."""


def score_specimen(task: Task) -> list[Scored]:
    """Score all scans of a specimen; what was scored before is not scored again.

    Args:
        task: the specimen and the table.

    Returns:
        The scores of each scan, ready for JSON.
    """
    scans = open_scans(task.recipe, task.folder, task.speeds, make=not task.only_kept)
    if not scans:
        raise NotKept
    scorers = {1: _score_focus, 2: _score_deblurring, 3: _score_fusion}
    return [scorers[task.number](scan, task) for scan in scans]


def score_all(
    tasks: Sequence[Task],
    *,
    processes: int = 2,
    progress: Progress = silent,
    work: Callable[[Task], list[Scored]] = score_specimen,
) -> list[Scored]:
    """Score many specimens.

    Args:
        tasks: one a specimen.
        processes: how many work at once; 1 works here.
        progress: told how far it is, and the specimen; what it raises stops the work.
        work: what is done with a task.

    Returns:
        The scores of all scans, in the order of the tasks.
    """
    answers: dict[int, list[Scored]] = {}
    if processes < 2 or len(tasks) < 2:
        for place, task in enumerate(tasks):
            progress(place / len(tasks), task.recipe.name)
            answers[place] = work(task)
        progress(1.0, "done")
        return [scored for place in range(len(tasks)) for scored in answers[place]]
    for place, task in enumerate(tasks):  # what is kept needs no process
        with suppress(NotKept):
            answers[place] = work(replace(task, only_kept=True))
    if len(answers) < len(tasks):
        with _workers(processes) as pool:
            places: dict[Future[list[Scored]], int] = {
                pool.submit(work, task): place for place, task in enumerate(tasks) if place not in answers
            }
            running = set(places)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    answers[places[future]] = future.result()
                    progress(len(answers) / len(tasks), tasks[places[future]].recipe.name)
    progress(1.0, "done")
    return [scored for place in range(len(tasks)) for scored in answers[place]]


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of single-threaded processes that ends at once when its user stops."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    lone = threading.current_thread() is threading.main_thread()
    ended_by = signal.signal(signal.SIGTERM, _end) if lone else None
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)
        if lone:
            signal.signal(signal.SIGTERM, ended_by)


def _end(number: int, _frame: FrameType | None) -> None:
    """Leave in order when asked to end: a signal alone would leave the workers behind."""
    sys.exit(128 + number)


def _begin() -> None:
    import cv2
    import torch

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started us decides when to stop
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _score_focus(scan: Scan, task: Task) -> Scored:
    rooms = ("experiments/tables/focus_crops.py",)
    crops = _kept(task, rooms, scan, "crops", partial(focus_crops.choose_crops, scan))
    scores = {}
    for name, how in focus_scores.judges():
        if how == focus_scores.ALONE or task.recipe.split != "train":  # thresholds are all that training is for
            judge = f"{name}, {how}"
            work = partial(_ask, scan, crops, name, how)
            scores[judge] = _kept(task, focus_scores.ROOMS, scan, judge, work, focus_scores.made_of(name))
    return {**_about(scan, task), "crops": crops, "scores": scores}


def _ask(scan: Scan, crops: list[dict[str, Any]], name: str, how: str) -> dict[str, list[float | None]]:
    return focus_scores.score_crops(scan.stack, crops, name, how)


def _score_deblurring(scan: Scan, task: Task) -> Scored:
    scores = {}
    for name in deblur_scores.deblurrers():
        work = partial(deblur_scores.score_deblurring, scan, name)
        scores[name] = _kept(task, deblur_scores.rooms_of(name), scan, name, work, deblur_scores.weights_of(name))
    return {**_about(scan, task), "scores": scores}


def _score_fusion(scan: Scan, task: Task) -> Scored:
    weights = None if task.cnniqa is None else hashlib.sha256(task.cnniqa.read_bytes()).hexdigest()
    scores = {}
    for name in fusion_scores.fusions():
        work = partial(fusion_scores.score_fusion, scan, name, cnniqa=task.cnniqa)
        scores[name] = _kept(task, fusion_scores.ROOMS, scan, name, work, weights, fusion_scores.version_of(name))
    return {**_about(scan, task), "scores": scores}


def _about(scan: Scan, task: Task) -> Scored:
    return {"specimen": scan.specimen, "split": task.recipe.split, "speed": scan.speed, "content": scan.content}


def _kept(task: Task, rooms: tuple[str, ...], scan: Scan, name: str, work: Callable[[], Any], *more: Any) -> Any:
    """Find a score of a scan, or work it out and keep it."""
    key = keeping.key_of(rooms, name, scan.content, scan.speed, *more)
    found = keeping.find(key)
    if found is None and task.only_kept:
        raise NotKept
    return keeping.keep(key, work()) if found is None else found
