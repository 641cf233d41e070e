"""The measures of `mmlib.metrics.reference` on a field: their maps, pooled over windows that lie wholly in it.

The pictures come checked: (H, W) or (H, W, 3), float32 in 0..1, with a field that is neither empty nor everything.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmlib.errors import InputError
from mmlib.metrics.pairs import Mask
from mmlib.metrics.windows import Map, halve, halve_field, information, structure, windows_inside
from mmlib.pictures import Picture

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Share of each scale of MS-SSIM, fine to coarse (Wang et al. 2003)."""

YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""From RGB to luma and two colour differences (NTSC)."""


def ssim(one: Picture, two: Picture, field: Mask) -> float:
    """Give the mean SSIM of the windows in the field; see `mmlib.metrics.reference.ssim`."""
    inside = _some(windows_inside(field, 11), "SSIM")
    return float(np.mean([_structure(a, b)[0][inside].mean() for a, b in _planes(one, two)]))


def ms_ssim(one: Picture, two: Picture, field: Mask) -> float:
    """Give the MS-SSIM of the windows in the field; see `mmlib.metrics.reference.ms_ssim`."""
    values = []
    for a, b in _planes(one, two):
        value, mask = 1.0, field
        for scale, weight in enumerate(SCALE_WEIGHTS):
            if scale:
                a, b, mask = halve(a), halve(b), halve_field(mask)
            whole, contrast, _, _ = _structure(a, b)
            last = scale == len(SCALE_WEIGHTS) - 1
            inside = _some(windows_inside(mask, 11), "MS-SSIM")
            value *= max(float((whole if last else contrast)[inside].mean()), 0.0) ** weight
        values.append(value)
    return float(np.mean(values))


def vif(one: Picture, two: Picture, field: Mask) -> float:
    """Give the VIF of the windows in the field; see `mmlib.metrics.reference.vif`."""
    got = there = 0.0
    for seen, full, _, inside in information(_luma(two) * 255, _luma(one) * 255, 2.0, field):
        where = _some(field if inside is None else inside, "VIF")
        got, there = got + float(seen[where].sum()), there + float(full[where].sum())
    if there == 0:
        raise InputError("the reference is constant in every window of the field; VIF has no information to find")
    return got / there


def gmsd(one: Picture, two: Picture, field: Mask) -> float:
    """Give the GMSD of the windows in the field; see `mmlib.metrics.reference.gmsd`."""
    first, second = (_gradient(halve(_luma(p))) for p in (one, two))
    similar = _similarity(first, second, 170 / 255**2)
    inside = _some(_shrunk(halve_field(field), 3), "GMSD")
    return float(similar[inside].std())


def haarpsi(one: Picture, two: Picture, field: Mask) -> float:
    """Give the HaarPSI of the windows in the field; see `mmlib.metrics.reference.haarpsi`."""
    half_one, half_two = (np.stack([halve(plane) for plane in _yiq(p)]) * 255 for p in (one, two))
    inside = _some(_shrunk(halve_field(field), 9), "HaarPSI")
    rows, columns = np.nonzero(inside)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    similar, weights = [], []
    for axis in (0, 1):
        haar_one, haar_two = ([np.abs(_haar(p[0], size, axis)) for size in (2, 4, 8)] for p in (half_one, half_two))
        similar.append((_similarity(haar_one[0], haar_two[0], 30) + _similarity(haar_one[1], haar_two[1], 30)) / 2)
        weights.append(np.maximum(haar_one[2], haar_two[2]))
    if one.ndim == 3:
        mean = np.full((2, 2), 0.25)
        tones_one, tones_two = (
            [np.abs(cv2.filter2D(plane, -1, mean, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)) for plane in p[1:]]
            for p in (half_one, half_two)
        )
        first, second = (_similarity(a, b, 30) for a, b in zip(tones_one, tones_two, strict=True))
        similar.append((first + second) / 2)
        weights.append((weights[0] + weights[1]) / 2)
    box = np.s_[top:bottom, left:right]
    where = inside[box]
    alike = np.stack([s[box][where] for s in similar])
    weight = np.stack([w[box][where] for w in weights])
    if weight.sum() == 0:
        raise InputError("both pictures are flat in the field, so HaarPSI has no structure to compare")
    score = float((weight / (1 + np.exp(-4.2 * alike))).sum() / weight.sum())
    return float((np.log(score / (1 - score)) / 4.2) ** 2)


def _planes(one: Picture, two: Picture) -> list[tuple[Map, Map]]:
    if one.ndim == 2:
        return [(one.astype(np.float64), two.astype(np.float64))]
    return [(one[..., c].astype(np.float64), two[..., c].astype(np.float64)) for c in range(3)]


def _structure(one: Map, two: Map) -> tuple[Map, Map, Map, Map]:
    return structure(one, two, size=11, sigma_px=1.5, c1=0.01**2, c2=0.03**2)


def _yiq(picture: Picture) -> list[Map]:
    if picture.ndim == 2:
        return [picture.astype(np.float64)]
    return list(np.moveaxis(picture.astype(np.float64) @ YIQ.T, 2, 0))


def _luma(picture: Picture) -> Map:
    luma: Map = picture.astype(np.float64) if picture.ndim == 2 else picture.astype(np.float64) @ YIQ[0]
    return luma


def _gradient(luma: Map) -> Map:
    prewitt = np.array([[1, 0, -1]] * 3) / 3
    across, down = (cv2.filter2D(luma, -1, kernel, borderType=cv2.BORDER_CONSTANT) for kernel in (prewitt, prewitt.T))
    magnitude: Map = np.hypot(across, down)
    return magnitude


def _haar(luma: Map, size: int, axis: int) -> Map:
    """Give the Haar coefficients of one scale: a box half positive and half negative, along an axis."""
    kernel = np.full((size, size), 1 / size)
    kernel[size // 2 :] *= -1
    kernel = kernel if axis == 0 else kernel.T
    anchor = (size // 2 - 1, size // 2 - 1)
    return np.asarray(cv2.filter2D(luma, -1, kernel, anchor=anchor, borderType=cv2.BORDER_CONSTANT), np.float64)


def _similarity(one: Map, two: Map, constant: float) -> Map:
    alike: Map = (2 * one * two + constant) / (one**2 + two**2 + constant)
    return alike


def _shrunk(field: Mask, size: int) -> Mask:
    shrunk: Mask = cv2.erode(field.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    return shrunk


def _some(inside: Mask, measure: str) -> Mask:
    if not inside.any():
        raise InputError(f"no window of {measure} lies wholly in the field; give a larger field or none")
    return inside
