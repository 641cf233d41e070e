"""The light between the points of a condenser: without it, far from focus a scene shows sharp copies of itself."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch

from mmlib.simulation.photograph import Light

WAVELENGTH_UM = 0.54
COHERENCE = 0.62
"""Ratio of the condenser's aperture to the objective's that is taken where nobody wrote it down."""
SIGMAS_PX = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)


def fill_cone(light: Light, points: int, strength: float = 1.0) -> Light:
    """Spread each point of the condenser over its share of the cone.

    A condenser of a few points throws as many shifted copies on a plane out of focus, each as sharp as coherent light
    makes it, so that detail stops fading a few depths of field from focus. A real condenser is filled: every copy is
    smeared over the distance to its neighbours. To first order that is a blur as wide as the distance from focus times
    the angle between points, the same for all copies; it takes seven points to where sixty-one are, out to six depths
    of field, at no cost.

    Args:
        light: of a scene under a condenser of few points.
        points: how many.
        strength: multiplies the blur; 0 leaves the light as it is.

    Returns:
        The light with its planes blurred.
    """
    if strength <= 0:
        return light
    sharp_um, pixel_um = float(light.depth_of_field_um), float(light.pixel_um)
    aperture = (pixel_um + np.sqrt(pixel_um**2 + 4 * sharp_um * WAVELENGTH_UM)) / (2 * sharp_um)
    away_um = np.abs((light.z_um[:, None, None] - light.depth_um).numpy())
    radius_px = strength * away_um * aperture * COHERENCE / np.sqrt(points) / pixel_um  # (K, H, W)
    planes = [
        _blur(plane.float().permute(1, 2, 0).numpy(), radius / 2)
        for plane, radius in zip(light.planes, radius_px, strict=True)
    ]
    return replace(light, planes=torch.from_numpy(np.stack(planes)).permute(0, 3, 1, 2).contiguous())


def _blur(plane: np.ndarray, sigma_px: np.ndarray) -> np.ndarray:
    """Blur each pixel by its own width, between the nearest of `SIGMAS_PX`."""
    least, most = np.interp([sigma_px.min(), sigma_px.max()], SIGMAS_PX, np.arange(len(SIGMAS_PX)))
    first, last = int(least), min(int(np.ceil(most)), len(SIGMAS_PX) - 1)
    levels = [
        plane if sigma == 0 else cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        for sigma in SIGMAS_PX[first : last + 1]
    ]
    if len(levels) == 1:
        return levels[0]
    place = np.interp(sigma_px, SIGMAS_PX, np.arange(len(SIGMAS_PX))) - first
    lower = np.minimum(place.astype(int), len(levels) - 2)
    share = np.clip(place - lower, 0, 1)[..., None].astype(np.float32)
    stacked = np.stack(levels)
    below, above = (np.take_along_axis(stacked, (lower + step)[None, ..., None], 0)[0] for step in (0, 1))
    return np.asarray(below * (1 - share) + above * share)
