"""CNNIQA and CNNIQA++ as measures: weights by path, patches from the field, the mean of their scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.pairs import check_field, check_size
from mmlib.pictures import as_picture, to_grey

if TYPE_CHECKING:
    from torch import Tensor

    from mmlib.nets.cnniqa import Cnniqa, CnniqaPlus

PATCH = 32


def cnniqa(picture: NDArray[Any], *, weights: Path | str | None, field: NDArray[Any] | None = None) -> float:
    """Give the CNNIQA score: the mean over all whole 32 x 32 patches, weighed as the weights ask for.

    Args:
        picture: (H, W) or (H, W, 3), at least 32 px: uint8, uint16 or float in 0..1.
        weights: file of trained weights; see `load_cnniqa`.
        field: (H, W) bool; with one, only patches that lie wholly in it are judged.

    Returns:
        The score, on the scale of the weights (0 best to 100 for those trained on LIVE); lower is better.

    Raises:
        InputError: if there are no weights, the picture is too small or constant, or no patch fits into the field.

    Source: Kang et al. 2014, doi:10.1109/CVPR.2014.224.
    """
    patches = _patches(picture, field, "CNNIQA")
    return _mean(load_cnniqa(_given(weights, "CNNIQA")), patches)


def cnniqa_plus(picture: NDArray[Any], *, weights: Path | str | None, field: NDArray[Any] | None = None) -> float:
    """Give the CNNIQA++ score: the mean over all whole 32 x 32 patches, weighed as the weights ask for.

    Args:
        picture: (H, W) or (H, W, 3), at least 32 px: uint8, uint16 or float in 0..1.
        weights: file of trained weights; see `load_cnniqa_plus`.
        field: (H, W) bool; with one, only patches that lie wholly in it are judged.

    Returns:
        The score, on the scale of the weights (0 best to 100 for those trained on LIVE); lower is better.

    Raises:
        InputError: if there are no weights, the picture is too small or constant, or no patch fits into the field.

    Source: Kang et al. 2015, doi:10.1109/ICIP.2015.7351311.
    """
    patches = _patches(picture, field, "CNNIQA++")
    return _mean(load_cnniqa_plus(_given(weights, "CNNIQA++")), patches)


def load_cnniqa(path: Path | str) -> Cnniqa:
    """Load CNNIQA with weights from a file: ours, or the public ones trained on LIVE.

    Args:
        path: ``.safetensors``, or a checkpoint of tensors alone as torch saves it; the sizes are read from it.

    Returns:
        The net, ready to judge.

    Raises:
        InputError: if there is no such file, or it holds something else.
    """
    from mmlib.nets.cnniqa import Cnniqa, CnniqaConfig

    state = _read(Path(path), "CNNIQA", ("conv1", "fc1", "fc2", "fc3"))
    kernels, _, kernel, _ = state["conv1.weight"].shape
    config = CnniqaConfig(kernels, kernel, (len(state["fc1.weight"]), len(state["fc2.weight"])), **_told(Path(path)))
    net = Cnniqa(config)
    _fill(net, state, Path(path))
    return net


def load_cnniqa_plus(path: Path | str) -> CnniqaPlus:
    """Load CNNIQA++ with weights from a file: ours, or the public ones trained on LIVE.

    Args:
        path: ``.safetensors``, or a checkpoint of tensors alone as torch saves it; the sizes are read from it.

    Returns:
        The net, ready to judge.

    Raises:
        InputError: if there is no such file, or it holds something else.
    """
    from mmlib.nets.cnniqa import CnniqaPlus, CnniqaPlusConfig

    state = _read(Path(path), "CNNIQA++", ("conv1", "conv2", "fc1", "fc2", "fc3_q", "fc3_d"))
    kernels, _, kernel, _ = state["conv1.weight"].shape
    config = CnniqaPlusConfig(
        (kernels, len(state["conv2.weight"])),
        kernel,
        (len(state["fc1.weight"]), len(state["fc2.weight"])),
        len(state["fc3_d.weight"]),
        **_told(Path(path)),
    )
    net = CnniqaPlus(config)
    _fill(net, state, Path(path))
    return net


def _given(weights: Path | str | None, title: str) -> Path | str:
    if weights is None:
        raise InputError(f"the weights of {title} are missing; give the file of trained weights to score with it")
    return weights


def _read(path: Path, title: str, layers: tuple[str, ...]) -> dict[str, Tensor]:
    """Read tensors and nothing else."""
    import torch
    from safetensors.torch import load_file

    if not path.is_file():
        raise InputError(f"the weights of {title} are missing: there is no file {path}")
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file makes the readers raise nearly anything
        state = None
    wanted = {f"{layer}.{part}" for layer in layers for part in ("weight", "bias")}
    if not isinstance(state, dict) or not wanted <= set(state):
        raise InputError(f"{path.name} holds no weights of {title}; it needs the tensors of {', '.join(layers)}")
    if not all(isinstance(state[name], torch.Tensor) for name in wanted) or state["conv1.weight"].ndim != 4:
        raise InputError(f"{path.name} holds no weights of {title}; its layers are not tensors of the right form")
    return {name: state[name] for name in sorted(wanted)}


def _told(path: Path) -> dict[str, float]:
    """Give what weights say about patches beside their tensors; the public ones say nothing and take the defaults."""
    from safetensors import safe_open

    if path.suffix != ".safetensors":
        return {}
    with safe_open(path, "pt") as opened:
        words = opened.metadata() or {}
    try:
        return {name: float(words[name]) for name in ("white", "detail") if name in words}
    except ValueError:
        raise InputError(f"{path.name} says of white or detail what is no number, so it is damaged") from None


def _fill(net: Cnniqa | CnniqaPlus, state: dict[str, Tensor], path: Path) -> None:
    try:
        net.load_state_dict(state)
    except RuntimeError:
        raise InputError(f"the layers in {path.name} do not fit together, so it is damaged or of another net") from None
    net.eval().requires_grad_(False)


def _patches(picture: NDArray[Any], field: NDArray[Any] | None, title: str) -> NDArray[np.float32]:
    """Cut the whole patches of the field out: (N, 1, 32, 32)."""
    checked = as_picture(picture)
    check_size(checked.shape, PATCH, title)
    mask = check_field(field, checked.shape)
    patches = _tiles(to_grey(checked))
    if mask is not None:
        patches = patches[_tiles(mask).all(axis=(1, 2))]
        if not len(patches):
            raise InputError(f"no {PATCH} x {PATCH} patch lies wholly in the field; {title} needs one at least")
    if patches.min() == patches.max():
        raise InputError(f"the picture is constant in the field, so {title} has no structure to judge")
    return patches[:, None]


def _tiles(picture: NDArray[Any]) -> NDArray[Any]:
    rows, columns = picture.shape[0] // PATCH, picture.shape[1] // PATCH
    cut = picture[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH)
    return cut.transpose(0, 2, 1, 3).reshape(-1, PATCH, PATCH)  # (N, 32, 32)


def _mean(net: Any, patches: NDArray[np.float32]) -> float:
    import torch

    from mmlib.nets.cnniqa import normalise_patches, pool

    grey = torch.from_numpy(np.ascontiguousarray(patches))  # (N, 1, 32, 32)
    with torch.inference_mode():
        answers = net(normalise_patches(grey, net.config.white))
        scores = answers[0] if isinstance(answers, tuple) else answers
        return float(pool(scores, grey[:, 0], net.config.detail))
