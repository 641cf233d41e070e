"""Detail at every scale: band-limited noise, granules and fibres, the stuff that focus is judged by."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""(H, W) float32: something known at every pixel."""


def noise(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    pixel_um: float,
    coarsest_um: float,
    finest_um: float = 0.0,
    slope: float = 1.0,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Map:
    """Draw noise whose amplitude falls as 1 / frequency^slope between two lengths.

    Args:
        shape: (H, W).
        rng: where the luck comes from.
        pixel_um: edge of a pixel, micrometres.
        coarsest_um: below this spatial frequency (1 / length) the spectrum is flat.
        finest_um: shorter waves fade out; 0 keeps them down to the pixel.
        slope: 0 is white, 1 is pink, 2 is cloudy.
        stretch: how many times longer the detail is along y and x.

    Returns:
        (H, W) float32, mean 0, standard deviation 1.
    """
    fy = np.fft.fftfreq(shape[0], pixel_um).astype(np.float32)[:, None] * np.float32(stretch[0])
    fx = np.fft.rfftfreq(shape[1], pixel_um).astype(np.float32)[None, :] * np.float32(stretch[1])
    frequency = np.sqrt(fy * fy + fx * fx)
    gain = np.maximum(frequency, 1 / coarsest_um) ** -slope
    gain *= frequency > 0
    if finest_um > 0:
        gain *= np.exp(-0.5 * (frequency * finest_um) ** 2)
    white = rng.standard_normal(shape, dtype=np.float32)
    drawn: Map = np.fft.irfft2(np.fft.rfft2(white) * gain, s=shape).astype(np.float32)
    spread = float(drawn.std())
    if spread > 0:
        drawn /= np.float32(spread)
    return drawn


def edge(distance_um: NDArray[np.floating], softness_um: float) -> Map:
    """Turn a signed distance (positive inside) into coverage 0..1 with a smooth rim.

    Args:
        distance_um: distance to the outline, any shape.
        softness_um: the rim is this wide.

    Returns:
        Coverage, same shape, float32.
    """
    t: Map = np.clip(distance_um / np.float32(softness_um) + np.float32(0.5), 0, 1).astype(np.float32)
    t *= t * (3 - 2 * t)
    return t


def granules(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    pixel_um: float,
    per_um2: NDArray[np.floating] | np.floating | float,
    radius_um: float,
    spread: float = 0.35,
) -> Map:
    """Strew round granules: soft spots of about one height that overlap freely.

    Args:
        shape: (H, W).
        rng: where the luck comes from.
        pixel_um: edge of a pixel, micrometres.
        per_um2: mean number on a square micrometre, a number or a map.
        radius_um: mean radius.
        spread: relative standard deviation of the radius.

    Returns:
        (H, W) float32; a single granule peaks at about 1.
    """
    total = np.zeros(shape, np.float32)
    most = 2_000_000 // 3
    for step in (-1.2, 0.0, 1.2):
        sigma = max(radius_um * (1 + spread * step) / pixel_um / 1.6, 0.3)
        mean = np.clip(np.asarray(per_um2, np.float32) * np.float32(pixel_um**2 / 3), 0, most / np.prod(shape) * 4)
        hits = rng.poisson(np.broadcast_to(mean, shape)).astype(np.float32)
        hits *= rng.uniform(0.5, 1.3, shape).astype(np.float32)
        total += cv2.GaussianBlur(hits, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) * np.float32(
            2 * np.pi * max(sigma, 0.4) ** 2
        )
    return total


def streamed(texture: Map, angle: Map, length_px: float) -> Map:
    """Smear a texture along a field of directions: threads, fibres, muscle.

    Args:
        texture: (H, W) to smear, such as white noise.
        angle: (H, W) direction in radians, 0 along x.
        length_px: how far to smear to each side, pixels.

    Returns:
        (H, W) float32, mean 0, standard deviation 1.

    Source: Cabral and Leedom, Imaging vector fields using line integral convolution, 1993, doi:10.1145/166117.166151.
    """
    height, width = texture.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    steps = int(np.clip(length_px / 1.5, 3, 24))
    stride = np.float32(length_px / steps)
    along_x, along_y = np.cos(angle) * stride, np.sin(angle) * stride
    total = texture.copy()
    for sign in (-1, 1):
        x, y = columns.copy(), rows.copy()
        for _ in range(steps):
            x += sign * cv2.remap(along_x, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            y += sign * cv2.remap(along_y, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            total += cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    total -= total.mean()
    return total / np.float32(max(float(total.std()), 1e-9))
