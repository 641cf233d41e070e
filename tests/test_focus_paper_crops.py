"""What the paper's focus systems learn from: crops of planes and of kernels, and the levels they are given."""

from dataclasses import replace

import numpy as np
from picture_makers import texture

from mmlib.optics import defocus_psf
from mmlib.train.focus_paper_crops import KERNEL_UM, CropRecipe, blur_flat, crop_set, cut_planes, paper_label
from mmlib.train.focus_paper_machines import in_focus


def test_labels_at_the_rim_are_those_of_the_paper():
    assert [paper_label(label, 0.9) for label in (0, 4, 9)] == [0, 4, 9]
    assert [paper_label(label, 0.6) for label in (0, 1, 4, 7)] == [0, 1, 6, 9]
    assert paper_label(0, 0.49) == 9


def test_crops_of_planes_are_labelled_by_their_distance_from_focus():
    rng = np.random.default_rng(7)
    truth = np.repeat(0.5 + 0.2 * texture(rng, 1, 1.0) - 0.1, 3, axis=0)
    away = np.array([0.0, -0.7, 2.6, -30.0])
    scan = {
        "stack": np.stack([truth] * 4), "truth": truth, "defocus_dof": away[:, None, None] * np.ones((84, 84)),
        "field": np.ones((84, 84), bool), "artefact": np.zeros((84, 84), bool),
    }  # fmt: skip
    found = cut_planes(scan)
    assert found.levels.tolist() == [0, 1, 5, 9]
    assert found.truth.tolist() == [1, -1, 0, 0]
    assert cut_planes(scan | {"artefact": np.ones((84, 84), bool)}).truth.tolist() == [-1] * 4
    assert len(cut_planes(scan | {"truth": np.full_like(truth, 0.5)}).levels) == 0  # nothing to see
    black = cut_planes(scan | {"field": np.zeros((84, 84), bool)})
    assert black.levels.tolist() == [9]


def test_crops_of_planes_are_labelled_by_what_they_show_not_by_bare_glass():
    rng = np.random.default_rng(12)
    grey = np.full((84, 84), 0.5, np.float32)
    grey[30:54, 30:54] = texture(rng)[0, :24, :24]
    truth = np.repeat(grey[None], 3, axis=0)
    distant, near = np.full((84, 84), 6.0), np.full((84, 84), 0.1)
    distant[26:58, 26:58] = 0.1  # what there is to see is in focus, the glass about it is not
    near[26:58, 26:58] = 6.0
    found = cut_planes(
        {
            "stack": np.stack([truth] * 2), "truth": truth, "defocus_dof": np.stack([distant, near]),
            "field": np.ones((84, 84), bool), "artefact": np.zeros((84, 84), bool),
        }
    )  # fmt: skip
    assert found.truth.tolist() == [1, 0]
    assert found.levels[0] <= 1
    assert found.levels[1] == 9


def test_another_edition_of_the_labels_is_not_read_from_what_was_kept(tmp_path):
    recipe = CropRecipe("kernels", levels=3, train=6, validation=6)
    crop_set(recipe, "train", work=tmp_path)
    crop_set(recipe, "train", work=tmp_path)
    assert len(list((tmp_path / "crops").iterdir())) == 1
    crop_set(replace(recipe, edition=recipe.edition + 1), "train", work=tmp_path)
    assert len(list((tmp_path / "crops").iterdir())) == 2


def test_a_wider_kernel_leaves_less_detail():
    rng = np.random.default_rng(8)
    scene = np.clip(rng.random((228, 228)), 0.1, 1).astype(np.float32)
    made = blur_flat(scene, [defocus_psf(level * KERNEL_UM) for level in (0, 3, 10)], rng)
    assert made.levels.tolist() == [0, 0, 1, 1, 2, 2]
    crops = made.pixels.astype(np.float64)
    contrast = (crops.std((1, 2)) / crops.mean((1, 2))).reshape(3, 2).mean(1)
    assert contrast[0] > 2 * contrast[1] > 2 * contrast[2]


def test_the_two_first_of_ten_levels_are_in_focus():
    assert in_focus(np.arange(10)).tolist() == [True, True] + [False] * 8
