"""What lies on the slide: a few thin slices that absorb and delay light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mmlib.errors import InputError


@dataclass(frozen=True)
class Specimen:
    """A specimen as thin slices, ordered along z.

    Attributes:
        density: (L, 3, H, W) absorbance of intensity in nepers for R, G, B: a slice passes exp(-density), its
            amplitude exp(-density / 2); 0 is clear.
        path_um: (L, H, W) extra optical path, (n - n_medium) times thickness, in micrometres.
        z_um: (L,) heights of the slices in micrometres, ascending; larger is nearer to the objective.
        relief_um: (H, W) height of what a viewer would call the surface: the truth of a depth map.
        pixel_um: edge of a pixel of this grid, in micrometres.
        family: name of the family, such as ``"blood_smear"``.
        seed: what it was drawn from.
    """

    density: torch.Tensor
    path_um: torch.Tensor
    z_um: torch.Tensor
    relief_um: torch.Tensor
    pixel_um: float
    family: str = "custom"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        shape = tuple(self.density.shape)
        if len(shape) != 4 or shape[1] != 3 or 0 in shape:
            raise InputError(f"a specimen needs density (L, 3, H, W) with at least one slice; its shape is {shape}")
        slices, _, height, width = shape
        expected = {"path_um": (slices, height, width), "z_um": (slices,), "relief_um": (height, width)}
        for name, shape in expected.items():
            came = tuple(getattr(self, name).shape)
            if came != shape:
                raise InputError(f"{name} of a specimen must be {shape} to fit its density; its shape is {came}")
        if not 0 < self.pixel_um < math.inf:
            raise InputError(f"pixel_um must be positive; got {self.pixel_um}")
