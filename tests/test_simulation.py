from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mmlib.errors import InputError
from mmlib.optics import WAVELENGTHS_UM, Condenser, Objective, depth_of_field_um, frequencies
from mmlib.simulation import Camera, Dirt, Eyepiece, Microscope, Specimen, all_in_focus, illuminate, repeat, simulate
from mmlib.simulation.artefacts import draw_cover
from mmlib.simulation.batch import Ranges, draw_batches
from mmlib.simulation.camera import blur, demosaic, through_jpeg
from mmlib.simulation.edges import pad_to_wrap
from mmlib.simulation.scan import plan_scan

PIXEL_UM = 0.25


def thin(density: np.ndarray, path_um: np.ndarray | float = 0.0, z_um: float = 0.0) -> Specimen:
    shape = density.shape
    return Specimen(
        density=torch.from_numpy(density.astype(np.float32)).expand(3, *shape)[None].clone(),
        path_um=torch.from_numpy(np.broadcast_to(path_um, shape).astype(np.float32))[None].clone(),
        z_um=torch.tensor([z_um]),
        relief_um=torch.full(shape, z_um),
        pixel_um=PIXEL_UM,
    )


def lump(size: int = 64, sigma_px: float = 3.0) -> np.ndarray:
    spot = np.zeros((size, size))
    spot[size // 2, size // 2] = 1
    spot = gaussian_filter(spot, sigma_px)
    return spot / spot.max()


def rough(size: int = 64, seed: int = 0, sigma_px: float = 2.0) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), sigma_px, mode="wrap")
    return field / np.abs(field).max()


def layered(size: int = 72, seed: int = 1) -> Specimen:
    slices = [thin(0.6 * np.abs(rough(size, seed + i)), 0.15 * rough(size, seed + 9 + i)) for i in range(3)]
    return Specimen(
        density=torch.cat([s.density for s in slices]),
        path_um=torch.cat([s.path_um for s in slices]),
        z_um=torch.tensor([-2.0, 0.0, 2.5]),
        relief_um=torch.from_numpy((2 * rough(size, 5, 8)).astype(np.float32)),
        pixel_um=PIXEL_UM,
        family="layers",
    )


def test_a_clear_slide_is_one_everywhere() -> None:
    clear = thin(np.zeros((40, 56)))
    light = illuminate(clear, Microscope()).stack([-3.0, 0.0, 5.0])
    assert light.shape == (3, 3, 40, 56)
    torch.testing.assert_close(light, torch.ones_like(light), atol=2e-5, rtol=0)


def test_a_pure_amplitude_object_looks_alike_on_both_sides_of_focus() -> None:
    below, at, above = illuminate(thin(0.8 * np.abs(rough())), Microscope(Objective(0.4), Condenser(0.6, 1))).stack(
        [-3, 0, 3]
    )
    assert (below - at).abs().max() > 0.05
    torch.testing.assert_close(below, above, atol=2e-4, rtol=0)


def test_a_pure_phase_object_vanishes_in_focus_and_its_contrast_flips_through_it() -> None:
    waves = illuminate(thin(np.zeros((64, 64)), 0.02 * lump()), Microscope(Objective(0.6), Condenser(0.4, 30)))
    below, at, above = waves.stack([-2.0, 0.0, 2.0]) - 1
    middle = (slice(None), 32, 32)
    assert (above[middle] > 0.02).all()  # thicker glass gathers light behind itself
    assert (below[middle] < -0.02).all()
    torch.testing.assert_close(above[middle], -below[middle], atol=0.02, rtol=0.3)
    assert at.abs().max() < 0.2 * above.abs().max()


def test_the_coherent_limit_is_the_object_filtered_by_the_pupil() -> None:
    amplitude = np.exp(-0.5 * np.abs(rough(81, sigma_px=1.5)))
    objective = Objective(0.3)
    waves = illuminate(thin(-2 * np.log(amplitude)), Microscope(objective, Condenser(0.0)), dtype=torch.float64)
    (top, left), grid = waves.margin, waves.grid
    padded = pad_to_wrap(
        torch.from_numpy(-2 * np.log(amplitude).astype(np.float32)).double(), (top, left), grid
    ).numpy()
    fy, fx = frequencies(*grid, PIXEL_UM)
    edge, step = 0.3 / WAVELENGTHS_UM[1], max(fy[1, 0], fx[0, 1])
    passed = np.clip((edge - np.hypot(fy, fx)) / step + 0.5, 0, 1)
    expected = np.abs(np.fft.ifft2(np.fft.fft2(np.exp(-padded / 2)) * passed)) ** 2
    picture = waves.stack([0.0])[0, 1].numpy()
    np.testing.assert_allclose(picture, expected[top : top + 81, left : left + 81], atol=1e-6)


