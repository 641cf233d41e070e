"""Crops of stacks, real or simulated, and the numbers that describe one: contrast, noise, spectrum, edges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.field import find_field
from mmlib.pictures import as_picture, to_grey
from mmlib.stacks import ZStack

SIZE = 64
"""Edge of a crop, pixels."""

FEATURES = (
    "mean", "contrast", "skew", "kurtosis", "noise", "gradient", "gradient_tail", "laplacian_ratio",
    *(f"band_{i}" for i in range(8)), "direction", "neighbour_1", "neighbour_2", "sharpest_ratio",
)  # fmt: skip
"""Names of the numbers that `features` gives."""


@dataclass(frozen=True)
class Crops:
    """Crops of one stack.

    Attributes:
        name: of the stack.
        pixels: (N, SIZE, SIZE) grey, 0..1.
        level: (N,) how sharp the frame is in its stack: 0 the sharpest, 1 the most blurred.
        curve: (K,) sharpness of each frame, 1 at the sharpest.
    """

    name: str
    pixels: NDArray[np.float32]
    level: NDArray[np.float32]
    curve: NDArray[np.float64]


def crops_of(stack: ZStack, rng: np.random.Generator, *, frames: int = 5, each: int = 12, name: str = "") -> Crops:
    """Cut crops that hold something from frames all through a stack.

    Args:
        stack: read as it streams by; at most 24 of its frames are looked at.
        rng: where to cut.
        frames: how many frames to cut from, from the sharpest to the most blurred.
        each: crops of each frame, at most.
        name: what to call it; the stack's source if empty.

    Returns:
        The crops; none where the frames are smaller than a crop.
    """
    chosen = np.unique(np.linspace(0, len(stack) - 1, min(len(stack), 24)).astype(int))
    grey = [to_grey(as_picture(stack[int(i)])) for i in chosen]
    field = find_field(stack)
    inside = field if field.shape == grey[0].shape else np.ones(grey[0].shape, bool)
    inner = cv2.erode(inside.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    sharp = np.array([float(np.mean(_gradient(picture)[inner] ** 2)) if inner.any() else 0.0 for picture in grey])
    curve = sharp / max(float(sharp.max()), 1e-12)
    order = np.argsort(-sharp)
    ranks = np.unique(np.linspace(0, len(order) - 1, min(frames, len(order))).astype(int))
    height, width = grey[0].shape
    found: list[NDArray[np.float32]] = []
    levels: list[float] = []
    if min(height, width) >= SIZE:
        best = grey[int(order[0])]
        spread = cv2.blur(best**2, (SIZE, SIZE)) - cv2.blur(best, (SIZE, SIZE)) ** 2
        tried = [
            (int(y), int(x))
            for y, x in zip(
                rng.integers(0, height - SIZE + 1, 40 * each), rng.integers(0, width - SIZE + 1, 40 * each), strict=True
            )
            if inner[y : y + SIZE, x : x + SIZE].all() and spread[y + SIZE // 2, x + SIZE // 2] > 1e-4
        ][:each]
        for rank in ranks:
            picture = grey[int(order[rank])]
            for y, x in tried:
                found.append(picture[y : y + SIZE, x : x + SIZE])
                levels.append(rank / max(len(order) - 1, 1))
    pixels = np.stack(found) if found else np.zeros((0, SIZE, SIZE), np.float32)
    return Crops(name or stack.source, pixels.astype(np.float32), np.asarray(levels, np.float32), curve)


def features(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Describe crops by numbers.

    Args:
        pixels: (N, SIZE, SIZE), 0..1.

    Returns:
        (N, len(FEATURES)); see `FEATURES`.

    Source: Immerkaer, Fast noise variance estimation, 1996, doi:10.1006/cviu.1996.0060 (noise).
    """
    rows = [_describe(crop) for crop in pixels]
    return np.array(rows).reshape(len(pixels), len(FEATURES))


def spectrum(crop: NDArray[np.float32], bands: int = 8) -> NDArray[np.float64]:
    """Give the share of the power in rings of the spectrum, from coarse to fine.

    Args:
        crop: (N, N) grey.
        bands: how many rings, each as wide as the others.

    Returns:
        (bands,) natural logarithm of the mean power in each ring over the power of all.
    """
    size = crop.shape[0]
    window = np.hanning(size)[:, None] * np.hanning(size)[None, :]
    power = np.abs(np.fft.fftshift(np.fft.fft2((crop - crop.mean()) * window))) ** 2
    y, x = np.indices(power.shape) - size // 2
    ring = np.minimum((np.hypot(y, x) / (size / 2) * bands).astype(int), bands)
    mean = (
        np.bincount(ring.ravel(), power.ravel(), bands + 1)[:bands]
        / np.bincount(ring.ravel(), minlength=bands + 1)[:bands]
    )
    logs: NDArray[np.float64] = np.log(mean / max(float(power.sum()), 1e-12) + 1e-12)
    return logs


def noise_level(crop: NDArray[np.float32]) -> float:
    """Estimate the noise of a crop, as a share of full scale.

    Source: Immerkaer 1996, doi:10.1006/cviu.1996.0060.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.sqrt(np.pi / 2) / 6 * np.mean(np.abs(cv2.filter2D(crop, cv2.CV_32F, kernel)[1:-1, 1:-1])))


def _gradient(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0) / 8
    down = cv2.Sobel(picture, cv2.CV_32F, 0, 1) / 8
    size: NDArray[np.float32] = np.hypot(across, down)
    return size


def _describe(crop: NDArray[np.float32]) -> list[float]:
    mean, spread = float(crop.mean()), float(crop.std()) + 1e-6
    centred = (crop - mean) / spread
    gradient = _gradient(crop)
    laplacian = cv2.Laplacian(crop, cv2.CV_32F)
    across, down = cv2.Sobel(crop, cv2.CV_32F, 1, 0), cv2.Sobel(crop, cv2.CV_32F, 0, 1)
    energy = np.array([np.mean(across**2), np.mean(down**2)]) + 1e-12
    return [
        mean,
        np.log(spread / max(mean, 1e-3)),
        float(np.mean(centred**3)),
        float(np.log(np.mean(centred**4) + 1e-6)),
        np.log(noise_level(crop) + 1e-6),
        np.log(float(gradient.mean()) / spread + 1e-6),
        np.log(float(np.percentile(gradient, 98)) / (float(np.median(gradient)) + 1e-6) + 1e-6),
        np.log(float(laplacian.std()) / (float(gradient.std()) + 1e-6) + 1e-6),
        *spectrum(crop),
        abs(float(np.log(energy[0] / energy[1]))),
        float(np.mean(centred[:, 1:] * centred[:, :-1])),
        float(np.mean(centred[:, 2:] * centred[:, :-2])),
        np.log(float(np.abs(centred).max()) + 1e-6),
    ]
