"""How far the world of training scenes may vary."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from mmlib.errors import InputError

FACTORS = ("pitch_dof", "aperture", "coarse", "phase", "electrons", "jpeg_quality", "gamma", "exposure")
"""Ranges whose numbers multiply or are drawn factor by factor: they must be positive."""


@dataclass(frozen=True)
class Ranges:
    """How far the world may vary; each pair is least and greatest.

    Attributes:
        planes: frames of a stack, one number for a batch.
        pitch_dof: from plane to plane, in depths of field.
        aperture: NA of the objective.
        coherence: ratio of the condenser's aperture to the objective's.
        coarse: camera pixel over the critical pixel; below 1 the picture is magnified for nothing, as phones do.
        contrast_decades: powers of ten that multiply the specimen's density.
        specimen_share: share of scenes that show a ready specimen, where there are any; the others are random.
        grey_share: share of scenes without colour.
        phase: multiplies the specimen's optical path.
        smear: planes that pass during an exposure; half of the scenes stand still.
        drift_px: how far the slide moves sideways during an exposure, in half of the scenes that move.
        electrons: at full scale; fewer is noisier.
        blur_px: softness of the phone's lens and resampling.
        denoise: strength of noise removal.
        sharpen: strength of the unsharp mask.
        gamma: of the tone curve.
        exposure: where white lies.
        flicker: relative scatter of brightness from frame to frame.
        shift_px: registration error of each frame, root mean square in pixels.
        compressed_share: share of stacks that went through JPEG.
        jpeg_quality: of those, 1 to 100.
        dirty_share: share of stacks with dust, hairs, drops or condensate.
    """

    planes: tuple[int, int] = (3, 40)
    pitch_dof: tuple[float, float] = (0.35, 2.0)
    aperture: tuple[float, float] = (0.1, 0.75)
    coherence: tuple[float, float] = (0.35, 0.9)
    coarse: tuple[float, float] = (0.3, 3.9)
    contrast_decades: tuple[float, float] = (-0.9, 0.9)
    specimen_share: float = 0.5
    grey_share: float = 0.3
    phase: tuple[float, float] = (0.1, 1.5)
    smear: tuple[float, float] = (0.0, 2.0)
    drift_px: tuple[float, float] = (0.0, 4.0)
    electrons: tuple[float, float] = (500.0, 30000.0)
    blur_px: tuple[float, float] = (0.0, 0.9)
    denoise: tuple[float, float] = (0.0, 1.0)
    sharpen: tuple[float, float] = (0.0, 1.0)
    gamma: tuple[float, float] = (1.6, 2.4)
    exposure: tuple[float, float] = (0.45, 0.95)
    flicker: tuple[float, float] = (0.0, 0.03)
    shift_px: tuple[float, float] = (0.0, 1.0)
    compressed_share: float = 0.6
    jpeg_quality: tuple[float, float] = (30.0, 96.0)
    dirty_share: float = 0.4

    def __post_init__(self) -> None:
        """Refuse ranges that run backwards, and factors that are not positive."""
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            low, high = value if isinstance(value, tuple) else (value, value)
            if not -math.inf < low <= high < math.inf:
                raise InputError(f"{name} must run from a least to a greatest number; got {value}")
            if (low < 0 and name != "contrast_decades") or (low == 0 and name in FACTORS):
                raise InputError(f"{name} must be {'positive' if name in FACTORS else '0 or more'}; got {value}")
            if name.endswith("_share") and high > 1:
                raise InputError(f"{name} must be 0 to 1; got {value}")
