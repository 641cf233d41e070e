"""What a learned judge goes by: a few dozen numbers a cell and frame, free of contrast, gain and pixel count."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.bands import GAINS
from mmlib.focusing.means import CellMeans
from mmlib.sharpness.cells import Cells, cell_share
from mmlib.sharpness.measure import Grey, Mask

LAGS = (1, 2, 4)
"""Planes that lie so many frames apart are compared: contrast of transparent cells turns over between them."""
SHRINKS = (2, 4, 4)
"""Coarse detail is looked at in pictures so many times smaller: three scales, about 2, 4 and 10 pixels."""
COARSE = len(SHRINKS)
FEATURES = 45

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Profile:
    """The numbers of the cells of a stack before they are made comparable: K planes, N cells.

    Attributes:
        energy: (K, N, 4) of the fine scales, relative to the light.
        moments: (K, N, 3, 3) for each coarse scale the means of the detail's second, third and fourth power.
        alike: (K, N, 3, 3) for each coarse scale and each of `LAGS` the correlation with the plane so many before;
            0 where there is none.
        noise: (K,) of the frames, relative to the light.
    """

    energy: NDArray[np.float64]
    moments: NDArray[np.float64]
    alike: NDArray[np.float64]
    noise: NDArray[np.float64]


def coarse_details(even: Grey) -> tuple[Grey, ...]:
    """Give the coarse detail of a picture at three scales.

    Args:
        even: (H, W), the picture over its illumination.

    Returns:
        Three pictures, `SHRINKS` times smaller than it.
    """
    half = cv2.pyrDown(even)
    quarter = cv2.pyrDown(half)
    smooth = cv2.GaussianBlur(quarter, (0, 0), 1.5)
    return tuple(
        np.asarray(detail, dtype=np.float32)
        for detail in (
            cv2.subtract(half, cv2.GaussianBlur(half, (0, 0), 1.5)),
            cv2.subtract(quarter, smooth),
            cv2.subtract(smooth, cv2.GaussianBlur(smooth, (0, 0), 2.6)),
        )
    )


class CoarseLook:
    """Takes the coarse detail of one frame after the other and remembers the last few."""

    def __init__(self, shape: tuple[int, int], cells: Cells, inner: Mask | None) -> None:
        """Lay the cells over the smaller pictures.

        Args:
            shape: (H, W) of the frames.
            cells: of `mmlib.sharpness.cells.grid`.
            inner: (H, W) where detail can be judged, or None for everywhere.
        """
        tops, lefts, edge = cells
        self.means, self.masks, self.shares = [], [], []
        for shrink in SHRINKS:
            size = (-(-shape[1] // shrink), -(-shape[0] // shrink))
            small = max(edge // shrink, 1)
            placed = (np.minimum(tops // shrink, size[1] - small), np.minimum(lefts // shrink, size[0] - small), small)
            mask = None
            if inner is not None:
                mask = cv2.resize(inner.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.999
            self.means.append(CellMeans(placed, (size[1], size[0])))
            self.masks.append(mask)
            self.shares.append(np.maximum(cell_share(mask, placed), 0.02))
        self.before: list[tuple[tuple[Grey, ...], NDArray[np.float64]]] = []

    def see(self, even: Grey) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Look at the next frame.

        Args:
            even: (H, W), the picture over its illumination.

        Returns:
            Moments (rows, columns, 3, 3) and likeness to earlier frames (rows, columns, 3, 3), as `Profile` has them.
        """
        details = tuple(
            detail if mask is None else np.asarray(detail * mask, dtype=np.float32)
            for detail, mask in zip(coarse_details(even), self.masks, strict=True)
        )
        moments = np.empty((*self.shares[0].shape, COARSE, 3))
        alike = np.zeros((*self.shares[0].shape, COARSE, len(LAGS)))
        for scale, detail in enumerate(details):
            square = cv2.multiply(detail, detail)
            for power, product in enumerate((square, cv2.multiply(square, detail), cv2.multiply(square, square))):
                moments[..., scale, power] = self._mean(np.asarray(product), scale)
            for place, lag in enumerate(LAGS):
                if lag <= len(self.before):
                    other, energy = self.before[-lag]
                    both = self._mean(np.asarray(cv2.multiply(detail, other[scale])), scale)
                    alike[..., scale, place] = both / np.sqrt(moments[..., scale, 0] * energy[..., scale] + 1e-16)
        self.before = [*self.before, (details, moments[..., 0])][-max(LAGS) :]
        return moments, alike

    def _mean(self, quantity: NDArray[np.float32], scale: int) -> NDArray[np.float64]:
        return self.means[scale](quantity) / self.shares[scale]


def features(profile: Profile) -> Values:
    """Make the numbers comparable from stack to stack.

    Args:
        profile: of the cells that are to be judged; K planes, N cells.

    Returns:
        (K, N, `FEATURES`) float32, about -3..3: detail at seven scales against its most in the stack and against the
        noise, how it falls from scale to scale, whether it is dark on bright or bright on dark and how sparse, how like
        it is to the planes before and after, and how the cells of the stack do together.
    """
    count = len(profile.energy)
    noise = max(float(profile.noise.min()), 3e-4)
    floor = (np.array(GAINS) * noise) ** 2
    coarse = profile.moments[..., 0]  # (K, N, 3)
    logs = np.log(np.concatenate([profile.energy + floor, coarse + 0.1 * floor[-1]], axis=2))  # (K, N, 7)
    fallen = logs - logs.max(axis=0)
    above = np.clip(np.log(profile.energy / floor + 0.1), -2, 12)
    slopes = np.diff(np.log(np.concatenate([np.maximum(profile.energy - floor, 0.05 * floor), coarse + 1e-10], 2)))
    second = coarse + 1e-10
    skew = np.clip(profile.moments[..., 1] / second**1.5, -4, 4)
    sparse = np.log(np.maximum(profile.moments[..., 2] / second**2, 1.0))
    back = profile.alike.reshape(count, -1, COARSE * len(LAGS))  # (K, N, 9)
    ahead = np.zeros_like(back)
    for scale in range(COARSE):
        for place, lag in enumerate(LAGS):
            at = scale * len(LAGS) + place
            ahead[: max(count - lag, 0), :, at] = back[lag:, :, at]
    together = np.broadcast_to(fallen[..., [1, 3, 5]].mean(axis=1, keepdims=True), (*fallen.shape[:2], 3))
    every = [
        fallen / 2, above / 4 - 1, slopes / 2, skew / 1.5, sparse / 1.5 - 1, back, ahead, together / 2,
        np.ones((*fallen.shape[:2], 1)),
    ]  # fmt: skip
    return np.asarray(np.clip(np.concatenate(every, axis=2), -4, 4), dtype=np.float32)
