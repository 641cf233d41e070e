"""The votes of the blind test: an SQLite file that many kernels share, in which a vote counts once it is on disk."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import filelock
import platformdirs

from mmlib.errors import InputError

Choice = Literal["left", "right", "tie"]
CHOICES: tuple[Choice, ...] = ("left", "right", "tie")

BUSY_S = 5.0
"""How long a vote waits for others to finish theirs."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS ballots (
    voter TEXT NOT NULL, place INTEGER NOT NULL, specimen TEXT NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL,
    repeats INTEGER, version TEXT NOT NULL, PRIMARY KEY (voter, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS votes (
    voter TEXT NOT NULL, place INTEGER NOT NULL, choice TEXT NOT NULL CHECK (choice IN ('left', 'right', 'tie')),
    seconds REAL, PRIMARY KEY (voter, place), FOREIGN KEY (voter, place) REFERENCES ballots
) WITHOUT ROWID;
"""
COLUMNS = ("voter", "place", "specimen", "left", "right", "choice", "repeats", "seconds", "version")

R = TypeVar("R")


@dataclass(frozen=True)
class Pair:
    """Two results to choose between.

    Attributes:
        place: its number in the voter's ballot, from 0.
        specimen: what both show.
        left: the method of the left one.
        right: the method of the right one.
        repeats: the place of the same pair, seen before with the sides changed, or None.
    """

    place: int
    specimen: str
    left: str
    right: str
    repeats: int | None = None


@dataclass(frozen=True)
class Vote:
    """A choice that was made.

    Attributes:
        voter: who, under a random name.
        pair: between what.
        choice: ``"left"``, ``"right"`` or ``"tie"``.
        seconds: how long it took, if known.
        version: of mmlib, with which the results were made.
    """

    voter: str
    pair: Pair
    choice: Choice
    seconds: float | None
    version: str

    @property
    def winner(self) -> str | None:
        """The method that was preferred, or None for a tie."""
        return {"left": self.pair.left, "right": self.pair.right, "tie": None}[self.choice]


def votes_file() -> Path:
    """Say where the votes lie: MMLIB_VOTES, a file or a folder for it, else a file of the user's own."""
    named = Path(os.environ.get("MMLIB_VOTES") or Path(platformdirs.user_data_path("mmlib")) / "votes.sqlite")
    return named / "votes.sqlite" if named.is_dir() else named


def new_voter() -> str:
    """Draw a name for a voter that says nothing about anybody."""
    return secrets.token_hex(8)


def is_voter(name: object) -> bool:
    """Say whether something may be the name of a voter."""
    return isinstance(name, str) and len(name) == 16 and all(letter in "0123456789abcdef" for letter in name)


class VoteStore:
    """Ballots and votes in one file.

    Every call opens the file, does one short transaction and closes it, so threads, kernels and processes may share
    it. A file that is damaged is set aside under another name, never deleted, and a new one begun.

    Attributes:
        path: where it lies.
        notice: one sentence if a damaged file was set aside, else empty.
    """

    def __init__(self, path: Path | None = None, *, busy_s: float = BUSY_S) -> None:
        """Open the store; make it if it is not there.

        Args:
            path: the file; None takes `votes_file`.
            busy_s: how long to wait for others.

        Raises:
            InputError: if the file cannot be made, or is held by another program.
        """
        self.path = votes_file() if path is None else path
        self.notice = ""
        self._busy_s = busy_s
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(f"{self.path}.lock", timeout=2 * busy_s + 10):
                self._prepare()
        except filelock.Timeout:
            raise self._held() from None
        except OSError as error:
            words = error.strerror or str(error)
            raise InputError(f"the votes cannot be kept in {self.path}: {words}; name another file") from None

    def begin(self, voter: str, draw: Callable[[], Sequence[Pair]], *, version: str) -> None:
        """Give a voter a ballot, unless there is one.

        Args:
            voter: who.
            draw: gives the pairs of a new ballot.
            version: of mmlib.

        Raises:
            InputError: if the file is held or damaged.
        """

        def work(base: sqlite3.Connection) -> None:
            if base.execute("SELECT 1 FROM ballots WHERE voter = ? LIMIT 1", (voter,)).fetchone():
                return
            rows = [(voter, p.place, p.specimen, p.left, p.right, p.repeats, version) for p in draw()]
            base.executemany("INSERT INTO ballots VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        self._do(work, write=True)

    def ballot(self, voter: str) -> list[Pair]:
        """List the pairs of a voter in the order to show them; empty if there is no ballot."""
        query = "SELECT place, specimen, first, second, repeats FROM ballots WHERE voter = ? ORDER BY place"
        return [Pair(*row) for row in self._do(lambda base: base.execute(query, (voter,)).fetchall())]

    def waiting(self, voter: str) -> list[Pair]:
        """List the pairs that the voter has not voted on, in the order to show them."""
        query = (
            "SELECT place, specimen, first, second, repeats FROM ballots AS b WHERE voter = ? AND NOT EXISTS "
            "(SELECT 1 FROM votes WHERE voter = b.voter AND place = b.place) ORDER BY place"
        )
        return [Pair(*row) for row in self._do(lambda base: base.execute(query, (voter,)).fetchall())]

    def vote(self, voter: str, place: int, choice: Choice, *, seconds: float | None = None) -> bool:
        """Take a vote; when this returns it is on disk.

        Args:
            voter: who.
            place: of the pair in the voter's ballot.
            choice: ``"left"``, ``"right"`` or ``"tie"``.
            seconds: how long it took.

        Returns:
            True if it counts, False if the voter had voted on this pair before: then the first vote stays.

        Raises:
            InputError: if there is no such pair or choice, or the file is held or damaged.
        """
        if choice not in CHOICES:
            raise InputError(f"a vote is left, right or tie; got {choice!r}")

        def work(base: sqlite3.Connection) -> bool:
            known = base.execute("SELECT 1 FROM ballots WHERE voter = ? AND place = ?", (voter, place)).fetchone()
            if not known:
                raise InputError(f"there is no pair {place} in this ballot; reload the page")
            row = (voter, place, choice, seconds)
            return base.execute("INSERT OR IGNORE INTO votes VALUES (?, ?, ?, ?)", row).rowcount == 1

        return self._do(work, write=True)

    def count(self) -> int:
        """Say how many votes there are."""
        return int(self._do(lambda base: base.execute("SELECT count(*) FROM votes").fetchone()[0]))

    def votes(self, voter: str | None = None) -> list[Vote]:
        """List votes.

        Args:
            voter: whose; None lists all.

        Returns:
            The votes, by voter and place.
        """
        query = (
            "SELECT voter, place, specimen, first, second, repeats, choice, seconds, version "
            "FROM votes NATURAL JOIN ballots WHERE ? IS NULL OR voter = ? ORDER BY voter, place"
        )
        rows = self._do(lambda base: base.execute(query, (voter, voter)).fetchall())
        return [Vote(row[0], Pair(*row[1:6]), row[6], row[7], row[8]) for row in rows]

    def export_csv(self) -> str:
        """Write all votes as CSV, with the columns `COLUMNS`."""
        sheet = io.StringIO()
        rows = csv.writer(sheet, lineterminator="\n")
        rows.writerow(COLUMNS)
        for vote in self.votes():
            pair = vote.pair
            seconds = "" if vote.seconds is None else f"{vote.seconds:.1f}"
            repeats = "" if pair.repeats is None else pair.repeats
            row = (vote.voter, pair.place, pair.specimen, pair.left, pair.right, vote.choice)
            rows.writerow([*row, repeats, seconds, vote.version])
        return sheet.getvalue()

    def _prepare(self) -> None:
        """Make the tables, or set a damaged file aside and begin anew."""
        for _ in range(2):
            try:
                with self._open() as base:
                    if base.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                        base.execute("PRAGMA journal_mode = WAL")
                        base.executescript(SCHEMA)
                        base.execute(
                            "SELECT voter, place, specimen, first, second, repeats, version FROM ballots LIMIT 1"
                        )
                        return
            except sqlite3.OperationalError as error:
                if "no such column" not in str(error):
                    raise self._trouble(error) from None
            except sqlite3.DatabaseError:
                pass  # not a database, or a damaged one
            self._set_aside()

    def _set_aside(self) -> None:
        other = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
        for ending in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + ending)
            if part.exists():
                part.rename(other.with_name(other.name + ending))
        self.notice = f"the file of votes was damaged; it was kept as {other.name} and a new one was begun"

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        base = sqlite3.connect(self.path, timeout=self._busy_s, isolation_level=None)
        try:
            base.execute("PRAGMA synchronous = FULL")
            base.execute("PRAGMA foreign_keys = ON")
            yield base
        finally:
            base.close()

    def _do(self, work: Callable[[sqlite3.Connection], R], *, write: bool = False) -> R:
        """Do one transaction: all of it is on disk afterwards, or nothing is."""
        try:
            with self._open() as base:
                base.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    answer = work(base)
                except BaseException:
                    base.execute("ROLLBACK")
                    raise
                base.execute("COMMIT")
                return answer
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from None

    def _held(self) -> InputError:
        return InputError(f"the votes in {self.path.name} are held by another program; try again in a moment")

    def _trouble(self, error: sqlite3.DatabaseError) -> InputError:
        words = str(error)
        if "locked" in words or "busy" in words:
            return self._held()
        if isinstance(error, sqlite3.OperationalError):
            return InputError(f"the votes cannot be kept in {self.path}: {words}; name another file")
        return InputError(
            f"the votes in {self.path.name} are damaged ({words}); reload the page: they will be set aside"
        )
