"""What people prefer, from votes on pairs: Bradley-Terry scores with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmlib.errors import InputError, unknown
from mmlib.metrics.intervals import Interval


@dataclass(frozen=True)
class Preference:
    """How much one method is preferred.

    Attributes:
        name: the method.
        score: log strength with its interval; the scores of all methods have mean 0, and a difference of 1.1 means
            that the better one wins three votes in four.
        wins: votes won; half a vote for each tie.
        votes: votes in which it took part.
    """

    name: str
    score: Interval
    wins: float
    votes: float


def count_votes(names: Sequence[str], votes: Iterable[tuple[str, str, str | None]]) -> NDArray[np.float64]:
    """Count who won against whom.

    Args:
        names: the methods.
        votes: (one method, the other, the winner, or None for a tie) for each vote.

    Returns:
        (M, M) where [i, j] is how often method i won against j; a tie counts half for either.

    Raises:
        InputError: if a vote names a method that is not known, or a method against itself.
    """
    place = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for one, two, winner in votes:
        for name in (one, two):
            if name not in place:
                raise unknown("method", name, names)
        if one == two or winner not in (one, two, None):
            raise InputError(
                f"a vote needs two methods and one of them (or none) as winner; got {one}, {two}, {winner}"
            )
        i, j = place[one], place[two]
        wins[i, j] += 1.0 if winner == one else 0.5 if winner is None else 0.0
        wins[j, i] += 1.0 if winner == two else 0.5 if winner is None else 0.0
    return wins


def bradley_terry(
    names: Sequence[str], wins: ArrayLike, *, prior: float = 0.5, level: float = 0.95
) -> list[Preference]:
    """Give the score of each method such that P(i beats j) = 1 / (1 + exp(score_j - score_i)).

    Args:
        names: the methods, two or more.
        wins: (M, M) from `count_votes`; the diagonal does not count.
        prior: wins and as many losses of each method against an imaginary average one, which keeps scores finite
            where a method never lost; 0 leaves it out.
        level: probability that an interval holds the truth.

    Returns:
        A preference for each method, in the order of names. The intervals take votes for independent of each other.

    Raises:
        InputError: if the counts do not fit, or without a prior some methods never met or never lost to the others.

    Source: Hunter 2004, doi:10.1214/aos/1079120141 (the MM algorithm); intervals from the Fisher information.
    """
    won = np.array(wins, np.float64)
    count = len(names)
    if count < 2 or won.shape != (count, count) or not np.isfinite(won).all() or won.min() < 0 or prior < 0:
        raise InputError(
            f"wins must be a ({count}, {count}) table of counts for {count} methods (two or more); it is {won.shape}"
        )
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, such as 0.95; it is {level}")
    np.fill_diagonal(won, 0)
    if prior == 0 and not _connected(won):
        raise InputError("some methods never lost to the others, so their scores have no bound; give a prior above 0")
    met = won + won.T
    strength = _maximise(won.sum(axis=1), met, prior)
    score = np.log(strength)
    share = strength[:, None] * strength / (strength[:, None] + strength) ** 2
    information = -met * share
    np.fill_diagonal(information, 0)
    lone = 2 * prior * strength / (1 + strength) ** 2
    information += np.diag(lone - information.sum(axis=1))
    centre = np.eye(count) - 1 / count
    covariance = centre @ np.linalg.pinv(information, hermitian=True) @ centre
    from scipy import special  # slow to load, and most who name the measures need none of it

    error = special.ndtri((1 + level) / 2) * np.sqrt(np.maximum(np.diag(covariance), 0))
    score -= score.mean()
    return [
        Preference(
            name,
            Interval(float(score[i]), float(score[i] - error[i]), float(score[i] + error[i]), level),
            float(won[i].sum()),
            float(met[i].sum()),
        )
        for i, name in enumerate(names)
    ]


def _maximise(won: NDArray[np.float64], met: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Find the strengths of largest likelihood, by steps that never lower it."""
    strength = np.ones(won.size)
    for _ in range(20_000):
        pressure = (met / (strength[:, None] + strength)).sum(axis=1) + 2 * prior / (1 + strength)
        step = (won + prior) / pressure
        if prior == 0:
            step /= np.exp(np.log(step).mean())
        done = float(np.abs(np.log(step / strength)).max()) < 1e-12
        strength = step
        if done:
            break
    return strength


def _connected(won: NDArray[np.float64]) -> bool:
    """Say whether from every method a chain of wins leads to every other."""
    reach = (won > 0) | np.eye(len(won), dtype=np.bool_)
    for _ in range(len(won)):
        reach = (reach.astype(np.int64) @ reach.astype(np.int64)) > 0
    return bool(reach.all())
