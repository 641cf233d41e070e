"""Specimens: each family is drawn, is sound, is fine in detail, and is its seed's alone."""

import numpy as np
import pytest
import torch

from mmlib.errors import InputError
from mmlib.simulation import Specimen
from mmlib.simulation.families import FAMILIES, RELIEFS, build, from_texture
from mmlib.simulation.families.relief import draw_relief, membership
from mmlib.simulation.families.stains import STAINS, absorbance, mixed
from mmlib.simulation.families.texture import edge, granules, noise, streamed


def drawn(family: str, seed: int = 1, **choices) -> Specimen:
    sizes = {"height": 96, "width": 128, **choices}
    return build(family, generator=torch.Generator().manual_seed(seed), **sizes)


def test_there_are_at_least_twelve_families():
    assert len(FAMILIES) >= 12
    assert all(name == family.name for name, family in FAMILIES.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_sound_and_its_seeds_alone(family):
    one, again, other = drawn(family), drawn(family), drawn(family, seed=2)
    assert torch.isfinite(one.density).all()
    assert torch.isfinite(one.path_um).all()
    assert (one.density >= 0).all()
    assert one.density.max() > 0.05
    assert (one.z_um.diff() > 0).all()
    assert one.z_um[0] <= one.relief_um.min()
    assert one.relief_um.max() <= one.z_um[-1]
    assert torch.equal(one.density, again.density)
    assert torch.equal(one.path_um, again.path_um)
    assert torch.equal(one.relief_um, again.relief_um)
    assert one.seed == again.seed != other.seed
    assert not torch.equal(one.density, other.density)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_detail_down_to_the_pixel(family):
    """What passes through has power in the finest third of the spectrum, over most of the picture."""
    passed = torch.exp(-drawn(family, height=128, width=128).density.sum(0)).mean(0).numpy()
    path = drawn(family, height=128, width=128).path_um.sum(0).numpy()
    for picture in (passed, path):
        fine = np.abs(picture[1:, 1:] - picture[:-1, 1:] - picture[1:, :-1] + picture[:-1, :-1])
        blocks = fine[:120, :120].reshape(5, 24, 5, 24).mean((1, 3))
        assert (blocks > 1e-5).all()
        assert np.median(blocks) > 1e-4


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 101), (33, 200), (1, 1)])
@pytest.mark.parametrize("family", ["blood_smear", "stem_section", "fibres", "pollen"])
def test_any_size_will_do(family, height, width):
    made = drawn(family, height=height, width=width)
    assert made.density.shape[-2:] == (height, width)
    assert torch.isfinite(made.density).all()


@pytest.mark.parametrize("relief", RELIEFS)
def test_every_relief_suits_every_kind(relief):
    made = drawn("onion_skin", relief=relief, depth_um=40.0)
    reach = float(made.relief_um.max() - made.relief_um.min())
    assert reach < 40 + FAMILIES["onion_skin"].headroom_um * 1.1
    if relief == "flat":
        assert reach < 15
    else:
        assert reach > 15


def test_a_relief_has_the_depth_asked_for():
    for kind, depth in (("tilted", 30.0), ("bumpy", 30.0), ("flat", 2.5)):
        surface = draw_relief(kind, (80, 90), np.random.default_rng(0), pixel_um=0.5, depth_um=30.0)
        assert np.ptp(surface) == pytest.approx(depth, rel=1e-4)


def test_a_larger_pixel_shows_more_of_the_same_world():
    """Red cells have a size of their own: four times the area holds about four times as many."""
    dense = [
        float(drawn("blood_smear", height=120, width=120, pixel_um=pixel, relief="flat").density.sum(0)[1].mean())
        for pixel in (0.2, 0.4)
    ]
    assert dense[1] == pytest.approx(dense[0], rel=0.8)


