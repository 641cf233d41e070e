"""How well judges of crops do on families that they did not learn from, with intervals that know crops of a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mmlib.metrics.intervals import Interval
from mmlib.train.focus_paper_crops import Crops

RESAMPLES = 1999


def balanced(sharpness: Mapping[str, NDArray[np.float64]], sets: Mapping[str, Crops]) -> Interval:
    """Give the balanced accuracy in focus against out of it, the threshold fitted on the crops learned from.

    Args:
        sharpness: of the crops of ``"train"`` and ``"validation"``, larger = sharper.
        sets: the crops.

    Returns:
        The mean of the shares right in focus and out of it, 0..1; NaN where one of the two kinds is absent.
    """
    return by_scene(_accuracy(sharpness, sets), _judged(sets["validation"]).scenes)


def lost(
    before: Mapping[str, NDArray[np.float64]], after: Mapping[str, NDArray[np.float64]], sets: Mapping[str, Crops]
) -> Interval:
    """Give how many points of balanced accuracy one judge has more than another, on the same crops.

    Args:
        before: what the one says; see `balanced`.
        after: what the other says.
        sets: the crops.

    Returns:
        Points of a hundred, with the interval of the difference.
    """
    one, two = _accuracy(before, sets), _accuracy(after, sets)
    return by_scene(lambda drawn: 100 * (one(drawn) - two(drawn)), _judged(sets["validation"]).scenes)


def _judged(crops: Crops) -> Crops:
    return crops.only(crops.truth >= 0)


def _accuracy(
    sharpness: Mapping[str, NDArray[np.float64]], sets: Mapping[str, Crops]
) -> Callable[[NDArray[np.intp]], float]:
    """Give the balanced accuracy as a function of which of the crops to be judged are drawn."""
    learn, check = sets["train"], sets["validation"]
    limit = threshold(sharpness["train"][learn.truth >= 0], _judged(learn).truth == 1)
    sharp, called = _judged(check).truth == 1, sharpness["validation"][check.truth >= 0] >= limit

    def value(drawn: NDArray[np.intp]) -> float:
        truth, told = sharp[drawn], called[drawn]
        if truth.all() or not truth.any():
            return float("nan")
        return float(told[truth].mean() + (~told[~truth]).mean()) / 2

    return value


def levels_off(level: NDArray[np.float64], crops: Crops) -> Interval:
    """Give how many levels the mean level is off, on average."""
    off = np.abs(level - crops.levels)
    return by_scene(lambda drawn: float(off[drawn].mean()), crops.scenes)


def threshold(sharpness: NDArray[np.float64], sharp: NDArray[np.bool_]) -> float:
    """Find the threshold with the best balanced accuracy: from it upwards is in focus.

    Args:
        sharpness: (N,).
        sharp: (N,) True in focus.

    Returns:
        Between two values; infinite where one of the two kinds is absent.
    """
    if sharp.all() or not sharp.any():
        return float("inf")
    order = np.argsort(sharpness, kind="stable")
    ranked, truth = sharpness[order], sharp[order]
    right = truth[::-1].cumsum()[::-1] / truth.sum() + np.r_[0, (~truth).cumsum()[:-1]] / (~truth).sum()
    best = int(np.where(np.r_[True, ranked[1:] > ranked[:-1]], right, -1).argmax())
    return float(ranked[0] if best == 0 else (ranked[best - 1] + ranked[best]) / 2)


def by_scene(value: Callable[[NDArray[np.intp]], float], scenes: NDArray[np.int64]) -> Interval:
    """Give a number and the interval of drawing scenes anew, since crops of a scene are alike.

    Args:
        value: from the numbers of the crops that were drawn.
        scenes: (N,) of each crop.

    Returns:
        The number of all crops, with the percentile interval.

    Source: Efron 1979, doi:10.1214/aos/1176344552, resampling clusters.
    """
    if not len(scenes):
        return Interval(float("nan"), float("nan"), float("nan"))
    names, which = np.unique(scenes, return_inverse=True)
    members = [np.flatnonzero(which == i) for i in range(len(names))]
    rng = np.random.default_rng(20_260_522)
    found = [
        value(np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))])) for _ in range(RESAMPLES)
    ]
    known = np.array([one for one in found if np.isfinite(one)])
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    return Interval(value(np.arange(len(scenes))), float(low), float(high))
