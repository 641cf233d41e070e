"""Support vector machines that tell crops in focus from crops out of it, evaluated in NumPy, and what they look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError

Floats = NDArray[np.float64]

CELL, BLOCK, BINS = 6, 2, 9
"""Pixels of a cell along each side, cells of a block, directions of a histogram."""
LEAST_LIGHT = 0.01
TENSORS = ("directions", "coordinates", "lengths", "weights", "middle", "spread", "numbers")


def hog(crops: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe crops by histograms of the directions of their gradients.

    Args:
        crops: (N, H, W) grey, 0..1; sides are multiples of 6 px.

    Returns:
        (N, blocks * 36), 6084 for crops of 84 px: cells of 6 px, blocks of 2 x 2 cells one cell apart, 9 directions,
        each block brought to length 1 with no entry above 0.2.

    Source: Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177, with L2-Hys.
    """
    grey = np.asarray(crops, np.float32) * np.float32(255)
    count, height, width = grey.shape
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    size = np.hypot(down, right)
    turn = np.rad2deg(np.arctan2(down, right)) % 180
    bins = np.minimum((turn / (180 / BINS)).astype(np.int8), BINS - 1)
    rows, columns = height // CELL, width // CELL
    cells = np.stack(
        [
            np.where(bins == one, size, np.float32(0)).reshape(count, rows, CELL, columns, CELL).mean((2, 4))
            for one in range(BINS)
        ],
        axis=-1,
    )  # (N, rows, columns, 9)
    down_to, right_to = rows - BLOCK + 1, columns - BLOCK + 1
    parts = [cells[:, y : y + down_to, x : x + right_to] for y in range(BLOCK) for x in range(BLOCK)]
    blocks = np.stack(parts, axis=3).reshape(count, down_to, right_to, BLOCK * BLOCK * BINS)
    blocks = _unit(np.minimum(_unit(blocks), 0.2))
    return np.asarray(blocks.reshape(count, -1), np.float32)


def _unit(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(blocks / np.sqrt((blocks**2).sum(-1, keepdims=True) + 1e-10), np.float32)


def blur_features(crops: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe crops by what blur takes away.

    Args:
        crops: (N, H, W) grey, 0..1.

    Returns:
        (N, 14): the share of pixels in each of eight classes of gradient, relative to the crop's contrast; the
        logarithms of the contrast, of the variance of the Laplacian over it, and of what is left of the gradient after
        a blur; the slope and the curvature of the power spectrum, and its finest share.

    Source: ours, after the kinds of feature in Hsu and Chen 2008, doi:10.1007/978-3-540-77409-9_26, and
        Liu et al. 2008, doi:10.1109/CVPR.2008.4587465.
    """
    return np.stack([_describe(crop) for crop in np.asarray(crops, np.float32)]).astype(np.float32)


def _describe(crop: NDArray[np.float32]) -> NDArray[np.float64]:
    even = crop / max(float(crop.mean()), LEAST_LIGHT)
    contrast = float(even.std()) + 1e-4
    across, down = cv2.Sobel(even, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(even, cv2.CV_32F, 0, 1, scale=1 / 8)
    size = np.asarray(np.hypot(across, down)) / contrast
    edges = np.array([0.0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, np.inf])
    classes = np.histogram(size, edges)[0] / size.size
    laplacian = float(cv2.Laplacian(even, cv2.CV_32F).var()) / contrast**2
    soft = cv2.GaussianBlur(even, (0, 0), 2)
    softer = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8))
    kept = float(softer.mean()) / (contrast * float(size.mean()) + 1e-6)
    return np.concatenate([classes, [np.log(contrast), np.log(laplacian + 1e-6), np.log(kept + 1e-6)], _spectrum(even)])


def _spectrum(even: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give slope and curvature of the power against the frequency, both as logarithms, and the finest half's share."""
    height, width = even.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.rfft2((even - even.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    edges = np.geomspace(0.02, 0.5, 11)
    ring = np.digitize(radius.ravel(), edges)
    total = np.bincount(ring, power.ravel(), minlength=12)[1:11]
    pixels = np.maximum(np.bincount(ring, minlength=12)[1:11], 1)
    logs = np.log(total / pixels + 1e-9)
    octaves = np.log(edges[:-1])
    slope, curvature = np.polyfit(octaves, logs, 1)[0], np.polyfit(octaves, logs, 2)[0]
    return np.array([slope, curvature, np.log((total[6:].sum() + 1e-9) / (total.sum() + 1e-9))])


@dataclass(frozen=True)
class FocusSvm:
    """A support vector machine with a Gaussian kernel, its vectors written in as few directions as will do.

    Attributes:
        directions: (D, F) orthonormal directions, or (0, F) where the vectors are kept whole.
        coordinates: (V, D) the support vectors along them, or (V, F) whole.
        lengths: (V,) their squared lengths before any direction was left out.
        weights: (V,) of the vectors; those of crops in focus are positive.
        middle: (F,) taken off every feature first.
        spread: (F,) that features are divided by.
        gamma: of the kernel.
        offset: that is added.
        slope: of the logistic curve that turns what comes out into a chance.
        bias: of it.
    """

    directions: NDArray[np.float32]
    coordinates: NDArray[np.float32]
    lengths: NDArray[np.float32]
    weights: NDArray[np.float32]
    middle: NDArray[np.float32]
    spread: NDArray[np.float32]
    gamma: float
    offset: float
    slope: float = 1.0
    bias: float = 0.0

    def decide(self, features: NDArray[np.float32]) -> Floats:
        """Evaluate the machine.

        Args:
            features: (N, F).

        Returns:
            (N,) above 0 where it holds a crop to be in focus.

        Source: Cortes and Vapnik 1995, doi:10.1007/BF00994018.
        """
        scaled = (features.astype(np.float64) - self.middle) / self.spread
        seen = scaled @ self.directions.T.astype(np.float64) if len(self.directions) else scaled
        square = (scaled**2).sum(1)[:, None] + self.lengths[None].astype(np.float64)
        distance = np.maximum(square - 2 * seen @ self.coordinates.T.astype(np.float64), 0)
        return np.asarray(np.exp(-self.gamma * distance) @ self.weights.astype(np.float64) + self.offset)

    def chance(self, features: NDArray[np.float32]) -> Floats:
        """Give the chance that crops are in focus, 0..1.

        Source: Platt 1999, Probabilistic outputs for support vector machines.
        """
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * self.decide(features) + self.bias, -50, 50))))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Give what a file holds."""
        numbers = np.array([self.gamma, self.offset, self.slope, self.bias], np.float32)
        return {name: getattr(self, name) for name in TENSORS[:-1]} | {"numbers": numbers}


def read_svm(file: Path) -> FocusSvm:
    """Read a machine.

    Args:
        file: ``.safetensors``, as `FocusSvm.tensors` has it.

    Returns:
        The machine.

    Raises:
        InputError: if the file is damaged or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = {name: np.asarray(value, np.float32) for name, value in load_file(file).items()}
        gamma, offset, slope, bias = (float(number) for number in found.pop("numbers"))
        machine = FocusSvm(gamma=gamma, offset=offset, slope=slope, bias=bias, **found)
        machine.decide(np.zeros((1, len(machine.middle)), np.float32))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        words = " ".join(str(error).split())[:200]
        raise InputError(f"{file.name} does not hold a support vector machine: {words}") from None
    return machine
