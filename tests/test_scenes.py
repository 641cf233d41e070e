"""Scenes to train on: what is in them, who may see them, and that luck decides nothing that it should not."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmlib.errors import InputError
from mmlib.experiments.recipes import TEST_ONLY
from mmlib.simulation.batch import Light, Ranges
from mmlib.simulation.camera import through_jpeg
from mmlib.simulation.compression import compress
from mmlib.simulation.families import FAMILIES
from mmlib.simulation.luck import Luck
from mmlib.simulation.photograph import photograph, smear_in_depth, smear_sideways
from mmlib.train.scenes import VALIDATION, Pool, cut, draw, families_of, make_pool, texture_files

SMALL = Pool(train=3, validation=1, thick=2, size=48, planes=5, points=3)


def smooth_picture() -> np.ndarray:
    down, right = np.mgrid[0:67, 0:90]
    waves = np.stack([np.sin(down / 5), np.cos(right / 7), np.sin((down + right) / 4)], axis=-1)
    return (127 + 100 * waves).astype(np.uint8)


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_compression_agrees_with_a_real_jpeg(quality: int) -> None:
    picture = smooth_picture()
    ours = compress(torch.from_numpy(picture).permute(2, 0, 1) / 255, quality).permute(1, 2, 0).numpy() * 255
    theirs = through_jpeg(picture, quality).astype(float)
    lost = np.abs(theirs - picture).mean()
    assert np.abs(ours - theirs).mean() < max(0.35 * lost, 1.0)


def test_compression_refuses_a_quality_that_is_none() -> None:
    with pytest.raises(InputError, match="1 to 100"):
        compress(torch.zeros(3, 8, 8), 0)


def test_smears_keep_light_and_do_nothing_at_rest() -> None:
    still = torch.rand(5, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(smear_sideways(still, (0.0, 0.0)), still)
    assert torch.allclose(smear_in_depth(still, 0.0), still, atol=1e-6)
    even = torch.full((5, 3, 24, 24), 0.4)
    assert torch.allclose(smear_sideways(even, (3.0, -2.0)), even, atol=1e-5)
    assert torch.allclose(smear_in_depth(even, 2.0), even, atol=1e-5)
    moved = smear_sideways(still, (0.0, 4.0))
    assert moved.diff(dim=-1).abs().mean() < 0.6 * still.diff(dim=-1).abs().mean()
    assert moved.diff(dim=-2).abs().mean() > 0.4 * still.diff(dim=-2).abs().mean()


def test_no_split_sees_the_families_of_another() -> None:
    assert set(families_of("train")).isdisjoint({*TEST_ONLY, *VALIDATION})
    assert set(families_of("train")) | set(TEST_ONLY) | set(VALIDATION) == set(FAMILIES)


def test_textures_are_split_by_source(tmp_path: Path) -> None:
    for source in ("a", "b"):
        (tmp_path / source).mkdir()
        for number in range(2):
            cv2.imwrite(str(tmp_path / source / f"{number}.png"), np.zeros((8, 8, 3), np.uint8))
    assert {path.parent.name for path in texture_files(tmp_path, "train")} == {"a"}
    assert {path.parent.name for path in texture_files(tmp_path, "validation")} == {"b"}
    with pytest.raises(InputError, match="no picture"):
        texture_files(tmp_path / "nothing", "train")


def test_a_pool_is_made_once_and_cut_alike_from_equal_luck(tmp_path: Path) -> None:
    def one(seed: int) -> dict[str, torch.Tensor]:
        return next(draw("train", generator=torch.Generator().manual_seed(seed), batch=2, size=32, planes=(2, 3),
                         work=tmp_path, pool=SMALL, processes=1))  # fmt: skip

    first = one(1)
    files = make_pool("train", SMALL, tmp_path)
    assert len(files) == SMALL.train + SMALL.thick
    made = [file.stat().st_mtime_ns for file in files]
    again, other = one(1), one(2)
    assert [file.stat().st_mtime_ns for file in files] == made
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["stack"].shape != other["stack"].shape or not torch.equal(first["stack"], other["stack"])
    count = first["stack"].shape[1]
    assert first["stack"].shape == first["still"].shape == (2, count, 3, 32, 32)
    assert first["truth"].shape == (2, 3, 32, 32)
    assert first["defocus_dof"].shape == (2, count, 32, 32)
    assert first["artefact"].shape == first["field"].shape == (2, 32, 32)
    for name, tensor in first.items():
        assert torch.isfinite(tensor.float()).all(), name
        if name in ("stack", "still", "truth"):
            assert float(tensor.min()) >= 0
            assert float(tensor.max()) <= 1


def test_a_cut_that_is_turned_keeps_depth_and_picture_together() -> None:
    ramp = torch.arange(40.0).expand(40, 40) + 100 * torch.arange(40.0)[:, None]
    light = Light(ramp.expand(6, 3, 40, 40), ramp.expand(3, 40, 40), ramp, torch.arange(6.0), torch.ones(6, 2),
                  torch.tensor(1.0), torch.tensor(1.0))  # fmt: skip
    for seed in range(8):
        part = cut(Luck(torch.Generator().manual_seed(seed), "cpu"), light, 16, 3)
        assert torch.equal(part.planes[0, 0], part.depth_um)
        assert torch.equal(part.sharp[1], part.depth_um)
        assert len(set(part.z_um.diff().tolist())) == 1
        assert part.shift_px.abs().eq(1).all()


def test_photographs_of_nothing_show_nothing_but_noise_and_dirt() -> None:
    clear = Light(torch.ones(3, 3, 40, 40), torch.ones(3, 40, 40), torch.zeros(40, 40), torch.arange(3.0),
                  torch.zeros(3, 2), torch.tensor(1.0), torch.tensor(2.0))  # fmt: skip
    ranges = Ranges(dirty_share=0.0, flicker=(0.0, 0.0))
    seen = [photograph(Luck(torch.Generator().manual_seed(s), "cpu"), clear, ranges) for s in range(6)]
    assert not any(taken["artefact"].any() for taken in seen)
    open_frames = [taken for taken in seen if taken["field"].all() and taken["truth"].std(dim=(-2, -1)).max() < 1e-3]
    assert open_frames
    for taken in open_frames:
        assert (taken["still"].mean(dim=(-2, -1)) - taken["truth"].mean(dim=(-2, -1))).abs().max() < 0.05
        assert torch.allclose(taken["defocus_dof"], taken["defocus_um"] / 2)
    dirty = [
        photograph(Luck(torch.Generator().manual_seed(s), "cpu"), clear, Ranges(dirty_share=1.0)) for s in range(6)
    ]
    assert any(taken["artefact"].any() for taken in dirty)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"split": "test"}, "train or validation"), ({"size": 64}, "48 pixels"), ({"planes": 9}, "5 planes")],
)
def test_what_a_pool_does_not_have_is_one_sentence(tmp_path: Path, change: dict[str, object], words: str) -> None:
    asked = {"split": "train", "batch": 1, "size": 32, "planes": 2, "work": tmp_path, "pool": SMALL} | change
    with pytest.raises(InputError, match=words):
        next(draw(asked.pop("split"), generator=torch.Generator(), **asked))  # type: ignore[arg-type]
