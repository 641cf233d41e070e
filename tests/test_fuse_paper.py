from collections.abc import Iterator
from dataclasses import asdict

import cv2
import numpy as np
import pytest
import torch

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.fusing import METHODS, WEIGHTS, fuse
from mmlib.fusing import cnn as cnn_method
from mmlib.fusing import fusegan as gan_method
from mmlib.fusing import ifcnn as ifcnn_method
from mmlib.fusing.masks import pair_masks
from mmlib.inference import tiled
from mmlib.nets.fusegan import FusionDiscriminator, FusionGenerator, FusionGeneratorConfig
from mmlib.nets.ifcnn import Ifcnn, IfcnnConfig
from mmlib.nets.liu import Liu, LiuConfig
from mmlib.pictures import as_picture
from mmlib.stacks import from_array
from mmlib.train import fuse_paper
from mmlib.train.fuse_paper_begin import begin_plainly
from mmlib.train.fuse_paper_learners import make_learner
from mmlib.train.fuse_paper_pairs import attainable, find_masks, make_pairs
from mmlib.train.perceptual import Edges, Vgg16, feature_distance, perceptual_net
from mmlib.train.writing import write_card, write_weights

LEARNED = ["cnn", "ifcnn", *gan_method.GENERATORS]
DRAWN = [name for name in LEARNED if name != "cnn"]
SMALL = {"fuse-ifcnn": 12}


@torch.no_grad()
def compare_detail(net: Liu) -> None:
    """Set the weights of Liu's net so that it compares the mean of fine detail: its answer is then known."""
    for one in net.parameters():
        one.zero_()
    bump = torch.tensor([1.0, 2.0, 1.0])[:, None] * torch.tensor([1.0, 2.0, 1.0]) / 16
    ring = torch.full((3, 3), -0.5)
    ring[1, 1] = 4.0
    third = net.config.widths[2]
    for place, sign in enumerate((1.0, -1.0)):  # both signs, for a ReLU follows
        net.conv1.weight[place, 0] = sign * bump
        net.conv2.weight[place, 0], net.conv2.weight[place, 1] = sign * ring, -sign * ring
        net.conv3.weight[place, place, 1, 1] = 1.0
        net.full1.weight[place, :2], net.full1.weight[place, third : third + 2] = sign, -sign
        net.full2.weight[:, place, 0, 0] = sign * torch.tensor([1.0, -1.0])


