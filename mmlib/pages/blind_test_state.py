"""What the Blind test page knows: who votes, which pair is shown, its two pictures, and what all votes say."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import io, jobs, zoo
from mmlib.errors import Cancelled, InputError
from mmlib.fusing import METHODS, SLOW, WEIGHTS
from mmlib.pages.background import Runner, at_once
from mmlib.pages.blind_test_ballot import Outcome, draw_ballot, outcome
from mmlib.pages.state import PageState
from mmlib.pages.votes import Choice, Pair, VoteStore, is_voter, new_voter
from mmlib.progress import Progress
from mmlib.specimens import catalogue
from mmlib.version import __version__

POLL_S = 0.1
HELD = 12
"""Pictures that are kept at hand."""

Picture = NDArray[Any]
Pictures = Callable[[str, str, Progress], Picture]
"""Gives the picture of (specimen, method), telling progress."""


@dataclass(frozen=True)
class BlindChoices:
    """What stands in the link: the voter's name, only where the browser keeps nothing itself."""

    voter: str = field(default="", metadata={"link": "u"})


def specimens() -> list[str]:
    """List the built-in specimens whose fusions are compared."""
    return [card.name for card in catalogue()]


def fused_picture(specimen: str, method: str, progress: Progress) -> Picture:
    """Fuse a built-in specimen, or find the result of an earlier time.

    Args:
        specimen: its name.
        method: of `mmlib.fusing.METHODS`.
        progress: told how far it is; what it raises stops the work.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: if the job failed.
    """
    job = jobs.submit("fuse", specimen, method=method)
    try:
        while job.state not in jobs.ENDED:
            progress(job.progress, f"preparing pictures of {specimen.replace('_', ' ')}")
            job.wait(POLL_S)
    except Cancelled:
        job.cancel()
        raise
    if job.state != "done":
        raise InputError(job.message or f"the pictures of {specimen} could not be made; reload the page")
    return io.read_picture(job.folder / "fused.png")


