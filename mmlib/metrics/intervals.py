"""How sure a number is: bootstrap intervals, paired comparison, and the interval of an accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmlib.errors import InputError, unknown

Statistic = Callable[..., Any]


@dataclass(frozen=True)
class Interval:
    """An estimate and where the truth lies with the given probability.

    Attributes:
        estimate: the number itself.
        low: lower end.
        high: upper end.
        level: probability that the interval holds the truth, 0..1.
    """

    estimate: float
    low: float
    high: float
    level: float = 0.95

    @property
    def percent(self) -> Interval:
        """The same of a share, in percent."""
        return Interval(100 * self.estimate, 100 * self.low, 100 * self.high, self.level)


@dataclass(frozen=True)
class Comparison:
    """Two methods on the same pictures: how much they differ, and whether by chance.

    Attributes:
        difference: mean of first minus second, with its interval.
        p_value: probability of so much difference by chance (Wilcoxon signed rank, two-sided).
        rank_biserial: -1..1, the sum of ranks where the first is larger, minus the rest, over all.
        effect_r: 0..1, |z| / sqrt(n): about 0.1 small, 0.3 medium, 0.5 large.
        pairs: how many pairs there are.
        unequal: how many of them differ; only these are ranked.
    """

    difference: Interval
    p_value: float
    rank_biserial: float
    effect_r: float
    pairs: int
    unequal: int


def bootstrap(
    values: ArrayLike,
    *,
    generator: np.random.Generator,
    statistic: Statistic = np.mean,
    level: float = 0.95,
    resamples: int = 9999,
    method: Literal["bca", "percentile"] = "bca",
) -> Interval:
    """Give the bootstrap interval of a statistic.

    Args:
        values: (N,) finite numbers, one a picture or specimen.
        generator: where chance comes from.
        statistic: takes an array and ``axis=-1``, such as `numpy.mean` or `numpy.median`.
        level: probability that the interval holds the truth, above 0 and below 1.
        resamples: how often to draw.
        method: ``"bca"`` corrects for bias and skew; ``"percentile"`` does not.

    Returns:
        The statistic of all values and its interval; of no width where the values are all equal.

    Raises:
        InputError: if there is no value, one is not finite, or the level or the method is none.

    Source: Efron 1987, doi:10.1080/01621459.1987.10478410.
    """
    if method not in ("bca", "percentile"):
        raise unknown("method", method, ("bca", "percentile"))
    sample = _numbers(values, "values")
    _check_level(level)
    estimate = float(statistic(sample, axis=-1))
    if np.ptp(sample) == 0:
        return Interval(estimate, estimate, estimate, level)
    rows = max(1, 4_000_000 // sample.size)  # 32 MB of draws at a time
    draws = []
    for start in range(0, resamples, rows):
        picked = generator.integers(0, sample.size, (min(rows, resamples - start), sample.size))
        draws.append(np.asarray(statistic(sample[picked], axis=-1), np.float64))
    drawn = np.sort(np.concatenate(draws))
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        tails = _corrected(sample, drawn, estimate, statistic, tails)
    low, high = np.quantile(drawn, tails)
    return Interval(estimate, float(low), float(high), level)


def compare(
    first: ArrayLike,
    second: ArrayLike,
    *,
    generator: np.random.Generator,
    level: float = 0.95,
    resamples: int = 9999,
) -> Comparison:
    """Compare two methods measured on the same pictures.

    Args:
        first: (N,) numbers of the first method.
        second: (N,) numbers of the second, in the same order of pictures.
        generator: where chance comes from.
        level: probability that the interval of the difference holds the truth.
        resamples: how often to draw for it.

    Returns:
        The mean difference and the signed-rank test; with p 1 and no effect where every pair is equal.

    Raises:
        InputError: if the lists are not of one length, are empty, or hold a number that is not finite.

    Source: Wilcoxon 1945, doi:10.2307/3001968; rank-biserial after Kerby 2014, doi:10.2466/11.IT.3.1.
    """
    from scipy import stats

    one, two = _numbers(first, "first"), _numbers(second, "second")
    if one.size != two.size:
        raise InputError(f"paired lists must be of one length; the first has {one.size} and the second {two.size}")
    difference = bootstrap(one - two, generator=generator, level=level, resamples=resamples)
    unequal = (one - two)[one != two]
    n = unequal.size
    if n == 0:
        return Comparison(difference, 1.0, 0.0, 0.0, one.size, 0)
    ranks = stats.rankdata(np.abs(unequal))
    total = n * (n + 1) / 2
    rank_biserial = float(ranks[unequal > 0].sum() - ranks[unequal < 0].sum()) / total
    _, ties = np.unique(ranks, return_counts=True)
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((ties**3 - ties).sum()) / 48
    z = rank_biserial * total / 2 / math.sqrt(variance)
    p_value = float(stats.wilcoxon(unequal).pvalue)
    return Comparison(difference, p_value, rank_biserial, min(abs(z) / math.sqrt(n), 1.0), one.size, n)


def accuracy_interval(right: int, total: int, *, level: float = 0.95) -> Interval:
    """Give the share of right answers and its binomial interval.

    Args:
        right: how many answers were right.
        total: how many there were.
        level: probability that the interval holds the truth.

    Returns:
        The share and its interval, all in 0..1.

    Raises:
        InputError: if the counts are none, or the level is none.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not 0 <= right <= total or total < 1:
        raise InputError(
            f"right answers must be between 0 and the total, which must be 1 or more; got {right} of {total}"
        )
    _check_level(level)
    from scipy import special  # slow to load, and most who name the measures need none of it

    z = float(special.ndtri((1 + level) / 2))
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total**2))
    low = 0.0 if right == 0 else max(middle - half, 0.0)
    high = 1.0 if right == total else min(middle + half, 1.0)
    return Interval(share, low, high, level)


def _corrected(
    sample: NDArray[np.float64],
    drawn: NDArray[np.float64],
    estimate: float,
    statistic: Statistic,
    tails: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Shift the quantiles to read by bias and acceleration (Efron 1987, equations 2.3 and 6.6)."""
    if sample.size < 3:
        return tails
    from scipy import special

    below = (np.count_nonzero(drawn < estimate) + np.count_nonzero(drawn <= estimate)) / (2 * drawn.size)
    bias = special.ndtri(np.clip(below, 1 / (drawn.size + 1), drawn.size / (drawn.size + 1)))
    others = np.array([statistic(np.delete(sample, i), axis=-1) for i in range(sample.size)])
    away = others.mean() - others
    spread = float((away**2).sum())
    acceleration = float((away**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + special.ndtri(tails)
    shifted: NDArray[np.float64] = special.ndtr(bias + z / (1 - acceleration * z))
    return shifted


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size or not np.isfinite(sample).all():
        raise InputError(f"{name} must be a list of one or more finite numbers; its shape is {sample.shape}")
    return sample


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, such as 0.95; it is {level}")
