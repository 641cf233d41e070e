"""What a moving scan does to a frame, by optics: focus slides while the shutter is open, and the hand shakes.

What is wanted is not a perfect lens but the frame that a steady hand would have taken, so the blur is that of the
passing planes relative to the plane in focus.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmlib.optics import Objective, critical_pixel_um, defocus_psf, depth_of_field_um

SMEAR_DOF = {1: 0.3, 2: 0.5, 3: 0.75, 4: 1.2}
"""How many depths of field focus passes while a row is exposed, for each scan speed: half the time between frames."""
SHAKE_PX = {1: 0.02, 2: 0.1, 3: 0.22, 4: 0.45}
"""Standard deviation of the shaking within an exposure, px."""
USUAL_SPEED = 2
"""What is taken where the speed is not known."""
USUAL = Objective(0.4)
"""A 20x lens. Blur is counted in its depths of field and its critical pixels: another lens, whose pixel suits it as
this one's does, gives the same kernel, so that nothing has to be known of the lens."""
COARSE = 1.5
"""Pixel of a phone in critical pixels."""
SIDE = 33
"""Rows and columns of the kernel."""
INSTANTS = 9


@lru_cache(maxsize=64)
def transfer(speed: int | None, side: int = 64) -> NDArray[np.float64]:
    """Give what is left of each spatial frequency, 1 where nothing is lost.

    Args:
        speed: 1 (slow) to 4 (fast), or None where it is not known.
        side: rows and columns of the table.

    Returns:
        (side, side) in the order of the discrete Fourier transform: real, since the blur is symmetric.
    """
    speed = USUAL_SPEED if speed is None else speed
    pixel = COARSE * critical_pixel_um(USUAL)
    reach_um = SMEAR_DOF[speed] * depth_of_field_um(USUAL)
    passed = (np.arange(INSTANTS) + 0.5) / INSTANTS - 0.5
    planes = [_spectrum(reach_um * z, pixel, side) for z in passed]
    sharp = _spectrum(0.0, pixel, side)
    left = np.mean(planes, axis=0) / np.maximum(sharp, 0.02)
    frequency = np.fft.fftfreq(side)
    squared = frequency[:, None] ** 2 + frequency[None, :] ** 2
    shaken = np.exp(-2 * (np.pi * SHAKE_PX[speed]) ** 2 * squared)
    return np.asarray(np.clip(left, 0, 1) * shaken)


def kernel(speed: int | None) -> NDArray[np.float32]:
    """Give the picture of a point: what each pixel of the steady frame is spread over.

    Args:
        speed: see `transfer`.

    Returns:
        (33, 33) float32, not negative, sum 1.
    """
    spread = np.maximum(centred(transfer(speed), SIDE), 0)
    return np.asarray(spread / spread.sum(), np.float32)


def centred(table: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Turn a table of frequencies into a kernel that ends softly.

    Args:
        table: (n, n) real, in the order of the discrete Fourier transform.
        side: rows and columns of the kernel, odd and less than n.

    Returns:
        (side, side), its middle in the middle, as bright as the table's first entry says.
    """
    spread = np.fft.fftshift(np.fft.ifft2(table).real)
    middle, reach = len(table) // 2, side // 2
    cut = spread[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    fade = np.hanning(side + 2)[1:-1]
    cut = cut * fade[:, None] * fade[None, :]
    return np.asarray(cut * (table[0, 0] / cut.sum()))


def _spectrum(defocus_um: float, pixel_um: float, side: int) -> NDArray[np.float64]:
    psf = defocus_psf(
        defocus_um, wavelength_um=0.54, numerical_aperture=USUAL.numerical_aperture, size=side - 1, pixel_um=pixel_um
    )
    table = np.zeros((side, side))
    table[: side - 1, : side - 1] = psf
    return np.asarray(np.fft.fft2(np.roll(table, (-(side // 2 - 1),) * 2, (0, 1))).real)