@pytest.fixture(scope="module", autouse=True)
def begun(tmp_path_factory) -> Iterator[None]:
    """Every net as its training begins: what holds of the methods does not hang on how long anybody trained."""
    folder = tmp_path_factory.mktemp("weights")
    for name, known in fuse_paper.RECIPES.items():
        net = make_learner(known.recipe, torch.device("cpu"), Ifcnn(IfcnnConfig(4))).used
        if isinstance(net, Liu):
            compare_detail(net)
        sha256, size = write_weights(net, asdict(net.config), folder / f"{name}.safetensors")
        card = zoo.Card(
            name=name, title=known.title, task=known.task, net=known.kind, config=asdict(net.config),
            limits=zoo.Limits(channels=3, multiple=1), trained_on="nothing", device="none", seconds=0.0,
            date="2026-01-01", command="none", scores=(), licence="none", file=f"{name}.safetensors", sha256=sha256,
            bytes=size,
        )  # fmt: skip
        write_card(card, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMLIB_WEIGHTS", str(folder))
        patch.setenv("MMLIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def texture(seed: int = 0, height: int = 96, width: int = 128) -> np.ndarray:
    random = np.random.default_rng(seed)
    grey = sum(cv2.GaussianBlur(random.normal(size=(height, width)), (0, 0), s) * 2 * s for s in (0.8, 2, 5))
    tints = np.stack([120 + 30 * grey, 110 + 25 * grey, 130 + 15 * grey], -1)
    return np.clip(tints, 0, 255).astype(np.uint8)


def halves(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A scene, and two frames of it: sharp on the left, sharp on the right."""
    sharp = texture(seed)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 3)
    left, right = sharp.copy(), sharp.copy()
    left[:, 64:], right[:, :64] = blurred[:, 64:], blurred[:, :64]
    return sharp, np.stack([left, right])


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one - other) ** 2)))


def drawn_stack(planes: int = 3, size: int = 32, batch: int = 2) -> dict[str, torch.Tensor]:
    """What scenes to train on look like: the left half is in focus in the first plane, the right half in the last."""
    luck = torch.Generator().manual_seed(0)
    sharp = torch.stack([torch.from_numpy(as_picture(texture(seed, size, size))) for seed in range(batch)])
    depth = torch.linspace(0, planes, size).expand(batch, 1, size, size)
    defocus = 2 * (torch.arange(planes).float()[None, :, None, None] + 0.5 - depth)
    blurred = torch.stack([torch.from_numpy(cv2.GaussianBlur(one.numpy(), (0, 0), 2)) for one in sharp])
    share = (defocus.abs() / 3).clamp(0, 1)[..., None]
    still = (sharp[:, None] * (1 - share) + blurred[:, None] * share).permute(0, 1, 4, 2, 3)
    noise = 0.01 * torch.randn(still.shape, generator=luck)
    return {
        "stack": (still + noise).clamp(0, 1),
        "still": still,
        "truth": sharp.permute(0, 3, 1, 2),
        "defocus_dof": defocus,
    }


def test_the_nets_have_as_many_weights_as_in_their_papers():
    def count(net: torch.nn.Module) -> int:
        return sum(one.numel() for one in net.parameters())

    assert count(Liu(LiuConfig())) == 8_759_042
    assert count(Ifcnn(IfcnnConfig())) == 83_779
    assert count(FusionGenerator(FusionGeneratorConfig(8))) * 55 < count(FusionGenerator(FusionGeneratorConfig(64)))


def test_all_fusion_weights_together_are_small():
    known = zoo.cards()
    assert set(known) == set(fuse_paper.RECIPES)
    assert sum(card.bytes for card in known.values()) < 19e6  # a megabyte is left for our own


@pytest.mark.parametrize("method", LEARNED)
def test_a_half_sharp_pair_gives_both_halves(method):
    sharp, frames = halves()
    fused = fuse(from_array(frames), method=method, align="off")
    truth = as_picture(sharp)
    # the halves in focus count more than the others: the picture is nearer to the scene than to the blurred frames
    inside = np.abs(np.arange(128) - 64) > 20
    left = np.arange(128) < 64
    blurred = np.where(left[:, None], as_picture(frames[1]), as_picture(frames[0]))
    detail = [one - cv2.GaussianBlur(one, (0, 0), 3) for one in (fused.picture, truth, blurred)]
    near, far = (np.corrcoef(detail[0][:, inside].ravel(), other[:, inside].ravel())[0, 1] for other in detail[1:])
    assert near > 0.8
    assert near > far
    assert ((fused.index == 1) == ~left)[:, inside].mean() > 0.9
    assert fused.picture.dtype == np.float32
    assert 0 <= fused.picture.min() <= fused.picture.max() <= 1


@pytest.mark.parametrize("method", LEARNED)
def test_equal_frames_give_the_frame(method):
    frame = texture(3)
    fused = fuse(from_array(np.stack([frame] * 2)), method=method, align="off").picture
    if method == "cnn":
        assert np.abs(fused - as_picture(frame)).max() < 1e-5
    else:  # the net draws it anew
        assert psnr(fused, as_picture(frame)) > 18


@pytest.mark.parametrize("method", LEARNED)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7, 3), (17, 23, 3), (40, 33)])
def test_any_size_grey_or_colour_8_or_16_bit(method, kind, shape):
    frames = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (3, *shape)).astype(kind)
    fused = fuse(from_array(frames), method=method, align="off")
    assert fused.picture.shape == shape
    assert np.isfinite(fused.picture).all()
    assert fused.index.shape == fused.depth.shape == fused.confidence.shape == shape[:2]
    assert fused.index.max() <= 2


@pytest.mark.parametrize("method", LEARNED)
def test_missing_weights_are_said_in_one_sentence(method, tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match="there are no trained nets in"):
        fuse(from_array(halves()[1]), method=method)


def test_every_method_with_weights_has_a_recipe():
    assert set(WEIGHTS) <= set(METHODS)
    assert {WEIGHTS[name] for name in LEARNED} == set(fuse_paper.RECIPES)


def test_ifcnn_in_pieces_and_bands_is_ifcnn_as_a_whole(monkeypatch):
    frames = np.stack([texture(seed, 150, 290) for seed in range(3)])
    net = zoo.load("fuse-ifcnn")
    with torch.inference_mode():
        whole = net(torch.from_numpy(as_picture(frames[0])[None, None]).permute(0, 1, 4, 2, 3))
        stack = torch.stack([torch.from_numpy(as_picture(frame)).permute(2, 0, 1) for frame in frames])[None]
        whole = net(stack)[0].permute(1, 2, 0).clamp(0, 1).numpy()
    pieces = fuse(from_array(frames), method="ifcnn", align="off")
    assert np.abs(pieces.picture - whole).max() < 3e-3
    assert pieces.parameters["turns"] == 1
    monkeypatch.setattr(ifcnn_method, "MOST_BYTES", 1)
    monkeypatch.setattr(ifcnn_method, "TILE", 56)
    bands = fuse(from_array(frames), method="ifcnn", align="off")
    assert bands.parameters["turns"] == 3
    assert np.abs(bands.picture - pieces.picture).max() < 1e-5
    mixed = fuse(from_array(frames[[2, 0, 1]]), method="ifcnn", align="off")
    assert np.array_equal(mixed.picture, pieces.picture)


def test_windows_of_the_cnn_do_not_depend_on_pieces(monkeypatch):
    one, other = (as_picture(frame)[..., 0] for frame in halves()[1])
    branch, compare = zoo.engine("fuse-cnn", part="branch"), zoo.engine("fuse-cnn", part="compare")
    whole = cnn_method.sharper(branch, compare, one, other)
    monkeypatch.setattr(cnn_method, "TILE", 32)
    assert np.abs(cnn_method.sharper(branch, compare, one, other) - whole).max() < 1e-4
    assert whole.shape == one.shape
    assert whole[:, :40].mean() > 0.8
    assert whole[:, -40:].mean() < 0.2


def test_small_regions_are_dropped_both_ways():
    decision = np.zeros((100, 100), bool)
    decision[:, 50:] = True
    spotted = decision.copy()
    spotted[20:25, 20:25] = True
    spotted[60:65, 70:75] = False
    assert np.array_equal(cnn_method.drop_small(spotted), decision)
    assert np.array_equal(cnn_method.drop_small(np.zeros((1, 1), bool)), np.zeros((1, 1), bool))


def test_a_tournament_draws_a_picture_few_times():
    making = gan_method.FuseGan("fuse-ufusegan", ifcnn_method.Layout((8, 8, 3), np.dtype(np.uint8), np.arange(21.0)))
    making._fuse = lambda one, other: np.maximum(one, other) + np.float32(1 / 64)  # counts the rounds
    for number in range(21):
        making.see(np.zeros((8, 8, 3), np.uint8), number)
        assert sum(one is not None for one in making.waiting) == bin(number + 1).count("1")
    picture = making.finish().picture
    assert picture.max() == pytest.approx(5 / 64)  # 16 frames meet in four rounds, and the rest once
    assert len(making.waiting) == 5


@pytest.mark.parametrize("name", list(gan_method.GENERATORS))
def test_pieces_of_a_generator_fit_together(name):
    one, other = texture(1, 200, 260), texture(2, 200, 260)
    first, second, _ = pair_masks(one, other)
    given = np.dstack([as_picture(one), as_picture(other), first, second])
    engine = zoo.engine(f"fuse-{name}")
    whole = tiled(engine, given, tile=0, multiple=8)
    pieces = tiled(engine, given, tile=176, halo=gan_method.HALO, multiple=8)
    assert np.abs(whole - pieces).max() < 0.02


def test_where_no_frame_is_in_focus_the_nearest_is_what_fusion_can_reach():
    batch = drawn_stack()
    away = batch["defocus_dof"].abs()
    reached = attainable(batch["truth"], batch["still"], away)
    sharp = away.amin(1) < 0.5
    assert torch.equal(reached.permute(0, 2, 3, 1)[sharp], batch["truth"].permute(0, 2, 3, 1)[sharp])
    nearest = batch["still"].gather(1, away.argmin(1)[:, None, None].expand(-1, 1, 3, -1, -1))[:, 0]
    blurred = away.amin(1) > 1.5
    assert torch.equal(reached.permute(0, 2, 3, 1)[blurred], nearest.permute(0, 2, 3, 1)[blurred])


def test_masks_for_training_are_those_of_use():
    _, frames = halves()
    pictures = torch.from_numpy(np.stack([as_picture(frame) for frame in frames])).permute(0, 3, 1, 2)[None]
    masks, shows = find_masks(pictures)
    first, second, shown = pair_masks(*(as_picture(frame) for frame in frames))
    assert np.array_equal(masks[0].numpy(), np.stack([first, second]))
    assert np.array_equal(shows[0, 0].numpy() > 0, shown)
    pairs = make_pairs(drawn_stack(), torch.Generator().manual_seed(0))
    assert pairs.given.shape == (2, 8, 32, 32)
    assert torch.allclose(pairs.masks.sum(1), torch.ones(2, 32, 32))
    assert torch.equal(pairs.nearer.sum(1), torch.ones(2, 32, 32))


def test_nets_begin_as_plain_fusions():
    frame = torch.from_numpy(as_picture(texture(5))).permute(2, 0, 1)[None]
    torch.manual_seed(0)
    net = Ifcnn(IfcnnConfig(16)).eval()
    begin_plainly(net, 0.0)
    with torch.inference_mode():
        assert torch.allclose(net(torch.stack([frame, frame], 1)), frame, atol=1e-4)
    generator = FusionGenerator(FusionGeneratorConfig(8)).eval()
    begin_plainly(generator, 0.0)
    given = torch.cat([frame, frame, torch.full_like(frame[:, :2], 0.5)], 1)
    with torch.inference_mode():
        assert (generator(given) - frame).abs().mean() < 0.05  # the tanh bends bright and dark ends


@pytest.mark.parametrize("name", sorted(fuse_paper.RECIPES))
def test_a_few_steps_on_one_batch_bring_the_loss_down(name):
    recipe = fuse_paper.replace(fuse_paper.RECIPES[name].recipe, width=SMALL.get(name, 4), discriminator_base=4)
    teacher = Ifcnn(IfcnnConfig(8)).eval() if recipe.truth == "ifcnn" else None
    learner = make_learner(recipe, torch.device("cpu"), teacher)
    batch = drawn_stack(planes=2)
    before = [one.detach().clone() for one in learner.used.parameters()]
    optimiser = torch.optim.Adam(learner.groups(), betas=recipe.betas)
    luck = torch.Generator()
    losses = [learner.step(batch, optimiser, luck.manual_seed(1), 0.1) for _ in range(12)]
    assert min(losses[-3:]) < losses[0]
    assert any(not torch.equal(old, new) for old, new in zip(before, learner.used.parameters(), strict=True))
    learner.step(batch, optimiser, luck, 0.9)  # with the discriminator
    learner.net.eval()
    assert np.isfinite(learner.score(batch, luck))


def test_equal_seeds_begin_with_equal_weights():
    one, other = (make_learner(fuse_paper.RECIPES["fuse-sfuse"].recipe, torch.device("cpu")) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.net.parameters(), other.net.parameters(), strict=True))


def test_the_discriminator_judges_patches():
    judge = FusionDiscriminator(4).eval()
    assert judge(torch.rand(2, 3, 128, 192)).shape == (2, 1, 2, 3)
    assert [one.shape[1] for one in judge.features(torch.rand(1, 3, 64, 64))] == [4, 8, 16, 32]


def test_perceptual_losses(tmp_path, monkeypatch):
    monkeypatch.delenv("MMLIB_VGG16", raising=False)
    stand_in = perceptual_net()
    assert isinstance(stand_in, Edges)
    sharp = torch.from_numpy(as_picture(texture())).permute(2, 0, 1)[None]
    blurred = [
        torch.from_numpy(cv2.GaussianBlur(as_picture(texture()), (0, 0), s)).permute(2, 0, 1)[None] for s in (1, 3)
    ]
    near, far = (float(feature_distance(stand_in(one), stand_in(sharp))) for one in blurred)
    assert 0 < near < far
    file = tmp_path / "vgg16.pth"
    torch.save(Vgg16().state_dict(), file)
    monkeypatch.setenv("MMLIB_VGG16", str(file))
    found = perceptual_net()
    assert [maps.shape[1] for maps in found(sharp)] == [64, 128, 256]
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="holds no weights of torchvision's VGG16"):
        perceptual_net()
    with pytest.raises(InputError, match="there is no file"):
        perceptual_net(tmp_path / "none.pth")


def test_an_unknown_recipe_and_a_missing_teacher(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="unknown recipe 'fuse-ifcn'; known: .*; did you mean fuse-ifcnn?"):
        fuse_paper.run("fuse-ifcn")
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match="first: mmlib train fuse-ifcnn"):
        fuse_paper.run("fuse-sfuse", device="cpu", work=tmp_path)
