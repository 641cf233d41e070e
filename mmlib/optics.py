"""Light in a microscope: the objective, the condenser, the pupil, defocus and the way light travels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError

WAVELENGTHS_UM = (0.610, 0.540, 0.460)
"""Middle of the red, green and blue bands of a camera, in micrometres."""

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
"""The turn between neighbouring seeds of a sunflower."""


@dataclass(frozen=True)
class Objective:
    """The lens that looks at the specimen.

    Attributes:
        numerical_aperture: sine of the half angle of light it takes in, times the index of the medium.
        magnification: how many times larger the image is.
        medium_index: refractive index between specimen and lens: 1 air, 1.33 water, 1.515 oil.
        spherical_waves: primary spherical aberration, Zernike 6 rho^4 - 6 rho^2 + 1, in waves of 540 nm.
        axial_chromatic_um: how much higher red focuses than blue, in micrometres.
    """

    numerical_aperture: float = 0.4
    magnification: float = 20.0
    medium_index: float = 1.0
    spherical_waves: float = 0.0
    axial_chromatic_um: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no lens can be."""
        for name in ("numerical_aperture", "magnification", "medium_index"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} of an objective must be a positive number; got {value}")
        for name in ("spherical_waves", "axial_chromatic_um"):
            if not math.isfinite(getattr(self, name)):
                raise InputError(f"{name} of an objective must be a finite number; got {getattr(self, name)}")
        if self.numerical_aperture > self.medium_index:
            raise InputError(
                f"the numerical aperture ({self.numerical_aperture:g}) cannot exceed the index of the medium "
                f"({self.medium_index:g}); lower it or immerse the objective"
            )

    def focus_shift_um(self, wavelength_um: float) -> float:
        """Give how much higher than green a colour focuses.

        Args:
            wavelength_um: wavelength in micrometres.

        Returns:
            The shift in micrometres; 0 at 540 nm, linear in the wavelength, red minus blue is `axial_chromatic_um`.
        """
        red, green, blue = WAVELENGTHS_UM
        return self.axial_chromatic_um * (wavelength_um - green) / (red - blue)


@dataclass(frozen=True)
class Condenser:
    """The lamp's side: light from many directions, each on its own.

    Attributes:
        coherence: its aperture over the objective's (sigma): 0 is one direction (coherent), 1 fills the objective.
        points: how many directions stand for the whole cone.
    """

    coherence: float = 0.6
    points: int = 10

    def __post_init__(self) -> None:
        """Refuse what no condenser can be."""
        if not (math.isfinite(self.coherence) and self.coherence >= 0):
            raise InputError(f"the coherence ratio of a condenser must be 0 or more; got {self.coherence}")
        if self.points < 1:
            raise InputError(f"a condenser needs at least one point of light; got {self.points}")

    def directions(self) -> NDArray[np.float64]:
        """Spread the points evenly on a disc, as a sunflower spreads its seeds.

        Returns:
            (points, 2) x and y, in units of the objective's aperture, within radius `coherence`; their mean is 0.

        Source: Vogel 1979, A better way to construct the sunflower head, doi:10.1016/0025-5564(79)90080-4.
        """
        if self.points == 1 or self.coherence == 0:
            return np.zeros((1, 2))
        seed = np.arange(self.points)
        radius = self.coherence * np.sqrt((seed + 0.5) / self.points)
        turned = np.stack([radius * np.cos(seed * GOLDEN_ANGLE), radius * np.sin(seed * GOLDEN_ANGLE)], axis=1)
        centred = turned - turned.mean(axis=0)
        outermost = np.hypot(*centred.T).max()
        return np.asarray(centred * min(1.0, self.coherence / outermost))


