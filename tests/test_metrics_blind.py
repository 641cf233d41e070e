"""Measures without a reference: BRISQUE against the package that published its model, CNNIQA by path, and errors."""

import importlib.util
import pickle
import warnings

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmlib.errors import InputError
from mmlib.metrics import natural_scenes, patch_nets, support_vectors
from mmlib.metrics.blind import brisque, brisque_features, cnniqa, cnniqa_plus, load_cnniqa, load_cnniqa_plus
from mmlib.metrics.support_vectors import read_ranges, read_regression
from mmlib.nets import cnniqa as nets
from mmlib.nets.cnniqa import Cnniqa, CnniqaConfig, CnniqaPlus, CnniqaPlusConfig, normalise_patches

needs_model = pytest.mark.skipif(
    importlib.util.find_spec("brisque") is None, reason="the package brisque with the published model is not installed"
)


def picture(seed, *, height=96, width=128):
    """A random texture, blurred, noisy, compressed or partly flat."""
    generator = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(generator.random((height, width, 3)), (0, 0), generator.uniform(0.5, 5))
    texture = (texture - texture.min()) / np.ptp(texture) + generator.normal(0, [0, 0.02, 0.1][seed % 3], texture.shape)
    frame = (np.clip(texture, 0, 1) * 255).astype(np.uint8)
    if seed % 5 == 0:
        frame = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR)
    if seed % 7 == 0:
        frame[:, : width // 3] = [0, 10, 255][seed % 3]
    return frame


def disc(height, width):
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) < 0.48 * min(height, width)


@needs_model
def test_brisque_agrees_with_the_package_on_fifty_pictures():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        published = pytest.importorskip("brisque", exc_type=ImportError).BRISQUE(url=False)
        judge = published.calculate_image_quality_score
        published.calculate_image_quality_score = lambda features: judge([np.asarray(f).item() for f in features])
        worst = max(abs(brisque(picture(seed)) - published.score(picture(seed))) for seed in range(50))
    assert worst < 0.1


def waves(kind):
    """A pattern that depends on nothing but arithmetic."""
    y, x = np.mgrid[:96, :128].astype(np.float64)
    grey = 128 + 50 * np.sin(x * x / 97 + y / 5) + 40 * np.cos(x / 3 - y * y / 211) * np.sin(x * y / 301)
    if kind == "coarse":
        grey = 128 + 90 * np.sin(x / 9 + np.sin(y / 7))
    if kind == "flat":
        grey[:, 64:] = 0
    return np.dstack([grey, grey * 0.8 + 20, 255 - grey * 0.5]).clip(0, 255).astype(np.uint8)


@needs_model
@pytest.mark.parametrize(("kind", "published"), [("fine", 118.1846), ("coarse", 80.4313), ("flat", 96.5373)])
def test_brisque_gives_the_scores_that_the_package_gave(kind, published):
    assert brisque(waves(kind)) == pytest.approx(published, abs=0.1)


@needs_model
def test_brisque_of_a_frame_does_not_depend_on_its_type():
    frame = picture(3)
    assert brisque(frame.astype(np.float64) / 255) == pytest.approx(brisque(frame), abs=1e-2)
    assert brisque(frame.astype(np.uint16) * 257) == pytest.approx(brisque(frame), abs=1e-2)


@needs_model
def test_brisque_on_a_field_does_not_look_beyond_it():
    frame, field = picture(4, height=160, width=160), disc(160, 160)
    scores = []
    for beyond in (0, 255, np.random.default_rng(0).integers(0, 256, (int((~field).sum()), 3))):
        changed = frame.copy()
        changed[~field] = beyond
        scores.append(brisque(changed, field=field))
    assert scores == pytest.approx([scores[0]] * 3, abs=1e-6)
    assert scores[0] == pytest.approx(brisque(frame), abs=6)  # the same texture, less of it


