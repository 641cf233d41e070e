"""Wiener's filter: each frequency is raised as far as the noise allows."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.deblurring.smear import SIDE, centred, transfer
from mmlib.filters import noise_level
from mmlib.inference import tiled
from mmlib.pictures import Picture, to_grey
from mmlib.progress import Progress

SQUARES = 24
"""Squares of the picture whose spectrum stands for its own, at most."""
GRID = 64
LEAST_NOISE = 0.002
"""Noise of a picture that shows none: half a step of 8 bit."""


def wiener(picture: Picture, scene: Scene, progress: Progress) -> Restored:
    """Restore a frame with one kernel.

    Args:
        picture: (H, W) or (H, W, 3), 0..1.
        scene: its speed decides the blur.
        progress: told how far it is.

    Returns:
        The frame, and the noise that was found.

    Source: Wiener 1949; the noise as in `mmlib.filters.noise_level`, the spectrum of the picture from its own squares.
    """
    grey = to_grey(picture)
    noise = max(noise_level(grey), LEAST_NOISE)
    left = transfer(scene.speed, GRID)
    filtered = left / (left**2 + noise**2 / spectrum(grey, noise))
    weights = centred(filtered / filtered[0, 0], SIDE)

    def sharpen(piece: NDArray[np.float32]) -> NDArray[np.float32]:
        return _each(piece, lambda one: cv2.filter2D(one, cv2.CV_32F, weights, borderType=cv2.BORDER_REFLECT))

    sharp = tiled(sharpen, picture, tile=1024, halo=SIDE // 2, smallest=SIDE, progress=progress, stage="deblurring")
    return Restored(np.asarray(sharp), parameters={"noise": round(noise, 5)})


def spectrum(grey: NDArray[np.float32], noise: float) -> NDArray[np.float64]:
    """Estimate how much of each frequency the specimen has, per pixel, noise taken off.

    Args:
        grey: (H, W), 0..1.
        noise: its standard deviation.

    Returns:
        (64, 64) in the order of the discrete Fourier transform: round, falling outwards, positive.
    """
    height, width = grey.shape
    framed = grey
    if min(height, width) < GRID:
        framed = np.pad(grey, [(0, max(0, GRID - height)), (0, max(0, GRID - width))], mode="symmetric")
        height, width = framed.shape
    fade = np.hanning(GRID)
    window = fade[:, None] * fade[None, :]
    per_side = int(np.ceil(np.sqrt(SQUARES)))
    power = np.zeros((GRID, GRID))
    count = 0
    for top in np.unique(np.linspace(0, height - GRID, per_side).astype(int)):
        for left in np.unique(np.linspace(0, width - GRID, per_side).astype(int)):
            square = framed[top : top + GRID, left : left + GRID]
            power += np.abs(np.fft.fft2((square - square.mean()) * window)) ** 2 / (window**2).sum()
            count += 1
    frequency = np.fft.fftfreq(GRID) * GRID
    ring = np.minimum(np.hypot(frequency[:, None], frequency[None, :]).round().astype(int), GRID // 2)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel()) / count
    falling = np.minimum.accumulate(np.maximum(mean - noise**2, 1e-9))
    falling[0] = max(falling[0], 1.0)  # the mean grey is kept
    return np.asarray(falling[ring])


def _each(piece: NDArray[np.float32], work: Any) -> NDArray[np.float32]:
    """Work on every channel of a piece, (1, C, h, w)."""
    return np.stack([work(one) for one in piece[0]])[None]


WIENER = Method(wiener)
