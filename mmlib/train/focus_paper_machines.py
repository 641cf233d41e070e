"""Train the support vector machines of Table 1, with scikit-learn, and write them so that NumPy alone can read them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.focusing.svm import FocusSvm, blur_features, hog
from mmlib.train.focus_paper_crops import CropRecipe, Crops

HOG, BLUR = "hog", "blur"
FEATURES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {HOG: hog, BLUR: blur_features}
"""What a machine looks at, by name."""
SHARP = 0.8
"""Crops of at least so much sharpness, 0 at the last level to 1 at the first, are in focus: the two first of ten."""


@dataclass(frozen=True)
class SvmRecipe:
    """Everything that decides what comes out, each number with a word of why.

    Attributes:
        features: ``"hog"`` or ``"blur"``.
        crops: that it learns from; those of the nets.
        most: crops at most: the work grows with their square.
        cost: C of the machine; scikit-learn's own, as the authors of the paper left it.
        rank: directions that are left of the support vectors; 0 keeps them whole.
        scaled: whether features are first brought to mean 0 and spread 1: HOG is scaled by its blocks already.
        folds: for the chance: machines that did not see a crop say how sure one can be.
        seed: of the folds.
    """

    features: str = HOG
    crops: CropRecipe = field(default_factory=CropRecipe)
    most: int = 3000
    cost: float = 1.0
    rank: int = 64
    scaled: bool = False
    folds: int = 3
    seed: int = 5


def in_focus(levels: NDArray[np.int64], count: int = 10) -> NDArray[np.bool_]:
    """Say which levels a machine is to call in focus."""
    return np.asarray(1 - levels / (count - 1) >= SHARP)


def describe(recipe: SvmRecipe, crops: Crops) -> NDArray[np.float32]:
    """Give what the machine looks at: (N, F)."""
    parts = [
        FEATURES[recipe.features](crops.pixels[i : i + 256].astype(np.float32) / np.float32(255))
        for i in range(0, len(crops.pixels), 256)
    ]
    return np.concatenate(parts)


def fit(recipe: SvmRecipe, features: NDArray[np.float32], sharp: NDArray[np.bool_]) -> FocusSvm:
    """Fit a machine; its support vectors are kept whole.

    Args:
        recipe: how.
        features: (N, F).
        sharp: (N,) True in focus; both kinds are there.

    Returns:
        The machine.

    Raises:
        InputError: if scikit-learn is missing, or there is only one kind.
    """
    svc = _machine()
    if sharp.all() or not sharp.any():
        raise InputError("a machine needs crops in focus and crops out of it to learn from; there is one kind only")
    middle = features.mean(0) if recipe.scaled else np.zeros(features.shape[1], np.float32)
    spread = features.std(0) + np.float32(1e-6) if recipe.scaled else np.ones(features.shape[1], np.float32)
    scaled = ((features - middle) / spread).astype(np.float64)
    gamma = 1 / (features.shape[1] * float(scaled.var()))  # scikit-learn's "scale"
    kernel = _gauss(scaled, scaled, gamma)
    learned = svc(C=recipe.cost, kernel="precomputed", class_weight="balanced").fit(kernel, sharp)
    slope, bias = _chance(recipe, svc, kernel, sharp)
    vectors = scaled[learned.support_].astype(np.float32)
    return FocusSvm(
        directions=np.zeros((0, features.shape[1]), np.float32), coordinates=vectors,
        lengths=(vectors.astype(np.float64) ** 2).sum(1).astype(np.float32),
        weights=learned.dual_coef_[0].astype(np.float32), middle=middle.astype(np.float32),
        spread=spread.astype(np.float32), gamma=gamma, offset=float(learned.intercept_[0]), slope=slope, bias=bias,
    )  # fmt: skip


def thinned(machine: FocusSvm, rank: int) -> FocusSvm:
    """Write the support vectors in the few directions in which they differ most; their lengths stay exact.

    Args:
        machine: with whole vectors.
        rank: how many directions; 0 keeps the vectors whole.

    Returns:
        A machine that needs rank (F + V) numbers in place of F V.
    """
    if not rank or rank >= min(machine.coordinates.shape):
        return machine
    _, _, directions = np.linalg.svd(machine.coordinates.astype(np.float64), full_matrices=False)
    kept = directions[:rank]
    along = machine.coordinates @ kept.T
    return replace(machine, directions=kept.astype(np.float32), coordinates=along.astype(np.float32))


def write_machine(machine: FocusSvm, file: Path) -> tuple[FocusSvm, str, int]:
    """Write a machine; its directions and coordinates in half precision.

    Args:
        machine: which.
        file: where to, ``.safetensors``; replaced whole.

    Returns:
        The machine as the file has it, the sha256 of the file and its bytes.
    """
    from safetensors.numpy import save_file

    from mmlib.focusing.svm import read_svm

    file.parent.mkdir(parents=True, exist_ok=True)
    half = {"directions", "coordinates"}
    tensors = {name: a.astype(np.float16) if name in half else a for name, a in machine.tensors().items()}
    part = file.with_suffix(".part")
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, part)
    part.chmod(0o644)
    content = part.read_bytes()
    part.replace(file)
    return read_svm(file), hashlib.sha256(content).hexdigest(), len(content)


def _gauss(one: NDArray[np.float64], two: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    square = (one**2).sum(1)[:, None] + (two**2).sum(1)[None] - 2 * one @ two.T
    return np.asarray(np.exp(-gamma * np.maximum(square, 0)))


def _chance(recipe: SvmRecipe, svc: Any, kernel: NDArray[np.float64], sharp: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit Platt's curve to what machines say of crops that they did not see: slope and bias."""
    fold = np.random.default_rng(recipe.seed).permutation(len(sharp)) % recipe.folds
    said = np.zeros(len(sharp))
    for one in range(recipe.folds):
        rest, out = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        machine = svc(C=recipe.cost, kernel="precomputed", class_weight="balanced")
        machine.fit(kernel[np.ix_(rest, rest)], sharp[rest])
        said[out] = machine.decision_function(kernel[np.ix_(out, rest)])
    weight = np.where(sharp, 0.5 / sharp.mean(), 0.5 / (1 - sharp.mean()))  # as if both kinds were equally frequent
    design = np.stack([said, np.ones_like(said)], axis=1)
    found = np.zeros(2)
    for _ in range(50):  # Newton's method for the logistic loss
        told = 1 / (1 + np.exp(-design @ found))
        step = np.linalg.solve(
            (design * (weight * told * (1 - told))[:, None]).T @ design + 1e-6 * np.eye(2),
            design.T @ (weight * (sharp - told)) - 1e-6 * found,
        )
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def _machine() -> Any:
    try:
        from sklearn.svm import SVC
    except ImportError:
        raise InputError(
            "support vector machines are trained with scikit-learn, which is missing: pip install scikit-learn"
        ) from None
    return SVC