def test_features_know_a_gaussian_and_a_laplacian():
    generator = np.random.default_rng(5)
    shape, mean, left, right = natural_scenes._fit(generator.normal(0, 2, 400_000))
    assert (shape, left, right) == pytest.approx((2, 4, 4), rel=0.03)
    assert mean == pytest.approx(0, abs=0.03)
    assert natural_scenes._fit(generator.laplace(0, 1, 400_000))[0] == pytest.approx(1, rel=0.03)
    halves = np.abs(generator.normal(0, 1, (2, 200_000)))
    _, mean, left, right = natural_scenes._fit(np.concatenate([-halves[0], 3 * halves[1]]))
    assert (left, right) == pytest.approx((1, 9), rel=0.02)
    assert mean > 1


def test_features_are_thirty_six_and_follow_symmetry():
    frame = picture(6)
    upright, mirrored = brisque_features(frame), brisque_features(frame[:, ::-1])
    assert upright.shape == (36,)
    assert mirrored[:10] == pytest.approx(upright[:10], rel=1e-6)  # itself, right and lower neighbour
    assert mirrored[10:14] == pytest.approx(upright[14:18], rel=1e-6)  # the diagonals change places


def test_brisque_needs_texture_and_room():
    with pytest.raises(InputError, match="constant"):
        brisque_features(np.full((64, 64), 0.5))
    with pytest.raises(InputError, match="at least 16 x 16"):
        brisque_features(np.zeros((1, 1)))
    with pytest.raises(InputError, match="too flat in the field"):
        brisque_features(picture(1), field=np.eye(96, 128, dtype=np.bool_))


def test_brisque_without_its_package_says_how_to_get_it(monkeypatch):
    support_vectors.published_brisque.cache_clear()
    monkeypatch.setattr(support_vectors, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install brisque"):
        brisque(picture(2))
    support_vectors.published_brisque.cache_clear()


def test_a_regression_is_read_and_evaluated_as_written(tmp_path):
    path = tmp_path / "svm.txt"
    head = "svm_type epsilon_svr\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 2\nrho -1.5\nSV\n"
    path.write_text(head + "2 1:1 3:-1\n-1 2:0.5\n")
    regression = read_regression(path)
    assert regression.vectors.tolist() == [[1, 0, -1], [0, 0.5, 0]]
    expected = 2 * np.exp(-0.5 * 2) - np.exp(-0.5 * 0.25) + 1.5
    assert regression.predict(np.zeros(3)) == pytest.approx(expected)
    for damaged in (
        head.replace("rbf", "linear") + "1 1:1\n1 1:2\n",
        head + "1 1:1\n",
        head + "1 1:x\n1 1:2\n",
        "nothing",
    ):
        path.write_text(damaged)
        with pytest.raises(InputError, match=r"svm\.txt must be a libsvm model"):
            read_regression(path)


class Trap:
    def __reduce__(self):
        return (RuntimeError, ("a pickle was run",))


def test_ranges_are_read_without_running_the_pickle(tmp_path):
    path = tmp_path / "normalize.pickle"
    path.write_bytes(pickle.dumps({"min_": [0.5, -1.0], "max_": [2, 3.25]}))
    low, high = read_ranges(path)
    assert (low.tolist(), high.tolist()) == ([0.5, -1.0], [2.0, 3.25])
    for content in (pickle.dumps({"min_": [1.0]}), pickle.dumps(Trap()), b"", b"\x80\x04 nonsense"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="must hold the lists min_ and max_"):
            read_ranges(path)


@pytest.fixture(params=["pt", "safetensors"])
def suffix(request):
    return request.param


def save(net, path):
    state = net.state_dict()
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("net", "score", "load"),
    [
        (Cnniqa(CnniqaConfig(6, 5, (9, 7))), cnniqa, load_cnniqa),
        (CnniqaPlus(CnniqaPlusConfig((4, 6), 3, (9, 7), 3)), cnniqa_plus, load_cnniqa_plus),
    ],
    ids=["cnniqa", "cnniqa_plus"],
)
def test_weights_are_loaded_by_path_and_score_the_mean_of_patches(net, score, load, suffix, tmp_path):
    path = save(net, tmp_path / f"weights.{suffix}")
    assert load(path).config == net.config
    frame = picture(8, height=70, width=100)  # 2 x 3 whole patches
    grey = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2GRAY)
    net.eval()
    each = []
    for y in (0, 32):
        for x in (0, 32, 64):
            patch = torch.from_numpy(grey[y : y + 32, x : x + 32].copy())[None, None]
            with torch.inference_mode():
                answer = net(normalise_patches(patch))
            each.append(float(answer[0] if isinstance(answer, tuple) else answer))
    assert score(frame, weights=path) == pytest.approx(np.mean(each), abs=1e-4)
    field = np.zeros((70, 100), np.bool_)
    field[30:, :70] = True  # one whole patch: rows 32..63, columns 0..31 and 32..63
    assert score(frame, weights=path, field=field) == pytest.approx(np.mean(each[3:5]), abs=1e-4)
    field[:] = False
    field[:20] = True
    with pytest.raises(InputError, match="no 32 x 32 patch"):
        score(frame, weights=path, field=field)