@pytest.mark.parametrize("away_dof", [2.0, 4.0, 6.0])
def test_a_condenser_of_few_points_fades_as_one_of_many(away_dof: float) -> None:
    objective = Objective(0.4)
    away_um = away_dof * depth_of_field_um(objective)
    specimen = thin(0.8 * np.abs(rough(160, sigma_px=1.2)))

    def detail(points: int, *, filled: bool = True) -> float:
        waves = illuminate(specimen, Microscope(objective, Condenser(0.6, points)), reach_um=away_um)
        plane = (waves if filled else replace(waves, spread=0.0)).stack([away_um])[0, 1, 32:-32, 32:-32]
        return math.log(float((plane - blur(plane, 3.0)).var()))

    many = detail(91, filled=False)
    assert abs(detail(10) - many) < 0.8
    assert detail(10, filled=False) - many > 1.0


def test_the_incoherent_limit_is_intensity_convolved_with_the_psf() -> None:
    density = 0.05 * np.abs(rough(64, sigma_px=2.0))  # weak, and light from far beyond the aperture
    objective = Objective(0.3)
    waves = illuminate(thin(density), Microscope(objective, Condenser(1.0, 400)), dtype=torch.float64)
    (top, left), grid = waves.margin, waves.grid
    intensity = np.exp(-pad_to_wrap(torch.from_numpy(density.astype(np.float32)).double(), (top, left), grid).numpy())
    fy, fx = frequencies(*grid, PIXEL_UM)
    v = np.clip(np.hypot(fy, fx) * WAVELENGTHS_UM[1] / (2 * 0.3), 0, 1)
    transfer = 2 / np.pi * (np.arccos(v) - v * np.sqrt(1 - v**2))  # of a round pupil in incoherent light
    expected = np.fft.ifft2(np.fft.fft2(intensity) * transfer).real[top : top + 64, left : left + 64]
    picture = waves.stack([0.0])[0, 1].numpy()
    assert np.abs(picture - expected).max() < 0.03 * np.ptp(expected)


def test_refocusing_moves_light_and_keeps_its_amount() -> None:
    waves = illuminate(thin(lump(96, 2.0)), Microscope(Objective(0.4), Condenser(0.5, 8)), reach_um=15)
    total = waves.stack([-8.0, -3.0, 0.0, 3.0, 8.0]).mean(dim=(2, 3))
    torch.testing.assert_close(total, total[2:3].expand_as(total), atol=1e-3, rtol=0)


def test_single_precision_is_good_to_a_thousandth() -> None:
    microscope, planes = Microscope(Objective(0.5, axial_chromatic_um=1.0, spherical_waves=0.1)), [-6.0, 0.0, 1.3, 9.0]
    single = illuminate(layered(), microscope).stack(planes)
    double = illuminate(layered(), microscope, dtype=torch.float64).stack(planes)
    assert double.dtype == torch.float64
    assert (single - double).abs().max() < 1e-3


def test_colours_focus_at_their_own_height() -> None:
    line = thin(2.0 * lump(64, 0.7))
    waves = illuminate(line, Microscope(Objective(0.5, axial_chromatic_um=4.0), Condenser(0.5, 12)))
    heights = np.linspace(-4, 4, 33)
    darkest = waves.stack(heights.tolist())[:, :, 32, 32].argmin(dim=0)
    red, green, blue = heights[darkest.numpy()]
    assert green == pytest.approx(0, abs=0.3)
    assert red == pytest.approx(-4 * 0.07 / 0.15, abs=0.5)  # the stage is lower when red is sharp
    assert blue == pytest.approx(4 * 0.08 / 0.15, abs=0.5)


def test_each_slice_is_sharp_at_its_own_height() -> None:
    low, high = thin(2.0 * lump(64, 0.8)), thin(np.roll(2.0 * lump(64, 0.8), 16, axis=1))
    both = Specimen(
        torch.cat([low.density, high.density]), torch.cat([low.path_um, high.path_um]), torch.tensor([-4.0, 4.0]),
        low.relief_um, PIXEL_UM,
    )  # fmt: skip
    heights = np.linspace(-6, 6, 25)
    light = illuminate(both, Microscope(Objective(0.5), Condenser(0.6, 12))).stack(heights.tolist())[:, 1]
    assert heights[int(light[:, 32, 32].argmin())] == pytest.approx(-4, abs=0.5)
    assert heights[int(light[:, 32, 48].argmin())] == pytest.approx(4, abs=0.5)


