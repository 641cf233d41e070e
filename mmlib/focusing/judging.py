"""What the detail of cells says by itself: what is blank, how sharp each frame is, and how far from its best."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.bands import GAINS, SIGMAS_PX, Bands

LEAST_CONTRAST = 0.0005
"""Contrast, relative to the light, below which nobody can tell detail from the steps of an 8-bit camera."""
ABOVE_NOISE = 1.4
"""How far the energy of one scale must rise above the noise for a cell to be judged."""
CAMERA_NOISE = 0.013
"""Noise, relative to the light, that an ordinary phone may have: a frame full of texture shows none of its own."""
OUT_ABOVE = 2
"""Cells of a level above this are out of focus."""
RANGE = (1.0, 3.0)
"""A fall of the log-energy of 1 to 3 makes the whole scale of levels, however far a profile really falls."""
SHARP_PX = 0.9
BLURRED_PX = 11.7
"""Widths of a lone picture's edges, as standard deviations in pixels, at which its level is 0 and 9."""


@dataclass(frozen=True)
class Evidence:
    """What the detail of the cells of a stack says.

    Attributes:
        score: (K, rows, columns) log-energy of detail, larger = sharper; NaN in blank cells.
        detail: (rows, columns) contrast of the detail above the noise at its best plane, relative to the light.
        blank: (rows, columns) True where there is nothing to judge.
        confidence: (rows, columns) how far the profile rises, 0 in blank cells.
        width_px: (K, rows, columns) width of the edges, as the standard deviation of a Gaussian blur.
        floor: (4,) energy that the noise alone has at each scale.
    """

    score: NDArray[np.float64]
    detail: NDArray[np.float64]
    blank: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    width_px: NDArray[np.float64]
    floor: NDArray[np.float64]


def weigh(frames: list[Bands]) -> Evidence:
    """Turn the detail of the cells of all frames into scores.

    The log-energies of the four scales are added, each weighted by the square of how far it changes through the stack.
    So the scale that carries the evidence decides: the finest where the picture is clean and critically sampled, a
    coarser one where noise, compression or empty magnification rule the finest. Nothing depends on contrast or gain.

    Args:
        frames: the detail of each frame, K of them.

    Returns:
        Scores, detail, and what is blank.

    Source: ours; the parts are a difference-of-Gaussians energy and inverse-noise weighting.
    """
    energy = np.stack([bands.energy for bands in frames])  # (K, 4, rows, columns)
    outside = np.isnan(energy).any(axis=(0, 1))
    floor = noise_floor(energy, [bands.noise for bands in frames])[:, None, None]  # (4, 1, 1)
    energy = np.where(outside, 0.0, energy)
    best = energy.max(axis=0)
    detail = np.sqrt(np.maximum(best[1:] - floor[1:], 0).sum(axis=0))
    blank = outside | (best[1:] < ABOVE_NOISE * floor[1:]).all(axis=0) | (detail < LEAST_CONTRAST)
    logs = np.log(energy + floor + 1e-12)
    change = logs.max(axis=0) - logs.min(axis=0)  # (4, rows, columns)
    weight = change**2 + 1e-6
    score = (weight * logs).sum(axis=1) / weight.sum(axis=0)
    confidence = np.where(blank, 0.0, score.max(axis=0) - score.min(axis=0))
    return Evidence(np.where(blank, np.nan, score), detail, blank, confidence, edge_width(energy, floor), floor.ravel())


def noise_floor(energy: NDArray[np.float64], noises: list[float]) -> NDArray[np.float64]:
    """Say how much energy the noise alone has at each scale.

    Args:
        energy: (K, 4, rows, columns); NaN outside the field.
        noises: of each frame, relative to the light.

    Returns:
        (4,) energies: of the emptiest cells, no more than the noise of the frames or of an ordinary camera.
    """
    inside = energy[:, :, np.isfinite(energy).all(axis=(0, 1))]  # (K, 4, cells)
    if not inside.size:
        return np.zeros(len(GAINS))
    emptiest = np.percentile(inside, 5, axis=(0, 2))
    white = (1.5 * np.array(GAINS) * max(*noises, CAMERA_NOISE, 0.0)) ** 2
    return np.asarray(np.minimum(emptiest, white))


def edge_width(energy: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell the width of edges from how detail falls from coarse to fine scales.

    Args:
        energy: (K, 4, rows, columns).
        floor: (4, 1, 1) energy of the noise.

    Returns:
        (K, rows, columns) standard deviation in pixels of the Gaussian blur of a step that has the same ratio.
    """
    clean = np.maximum(energy - floor, 1e-12)
    ratio = np.log(clean[:, 1] / clean[:, 3])
    widths, ratios = _step_ratios()
    return np.interp(-ratio, -ratios, widths)


def levels_of_profile(score: NDArray[np.float64]) -> NDArray[np.int8]:
    """Grade the planes of each cell by how far its log-energy lies below the cell's best.

    Args:
        score: (K, rows, columns) log-energies, NaN in blank cells; K is 2 or more.

    Returns:
        (K, rows, columns) 0 sharpest .. 9; -1 in blank cells.
    """
    known = np.isfinite(score)
    safe = np.where(known, score, 0.0)
    fall = safe.max(axis=0) - safe
    return _grade(fall / np.clip(fall.max(axis=0), *RANGE), known)


def levels_of_width(width_px: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Grade the cells of a lone picture by the width of their edges.

    Args:
        width_px: (K, rows, columns).
        known: (K, rows, columns) False in blank cells.

    Returns:
        (K, rows, columns) 0 sharpest .. 9; -1 in blank cells.
    """
    return _grade(np.log(np.maximum(width_px, SHARP_PX) / SHARP_PX) / np.log(BLURRED_PX / SHARP_PX), known)


def levels_of_values(values: NDArray[np.float64]) -> NDArray[np.int8]:
    """Grade by where a measure's value lies between the most and the least in its cell, or in a lone picture.

    Args:
        values: (K, rows, columns), NaN in blank cells.

    Returns:
        (K, rows, columns) 0 sharpest .. 9; -1 in blank cells.
    """
    known = np.isfinite(values)
    axis = 0 if len(values) > 1 else None
    highest = np.where(known, values, -np.inf).max(axis=axis, keepdims=True)
    lowest = np.where(known, values, np.inf).min(axis=axis, keepdims=True)
    across = np.where(np.isfinite(highest - lowest) & (highest > lowest), highest - lowest, 1.0)
    return _grade(np.where(known, highest - np.where(known, values, 0.0), 0.0) / across, known)


def _grade(share: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(known, np.clip(np.round(9 * share), 0, 9), -1).astype(np.int8)


def _step_ratios() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give widths, and the log of the ratio of the energies of scales 1 and 3 at a step of that width, falling."""
    widths = np.geomspace(0.3, 12.0, 40)
    step = np.repeat(np.array([0.0, 1.0]), 128)[None]
    ratios = []
    for width in widths:
        blurred = [
            cv2.GaussianBlur(step, (0, 0), float(np.hypot(width, sigma)), borderType=cv2.BORDER_REPLICATE)
            for sigma in SIGMAS_PX
        ]
        fine, coarse = ((blurred[i] - blurred[i + 1]) ** 2 for i in (1, 3))
        ratios.append(np.log(fine.sum() / coarse.sum()))
    return widths, np.array(ratios)
