"""Dyes and natural colours as absorption spectra: a few Gaussian bands each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import unknown

BANDS_NM: tuple[tuple[float, float], ...] = ((610.0, 32.0), (540.0, 34.0), (460.0, 30.0))
"""Centre and standard deviation of what the red, green and blue pixels of a phone camera see."""

STAINS: dict[str, tuple[tuple[float, float, float], ...]] = {
    # name: (centre nm, standard deviation nm, height) of each band
    "none": ((360.0, 130.0, 1.0),),
    "grey": ((550.0, 400.0, 1.0),),
    "haematoxylin": ((585.0, 55.0, 1.0), (450.0, 60.0, 0.42)),
    "eosin": ((522.0, 24.0, 1.0), (480.0, 30.0, 0.32)),
    "methylene_blue": ((664.0, 32.0, 1.0), (612.0, 32.0, 0.75), (520.0, 60.0, 0.16)),
    "toluidine_blue": ((632.0, 38.0, 1.0), (585.0, 40.0, 0.62), (470.0, 60.0, 0.14)),
    "crystal_violet": ((590.0, 32.0, 1.0), (545.0, 35.0, 0.62), (430.0, 50.0, 0.12)),
    "azure": ((650.0, 36.0, 0.9), (595.0, 40.0, 1.0), (530.0, 45.0, 0.62), (450.0, 50.0, 0.22)),
    "safranin": ((520.0, 32.0, 1.0), (480.0, 40.0, 0.55)),
    "fuchsin": ((548.0, 26.0, 1.0), (490.0, 40.0, 0.42)),
    "carmine": ((530.0, 38.0, 1.0), (500.0, 45.0, 0.5), (600.0, 40.0, 0.16)),
    "fast_green": ((625.0, 30.0, 1.0), (590.0, 45.0, 0.42), (430.0, 32.0, 0.5)),
    "aniline_blue": ((600.0, 45.0, 1.0), (560.0, 60.0, 0.3)),
    "iodine": ((380.0, 75.0, 1.0), (480.0, 60.0, 0.42)),
    "iodine_starch": ((585.0, 75.0, 1.0), (480.0, 80.0, 0.5)),
    "sudan": ((510.0, 38.0, 1.0), (450.0, 50.0, 0.5)),
    "haemoglobin": ((415.0, 22.0, 3.4), (541.0, 16.0, 0.8), (576.0, 13.0, 0.8), (470.0, 60.0, 0.35)),
    "chlorophyll": ((432.0, 28.0, 1.0), (470.0, 24.0, 0.62), (662.0, 18.0, 0.75), (615.0, 26.0, 0.34)),
    "carotene": ((450.0, 30.0, 1.0), (485.0, 18.0, 0.75)),
    "chitin": ((330.0, 150.0, 1.0), (430.0, 110.0, 0.45)),
    "melanin": ((380.0, 190.0, 1.0), (550.0, 300.0, 0.45)),
    "anthocyanin": ((545.0, 38.0, 1.0), (590.0, 45.0, 0.35)),
}
"""Bands of every stain; positions after published absorption maxima, widths and shoulders approximate."""


def absorbance(stain: str, bands_nm: Sequence[tuple[float, float]] = BANDS_NM) -> NDArray[np.float32]:
    """Say how strongly a stain absorbs each colour, relative to the colour it absorbs most.

    Args:
        stain: a name of `STAINS`.
        bands_nm: centre and standard deviation of each colour, in nanometres.

    Returns:
        (colours,) nepers for one unit of stain, at most 1.

    Raises:
        InputError: if the stain is not known.

    Source: Green, The Sigma-Aldrich Handbook of Stains, Dyes and Indicators, 1990 (absorption maxima);
        Prahl, Optical absorption of hemoglobin, 1999.
    """
    if stain not in STAINS:
        raise unknown("stain", stain, STAINS)
    seen = [
        sum(
            height
            * width
            / np.hypot(width, seen_width)
            * np.exp(-((at - centre) ** 2) / 2 / (width**2 + seen_width**2))
            for centre, width, height in STAINS[stain]
        )
        for at, seen_width in bands_nm
    ]
    relative: NDArray[np.float32] = (np.asarray(seen) / max(seen)).astype(np.float32)
    return relative


def mixed(**amounts: float) -> NDArray[np.float32]:
    """Mix stains: the sum of their absorbances, each times its amount.

    Args:
        **amounts: how much of each stain, in nepers of the colour it absorbs most.

    Returns:
        (3,) nepers for R, G and B.
    """
    total = np.zeros(3, np.float32)
    for stain, amount in amounts.items():
        total += np.float32(amount) * absorbance(stain)
    return total