def test_the_truth_ignores_phase_and_heights() -> None:
    density = 0.8 * np.abs(rough())
    microscope = Microscope(Objective(0.4, axial_chromatic_um=2.0))
    flat = all_in_focus(thin(density), microscope)
    torch.testing.assert_close(all_in_focus(thin(density, 0.3 * rough(seed=4), z_um=7.0), microscope), flat)


def test_a_picture_can_be_moved_by_parts_of_a_pixel() -> None:
    waves = illuminate(thin(lump(64, 3.0)), Microscope())
    still, moved = waves.stack([0.0, 0.0], [(0.0, 0.0), (3.0, -2.0)])
    torch.testing.assert_close(moved[:, 8:-8, 8:-8], still.roll((3, -2), (1, 2))[:, 8:-8, 8:-8], atol=2e-4, rtol=0)


def test_the_border_closes_on_itself() -> None:
    ramp = torch.linspace(0, 1, 40).expand(30, 40)
    padded = pad_to_wrap(ramp, (8, 10), (48, 64))
    assert padded.shape == (48, 64)
    torch.testing.assert_close(padded[8:38, 10:50], ramp)
    assert (padded - padded.roll(1, 1)).abs().max() < 0.12


def scan(speed: int, planes: int = 24, shake: float = 1.0):
    return plan_scan(-10, 10, planes=planes, speed=speed, generator=torch.Generator().manual_seed(2), shake=shake)


def test_faster_scans_have_fewer_and_more_smeared_frames() -> None:
    scans = [scan(speed) for speed in (1, 2, 3, 4)]
    frames, smear = [len(s.z_um) for s in scans], [s.smear_um for s in scans]
    assert frames == [24, 15, 10, 6]
    assert smear == sorted(smear)
    assert smear[3] > 3 * smear[0]


@pytest.mark.parametrize("speed", [1, 2, 3, 4])
def test_every_row_gathers_all_of_its_light_around_its_own_height(speed: int) -> None:
    plan = scan(speed)
    for frame in range(len(plan.z_um)):
        shares = plan.shares(frame, 40)
        np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-9)
        np.testing.assert_allclose(plan.moments_um @ shares, plan.z_um[frame] + plan.row_offset_um(40), atol=1e-6)


def test_a_steady_hand_does_not_shake() -> None:
    plan = scan(4, shake=0.0)
    assert not plan.shift_px.any()
    assert (plan.gain == 1).all()


def test_demosaicking_keeps_flat_colour_and_the_pixels_that_were_seen() -> None:
    flat = torch.tensor([0.8, 0.5, 0.2])[:, None, None].expand(3, 16, 18)
    raw = flat[1].clone()
    raw[0::2, 0::2], raw[1::2, 1::2] = 0.8, 0.2
    torch.testing.assert_close(demosaic(raw)[:, 3:-3, 3:-3], flat[:, 3:-3, 3:-3])
    torch.testing.assert_close(demosaic(raw)[0, 0::2, 0::2], raw[0::2, 0::2])


def test_noise_has_the_variance_of_counted_light() -> None:
    camera = Camera(
        exposure=0.5, electrons=1000, read_noise=5, mosaic=False, denoise=0, sharpen=0, gamma=1, lamp=(1, 1, 1)
    )
    taken = camera.take(torch.ones(3, 200, 200), generator=torch.Generator().manual_seed(0))
    assert float(taken.mean()) == pytest.approx(0.5, abs=1e-3)
    assert float(taken.var()) == pytest.approx((500 + 25) / 1000**2, rel=0.03)


def test_denoising_smooths_flat_light_and_sharpening_steepens_edges() -> None:
    step = torch.ones(3, 40, 40)
    step[:, :, 20:] = 0.3
    step = blur(step, 1.5)
    plain = {"mosaic": False, "sharpen": 0.0, "denoise": 0.0, "electrons": 500.0}
    luck = [torch.Generator().manual_seed(0) for _ in range(2)]
    noisy = Camera(**plain).take(step, generator=luck[0])
    smooth = Camera(**{**plain, "denoise": 1.0}).take(step, generator=luck[1])
    assert smooth[:, :, 2:12].std() < 0.5 * noisy[:, :, 2:12].std()
    dull = Camera(**plain).take(step, generator=None)
    crisp = Camera(**{**plain, "sharpen": 0.8}).take(step, generator=None)
    assert crisp.diff(dim=2).abs().max() > 1.1 * dull.diff(dim=2).abs().max()


