from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import j0, j1

from mmlib.errors import InputError
from mmlib.optics import (
    Condenser,
    Objective,
    critical_pixel_um,
    defocus_psf,
    depth_of_field_um,
    frequencies,
    propagate,
    pupil,
)


def bessel_integral(r_um: float, z_um: float, *, wavelength_um: float = 0.5, na: float = 0.5, n: float = 1.0) -> float:
    k = 2 * np.pi / wavelength_um

    def part(rho: float, trig) -> float:
        return j0(k * na / n * r_um * rho) * trig(k * rho**2 * z_um * (na / n) ** 2 / 2) * rho

    parts = [quad(part, 0, 1, args=(trig,), limit=400)[0] for trig in (np.cos, np.sin)]
    return parts[0] ** 2 + parts[1] ** 2


@pytest.mark.parametrize("z_um", [0.0, 3.0, -12.0])
def test_the_psf_is_the_bessel_integral(z_um: float) -> None:
    kernel = defocus_psf(z_um, size=21, pixel_um=0.3)
    line = np.array([bessel_integral(0.3 * i, z_um) for i in range(11)])
    np.testing.assert_allclose(kernel[10, 10:] / kernel[10, 10:].max(), line / line.max(), rtol=1e-6, atol=1e-9)


def test_in_focus_the_psf_is_the_airy_disc() -> None:
    kernel = defocus_psf(0.0, size=31, pixel_um=0.1)
    v = 2 * np.pi / 0.5 * 0.5 * 0.1 * np.arange(1, 16)
    np.testing.assert_allclose(kernel[15, 16:] / kernel[15, 15], (2 * j1(v) / v) ** 2, rtol=1e-6, atol=1e-10)


def test_the_psf_sums_to_one_is_even_in_z_and_symmetric() -> None:
    above, below = defocus_psf(7.0), defocus_psf(-7.0)
    assert above.shape == (51, 51)
    assert above.sum() == pytest.approx(1)
    np.testing.assert_allclose(above, below, atol=1e-12)
    np.testing.assert_allclose(above, above.T, atol=1e-15)
    np.testing.assert_allclose(above, above[::-1], atol=1e-15)


def test_the_psf_grows_with_defocus() -> None:
    away = np.hypot(*np.mgrid[-25:26, -25:26])
    spread = [(defocus_psf(z) * away).sum() for z in (0, 10, 20, 40)]
    assert spread == sorted(spread)


def beam(size: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    fy, fx = frequencies(size, size, 0.4)
    low = np.hypot(fy, fx) < 0.9  # all of it travels
    return np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))) * low)


def test_light_that_goes_there_and_back_is_as_before() -> None:
    field = beam()
    there = propagate(field, 25.0, pixel_um=0.4, wavelength_um=0.54)
    assert np.abs(there - field).max() > 0.1 * np.abs(field).max()
    np.testing.assert_allclose(propagate(there, -25.0, pixel_um=0.4, wavelength_um=0.54), field, atol=1e-12)


def test_two_short_ways_are_one_long_way_and_energy_is_kept() -> None:
    field, how = beam(), {"pixel_um": 0.4, "wavelength_um": 0.54, "index": 1.33}
    long = propagate(field, 9.0, **how)
    np.testing.assert_allclose(propagate(propagate(field, 4.0, **how), 5.0, **how), long, atol=1e-12)
    assert (np.abs(long) ** 2).sum() == pytest.approx((np.abs(field) ** 2).sum())


def test_a_gaussian_beam_spreads_as_the_formula_says() -> None:
    waist, wavelength, pixel, z = 6.0, 0.5, 0.5, 300.0
    x = (np.arange(256) - 128) * pixel
    field = np.exp(-(x[:, None] ** 2 + x[None, :] ** 2) / waist**2).astype(complex)
    light = np.abs(propagate(field, z, pixel_um=pixel, wavelength_um=wavelength)) ** 2
    width = 2 * np.sqrt((light * x[None, :] ** 2).sum() / light.sum())
    assert width == pytest.approx(waist * np.sqrt(1 + (z * wavelength / (np.pi * waist**2)) ** 2), rel=2e-3)


def test_the_condenser_fills_its_disc_evenly_and_is_centred() -> None:
    spots = Condenser(0.7, 200).directions()
    radius = np.hypot(*spots.T)
    assert radius.max() <= 0.7 + 1e-12
    np.testing.assert_allclose(spots.mean(axis=0), 0, atol=1e-12)
    assert np.mean(radius < 0.7 / np.sqrt(2)) == pytest.approx(0.5, abs=0.03)  # half the area, half the light
    assert Condenser(0.0, 9).directions().tolist() == [[0.0, 0.0]]


def test_the_pupil_passes_the_aperture_only_and_aberrations_only_delay() -> None:
    fy, fx = frequencies(128, 128, 0.25)
    clean = pupil(fy, fx, Objective(0.4), 0.54)
    bent = pupil(fy, fx, Objective(0.4, spherical_waves=0.3), 0.54)
    outside = np.hypot(fy, fx) > 0.4 / 0.54 + 0.05
    assert not clean[outside].any()
    np.testing.assert_allclose(np.abs(bent), np.abs(clean))
    assert np.ptp(np.angle(bent[np.abs(clean) == 1])) > 1


def test_depth_and_critical_pixel_follow_the_aperture() -> None:
    assert depth_of_field_um(Objective(0.25)) == pytest.approx(0.54 / 0.0625)
    assert depth_of_field_um(Objective(0.25), pixel_um=0.5) == pytest.approx(0.54 / 0.0625 + 2.0)
    assert critical_pixel_um(Objective(0.5), 1.0) == pytest.approx(0.54 / 2.0)
    red, green, blue = (Objective(axial_chromatic_um=2.0).focus_shift_um(w) for w in (0.61, 0.54, 0.46))
    assert red - blue == pytest.approx(2.0)
    assert green == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Objective(1.2), "cannot exceed the index"),
        (lambda: Objective(-0.1), "positive"),
        (lambda: Objective(float("nan")), "positive"),
        (lambda: Condenser(-1.0), "0 or more"),
        (lambda: Condenser(0.5, 0), "at least one point"),
        (lambda: defocus_psf(1.0, size=50), "odd size"),
        (lambda: defocus_psf(1.0, numerical_aperture=1.4), "cannot exceed the index"),
        (lambda: depth_of_field_um(Objective(), 0.0), "wavelength must be positive"),
        (lambda: frequencies(0, 5, 1.0), "positive sizes"),
    ],
)
def test_impossible_optics_are_refused_in_words(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
