"""The paper's deblurring nets: sizes, pieces, what they are told, how they are trained, and who draws checkerboards."""

import itertools
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.experiments.checkerboard import SQUARE, grid_peak, sheet, spectrum
from mmlib.nets.deblurgan import Critic, Deblurgan, DeblurganConfig
from mmlib.nets.srcnn import Srcnn, SrcnnConfig
from mmlib.nets.unet import Unet, UnetConfig
from mmlib.train import deblur_paper, deblur_paper_loop
from mmlib.train.deblur_paper_losses import content, critic_loss, pixel_error, structure
from mmlib.train.deblur_paper_recipe import OURS, PRINTED
from mmlib.train.perceptual import Edges

SMALL = DeblurganConfig(width=8, blocks=2)


def count(net: torch.nn.Module) -> int:
    return sum(tensor.numel() for tensor in net.parameters())


def pictures(number: int = 2, size: int = 32, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    soft = [cv2.GaussianBlur(rng.random((size, size, 3)), (0, 0), 2) for _ in range(number)]
    return torch.from_numpy(np.stack(soft)).permute(0, 3, 1, 2).float()


def test_the_nets_have_the_sizes_that_are_printed() -> None:
    assert count(Srcnn()) == 69_251  # 9-5-5 on RGB, 64 and 32 channels
    assert count(Unet()) == pytest.approx(7.8e6, rel=0.01)
    assert count(Deblurgan()) == pytest.approx(6.1e6, rel=0.01)
    assert count(Deblurgan(DeblurganConfig(convolutions=2))) == pytest.approx(11.4e6, rel=0.01)
    assert count(Deblurgan(DeblurganConfig(upgraded=True))) == count(Deblurgan())
    assert count(Critic()) == pytest.approx(2.76e6, rel=0.01)


def test_all_weights_together_stay_under_fifty_megabytes() -> None:
    nets = [Srcnn(), Unet(), Deblurgan(), Deblurgan(DeblurganConfig(upgraded=True))]
    assert 2 * sum(map(count, nets)) < 45e6  # half precision; the rest is for our own


@pytest.mark.parametrize("net", [Srcnn(SrcnnConfig(residual=True)), Unet(UnetConfig((4, 4, 8, 8), residual=True))])
def test_a_net_that_gives_the_change_begins_with_none(net: torch.nn.Module) -> None:
    given = pictures()
    torch.testing.assert_close(net.eval()(given), given)


def test_the_generator_stays_within_the_picture() -> None:
    answer = Deblurgan(SMALL).eval()(pictures()).detach()
    assert answer.shape == (2, 3, 32, 32)
    assert float(answer.min()) >= 0
    assert float(answer.max()) <= 1


@pytest.mark.parametrize("convolutions", [1, 2])
def test_statistics_of_the_whole_are_those_of_instance_normalisation(convolutions: int) -> None:
    torch.manual_seed(0)
    net = Deblurgan(replace(SMALL, convolutions=convolutions)).eval()
    given = pictures(1, 48)
    torch.testing.assert_close(net(given, net.gather(given)), net(given))
    reference = torch.nn.functional.instance_norm(net.stages[0](2 * given - 1))
    mean, variance = net.gather(given)[:, :8], net.gather(given)[:, 8:16]
    own = (net.stages[0](2 * given - 1) - mean[..., None, None]) / (variance[..., None, None] + 1e-5).sqrt()
    torch.testing.assert_close(own, reference, atol=1e-4, rtol=1e-4)


def test_structure_agrees_with_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    one, other = pictures(1, 40, 1)[0], pictures(1, 40, 2)[0]
    wanted = metrics.structural_similarity(
        one.permute(1, 2, 0).numpy(), other.permute(1, 2, 0).numpy(), channel_axis=2, data_range=1.0,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert float(structure(one[None], other[None])) == pytest.approx(wanted, abs=2e-3)
    assert float(structure(one[None], one[None])) == pytest.approx(1)


def test_losses_are_least_where_pictures_are_equal() -> None:
    one = pictures()
    near, far = one + 0.01, one + 0.1 * torch.randn(one.shape, generator=torch.Generator().manual_seed(0))
    for relative in (False, True):
        errors = [float(pixel_error(answer, one, relative=relative)) for answer in (one, near, far)]
        assert errors == sorted(errors)
    assert float(content(Edges(), one, one)) == 0
    assert float(content(Edges(), far, one)) > float(content(Edges(), near, one))


def test_the_penalty_is_for_slopes_that_are_not_one() -> None:
    class Linear(torch.nn.Module):
        def __init__(self, slope: float) -> None:
            super().__init__()
            self.slope = slope

        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            flat = picture.flatten(1).sum(1) * self.slope / picture[0].numel() ** 0.5
            return flat[:, None, None, None]

    same, luck = pictures(), torch.Generator().manual_seed(0)
    for slope, wanted in ((1.0, 0.0), (3.0, 40.0)):
        assert float(critic_loss(Linear(slope), same, same, 10.0, luck)) == pytest.approx(wanted, abs=1e-2)
    assert float(critic_loss(Linear(1.0), same + 1, same, 10.0, luck)) < -1


def test_the_printed_recipes_are_the_papers() -> None:
    for net, epochs, rate in (("srcnn", 450, 1e-3), ("unet", 450, 1e-3), ("sdeblurgan", 200, 1e-4)):
        recipe = PRINTED[net]
        assert recipe.steps * recipe.gpu_batch == epochs * 192
        assert (recipe.rate, recipe.pairs, recipe.gpu_size, recipe.falls) == (rate, 192, 256, False)
    assert PRINTED["udeblurgan"].betas == (0.5, 0.999)
    assert PRINTED["udeblurgan"].penalty == 10
    assert PRINTED["udeblurgan"].pretraining > 0 == PRINTED["sdeblurgan"].pretraining
    assert set(OURS) == set(PRINTED)
    assert {f"deblur-{net}" for net in OURS} < set(deblur_paper.RECIPES)


def fake_windows(split: str, **more: object):  # type: ignore[no-untyped-def]
    """Blurred squares in place of simulated scenes, which tests/test_simulation.py looks after."""
    luck = torch.Generator().manual_seed(int(more["seed"]))  # type: ignore[call-overload]
    while True:
        sharp = (torch.rand(int(more["batch"]), 3, 24, 24, generator=luck) > 0.5).float()  # type: ignore[call-overload]
        sharp = torch.nn.functional.interpolate(0.2 + 0.6 * sharp, size=int(more["size"]))  # type: ignore[call-overload]
        yield torch.nn.functional.avg_pool2d(sharp, 3, 1, 1, count_include_pad=False), sharp


@pytest.mark.parametrize("net", ["srcnn", "sdeblurgan", "udeblurgan"])
def test_a_few_steps_of_training(net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deblur_paper_loop, "pairs", lambda split, recipe, **more: fake_windows(split, **more))
    small = {"sdeblurgan": Deblurgan(SMALL), "udeblurgan": Deblurgan(replace(SMALL, upgraded=True))}
    if net in small:
        monkeypatch.setattr(deblur_paper_loop, "make_net", lambda recipe: small[net])
    recipe = replace(OURS[net], steps=6, size=32, batch=2, validate_every=3, checks=8, rate=1e-3)
    cpu = torch.device("cpu")
    told: list[float] = []
    _, state = deblur_paper_loop.train(
        recipe, device=cpu, checkpoint=tmp_path, progress=lambda share, _: told.append(share)
    )
    assert state.step == 6 == len(state.losses)
    assert np.isfinite(state.losses).all()
    assert told[-1] == 1
    _, again = deblur_paper_loop.train(recipe, device=cpu, checkpoint=tmp_path, resume=True)
    assert again.losses == state.losses  # nothing was left to do
    with pytest.raises(InputError, match="of another recipe"):
        deblur_paper_loop.train(replace(recipe, rate=2e-3), device=cpu, checkpoint=tmp_path, resume=True)


def test_training_gains_on_pictures_that_can_be_sharpened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deblur_paper_loop, "pairs", lambda split, recipe, **more: fake_windows(split, **more))
    recipe = replace(OURS["srcnn"], steps=40, size=32, batch=4, validate_every=20, checks=8)
    net, state = deblur_paper_loop.train(recipe, device=torch.device("cpu"))
    assert state.best_score > 0.03
    known = list(itertools.islice(fake_windows("", seed=77, batch=8, size=32), 1))
    assert deblur_paper_loop.gains(net, known).mean() > 0.03


def test_an_unknown_recipe_is_told() -> None:
    with pytest.raises(InputError, match="did you mean deblur-srcnn"):
        deblur_paper.run("deblur-srcn")


@pytest.mark.parametrize("name", [name for name in zoo.cards() if name in deblur_paper.RECIPES])
def test_the_weights_that_are_here_fit_their_cards(name: str) -> None:
    card = zoo.card(name)
    net = zoo.load(name)
    assert dict(card.config) == asdict(net.config)  # type: ignore[call-overload]
    assert any("PSNR gain" in score.name for score in card.scores)


def test_a_grid_stands_out_of_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (160, 160))
    board = np.indices((160, 160)).sum(axis=0) % 2
    assert grid_peak(noise) < 6
    assert grid_peak(noise + 0.05 * board) > 12
    assert grid_peak(noise + 0.05 * board, period=2) > 12
    with pytest.raises(InputError, match="64 x 64"):
        grid_peak(np.zeros((SQUARE, SQUARE - 1)))


