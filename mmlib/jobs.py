"""Long work outside the caller: in a thread here, or on a Dask cluster; results by content, so equal work is done once.

A job's results lie in a folder named by what it is made from (verb, content of the source, choices, edition). While it
runs, an attempt folder beside it holds `progress.json`, and a file `cancel` there stops it: caller and worker share
nothing but this folder, so any scheduler will do and a reload finds its job again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from mmlib.edition import edition
from mmlib.errors import Cancelled, InputError, unknown
from mmlib.version import __version__

POLL_S = 0.1
RESULTS_BYTES = 2 << 30
STALE_S = 24 * 3600
SCHEDULER_S = 30.0
ENDED = ("done", "failed", "cancelled")


def results_root() -> Path:
    """Say where results are kept: MMLIB_RESULTS, else the user's cache folder."""
    return Path(os.environ.get("MMLIB_RESULTS") or Path(platformdirs.user_cache_dir("mmlib")) / "results")


class Job:
    """One piece of work: what it is, how far it is, where its results lie.

    Attributes:
        id: hash of verb, content, choices and `mmlib.edition.edition`.
        verb: what is done.
        folder: where the results lie once `state` is ``"done"``.
        state: waiting, running, done, failed or cancelled.
        progress: share done, 0..1.
        stage: the name of what is being done.
        message: one sentence when it failed.
        summary: what the verb reported, when done.
    """

    def __init__(self, job_id: str, verb: str, root: Path) -> None:
        self.id = job_id
        self.verb = verb
        self.folder = root / job_id
        self.state = "waiting"
        self.progress = 0.0
        self.stage = "waiting"
        self.message = ""
        self.summary: dict[str, Any] = {}
        self._attempt = root / f"{job_id}.{uuid.uuid4().hex[:8]}.run"
        self._callbacks: list[Callable[[Job], None]] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Stop it: the state is ``"cancelled"`` at once, the worker stops at its next step."""
        with suppress(FileNotFoundError):  # it has just ended by itself
            (self._attempt / "cancel").touch()
        self._change(state="cancelled", stage="cancelled")

    def wait(self, timeout_s: float | None = None) -> Job:
        """Wait until it is done, failed or cancelled.

        Args:
            timeout_s: give up waiting after so many seconds; None waits for ever.

        Returns:
            The job itself.
        """
        self._ended.wait(timeout_s)
        return self

    def on_change(self, callback: Callable[[Job], None]) -> None:
        """Call back, from another thread, whenever state or progress change, and once now.

        Args:
            callback: given the job.
        """
        self._callbacks.append(callback)
        callback(self)

    def _change(self, **values: Any) -> None:
        with self._lock:
            if self.state in ENDED or all(getattr(self, name) == value for name, value in values.items()):
                return
            for name, value in sorted(values.items(), key=lambda item: item[0] == "state"):
                setattr(self, name, value)  # the state last: who sees that it is done finds the rest in place
        for callback in self._callbacks:
            callback(self)
        if self.state in ENDED:
            self._ended.set()

    def _finish(self) -> None:
        stored = json.loads((self.folder / "result.json").read_text())
        os.utime(self.folder / "result.json")
        self._change(state="done", progress=1.0, stage="done", summary=stored["summary"])

    def _fail(self, message: str) -> None:
        self._change(state="failed", stage="failed", message=message)

    def _watch(self, future: Future[Any]) -> None:
        while not self._ended.is_set():
            if future.done():
                self._conclude(future)
                return
            try:
                told = json.loads((self._attempt / "progress.json").read_text())
                self._change(state="running", progress=told["share"], stage=told["stage"])
            except (OSError, ValueError):
                pass  # not begun, or being rewritten: look again
            time.sleep(POLL_S)

    def _conclude(self, future: Future[Any]) -> None:
        try:
            outcome = future.result()
        except Exception as error:  # a worker that was killed, a scheduler that went away
            self._fail(f"the work was lost with its worker ({type(error).__name__}); run it again")
            return
        if outcome["state"] == "done":
            try:
                self._finish()
            except (OSError, ValueError):
                self._fail("the results were removed before they could be read; run it again")
        else:
            self._change(state=outcome["state"], stage=outcome["state"], message=outcome.get("message", ""))


def submit(verb: str, source: str, *, scheduler: str | None = None, **choices: Any) -> Job:
    """Start a piece of work, or give its results at once if they are there.

    Args:
        verb: a key of `mmlib.pipeline.VERBS`.
        source: a path, a built-in specimen or a name in the data folder.
        scheduler: address of a Dask scheduler; None takes MMLIB_SCHEDULER, and where that is not set a thread here.
        **choices: what the verb takes; JSON must be able to hold them.

    Returns:
        The job, already watched.

    Raises:
        InputError: if the source cannot be opened.
    """
    from mmlib.pipeline import VERBS
    from mmlib.specimens import open_source

    if verb not in VERBS:
        raise unknown("verb", verb, VERBS)
    stack = open_source(source, speed=choices.get("speed"), data=choices.get("data"))
    choices = {name: str(value) if isinstance(value, Path) else value for name, value in choices.items()}
    named = {name: value for name, value in sorted(choices.items()) if name != "data" and value is not None}
    made_from = json.dumps([verb, stack.content_hash, named, edition()], sort_keys=True)
    root = results_root()
    job = Job(hashlib.sha256(made_from.encode()).hexdigest()[:32], verb, root)
    with suppress(OSError, ValueError):  # not done before, or removed at this moment
        job._finish()
        return job
    job._attempt.mkdir(parents=True)
    arguments = (verb, source, choices, str(job.folder), str(job._attempt))
    address = scheduler or os.environ.get("MMLIB_SCHEDULER")
    if address:
        future = _client(address).submit(run_task, *arguments, key=job._attempt.name, pure=False, retries=0)
    else:
        future = _threads().submit(run_task, *arguments)
    threading.Thread(target=job._watch, args=(future,), daemon=True, name=f"watch {job.id}").start()
    return job


def run_task(verb: str, source: str, choices: dict[str, Any], folder: str, attempt: str) -> dict[str, Any]:
    """Do the work on whatever machine this is; called by the scheduler.

    Args:
        verb: a key of `mmlib.pipeline.VERBS`.
        source: what to open.
        choices: what the verb takes.
        folder: where the results go in the end, in one step.
        attempt: the folder of this attempt: progress is told there and `cancel` looked for.

    Returns:
        ``{"state": "done" | "failed" | "cancelled", "message": ...}``.
    """
    from mmlib.pipeline import run_verb

    home, trial = Path(folder), Path(attempt)
    tell = _Teller(trial)
    try:
        lock = FileLock(home.with_suffix(".lock"))
        while True:  # equal work that already runs is waited for, not done twice
            tell(0.0, "waiting")
            try:
                lock.acquire(timeout=POLL_S)
                break
            except Timeout:
                continue
        try:
            if not (home / "result.json").is_file():
                _work(run_verb, verb, source, choices, home, trial, tell)
        finally:
            lock.release()
        return {"state": "done"}
    except Cancelled:
        return {"state": "cancelled"}
    except InputError as error:
        return {"state": "failed", "message": str(error)}
    except OSError as error:
        return {"state": "failed", "message": f"the results could not be written to {home.parent}: {error.strerror}"}
    except Exception as error:
        (home.parent / "last_failure.txt").write_text(traceback.format_exc())
        return {"state": "failed", "message": f"{verb} failed with {type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _work(
    run_verb: Callable[..., dict[str, Any]],
    verb: str,
    source: str,
    choices: dict[str, Any],
    home: Path,
    trial: Path,
    tell: _Teller,
) -> None:
    results = trial / "results"
    results.mkdir(exist_ok=True)
    named = {name: Path(value) if name == "data" and value else value for name, value in choices.items()}
    summary = run_verb(verb, source, results, progress=tell, **named)
    record = {"verb": verb, "source": source, "choices": choices, "version": __version__, "summary": summary}
    (results / "result.json").write_text(json.dumps(record, indent=1))
    shutil.rmtree(home, ignore_errors=True)
    results.rename(home)
    evict(home.parent, int(os.environ.get("MMLIB_RESULTS_BYTES", RESULTS_BYTES)), keep=home)


class _Teller:
    """A progress callable that writes to the attempt folder and stops when asked to."""

    def __init__(self, trial: Path) -> None:
        self.trial = trial
        self.told = 0.0

    def __call__(self, share: float, stage: str) -> None:
        if not self.trial.is_dir() or (self.trial / "cancel").exists():
            raise Cancelled
        now = time.monotonic()
        if now - self.told < POLL_S / 2:
            return
        self.told = now
        whole = self.trial / "progress.part"
        whole.write_text(json.dumps({"share": share, "stage": stage}))
        whole.replace(self.trial / "progress.json")


def evict(root: Path, limit_bytes: int, *, keep: Path | None = None) -> None:
    """Remove the results that were not looked at for longest until the rest fits.

    Args:
        root: the folder of all results.
        limit_bytes: how much may stay.
        keep: one that stays in any case.
    """
    for trial in root.glob("*.run"):  # what a killed process left behind
        if time.time() - trial.stat().st_mtime > STALE_S:
            shutil.rmtree(trial, ignore_errors=True)
    sizes: list[tuple[float, int, Path]] = []
    for mark in root.glob("*/result.json"):
        size = sum(file.stat().st_size for file in mark.parent.iterdir())
        sizes.append((mark.stat().st_mtime, size, mark.parent))
    total = sum(size for _, size, _ in sizes)
    for _, size, folder in sorted(sizes):
        if total <= limit_bytes:
            return
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            total -= size


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="mmlib job")


@cache
def _client(address: str) -> Any:
    from distributed import Client

    try:
        return Client(address, timeout=SCHEDULER_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError):
        raise InputError(f"no scheduler answers at {address}; start one, or leave the setting out") from None
