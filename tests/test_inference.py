"""Nets on numpy arrays: as torch says, kept on disk whole or not at all, any size, without seams."""

import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmlib.errors import Cancelled, InputError
from mmlib.inference import Engine, kept, tiled
from mmlib.inference.engine import choose_device, count_threads
from mmlib.inference.tiling import spans

RANDOM = np.random.default_rng(5)


class Small(nn.Module):
    """Two levels, as a U-Net has them: looks 7 px far."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.deep = nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Conv2d(12, 3, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        fine = functional.relu(self.norm(self.first(picture)))
        coarse = functional.relu(self.deep(functional.max_pool2d(fine, 2)))
        return self.last(torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], 1))


class Whole(nn.Module):
    """Takes the mean of the whole picture as a second input."""

    inputs = {"forward": ((1, 2, 8, 8), (1, 2)), "look": ((1, 2, 8, 8),)}  # noqa: RUF012

    def forward(self, picture: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        return picture - mean[:, :, None, None], picture.amax(1, keepdim=True)

    def look(self, windows: Tensor) -> Tensor:
        return windows.mean((0, 2, 3))[None]


def small() -> nn.Module:
    torch.manual_seed(3)
    return Small()


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return RANDOM.random((height, width, channels), dtype=np.float32)


@pytest.fixture
def fast(tmp_path: Path) -> Engine:
    return Engine(small, key="small", device="cpu", folder=tmp_path)


def test_the_compiled_net_says_what_torch_says(fast: Engine) -> None:
    reference = Engine(small, key="small", device="cpu", compiled=False)
    for shape in [(1, 3, 16, 20), (3, 3, 34, 8)]:
        given = RANDOM.random(shape, dtype=np.float32)
        found, wanted = fast(given), reference(given)
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert (fast.runs_on, reference.runs_on, fast.device) == ("onnxruntime", "torch", "cpu")


def test_a_kept_net_is_not_built_again(fast: Engine, tmp_path: Path) -> None:
    given = RANDOM.random((1, 3, 8, 8), dtype=np.float32)
    first = fast(given)

    def never() -> nn.Module:
        raise RuntimeError("built again")

    again = Engine(never, key="small", device="cpu", folder=tmp_path)
    np.testing.assert_array_equal(again(given), first)
    with pytest.raises(RuntimeError, match="built again"):
        Engine(never, key="another", device="cpu", folder=tmp_path)(given)


def test_a_kept_net_needs_no_torch(fast: Engine, tmp_path: Path) -> None:
    fast(np.zeros((1, 3, 8, 8), np.float32))
    code = (
        "import sys, numpy as np; from pathlib import Path; from mmlib.inference import Engine, tiled\n"
        f"engine = Engine(None, key='small', device='cpu', folder=Path({str(tmp_path)!r}))\n"
        "print(tiled(engine, np.ones((9, 11, 3)), multiple=2).shape, 'torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "(9, 11, 3) False"


@pytest.mark.parametrize("harm", [b"", b"rubbish", None])
def test_a_damaged_file_is_made_again(fast: Engine, tmp_path: Path, harm: bytes | None) -> None:
    given = RANDOM.random((1, 3, 8, 8), dtype=np.float32)
    wanted = fast(given)
    (file,) = tmp_path.glob("*.onnx")
    file.write_bytes(file.read_bytes()[:-100] if harm is None else harm)
    again = Engine(small, key="small", device="cpu", folder=tmp_path)
    np.testing.assert_allclose(again(given), wanted, atol=1e-6)
    assert again.runs_on == "onnxruntime"
    assert kept.find(file.stem, tmp_path) is not None


def test_a_sealed_file_that_is_no_net_is_made_again(fast: Engine, tmp_path: Path) -> None:
    fast.device  # noqa: B018 - starts it
    (file,) = tmp_path.glob("*.onnx")
    kept.keep(file.stem, b"no net at all", tmp_path)
    assert Engine(small, key="small", device="cpu", folder=tmp_path).runs_on == "onnxruntime"


def test_where_nothing_can_be_kept_it_works_all_the_same(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    engine = Engine(small, key="small", device="cpu", folder=blocked / "deeper")
    assert engine.runs_on == "onnxruntime"


def test_without_onnxruntime_torch_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    engine = Engine(small, key="small", device="cpu", folder=tmp_path)
    assert engine.runs_on == "torch"
    assert not list(tmp_path.iterdir())
    assert engine(np.zeros((1, 3, 8, 8))).shape == (1, 3, 8, 8)  # type: ignore[union-attr]


def test_a_net_whose_size_is_frozen_by_the_export_is_left_to_torch(tmp_path: Path) -> None:
    class Frozen(nn.Module):
        def forward(self, picture: Tensor) -> Tensor:
            return picture / float(picture.shape[2])  # becomes a constant

    engine = Engine(Frozen, key="frozen", device="cpu", folder=tmp_path)
    assert engine.runs_on == "torch"
    np.testing.assert_allclose(engine(np.ones((1, 3, 10, 10))), 0.1)


def _start(folder: Path) -> str:
    engine = Engine(small, key="race", device="cpu", folder=folder)
    engine(np.zeros((1, 3, 8, 8), np.float32))
    return engine.runs_on


def test_two_processes_may_compile_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_start, [tmp_path, tmp_path]) == ["onnxruntime"] * 2
    assert [file.suffix for file in tmp_path.iterdir()] == [".onnx"]


def test_threads_share_one_engine(tmp_path: Path) -> None:
    built = []

    def make() -> nn.Module:
        built.append(1)
        return small()

    engine = Engine(make, key="threads", device="cpu", folder=tmp_path)
    given, answers = RANDOM.random((1, 3, 32, 32), dtype=np.float32), []
    threads = [threading.Thread(target=lambda: answers.append(engine(given))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_only_so_many_compiled_nets_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    for number in range(5):
        assert kept.keep(f"net{number}", b"model", tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_wrong_arrays_and_devices_are_told(fast: Engine) -> None:
    with pytest.raises(InputError, match=r"the net does not take arrays of \(1, 5, 8, 8\)"):
        fast(np.zeros((1, 5, 8, 8)))
    with pytest.raises(InputError, match="the device 'warp' is not there; choose auto or cpu"):
        choose_device("warp")


def test_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert count_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= count_threads() <= 4


@pytest.mark.parametrize("size", [(64, 64), (61, 87), (130, 33)])
def test_tiles_are_the_whole(fast: Engine, size: tuple[int, int]) -> None:
    scene = picture(*size)
    whole = tiled(fast, scene, tile=0, multiple=2)
    pieces = tiled(fast, scene, tile=36, halo=8, multiple=2)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
    if not (size[0] % 2 or size[1] % 2):
        direct = fast(scene.transpose(2, 0, 1)[None])
        np.testing.assert_allclose(whole, np.asarray(direct)[0].transpose(1, 2, 0), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (16, 16), (2, 3000)])
def test_any_size_comes_back(fast: Engine, size: tuple[int, int]) -> None:
    found = tiled(fast, picture(*size), multiple=8)
    assert found.shape == (*size, 3)
    assert np.isfinite(found).all()


def test_what_the_net_sees_of_a_large_picture_stays_small() -> None:
    seen = []

    def engine(piece: np.ndarray) -> np.ndarray:
        seen.append(piece.shape)
        return piece[:, :1]

    scene = np.broadcast_to(np.float32(0.5), (300, 8000, 3))
    assert tiled(engine, scene, tile=128, halo=10, multiple=4).shape == (300, 8000)
    assert max(max(shape) for shape in seen) <= 128
    assert all(shape[2] % 4 == 0 and shape[3] % 4 == 0 for shape in seen)


def test_spans_cover_a_side_once() -> None:
    for size in range(1, 90):
        found = spans(size, 16, 4, 4)
        covered = [row for start, end, _ in found for row in range(start, end)]
        assert covered == list(range(size))
        assert all(start % 4 == 0 and shown[0] % 4 == 0 for start, _, shown in found)


def test_what_a_net_must_know_of_the_whole_is_the_same_in_every_piece(tmp_path: Path) -> None:
    net, look = (Engine(Whole, key="whole", part=part, device="cpu", folder=tmp_path) for part in ("forward", "look"))
    scene = picture(50, 70, 2)
    centred, largest = tiled(net, scene, tile=20, halo=0, context=look)
    np.testing.assert_allclose(centred, scene - scene.mean((0, 1)), atol=1e-6)  # a small picture is shown whole
    np.testing.assert_allclose(largest, scene.max(2), atol=1e-6)
    other, _ = tiled(net, scene, tile=40, halo=4, context=look, window=24)
    whole, _ = tiled(net, scene, tile=0, context=look, window=24)
    np.testing.assert_array_equal(other, whole)
    assert net.runs_on == look.runs_on == "onnxruntime"


def test_pieces_outside_the_field_are_left_out() -> None:
    seen = []
    field = np.zeros((64, 64), bool)
    field[:16] = True
    found = tiled(lambda piece: (seen.append(1), piece)[1], picture(64, 64), tile=16, halo=0, field=field)
    assert len(seen) == 4
    assert not found[16:].any()


def test_a_picture_of_no_use_is_told(fast: Engine) -> None:
    with pytest.raises(InputError, match="at least one pixel"):
        tiled(fast, np.zeros((0, 4, 3)))
    with pytest.raises(InputError, match="cannot be negative"):
        tiled(fast, np.zeros((4, 4, 3)), halo=-1)


def test_it_stops_when_asked(fast: Engine) -> None:
    told = []

    def stop(share: float, stage: str) -> None:
        told.append((share, stage))
        if len(told) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        tiled(fast, picture(64, 64), tile=16, halo=0, multiple=2, progress=stop, stage="deblurring")
    assert told == [(0.0, "deblurring"), (1 / 16, "deblurring"), (2 / 16, "deblurring")]
