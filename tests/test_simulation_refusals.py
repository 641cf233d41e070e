"""What no microscope, slide, phone or scan can be is refused in one sentence, before the long work begins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mmlib.errors import InputError
from mmlib.optics import Objective, defocus_psf, propagate
from mmlib.simulation import Camera, Dirt, Eyepiece, Microscope, Specimen, illuminate, repeat, simulate
from mmlib.simulation.batch import Ranges, draw_batches
from mmlib.simulation.families import from_texture

NAN, INF = math.nan, math.inf


def slide(**changes) -> Specimen:
    plain = {
        "density": torch.zeros(1, 3, 20, 20), "path_um": torch.zeros(1, 20, 20), "z_um": torch.zeros(1),
        "relief_um": torch.zeros(20, 20), "pixel_um": 0.3,
    }  # fmt: skip
    return Specimen(**{**plain, **changes})


def scan(specimen="blood_smear", **choices):
    return simulate(specimen, **{"height": 24, "width": 24, "planes": 2, **choices})


def batch(**choices):
    return next(draw_batches(torch.Generator().manual_seed(0), batch=1, size=32, **choices))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Objective(0.4, spherical_waves=NAN), "spherical_waves of an objective must be a finite number"),
        (lambda: Objective(0.4, axial_chromatic_um=INF), "axial_chromatic_um of an objective must be a finite"),
        (lambda: Microscope(wavelengths_um=(0.0, 0.5, 0.4)), "three positive wavelengths"),
        (lambda: defocus_psf(NAN), "distance from focus must be a finite number"),
        (lambda: propagate(np.zeros(5, complex), 1.0, pixel_um=1, wavelength_um=0.5), r"field \(H, W\).*shape \(5,\)"),
        (lambda: propagate(np.zeros((5, 5), complex), 1.0, pixel_um=1, wavelength_um=-0.5), "positive wavelength"),
        (lambda: illuminate(slide(), Microscope()).stack([]), "at least one plane"),
        (lambda: illuminate(slide(), Microscope()).stack([NAN]), "finite heights"),
        (lambda: illuminate(slide(), Microscope()).stack([0.0, 1.0], [(0.0, 0.0)]), "1 shifts"),
        (lambda: illuminate(slide(), Microscope(), reach_um=NAN), "heights and reach must be finite"),
        (lambda: slide(density=torch.zeros(3, 20, 20)), r"density \(L, 3, H, W\).*its shape is \(3, 20, 20\)"),
        (lambda: slide(pixel_um=INF), "pixel_um must be positive"),
        (lambda: scan(slide(density=torch.full((1, 3, 20, 20), NAN))), "must be finite and 0 or more"),
        (lambda: scan(slide(density=torch.full((1, 3, 20, 20), -1.0))), "it absorbs, it does not shine"),
        (lambda: scan(slide(path_um=torch.full((1, 20, 20), NAN))), "path_um and relief_um of a specimen must be"),
        (lambda: scan(None), "the name of a family or a Specimen; got NoneType"),
        (lambda: scan(planes=2.5), "whole number of planes, at least one plane; got 2.5"),
        (lambda: scan(height=24.5), "whole numbers, at least 1 pixel; got 24.5 x 24"),
        (lambda: scan(pixel_um=1000.0), "more than 17 million; choose a smaller frame, a finer pixel or a lower"),
        (lambda: scan(height=30000, width=30000), "more than 17 million"),
        (lambda: scan(shake=-1.0), "shake multiplies what shakes.*got -1"),
        (lambda: scan(seed=2**70), "a seed must be a whole number of 64 bits"),
        (lambda: scan(device="toaster"), "there is no device toaster here; use cpu"),
        (lambda: Camera(electrons=INF), "electrons of a camera must be a finite number from 0 up; got inf"),
        (lambda: Camera(white_balance=(1, 1)), "white_balance of a camera must be three positive numbers"),
        (lambda: Camera(lamp=(0.0, 1.0, 1.0)), "lamp of a camera must be three positive numbers"),
        (lambda: Eyepiece(edge_px=NAN), "an edge of 0 or more"),
        (lambda: Eyepiece(stray=3.0), "stray light of 0 to 1"),
        (lambda: Dirt(dust=1.5), "dirt is counted in whole numbers"),
        (lambda: Dirt(condensate=NAN), "condensate is 0 to 1"),
        (lambda: repeat(None), "not the parameters of a simulated stack"),
        (lambda: from_texture(np.zeros((9, 9)), pixel_um=0.3, generator=torch.Generator(), phase_um=NAN), "phase_um"),
        (lambda: Ranges(aperture=(0.7, 0.1)), "aperture must run from a least to a greatest number; got"),
        (lambda: Ranges(pitch_dof=(0.0, 1.0)), "pitch_dof must be positive"),
        (lambda: Ranges(smear=(-1.0, 1.0)), "smear must be 0 or more"),
        (lambda: Ranges(grey_share=1.5), "grey_share must be 0 to 1"),
        (lambda: batch(textures=[torch.zeros(9, 9)]), r"textures must be tensors \(3, h, w\); one is \(9, 9\)"),
        (lambda: batch(points=0), "at least one point of light"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(make, words: str) -> None:
    with pytest.raises(InputError, match=words) as told:
        make()
    assert "\n" not in str(told.value)


def test_a_scan_of_one_plane_and_of_one_pixel_is_a_scan() -> None:
    one = simulate("yeast", height=1, width=1, planes=1, speed=4)
    assert one.stack.shape == (1, 1, 3)
    assert len(one.stack) == len(one.static) == 1
    assert np.isfinite(one.truth).all()
