"""Turning the focus knob while a video runs: when each row of a frame gathers its light, and what shakes meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError

FRAMES_PER_SECOND = 30.0
"""Of the camera."""

MOMENTS = {1: 1, 2: 2, 3: 2, 4: 4}
"""Pictures that are computed from one frame to the next at each speed; light in between is interpolated."""

PACE = {1: 1.0, 2: 1.6, 3: 2.5, 4: 4.0}
"""How many planes of a slow scan the knob passes between two frames, for each speed."""

VIBRATION_PX = {1: 0.05, 2: 0.2, 3: 0.5, 4: 1.0}
"""Root mean square of the shaking that comes with each speed, in pixels."""

FLICKER = {1: 0.004, 2: 0.006, 3: 0.008, 4: 0.012}
"""Relative scatter of the brightness from frame to frame at each speed."""


@dataclass(frozen=True)
class Scan:
    """One pass through focus at a steady pace.

    Attributes:
        speed: 1 (slow) to 4 (fast).
        z_um: (K,) height of the middle row of each frame, at the middle of its exposure.
        smear_um: how far focus moves while a row is exposed.
        readout_um: how far focus moves from the exposure of the first row to that of the last: the rolling shutter.
        moments_um: (M,) heights at which pictures are needed, evenly spaced.
        moment_shift_px: (M, 2) how far down and right the picture has moved at each moment.
        gain: (K,) relative brightness of each frame.
    """

    speed: int
    z_um: NDArray[np.float64]
    smear_um: float
    readout_um: float
    moments_um: NDArray[np.float64]
    moment_shift_px: NDArray[np.float64]
    gain: NDArray[np.float64]

    @property
    def times_s(self) -> tuple[float, ...]:
        """When each frame was taken, in seconds."""
        return tuple(i / FRAMES_PER_SECOND for i in range(len(self.z_um)))

    @property
    def shift_px(self) -> NDArray[np.float64]:
        """How far down and right each frame has moved on the whole: (K, 2)."""
        if MOMENTS[self.speed] == 1:  # each frame has its own moment
            nearest = np.abs(self.moments_um[:, None] - self.z_um).argmin(axis=0)
            return np.asarray(self.moment_shift_px[nearest])
        shares = np.stack([self.shares(frame, 3)[:, 1] for frame in range(len(self.z_um))])  # middle row
        return np.asarray(shares @ self.moment_shift_px)

    def row_offset_um(self, height: int) -> NDArray[np.float64]:
        """Say how much higher focus is at each row than in the middle of the frame: (H,)."""
        return self.readout_um * ((np.arange(height) + 0.5) / height - 0.5)

    def shares(self, frame: int, height: int) -> NDArray[np.float64]:
        """Say how much of each moment a frame gathers in each row.

        Args:
            frame: its number.
            height: rows of the frame.

        Returns:
            (M, H); each row's shares sum to 1.
        """
        middle = self.z_um[frame] + self.row_offset_um(height)
        if len(self.moments_um) == 1:
            return np.ones((1, height))
        step = self.moments_um[1] - self.moments_um[0]
        instant = (np.arange(8) + 0.5) / 8 - 0.5
        height_um = middle[:, None] + self.smear_um * instant  # (H, 8)
        near = 1 - np.abs(height_um - self.moments_um[:, None, None]) / step  # (M, H, 8)
        return np.asarray(np.clip(near, 0, 1).mean(axis=2))


def plan_scan(
    low_um: float, high_um: float, *, planes: int, speed: int, generator: torch.Generator, shake: float = 1.0
) -> Scan:
    """Plan a scan from one height to another.

    A slow scan takes every plane and hardly moves while it exposes. A faster one takes fewer frames over the same
    range; each gathers light from more heights, and the hand on the knob shakes more.

    Args:
        low_um: where it starts, in micrometres.
        high_um: where it ends.
        planes: frames that a scan at speed 1 takes.
        speed: 1 to 4.
        generator: where all luck comes from.
        shake: multiplies drift, vibration and flicker; 0 for a steady hand.

    Returns:
        The plan.

    Raises:
        InputError: if there are no planes, the speed is not 1 to 4, or the range is upside down.
    """
    if planes < 1:
        raise InputError(f"a scan needs at least one plane; got {planes}")
    if speed not in PACE:
        raise InputError(f"speed must be 1 (slow), 2, 3 or 4 (fast); got {speed}")
    if high_um < low_um:
        raise InputError(f"a scan must run upwards; got {low_um} to {high_um} um")
    frames = max(1, min(planes, math.ceil(planes / PACE[speed])))
    pace_um = (high_um - low_um) / max(planes, 1) * (planes / frames)  # between two frames
    z_um = np.asarray(low_um + pace_um * (np.arange(frames) + 0.5), np.float64)
    luck = np.random.default_rng(int(torch.randint(0, 2**62, (1,), generator=generator, device=generator.device)))
    exposure, readout = luck.uniform(0.4, 0.6), luck.uniform(0.15, 0.35)  # shares of the time between two frames
    step = pace_um / MOMENTS[speed]
    if planes == 1 or pace_um == 0:
        moments, step = np.array([low_um + high_um]) / 2, 1.0
    else:
        beyond = math.ceil((exposure + readout) / 2 * pace_um / step)  # before the first frame and after the last
        moments = np.asarray(
            z_um[0] + step * np.arange(-beyond, (frames - 1) * MOMENTS[speed] + beyond + 1), np.float64
        )
    clock = (moments - z_um[0]) / max(pace_um, 1e-12)  # in frames
    shift = shake * (_drift(clock, frames, luck) + VIBRATION_PX[speed] * _vibration(clock, luck))
    shift -= shift[len(shift) // 2]
    gain = 1 + shake * FLICKER[speed] * luck.standard_normal(frames)
    return Scan(speed, z_um, exposure * pace_um, readout * pace_um, moments, shift, gain)


def _drift(clock: NDArray[np.float64], frames: int, luck: np.random.Generator) -> NDArray[np.float64]:
    """Wander slowly: a straight walk and one slow bend, a few pixels over the whole scan."""
    share = clock / max(frames - 1, 1) - 0.5
    straight, bend = luck.normal(0, 1.2, (2, 1)), luck.normal(0, 0.5, (2, 1))
    phase = luck.uniform(0, 2 * math.pi, (2, 1))
    return np.asarray((straight * share + bend * np.sin(2 * math.pi * share + phase)).T)


def _vibration(clock: NDArray[np.float64], luck: np.random.Generator) -> NDArray[np.float64]:
    """Shake at three frequencies between one swing in three frames and two swings a frame, rms 1 in all."""
    swings = luck.uniform(0.3, 2.0, (2, 3, 1))
    phase = luck.uniform(0, 2 * math.pi, (2, 3, 1))
    return np.asarray((np.sin(2 * math.pi * swings * clock + phase).sum(axis=1) / math.sqrt(3)).T)