def test_the_spectrum_holds_the_power_of_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (512, 512))
    fade = np.hanning(SQUARE + 1)[:-1]
    assert spectrum(noise).mean() == pytest.approx((fade[:, None] ** 2 * fade**2).sum(), rel=0.05)


def test_transposed_convolutions_draw_a_grid_and_resized_ones_do_not() -> None:
    given = pictures(1, 128)
    peaks: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(3):
        for upgraded in (False, True):
            torch.manual_seed(seed)
            net = Deblurgan(DeblurganConfig(upgraded, width=8, blocks=2)).eval()
            with torch.inference_mode():
                change = (net(given) - given)[0].permute(1, 2, 0).numpy()
            peaks[upgraded].append(grid_peak(change))
    assert min(peaks[False]) > max(peaks[True]) + 6


def test_the_sheet_shows_each_method() -> None:
    drawn, peaks = sheet(np.random.default_rng(0).random((80, 90, 3)).astype(np.float32), ["wiener", "none"])
    assert drawn.shape == (2 * (20 + 80), 3 * 90, 3)
    assert set(peaks) == {"wiener", "none"}


@pytest.mark.parametrize("name", [name for name in zoo.cards() if name in deblur_paper.RECIPES])
def test_the_fast_engine_agrees_with_torch(name: str) -> None:
    net, given = zoo.load(name), pictures(1, 48)[..., :40]
    whole = [zoo.engine(name, "cpu", part="gather")(given.numpy())] if hasattr(net, "gather") else []
    found = zoo.engine(name, "cpu")(given.numpy(), *whole)
    assert np.abs(np.asarray(found) - net(given).numpy()).max() < 1e-3
    assert zoo.engine(name, "cpu") is zoo.engine(name, "cpu")
    assert zoo.engine(name, "cpu").runs_on == "onnxruntime"