def test_jpeg_costs_detail_and_more_at_low_quality() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    errors = [np.abs(through_jpeg(frame, q).astype(int) - frame).mean() for q in (95, 20)]
    assert 0 < errors[0] < errors[1]


def test_masks_lie_where_the_dirt_is() -> None:
    generator = torch.Generator().manual_seed(3)
    dirt = Dirt(dust=4, hairs=1, slide_dust=2, drops=2, condensate=0.6)
    cover = draw_cover(90, 120, eyepiece=Eyepiece(radius=0.9), dirt=dirt, generator=generator)
    assert set(cover.masks) == {"dust", "hair", "slide_dust", "drop", "condensate"}
    changed = (cover.fixed * cover.slide - 1).abs()[0].numpy()
    marked = np.any(list(cover.masks.values()), axis=0)
    assert changed[~marked].max() < 0.16  # at most a few faint edges of marks on one another
    assert all(0 < mask.mean() < 0.9 for mask in cover.masks.values())
    light = cover.over(torch.ones(3, 90, 120))
    assert light[:, ~cover.inside].max() < 0.6 < light[:, cover.inside].median()
    assert light[:, 0, 0].max() < 0.01


def test_the_rim_of_the_eyepiece_has_coloured_fringes() -> None:
    shade, inside = Eyepiece(radius=0.8, fringe=0.03).shade(100, 100)
    rim = np.abs(np.hypot(*np.mgrid[-49.5:50, -49.5:50]) - 40) < 1
    assert shade[0][rim].mean() > shade[1][rim].mean() > shade[2][rim].mean()
    assert inside.mean() == pytest.approx(np.pi * 40**2 / 100**2, rel=0.01)


def test_equal_seeds_give_equal_stacks_and_parameters_survive_json() -> None:
    how = {"planes": 4, "height": 48, "width": 56, "speed": 2, "dirt": Dirt(dust=2), "eyepiece": Eyepiece(radius=0.9)}
    first, other = simulate("blood_smear", seed=4, **how), simulate("blood_smear", seed=5, **how)
    again = repeat(json.loads(json.dumps(first.parameters)))
    for name in ("stack", "static"):
        assert getattr(first, name).content_hash == getattr(again, name).content_hash
    np.testing.assert_array_equal(first.truth, again.truth)
    assert first.parameters == again.parameters
    assert first.stack.content_hash != other.stack.content_hash


def test_a_simulated_stack_knows_everything_about_itself() -> None:
    stages: list[str] = []
    made = simulate(layered(64), planes=9, seed=1, speed=3, progress=lambda share, stage: stages.append(stage))
    assert len(made.stack) == len(made.static) == 4
    assert made.stack.shape == (64, 64, 3)
    assert made.stack.dtype == np.uint8
    assert made.truth.shape == (64, 64, 3)
    assert made.truth.dtype == np.float32
    assert made.stack.z_um is not None
    assert list(made.stack.z_um) == sorted(made.stack.z_um)
    assert made.stack.pixel_um == PIXEL_UM
    assert made.stack.speed == 3
    assert made.shift_px.shape == (4, 2)
    expected = made.stack.z_um[1] - layered(64).relief_um.numpy()
    np.testing.assert_allclose(made.defocus_um(1).mean(), expected.mean(), atol=1e-4)
    np.testing.assert_allclose(made.defocus_dof(1) * made.depth_of_field_um, made.defocus_um(1), rtol=1e-5)
    assert {"specimen", "light", "scan"} <= set(stages)


def test_the_still_frame_is_sharper_than_the_fast_one() -> None:
    made = simulate(layered(64), planes=12, seed=3, speed=4, camera=Camera(electrons=0, denoise=0))
    detail = [[np.diff(np.asarray(f, float), axis=1).var() for f in s] for s in (made.stack, made.static)]
    assert np.sum(detail[0]) < np.sum(detail[1])


def test_the_picture_in_focus_is_the_truth_of_what_only_absorbs_and_shows_what_bends_light_besides() -> None:
    def off(path_um: np.ndarray | float) -> tuple[float, float]:
        camera = Camera(electrons=0, denoise=0, sharpen=0, blur_px=0)
        made = simulate(thin(0.6 * np.abs(rough()), path_um), planes=17, seed=4, camera=camera)
        inner = np.s_[6:-6, 6:-6]
        focused = np.abs(made.in_focus() - made.truth)[inner].mean()
        return focused, min(np.abs(f / 255.0 - made.truth)[inner].mean() for f in made.stack)

    focused, nearest = off(0.0)
    assert focused < 0.006
    assert focused < nearest  # frames have moved, the picture in focus is put back
    assert off(0.4 * rough(seed=7, sigma_px=1.2))[0] > 2 * focused


