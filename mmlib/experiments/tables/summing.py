"""From scores of scans to numbers of a table: means over specimens, intervals, and who wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmlib.experiments.tables.table import Column, Row, Value
from mmlib.metrics import accuracy_interval, bootstrap, compare

SEED = 20_220_222
RESAMPLES = 4999

BySpecimen = Mapping[str, float]


def mean_value(by_specimen: BySpecimen) -> Value | None:
    """Average over specimens, with the bootstrap interval of the mean.

    Args:
        by_specimen: a number a specimen.

    Returns:
        The value, or None where there is no number.
    """
    if not by_specimen:
        return None
    found = bootstrap(list(by_specimen.values()), generator=np.random.default_rng(SEED), resamples=RESAMPLES)
    return Value.of(found)


def share_value(counts: Mapping[str, tuple[int, int]]) -> Value | None:
    """Give a share of right answers whose interval knows that crops of one specimen are alike.

    Args:
        counts: (right, total) of each specimen.

    Returns:
        Right over total of all, with the interval of drawing specimens anew; Wilson's where there is only one.
    """
    kept = [(right, total) for right, total in counts.values() if total]
    if not kept:
        return None
    right, total = np.array(kept, np.float64).T
    if len(kept) < 3:
        return Value.of(accuracy_interval(round(right.sum()), round(total.sum())))

    def share(drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]], axis: int) -> object:
        chosen = drawn.astype(np.intp)
        return right[chosen].sum(axis=axis) / total[chosen].sum(axis=axis)

    numbers = np.arange(len(kept), dtype=np.float64)
    found = bootstrap(numbers, generator=np.random.default_rng(SEED), statistic=share, resamples=RESAMPLES)
    return Value.of(found)


def verdict(column: Column, rows: Sequence[Row], by_specimen: Mapping[str, BySpecimen], *, unit: str = "") -> str:
    """Say who is best in a column, and whether by more than chance.

    Args:
        column: the measure.
        rows: of the table; rows of kind ``reference`` do not take part.
        by_specimen: the numbers of each row's name.
        unit: of the measure.

    Returns:
        One sentence; empty where there is nothing to compare with.
    """
    sign = 1 if column.better == "higher" else -1
    known = [row for row in rows if row.kind != "reference" and column.key in row.values]
    ranked = sorted(known, key=lambda row: -sign * row.values[column.key].estimate)
    if len(ranked) < 2:
        return ""
    best = ranked[0]
    ours = next((row for row in ranked if row.kind == "ours"), None)
    if ours is None:
        return f"{column.title}: none of our own methods takes part; {best.title} is best."
    rival = next((row for row in ranked if row.kind != "ours"), None) if best is ours else best
    if rival is None:
        return ""
    mine, theirs = ours.values[column.key].estimate, rival.values[column.key].estimate
    told, chance = _difference(by_specimen.get(ours.name, {}), by_specimen.get(rival.name, {}), column.digits, unit)
    tested = bool(told)
    told = told or f": {mine:.{column.digits}f} to {theirs:.{column.digits}f}{unit}"
    pair = f"{ours.title} against {rival.title}{told}"
    if mine == theirs:
        return f"{column.title}: ours and the best baseline are equal; {pair}."
    if chance:
        return f"{column.title}: no clear winner between ours and the best baseline; {pair}."
    if not tested:
        return f"{column.title}: {'ours' if best is ours else 'a baseline'} is ahead, by chance or not; {pair}."
    if best is ours:
        return f"{column.title}: ours is best; {pair}."
    return f"{column.title}: a baseline wins; {pair}."


def _difference(ours: BySpecimen, rival: BySpecimen, digits: int, unit: str) -> tuple[str, bool]:
    """Say by how much two differ, and whether that may be chance."""
    both = sorted(set(ours) & set(rival))
    if len(both) < 3:
        return "", False
    told = compare(
        [ours[name] for name in both],
        [rival[name] for name in both],
        generator=np.random.default_rng(SEED),
        resamples=RESAMPLES,
    )
    mean = told.difference
    size = f"{mean.estimate:+.{digits}f} [{mean.low:+.{digits}f}, {mean.high:+.{digits}f}]{unit}"
    words = f": {size} over {len(both)} specimens, Wilcoxon p = {told.p_value:.2g}"
    return words, told.p_value > 0.05