class BlindTestState(PageState[BlindChoices]):
    """The Blind test page without its looks.

    Attributes:
        phase: ``"waiting"`` for the browser to say who votes, ``"preparing"`` pictures, ``"voting"``, ``"thanks"``, or
            ``"empty"`` where there is nothing to compare.
        voter: the random name.
        pair: what is voted on, or None.
        total: pairs in the ballot.
        shown: the left and the right picture, or None while they are prepared.
        share: how much of the preparing is done.
        stage: what is being done.
    """

    def __init__(
        self,
        store: VoteStore,
        *,
        choices: BlindChoices | None = None,
        pictures: Pictures = fused_picture,
        names: Sequence[str] | None = None,
        methods: Sequence[str] | None = None,
        run: Runner = at_once,
        ahead: Runner | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        """Open the page; `enter` begins.

        Args:
            store: of the votes.
            choices: of the link.
            pictures: gives the pictures.
            names: of the specimens; None takes the built-in ones.
            methods: to compare; `compared` if None.
            run: how pictures of this pair are made.
            ahead: how those of the next pair are made meanwhile; None waits.
            generator: where chance comes from.
        """
        super().__init__(choices or BlindChoices())
        self.store = store
        self.methods = compared() if methods is None else tuple(methods)
        self.phase = "waiting"
        self.voter = ""
        self.pair: Pair | None = None
        self.total = 0
        self.shown: tuple[Picture, Picture] | None = None
        self.share, self.stage = 0.0, ""
        self._names = list(specimens() if names is None else names)
        self._pictures, self._run, self._ahead = pictures, run, ahead
        self._generator = np.random.default_rng() if generator is None else generator
        self._held: dict[tuple[str, str], Picture] = {}
        self._since = time.monotonic()
        if store.notice:
            self.error = store.notice

    def enter(self, voter: str = "", *, kept: bool = True) -> None:
        """Begin, or go on where this voter was.

        Args:
            voter: the name that the browser remembers, or an empty one.
            kept: whether the browser can remember; if not the name goes into the link.
        """
        if self.voter:
            return
        known = voter if is_voter(voter) else self.choices.voter
        self.voter = known if is_voter(known) else new_voter()
        if not kept:
            self.change(voter=self.voter)
        if not self._names:
            self._to("empty")
            return
        self._guard(self._begin)

    def _begin(self) -> None:
        self.store.begin(
            self.voter, lambda: draw_ballot(self._names, self.methods, self._generator), version=__version__
        )
        self.total = len(self.store.ballot(self.voter))
        self._next()

    def vote(self, choice: Choice, place: int | None = None) -> None:
        """Vote on the pair that is shown: it is on disk before the next pair is.

        Args:
            choice: ``"left"``, ``"right"`` or ``"tie"``.
            place: of the pair that the voter saw; a vote on another than the one shown is dropped.
        """
        pair = self.pair
        if self.phase != "voting" or pair is None or place not in (None, pair.place):
            return
        seconds = round(time.monotonic() - self._since, 2)
        self._guard(lambda: self._count(pair, choice, seconds))

    def _count(self, pair: Pair, choice: Choice, seconds: float) -> None:
        self.store.vote(self.voter, pair.place, choice, seconds=seconds)
        self.complain("")
        self._next()

    def mine(self) -> Outcome:
        """Say what this voter's votes say."""
        return outcome(self.store.votes(self.voter), self.methods)

    def everybody(self) -> Outcome:
        """Say what all votes say."""
        return outcome(self.store.votes(), self.methods)

    def _next(self) -> None:
        left = [pair for pair in self.store.waiting(self.voter) if self._there(pair)]
        self.pair = left[0] if left else None
        self.shown = None
        if self.pair is None:
            self._to("thanks")
            return
        self._to("preparing")
        pair = self.pair
        self._run(lambda told: self._both(pair, told), lambda both: self._show(pair, both), self._failed, self._told)

    def _there(self, pair: Pair) -> bool:
        """Say whether a pair can still be shown: a ballot may be older than what is installed."""
        return pair.specimen in self._names and {pair.left, pair.right} <= set(self.methods)

    def _both(self, pair: Pair, told: Progress) -> tuple[Picture, Picture]:
        left = self._picture(pair.specimen, pair.left, lambda share, stage: told(share / 2, stage))
        right = self._picture(pair.specimen, pair.right, lambda share, stage: told((1 + share) / 2, stage))
        return left, right

    def _picture(self, specimen: str, method: str, told: Progress) -> Picture:
        key = specimen, method
        found = self._held.get(key)
        if found is None:
            found = self._pictures(specimen, method, told)
            while len(self._held) >= HELD:
                self._held.pop(next(iter(self._held)), None)
            self._held[key] = found
        return found

    def _show(self, pair: Pair, both: tuple[Picture, Picture]) -> None:
        if pair != self.pair:
            return
        self.shown = both
        self._since = time.monotonic()
        self._to("voting")
        following = [p for p in self.store.waiting(self.voter) if p.place > pair.place and self._there(p)]
        if self._ahead is not None and following:
            self._ahead(lambda told: self._both(following[0], told), lambda _: None, lambda _: None, lambda *_: None)

    def _told(self, share: float, stage: str) -> None:
        self.share, self.stage = share, stage
        self.tell("progress")

    def _failed(self, sentence: str) -> None:
        self.complain(sentence)

    def _to(self, phase: str) -> None:
        self.phase = phase
        self.share, self.stage = 0.0, "preparing pictures" if phase == "preparing" else ""
        self.tell("phase")

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except InputError as error:
            self.complain(error)


def compared() -> tuple[str, ...]:
    """Name the methods that voters see: those whose weights are there and whose pictures nobody has to wait for."""
    try:
        known = zoo.cards()
    except InputError:
        known = {}
    return tuple(name for name in METHODS if name not in SLOW and (name not in WEIGHTS or WEIGHTS[name] in known))