def test_a_coarse_pixel_gathers_the_light_of_the_fine_grid() -> None:
    made = simulate(layered(64), planes=2, pixel_um=2 * PIXEL_UM)
    assert made.stack.shape == (32, 32, 3)
    assert made.depth_um.shape == (32, 32)
    assert made.stack.pixel_um == 2 * PIXEL_UM


def test_batches_come_whole_finite_and_equal_from_equal_luck() -> None:
    ranges = Ranges(planes=(3, 4), coarse=(0.8, 1.2))
    texture = torch.rand(3, 70, 90, generator=torch.Generator().manual_seed(0))
    specimens = [layered(72)]
    first, again = (
        next(
            draw_batches(
                torch.Generator().manual_seed(7), batch=3, size=48, ranges=ranges, points=4,
                textures=[texture], specimens=specimens,
            )
        )
        for _ in range(2)
    )  # fmt: skip
    count = first["stack"].shape[1]
    assert first["stack"].shape == first["still"].shape == (3, count, 3, 48, 48)
    assert first["defocus_dof"].shape == (3, count, 48, 48)
    for name, value in first.items():
        assert torch.isfinite(value.float()).all(), name
        assert torch.equal(value, again[name]), name
    for name in ("stack", "still", "truth"):
        assert 0 <= first[name].min() <= first[name].max() <= 1
    expected = first["z_um"][:, :, None, None] - first["depth_um"][:, None]
    torch.testing.assert_close(first["defocus_um"], expected)


def test_sixteen_planes_match_planes_taken_one_by_one() -> None:
    waves, heights = illuminate(layered(), Microscope()), np.linspace(-8, 8, 16).tolist()
    together = waves.stack(heights)
    torch.testing.assert_close(
        together[[3, 15]], torch.cat([waves.stack([heights[i]]) for i in (3, 15)]), atol=1e-6, rtol=0
    )


def test_depth_of_field_is_where_sharpness_falls() -> None:
    objective = Objective(0.5)
    sharp_um = depth_of_field_um(objective)
    waves = illuminate(thin(1.5 * np.abs(rough(64, sigma_px=0.8))), Microscope(objective))
    detail = waves.stack([0.0, sharp_um / 2, 4 * sharp_um])[:, 1].diff(dim=-1).var(dim=(1, 2))
    assert detail[1] > 0.4 * detail[0]
    assert detail[2] < 0.4 * detail[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: simulate("blod_smear"), "unknown specimen 'blod_smear'.*did you mean blood_smear"),
        (lambda: simulate("blood_smear", planes=0), "at least one plane; got 0"),
        (lambda: simulate("blood_smear", speed=5), "speed must be 1"),
        (lambda: simulate("blood_smear", height=-3), "at least 1 pixel; got -3 x 960"),
        (lambda: simulate("blood_smear", pixel_um=-1.0), "pixel_um must be positive"),
        (lambda: simulate(layered(), pixel_um=100.0), "larger than the specimen"),
        (lambda: Camera(gamma=0), "gamma of a camera must be positive"),
        (lambda: Camera(jpeg_quality=0), "1 to 100"),
        (lambda: through_jpeg(np.zeros((4, 4, 3), np.uint8), 101), "1 to 100"),
        (lambda: Eyepiece(radius=0), "positive radius"),
        (lambda: Dirt(dust=-1), "from 0 up"),
        (lambda: repeat({"seed": 1}), "not the parameters"),
        (lambda: next(draw_batches(torch.Generator(), batch=0)), "at least one scene"),
        (lambda: next(draw_batches(torch.Generator(), specimens=[layered()])), "at least 256 pixels wide"),
        (lambda: next(draw_batches(torch.Generator(), ranges=Ranges(planes=(0, 3)))), "planes must be a range"),
        (lambda: illuminate(Specimen(torch.zeros(2, 3, 9, 9), torch.zeros(2, 9, 9), torch.tensor([1.0, 0.0]),
                                     torch.zeros(9, 9), 1.0), Microscope()), "ascend"),
        (lambda: Specimen(torch.zeros(0, 3, 9, 9), torch.zeros(0, 9, 9), torch.zeros(0), torch.zeros(9, 9), 1.0),
         "at least one slice"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
