"""The discrete wavelet transform of a picture, by slices: every row pair at once, then every column pair."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import unknown
from mmlib.filters import Map

_ROOT3, _ROOT2 = np.sqrt(3.0), np.sqrt(2.0)

SCALING: dict[str, tuple[float, ...]] = {
    "haar": (1 / _ROOT2, 1 / _ROOT2),
    "db2": tuple(np.array([1 - _ROOT3, 3 - _ROOT3, 3 + _ROOT3, 1 + _ROOT3]) / (4 * _ROOT2)),
    "sym4": (
        -0.07576571478927333,
        -0.02963552764599851,
        0.49761866763201545,
        0.8037387518059161,
        0.29785779560527736,
        -0.09921954357684722,
        -0.012603967262037833,
        0.0322231006040427,
    ),
}
"""Low-pass filters of decomposition. Source: Daubechies 1992, Ten Lectures on Wavelets, tables 6.1 and 6.3."""


def filters_of(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the low-pass and the high-pass filter of decomposition of an orthogonal wavelet.

    Args:
        name: haar, db2 or sym4.

    Returns:
        Two filters of one even length.

    Raises:
        InputError: if the wavelet is not known.
    """
    if name not in SCALING:
        raise unknown("wavelet", name, SCALING)
    low = np.array(SCALING[name])
    high = low[::-1] * np.where(np.arange(low.size) % 2 == 0, -1.0, 1.0)
    return low, high


def most_levels(height: int, width: int, wavelet: str) -> int:
    """Say how many levels make sense: the coarsest keeps at least the length of the filter.

    Args:
        height: rows.
        width: columns.
        wavelet: its name.

    Returns:
        0 or more.
    """
    taps = len(SCALING[wavelet])
    return max(0, int(np.floor(np.log2(max(min(height, width) / (taps - 1), 1)))))


def split(picture: Map, wavelet: str) -> tuple[Map, Map]:
    """Split a picture into its approximation and its detail, one level.

    Args:
        picture: (H, W) float32.
        wavelet: its name.

    Returns:
        The approximation (h, w) and the detail (h, w, 3): along x, along y, along both. h is (H + taps - 1) // 2.

    Source: Mallat 1989, doi:10.1109/34.192463; half-sample symmetric borders.
    """
    low, high = filters_of(wavelet)
    top, bottom = _halves(picture, low, high)
    ll, lh = (cv2.transpose(part) for part in _halves(cv2.transpose(top), low, high))
    hl, hh = (cv2.transpose(part) for part in _halves(cv2.transpose(bottom), low, high))
    return ll, cv2.merge([lh, hl, hh])


def join(approximation: Map, detail: Map, shape: tuple[int, int], wavelet: str) -> Map:
    """Put one level together again: the inverse of `split`.

    Args:
        approximation: (h, w) float32.
        detail: (h, w, 3) float32.
        shape: (H, W) of the picture that was split.
        wavelet: its name.

    Returns:
        (H, W) float32.
    """
    low, high = filters_of(wavelet)
    lh, hl, hh = cv2.split(detail)
    transposed = [cv2.transpose(part) for part in (approximation, lh, hl, hh)]
    top = cv2.transpose(_whole(transposed[0], transposed[1], low, high)[: shape[1]])
    bottom = cv2.transpose(_whole(transposed[2], transposed[3], low, high)[: shape[1]])
    return _whole(top, bottom, low, high)[: shape[0]]


def _halves(picture: Map, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[Map, Map]:
    # out[i] = sum_j f[j] x[2 i + 1 - j], along the rows
    taps = low.size
    count = (picture.shape[0] + taps - 1) // 2
    padded = cv2.copyMakeBorder(picture, taps - 2, taps, 0, 0, cv2.BORDER_REFLECT)
    slices = [padded[taps - 1 - j :: 2][:count] for j in range(taps)]
    return _sum(slices, low), _sum(slices, high)


def _whole(low_part: Map, high_part: Map, low: NDArray[np.float64], high: NDArray[np.float64]) -> Map:
    # x[2 t + s] = sum_q r[taps - 2 + s - 2 q] c[t + q], r the reversed filter
    taps = low.size
    count = low_part.shape[0] - taps // 2 + 1
    slices = [part[q : q + count] for part in (low_part, high_part) for q in range(taps // 2)]
    whole = np.empty((2 * count, low_part.shape[1]), np.float32)
    for odd in (0, 1):
        pick = [taps - 2 + odd - 2 * q for q in range(taps // 2)]
        whole[odd::2] = _sum(slices, np.concatenate([low[::-1][pick], high[::-1][pick]]))
    return whole


def _sum(slices: list[Map], factors: NDArray[np.float64]) -> Map:
    total = cv2.addWeighted(slices[0], factors[0], slices[1], factors[1], 0)
    for piece, factor in zip(slices[2:], factors[2:], strict=True):
        cv2.scaleAdd(piece, factor, total, dst=total)
    return total
