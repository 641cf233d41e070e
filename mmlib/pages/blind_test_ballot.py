"""Which pairs a voter sees, and what all votes say: a fair draw, repeated pairs, preferences and consistency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mmlib.errors import InputError
from mmlib.metrics import Interval, Preference, accuracy_interval, bradley_terry, count_votes
from mmlib.pages.votes import Pair, Vote

PAIRS, REPEATS = 12, 2
"""Pairs that a voter sees, and how many of them come again with the sides changed."""


def draw_ballot(
    specimens: Sequence[str],
    methods: Sequence[str],
    generator: np.random.Generator,
    *,
    pairs: int = PAIRS,
    repeats: int = REPEATS,
) -> list[Pair]:
    """Draw the pairs of one voter: methods meet equally often, specimens take turns, order and sides are chance.

    Args:
        specimens: to choose from, one or more.
        methods: to compare, two or more.
        generator: where chance comes from.
        pairs: how many different meetings.
        repeats: how many of these come again, late and with the sides changed.

    Returns:
        The pairs in the order to show them.

    Raises:
        InputError: if there is nothing to compare.
    """
    if len(methods) < 2 or not specimens or not 1 <= repeats <= pairs:
        raise InputError(
            f"a ballot needs a specimen, two methods, and from 1 to all of its pairs again; got {len(specimens)} "
            f"specimens, {len(methods)} methods, {pairs} pairs and {repeats} again"
        )
    meetings = list(combinations(methods, 2))
    order = [meetings[i] for _ in range(-(-pairs // len(meetings))) for i in generator.permutation(len(meetings))]
    turns = [specimens[i] for _ in range(-(-pairs // len(specimens))) for i in generator.permutation(len(specimens))]
    ballot = []
    for place, ((one, two), specimen) in enumerate(zip(order[:pairs], turns[:pairs], strict=True)):
        left, right = (one, two) if generator.random() < 0.5 else (two, one)
        ballot.append(Pair(place, specimen, left, right))
    early = generator.permutation(max(pairs // 2, repeats))[:repeats]
    for again in sorted(int(i) for i in early):
        seen = ballot[again]
        ballot.append(Pair(len(ballot), seen.specimen, seen.right, seen.left, repeats=again))
    return ballot


@dataclass(frozen=True)
class Outcome:
    """What votes say.

    Attributes:
        preferences: of each method, the best first; repeated pairs do not count twice.
        votes: how many votes count for these.
        voters: of how many people.
        same: how many repeated pairs got the same answer again.
        repeated: how many were answered twice.
        consistency: the share of these and its interval, or None where there are none.
    """

    preferences: tuple[Preference, ...]
    votes: int
    voters: int
    same: int
    repeated: int
    consistency: Interval | None


def outcome(votes: Sequence[Vote], methods: Sequence[str]) -> Outcome:
    """Count votes.

    Args:
        votes: of one voter or of all.
        methods: that are compared; others that have votes are added.

    Returns:
        Preferences and consistency.
    """
    first = [vote for vote in votes if vote.pair.repeats is None]
    names = list(dict.fromkeys([*methods, *(name for vote in first for name in (vote.pair.left, vote.pair.right))]))
    wins = count_votes(names, [(vote.pair.left, vote.pair.right, vote.winner) for vote in first])
    ranked = sorted(bradley_terry(names, wins), key=lambda one: -one.score.estimate) if len(names) > 1 else []
    known = {(vote.voter, vote.pair.place): vote.winner for vote in first}
    twice = [
        vote.winner == known[vote.voter, vote.pair.repeats]
        for vote in votes
        if vote.pair.repeats is not None and (vote.voter, vote.pair.repeats) in known
    ]
    consistency = accuracy_interval(sum(twice), len(twice)) if twice else None
    voters = len({vote.voter for vote in votes})
    return Outcome(tuple(ranked), len(first), voters, sum(twice), len(twice), consistency)
