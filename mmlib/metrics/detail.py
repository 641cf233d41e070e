"""Truths about focus and depth: how much true detail a picture shows, and how far a depth map is off."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.pairs import check_field, check_pair
from mmlib.pictures import as_picture, to_grey


def detail_snr(picture: NDArray[Any], reference: NDArray[Any], *, field: NDArray[Any] | None = None) -> float:
    """Give the signal-to-noise ratio of fine detail, blind to brightness and contrast.

    Both lumas are high-passed (Gaussian, sigma 3 px) and compared, with the gain that fits best, over the tenth of the
    field that is richest in detail of the reference.

    Args:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        field: (H, W) bool, True where the pictures count; None takes what is brighter than 0.05 in the reference.
            Either is first drawn in by 10 px, so that the rim of an eyepiece does not count as detail. Beyond a
            field that is given both pictures are taken for black.

    Returns:
        dB, infinite where the detail is equal; higher is better.

    Raises:
        InputError: if the pictures do not fit together, nothing of the field is left, or it holds no detail.

    Source: 10 log10(E[r^2] / E[(c p - r)^2]), p and r high-passed, c the gain of least squares.
    """
    _, _, mask = check_pair(picture, reference, field, measure="detail SNR")
    p, r = _grey(picture), _grey(reference)
    if mask is not None:
        p, r = (np.where(mask, luma, np.float32(0)) for luma in (p, r))
    else:
        mask = np.ones(r.shape, np.bool_) if field is not None else r > 0.05
    mask = cv2.erode(mask.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    if not mask.any():
        raise InputError("no pixel of the field is 10 px from its rim; detail SNR needs a larger or a brighter field")
    p, r = p - cv2.GaussianBlur(p, (0, 0), 3), r - cv2.GaussianBlur(r, (0, 0), 3)
    energy = cv2.GaussianBlur(r**2, (0, 0), 4)
    where = mask & (energy > np.percentile(energy[mask], 90))
    p, r = p[where].astype(np.float64), r[where].astype(np.float64)
    if not r.any():
        raise InputError("the reference has no detail in the field, so detail SNR has nothing to look for")
    gain = (p * r).sum() / max(float((p * p).sum()), 1e-12)
    error = float(((gain * p - r) ** 2).mean())
    signal = float((r * r).mean())
    return 10 * math.log10(signal / error) if error > signal * 1e-24 else math.inf


def depth_error(depth: NDArray[Any], true_depth: NDArray[Any], *, field: NDArray[Any] | None = None) -> float:
    """Give the mean absolute error of a depth map on the field.

    Args:
        depth: (H, W) depth that was found, um or planes.
        true_depth: (H, W) depth as it is, in the same unit; NaN where it is not known.
        field: (H, W) bool, True where depth counts; None counts everything.

    Returns:
        Mean absolute difference, in the unit of the maps; lower is better.

    Raises:
        InputError: if the maps differ in size, or no pixel has a depth in both.

    Source: mean |found - true| over the pixels of the field whose truth is known.
    """
    found, true = np.asarray(depth, np.float64), np.asarray(true_depth, np.float64)
    if found.ndim != 2 or found.shape != true.shape or not found.size:
        raise InputError(f"depth and true depth must be two (H, W) maps alike; they are {found.shape} and {true.shape}")
    known = np.isfinite(true)
    mask = check_field(field, found.shape)
    if mask is not None:
        known &= mask
    if not known.any():
        raise InputError("the true depth is known at no pixel of the field; give a larger field")
    if not np.isfinite(found[known]).all():
        raise InputError("the depth that was found is not finite (NaN or infinity) at a pixel whose truth is known")
    return float(np.abs(found - true)[known].mean())


def _grey(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Give the luma in 0..1; that of an 8-bit picture is rounded to 8 bits, as an image reader does."""
    array = np.asarray(picture)
    return as_picture(to_grey(array)) if array.dtype == np.uint8 else to_grey(as_picture(array))
