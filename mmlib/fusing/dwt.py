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


class Room:
    """Memory used again for every picture: asking the system for it costs several times the arithmetic."""

    def __init__(self) -> None:
        self._held: dict[str, Map] = {}

    def array(self, name: str, *shape: int) -> Map:
        """Give an array in the memory of its name, which the array before it loses.

        Args:
            name: what it is for.
            *shape: its shape.

        Returns:
            float32, contiguous.
        """
        size = int(np.prod(shape))
        if name not in self._held or self._held[name].size < size:
            self._held[name] = np.empty(size, np.float32)
        return self._held[name][:size].reshape(shape)


def split(picture: Map, wavelet: str, room: Room | None = None) -> tuple[Map, Map]:
    """Split a picture into its approximation and its detail, one level.

    Args:
        picture: (H, W) float32.
        wavelet: its name.
        room: where the answer lies until the next picture is split, which may be the approximation of this one; None
            takes memory of its own.

    Returns:
        The approximation (h, w) and the detail (3, h, w): along x, along y, along both. h is (H + taps - 1) // 2.

    Source: Mallat 1989, doi:10.1109/34.192463; half-sample symmetric borders.
    """
    room = room or Room()
    pair = np.stack(filters_of(wavelet)).astype(np.float32)
    halves = _halves(picture, pair, room, "halves")  # (h, 2, W)
    height, _, width = halves.shape
    found = room.array("found", 4, height, (width + pair.shape[1] - 1) // 2)
    for place in (0, 1):
        turned = cv2.transpose(halves[:, place], dst=room.array("turned", width, height))
        quarters = _halves(turned, pair, room, "quarters")  # (w, 2, h)
        for part in (0, 1):
            cv2.transpose(quarters[:, part], dst=found[2 * place + part])
    return found[0], found[1:]


def join(approximation: Map, detail: Map, shape: tuple[int, int], wavelet: str) -> Map:
    """Put one level together again: the inverse of `split`.

    Args:
        approximation: (h, w) float32.
        detail: (3, h, w) float32.
        shape: (H, W) of the picture that was split.
        wavelet: its name.

    Returns:
        (H, W) float32.
    """
    low, high = filters_of(wavelet)
    transposed = [cv2.transpose(part) for part in (approximation, *detail)]
    top = cv2.transpose(_whole(transposed[0], transposed[1], low, high)[: shape[1]])
    bottom = cv2.transpose(_whole(transposed[2], transposed[3], low, high)[: shape[1]])
    return _whole(top, bottom, low, high)[: shape[0]]


def _halves(picture: Map, pair: NDArray[np.float32], room: Room, name: str) -> Map:
    # out[i, f] = sum_j pair[f, j] x[2 i + 1 - j], along the rows; (h, 2, W)
    (rows, width), taps = picture.shape, pair.shape[1]
    count = (rows + taps - 1) // 2
    padded = room.array("padded", rows + 2 * taps - 2, width)
    cv2.copyMakeBorder(picture, taps - 2, taps, 0, 0, cv2.BORDER_REFLECT, dst=padded)
    down, right = padded.strides
    slices = np.lib.stride_tricks.as_strided(padded, (count, taps, width), (2 * down, down, right), writeable=False)
    return np.matmul(np.ascontiguousarray(pair[:, ::-1]), slices, out=room.array(name, count, 2, width))


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