def depth_of_field_um(objective: Objective, wavelength_um: float = 0.54, pixel_um: float = 0.0) -> float:
    """Give the depth that looks sharp at once: n lambda / NA^2 + n pixel / NA.

    Args:
        objective: the lens.
        wavelength_um: wavelength in micrometres.
        pixel_um: edge of a camera pixel in the specimen, in micrometres; 0 leaves its term out.

    Returns:
        The whole depth of field in micrometres.

    Raises:
        InputError: if the wavelength is not positive or the pixel is negative.

    Source: Inoue and Spring 1997, Video Microscopy, section 2.5.
    """
    if not wavelength_um > 0 or pixel_um < 0:
        raise InputError(
            f"the wavelength must be positive and the pixel not negative; got {wavelength_um} and {pixel_um} um"
        )
    aperture, index = objective.numerical_aperture, objective.medium_index
    return index * wavelength_um / aperture**2 + index * pixel_um / aperture


def critical_pixel_um(objective: Objective, coherence: float = 1.0, wavelength_um: float = 0.54) -> float:
    """Give the coarsest pixel that still holds every detail the objective passes: lambda / (2 NA (1 + sigma)).

    Args:
        objective: the lens.
        coherence: the condenser's coherence ratio; above 1 it adds nothing.
        wavelength_um: wavelength in micrometres.

    Returns:
        The edge of that pixel in the specimen, in micrometres.

    Source: Born and Wolf, Principles of Optics, section 10.6.
    """
    return wavelength_um / (2 * objective.numerical_aperture * (1 + min(coherence, 1.0)))


