"""The light between the points of a condenser: without it, far from focus a scene shows sharp copies of itself."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch

from mmlib.optics import Condenser, Objective
from mmlib.simulation.camera import blur

SIGMAS_PX = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 18.0)
"""Widths of blur between which each pixel's own is mixed."""
LEAST_PX = 0.2
"""A narrower blur changes nothing that one could see."""


def spread_per_um(objective: Objective, condenser: Condenser) -> float:
    """Say how fast the share of the cone that one point stands for widens with the distance from focus.

    Args:
        objective: the lens.
        condenser: with its points evenly spread over a disc.

    Returns:
        The radius of that share per micrometre of defocus; 0 for a single point, which stands for itself.
    """
    if condenser.points == 1:
        return 0.0
    sine = condenser.coherence * objective.numerical_aperture / math.sqrt(condenser.points) / objective.medium_index
    return sine / math.sqrt(1 - min(sine, 0.95) ** 2)


def fill_cone(light: torch.Tensor, radius_px: torch.Tensor) -> torch.Tensor:
    """Spread each point of the condenser over its share of the cone.

    A condenser of a few points throws as many shifted copies on a plane out of focus, each as sharp as coherent light
    makes it, so that detail stops fading a few depths of field from focus. A real condenser is filled: every copy is
    smeared over the distance to its neighbours. To first order that is one blur for all copies, as wide as the distance
    from focus times the angle between points.

    Args:
        light: (3, H, W) intensity of a plane.
        radius_px: (H, W) how far the share of one point reaches at each pixel.

    Returns:
        (3, H, W).
    """
    sigma = radius_px / 2  # a Gaussian as wide as an even disc
    if float(sigma.max()) < LEAST_PX:
        return light
    place = _place(sigma)
    first, last = math.floor(float(place.min())), math.ceil(float(place.max()))
    mixed = torch.zeros_like(light)
    for level in range(first, last + 1):
        share = (1 - (place - level).abs()).clamp(min=0).to(light)
        mixed += share * _blurred(light, SIGMAS_PX[level])
    return mixed


def _place(sigma: torch.Tensor) -> torch.Tensor:
    """Say between which of `SIGMAS_PX` each width lies: 2.5 is half-way from the third to the fourth."""
    table = sigma.new_tensor(SIGMAS_PX)
    above = torch.searchsorted(table, sigma.contiguous()).clamp(1, len(SIGMAS_PX) - 1)
    low, high = table[above - 1], table[above]
    return (above - 1) + ((sigma - low) / (high - low)).clamp(0, 1)


def _blurred(light: torch.Tensor, sigma_px: float) -> torch.Tensor:
    if sigma_px == 0:
        return light
    if light.device.type != "cpu":
        return blur(light, sigma_px)
    planes = [
        cv2.GaussianBlur(plane, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT) for plane in light.contiguous().numpy()
    ]
    return torch.from_numpy(np.stack(planes))
