"""How good a picture is: measures with and without a reference, of fusion, and how sure a number is.

A measure is one function and one line in `MEASURES`; with it `measure`, the tables and the pages know it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.metrics import blind, fusion, reference
from mmlib.metrics.detail import depth_error, detail_snr
from mmlib.metrics.fusion.sources import Sources
from mmlib.metrics.intervals import Comparison, Interval, accuracy_interval, bootstrap, compare
from mmlib.metrics.measurement import Better, Cost, Given, Measure, Measurement
from mmlib.metrics.pairs import check_alike, check_field
from mmlib.metrics.preferences import Preference, bradley_terry, count_votes
from mmlib.pictures import as_picture

__all__ = [
    "MEASURES",
    "Comparison",
    "Given",
    "Interval",
    "Measure",
    "Measurement",
    "Preference",
    "accuracy_interval",
    "bootstrap",
    "bradley_terry",
    "compare",
    "count_votes",
    "measure",
]

Score = Callable[..., float]

INF = math.inf
PHOTOGRAPHS = (
    "It does not rank microscope pictures: it knows photographs, and a half-blurred frame can score better than the "
    "truth. Shown for the paper's table, never used to choose."
)
TRAINED = "The number means what its weights were trained on; compare it only with numbers from the same weights."
SOURCES = "It tells how much of the sources is kept, not whether it is right: a halo can score well."


def _against(
    name: str,
    title: str,
    better: Better,
    low: float,
    high: float,
    cost: Cost,
    function: Score,
    source: str,
    unit: str = "",
) -> Measure:
    """Register a measure that needs a reference."""

    def run(given: Given) -> float:
        return function(given.picture, given.reference, field=given.field)

    return Measure(name, title, "reference", better, low, high, cost, run, source, unit)


def _of_sources(name: str, title: str, low: float, high: float, cost: Cost, function: Score, source: str) -> Measure:
    """Register a measure of fusion: higher is better for all of them."""

    def run(given: Given) -> float:
        return function(given.picture, given.sources, field=given.field)

    return Measure(name, title, "sources", "higher", low, high, cost, run, source, note=SOURCES)


def _of_depth(name: str, title: str, function: Score, source: str) -> Measure:
    """Register an error of a depth map."""

    def run(given: Given) -> float:
        return function(given.depth, given.true_depth, field=given.field)

    return Measure(name, title, "depth", "lower", 0, INF, "instant", run, source, "um or planes")


def _alone(name: str, title: str, better: Better, cost: Cost, function: Score, source: str, note: str) -> Measure:
    """Register a measure that needs nothing but the picture."""

    def run(given: Given) -> float:
        return function(given.picture, field=given.field)

    return Measure(name, title, "nothing", better, -INF, INF, cost, run, source, note=note)


def _trained(name: str, title: str, better: Better, cost: Cost, function: Score, source: str, note: str) -> Measure:
    """Register a measure that needs trained weights, found by its name."""

    def run(given: Given) -> float:
        return function(given.picture, weights=given.weights.get(name), field=given.field)

    return Measure(name, title, "nothing", better, -INF, INF, cost, run, source, note=note)


# fmt: off
CARDS = (
    _against("psnr", "PSNR", "higher", 0, INF, "instant", reference.psnr, "10 log10(1 / mean squared error)", "dB"),
    _against("ssim", "SSIM", "higher", -1, 1, "fast", reference.ssim, "doi:10.1109/TIP.2003.819861"),
    _against("ms_ssim", "MS-SSIM", "higher", 0, 1, "fast", reference.ms_ssim, "doi:10.1109/ACSSC.2003.1292216"),
    _against("vif", "VIF", "higher", 0, INF, "slow", reference.vif, "doi:10.1109/TIP.2005.859378"),
    _against("gmsd", "GMSD", "lower", 0, 1, "fast", reference.gmsd, "doi:10.1109/TIP.2013.2293423"),
    _against("haarpsi", "HaarPSI", "higher", 0, 1, "slow", reference.haarpsi, "doi:10.1016/j.image.2017.11.001"),
    _against("detail_snr", "detail SNR", "higher", -INF, INF, "instant", detail_snr, "high-passed, best gain", "dB"),
    _of_depth("depth_error", "depth error", depth_error, "mean absolute difference"),
    _of_sources("q_abf", "Q_AB/F", 0, 0.9748, "fast", fusion.q_abf, "doi:10.1049/el:20000267"),
    _of_sources("q_mi", "Q_MI", 0, 2, "instant", fusion.q_mi, "doi:10.1049/el:20081754"),
    _of_sources("q_y", "Q_Y", -1, 1, "fast", fusion.q_y, "doi:10.1016/j.inffus.2006.09.001"),
    _of_sources("q_cb", "Q_CB", 0, 1, "fast", fusion.q_cb, "doi:10.1016/j.imavis.2007.12.002"),
    _of_sources("viff", "VIFF", 0, INF, "fast", fusion.viff, "doi:10.1016/j.inffus.2011.08.002"),
    _alone("brisque", "BRISQUE", "lower", "fast", blind.brisque, "doi:10.1109/TIP.2012.2214050", PHOTOGRAPHS),
    _trained("cnniqa", "CNNIQA", "lower", "fast", blind.cnniqa, "doi:10.1109/CVPR.2014.224", TRAINED),
    _trained("cnniqa_plus", "CNNIQA++", "lower", "fast", blind.cnniqa_plus, "doi:10.1109/ICIP.2015.7351311", TRAINED),
)
# fmt: on

MEASURES: Mapping[str, Measure] = {card.name: card for card in CARDS}
"""Every measure by its name."""

WORDS = {
    "reference": "a reference picture",
    "sources": "the source frames",
    "depth": "a depth map and the true one",
    "nothing": "nothing",
}


def measure(
    picture: NDArray[Any],
    *,
    reference: NDArray[Any] | None = None,
    sources: Sources | None = None,
    field: NDArray[Any] | None = None,
    depth: NDArray[Any] | None = None,
    true_depth: NDArray[Any] | None = None,
    only: Iterable[str] | None = None,
    weights: Mapping[str, Path] | None = None,
    measures: Mapping[str, Measure] = MEASURES,
) -> list[Measurement]:
    """Measure a picture by every measure that applies.

    Args:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        sources: the frames it was fused from, same size and colours: a list, an array or a ZStack.
        field: (H, W) bool, True where the picture counts; None counts everything.
        depth: (H, W) depth that was found.
        true_depth: (H, W) depth as it is, in the same unit.
        only: names of measures; None takes all for which everything is there.
        weights: file of trained weights by the name of the measure.
        measures: the measures to choose from; a floor above adds its own with ``MEASURES | more``.

    Returns:
        A value for each measure, or None and the reason in words, in the order of `only` or of the registry.

    Raises:
        InputError: if the picture or the field is none, or the reference does not fit: then no measure applies.
    """
    chosen = None if only is None else tuple(only)
    for name in chosen or ():
        if name not in measures:
            raise unknown("measure", name, measures)
    checked = as_picture(picture)
    check_field(field, checked.shape)
    if reference is not None:
        check_alike(checked, as_picture(reference, "reference"), "picture", "reference")
    given = Given(picture, reference, sources, field, depth, true_depth, weights or {})
    if chosen is None:
        return [_answer(card, given) for card in measures.values() if given.has(card.needs)]
    return [_answer(measures[name], given) for name in chosen]


def _answer(card: Measure, given: Given) -> Measurement:
    if not given.has(card.needs):
        return Measurement(card, None, f"{card.title} needs {WORDS[card.needs]}")
    try:
        return Measurement(card, card.run(given))
    except InputError as error:
        return Measurement(card, None, str(error))