def frequencies(height: int, width: int, pixel_um: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the spatial frequencies of a discrete Fourier transform, in its own order.

    Args:
        height: rows.
        width: columns.
        pixel_um: edge of a pixel in micrometres.

    Returns:
        (H, 1) and (1, W) cycles per micrometre along y and x.

    Raises:
        InputError: if a size is not positive.
    """
    if height < 1 or width < 1 or not pixel_um > 0:
        raise InputError(f"a grid needs positive sizes; got {height} x {width} pixels of {pixel_um} um")
    fy, fx = (np.asarray(np.fft.fftfreq(n, pixel_um), dtype=np.float64) for n in (height, width))
    return fy[:, None], fx[None, :]


def axial_frequency(squared: NDArray[np.float64], wavelength_um: float, index: float = 1.0) -> NDArray[np.float64]:
    """Give the cycles per micrometre along z of a plane wave, less those of the upright one.

    Args:
        squared: its squared lateral frequency, per square micrometre.
        wavelength_um: wavelength in vacuum, micrometres.
        index: refractive index of the medium.

    Returns:
        The same shape: 0 for the upright wave, negative for tilted ones; waves that do not travel are held at grazing.

    Source: Goodman, Introduction to Fourier Optics, section 3.10.
    """
    upright = index / wavelength_um
    grazing = np.minimum(squared, upright**2)
    # -f^2 / (sqrt(u^2 - f^2) + u) is sqrt(u^2 - f^2) - u without the loss of digits
    return np.asarray(-grazing / (np.sqrt(upright**2 - grazing) + upright))


def pupil(
    fy: NDArray[np.float64], fx: NDArray[np.float64], objective: Objective, wavelength_um: float
) -> NDArray[np.complex128]:
    """Give what the objective does to each plane wave: pass it or not, and delay it.

    Args:
        fy: frequencies along y, cycles per micrometre; broadcasts with `fx`.
        fx: frequencies along x.
        objective: the lens.
        wavelength_um: wavelength in micrometres.

    Returns:
        Complex amplitude, 0 outside the aperture; the edge is soft over one frequency step.
    """
    edge = objective.numerical_aperture / wavelength_um
    radius = np.hypot(fy, fx)
    steps = [abs(f.flat[1] - f.flat[0]) for f in (fy, fx) if f.size > 1]
    softness = max(steps, default=0.0)
    passed = np.clip((edge - radius) / softness + 0.5, 0, 1) if softness > 0 else (radius <= edge).astype(float)
    rho2 = np.minimum(radius / edge, 1) ** 2
    waves = objective.spherical_waves * (WAVELENGTHS_UM[1] / wavelength_um) * (6 * rho2**2 - 6 * rho2 + 1)
    return np.asarray(passed * np.exp(2j * math.pi * waves))


def propagate(
    field: NDArray[np.complex128], distance_um: float, *, pixel_um: float, wavelength_um: float, index: float = 1.0
) -> NDArray[np.complex128]:
    """Let a field of light travel along z: the angular spectrum, on a grid that wraps around.

    Args:
        field: (H, W) complex amplitude.
        distance_um: how far, in micrometres; negative goes back.
        pixel_um: edge of a pixel in micrometres.
        wavelength_um: wavelength in vacuum, micrometres.
        index: refractive index of the medium.

    Returns:
        (H, W) complex amplitude there, less the phase of an upright plane wave.

    Raises:
        InputError: if the field is no (H, W), or a size, the wavelength or the index is not positive.

    Source: Goodman, Introduction to Fourier Optics, section 3.10.
    """
    if field.ndim != 2 or not wavelength_um > 0 or not index > 0 or not math.isfinite(distance_um):
        raise InputError(
            "light needs a field (H, W), a positive wavelength and index, and a finite distance; "
            f"got shape {field.shape}, {wavelength_um} um, {index} and {distance_um} um"
        )
    height, width = field.shape
    fy, fx = frequencies(height, width, pixel_um)
    turns = axial_frequency(fy**2 + fx**2, wavelength_um, index) * distance_um
    return np.asarray(np.fft.ifft2(np.fft.fft2(field) * np.exp(2j * math.pi * turns)))


def defocus_psf(
    defocus_um: float,
    *,
    wavelength_um: float = 0.5,
    numerical_aperture: float = 0.5,
    index: float = 1.0,
    size: int = 51,
    pixel_um: float = 0.65,
) -> NDArray[np.float64]:
    """Give the picture of a shining point out of focus, by the Bessel integral.

    PSF(r, z) = |int_0^1 J0(k NA/n r rho) exp(-i/2 k rho^2 z (NA/n)^2) rho drho|^2.

    Args:
        defocus_um: distance from focus, in micrometres.
        wavelength_um: wavelength in the medium, micrometres.
        numerical_aperture: of the objective.
        index: refractive index of the medium.
        size: rows and columns of the kernel, odd so that it has a middle pixel.
        pixel_um: edge of a pixel in micrometres.

    Returns:
        (size, size) kernel, sum 1, sampled at the middle of each pixel.

    Raises:
        InputError: if a size is not positive, the distance is not finite or the aperture exceeds the index.

    Source: Born and Wolf, Principles of Optics, section 8.8; used for microscope focus by Yang et al. 2018,
        doi:10.1186/s12859-018-2087-4.
    """
    from scipy.special import j0  # 16 MB, and pages that only name the methods need none of it

    Objective(numerical_aperture, medium_index=index)
    if size < 1 or size % 2 == 0 or not pixel_um > 0 or not wavelength_um > 0:
        raise InputError(
            f"a kernel needs an odd size and a positive pixel and wavelength; "
            f"got {size}, {pixel_um} um and {wavelength_um} um"
        )
    if not math.isfinite(defocus_um):
        raise InputError(f"the distance from focus must be a finite number of micrometres; got {defocus_um}")
    wavenumber, sine = 2 * math.pi / wavelength_um, numerical_aperture / index
    offset = (np.arange(size) - size // 2) * pixel_um
    square = offset[:, None] ** 2 + offset[None, :] ** 2
    radius, place = np.unique(square, return_inverse=True)  # the kernel is round: each radius once
    radius = np.sqrt(radius)
    # one Gauss-Legendre node per radian of the fastest phase is ample, with a floor for the smooth ones
    phase = wavenumber * sine * (radius[-1] + 0.5 * sine * abs(defocus_um))
    node, weight = np.polynomial.legendre.leggauss(int(32 + phase))
    rho, weight = (node + 1) / 2, weight / 2
    lens = weight * rho * np.exp(-0.5j * wavenumber * rho**2 * defocus_um * sine**2)
    amplitude = j0(wavenumber * sine * radius[:, None] * rho[None, :]) @ lens
    kernel = np.abs(amplitude)[place.reshape(square.shape)] ** 2
    return np.asarray(kernel / kernel.sum())