def test_the_published_sizes_are_the_default():
    counts = [sum(p.numel() for p in net.parameters()) for net in (Cnniqa(), CnniqaPlus())]
    first = 50 * 49 + 50 + 100 * 800 + 800 + 800 * 800 + 800 + 800 + 1
    second = 8 * 9 + 8 + 8 * 32 * 9 + 32 + 64 * 128 + 128 + 128 * 512 + 512 + 513 + 5 * 513
    assert counts == [first, second]
    assert patch_nets.PATCH == nets.PATCH == 32


def test_a_flat_patch_is_nothing_after_normalisation():
    assert normalise_patches(torch.full((1, 1, 32, 32), 0.7)).abs().max() < 1e-5


def test_missing_or_wrong_weights_are_told_so(tmp_path):
    frame = picture(9)
    with pytest.raises(InputError, match="weights of CNNIQA are missing"):
        cnniqa(frame, weights=None)
    with pytest.raises(InputError, match="there is no file"):
        cnniqa_plus(frame, weights=tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("these are no weights")
    (tmp_path / "text.safetensors").write_text("these are no weights")
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    torch.save(Cnniqa(CnniqaConfig(4, 3, (5, 5))), tmp_path / "pickled.pt")  # a whole object: never loaded
    for name in ("text.pt", "text.safetensors", "other.pt", "pickled.pt"):
        with pytest.raises(InputError, match="holds no weights of CNNIQA"):
            load_cnniqa(tmp_path / name)
    broken = Cnniqa(CnniqaConfig(4, 3, (5, 5))).state_dict()
    broken["fc3.weight"] = torch.zeros(1, 9)
    torch.save(broken, tmp_path / "broken.pt")
    with pytest.raises(InputError, match="do not fit together"):
        load_cnniqa(tmp_path / "broken.pt")
    with pytest.raises(InputError, match="at least 32 x 32"):
        cnniqa(np.zeros((1, 1)), weights=tmp_path / "broken.pt")


@pytest.mark.parametrize("score", [cnniqa, cnniqa_plus])
def test_a_constant_picture_has_no_score(score, tmp_path):
    with pytest.raises(InputError, match="constant in the field, so CNNIQA"):
        score(np.full((64, 64, 3), 90, np.uint8), weights=tmp_path / "none.pt")


def test_normalised_patches_agree_with_their_definition():
    patch = np.random.default_rng(2).random((32, 32)).astype(np.float32)
    found = normalise_patches(torch.from_numpy(patch)[None, None], 100.0)[0, 0].numpy()
    framed = np.pad(100 * patch.astype(np.float64), 1, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(framed, (3, 3))
    wanted = (100 * patch - around.mean((2, 3))) / (around.std((2, 3)) + 1)
    assert np.abs(found - wanted).max() < 1e-3