def test_membership_sums_to_one_and_keeps_the_height():
    z = np.linspace(-5, 5, 6, dtype=np.float32)
    heights = np.random.default_rng(0).uniform(-5, 5, (20, 30)).astype(np.float32)
    for thickness in (0.0, 1.5):
        shares = membership(heights, z, thickness)
        assert shares.min() >= 0
        np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)
        inner = np.abs(heights) < 4
        middle = (shares * z[:, None, None]).sum(0)
        np.testing.assert_allclose(middle[inner], heights[inner], atol=1e-3)
    np.testing.assert_allclose(membership(np.float32(99), z), [0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(membership(heights, z[:1]), 1)
    wide = membership(np.zeros((1, 1), np.float32), z, 100.0)[:, 0, 0]
    np.testing.assert_allclose(wide[1:-1], 0.2, atol=0.01)


def test_stains_have_the_colours_that_their_names_promise():
    """A stain looks like the colour it absorbs least."""
    least = {"eosin": 0, "safranin": 0, "methylene_blue": 2, "aniline_blue": 2, "chlorophyll": 1, "carotene": 0}
    for stain, colour in least.items():
        assert absorbance(stain).argmin() == colour, stain
    for stain in STAINS:
        seen = absorbance(stain)
        assert seen.max() == pytest.approx(1)
        assert (seen >= 0).all()
    np.testing.assert_allclose(mixed(eosin=2.0, grey=1.0), 2 * absorbance("eosin") + absorbance("grey"), rtol=1e-6)
    assert np.ptp(absorbance("grey")) < 0.1


def test_noise_is_as_described():
    rng = np.random.default_rng(3)
    drawn_noise = noise((128, 96), rng, pixel_um=0.5, coarsest_um=20, slope=1.0)
    assert drawn_noise.dtype == np.float32
    assert drawn_noise.mean() == pytest.approx(0, abs=1e-3)
    assert drawn_noise.std() == pytest.approx(1, abs=1e-3)
    power = np.abs(np.fft.rfft2(drawn_noise)) ** 2
    fy, fx = np.fft.fftfreq(128, 0.5)[:, None], np.fft.rfftfreq(96, 0.5)[None]
    ring = np.hypot(fy, fx)
    low, high = power[(ring > 0.1) & (ring < 0.2)].mean(), power[(ring > 0.4) & (ring < 0.8)].mean()
    assert low / high == pytest.approx(16, rel=0.5)  # four times the frequency, a sixteenth of the power


def test_one_granule_peaks_near_one_and_fibres_run_along_their_direction():
    rng = np.random.default_rng(0)
    spots = granules((200, 200), rng, pixel_um=0.5, per_um2=0.002, radius_um=2.0)
    assert 0.5 < np.percentile(spots[spots > 0.3], 99) < 3
    along = streamed(rng.standard_normal((96, 96)).astype(np.float32), np.zeros((96, 96), np.float32), 10)
    assert np.abs(np.diff(along, axis=1)).mean() < 0.7 * np.abs(np.diff(along, axis=0)).mean()
    rim = edge(np.array([-1.0, 0.0, 1.0]), 0.5)
    np.testing.assert_allclose(rim, [0, 0.5, 1])


def test_a_picture_becomes_a_specimen_that_shows_it():
    rng = np.random.default_rng(0)
    picture = np.clip(0.5 + 0.2 * noise((70, 90), rng, pixel_um=1, coarsest_um=20)[..., None] * [1, 0.5, 0.2], 0, 1)
    generator = torch.Generator().manual_seed(0)
    made = from_texture(picture.astype(np.float32), pixel_um=0.5, generator=generator, relief="bumpy")
    passed = torch.exp(-made.density.sum(0)).permute(1, 2, 0).numpy()
    scores = []
    for quarter in range(4):
        for mirrored in (False, True):
            turned = np.rot90(picture, quarter)
            turned = turned[:, ::-1] if mirrored else turned
            if turned.shape == passed.shape:
                each = [np.corrcoef(turned[..., c].ravel(), passed[..., c].ravel())[0, 1] for c in range(3)]
                scores.append(min(each))
    assert passed.shape == (70, 90, 3)
    assert made.path_um.abs().max() > 0
    assert max(scores, default=1.0) > 0.98


def test_a_grey_picture_smaller_than_asked_is_mirrored():
    picture = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    made = from_texture(picture, pixel_um=1.0, generator=torch.Generator().manual_seed(0), height=64, width=50)
    assert made.density.shape[-2:] == (64, 50)
    assert torch.equal(made.density[:, 0], made.density[:, 2])


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"family": "blod_smear"}, "unknown family 'blod_smear'; known: .*did you mean blood_smear"),
        ({"relief": "wavy"}, "unknown relief 'wavy'; known: bumpy, flat, thick, tilted"),
        ({"height": 0}, "height and width must be at least 1 pixel; got 0 x 128"),
        ({"pixel_um": -1.0}, "pixel_um must be positive; got -1.0"),
        ({"depth_um": float("nan")}, "depth_um must be positive; got nan"),
        ({"slices": 0}, "at least one slice; got 0"),
    ],
)
def test_bad_choices_are_told_in_one_sentence(choices, said):
    asked = {"family": "blood_smear", "height": 96, "width": 128, **choices}
    with pytest.raises(InputError, match=said):
        build(**asked, generator=torch.Generator().manual_seed(0))


def test_an_unknown_stain_is_named():
    with pytest.raises(InputError, match=r"unknown stain 'eosine'.*did you mean eosin"):
        absorbance("eosine")
