"""Every focus measure by name: a new one is a function in its family's file and a line in that file's MEASURES."""

from __future__ import annotations

from mmlib.errors import unknown
from mmlib.sharpness import gradients, histograms, laplacians, spectra, statistics
from mmlib.sharpness.measure import Measure

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for family in (gradients, laplacians, statistics, histograms, spectra)
    for measure in family.MEASURES
}
"""Every focus measure: larger = sharper."""


def find_measure(name: str) -> Measure:
    """Give the measure of that name.

    Args:
        name: a key of `MEASURES`.

    Returns:
        The measure.

    Raises:
        InputError: if no measure has that name.
    """
    if name not in MEASURES:
        raise unknown("focus measure", name, MEASURES)
    return MEASURES[name]
