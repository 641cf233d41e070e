"""A published support vector regression, read from its text file and evaluated in NumPy."""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError


@dataclass(frozen=True)
class Regression:
    """An epsilon support vector regression with a Gaussian (RBF) kernel.

    Attributes:
        vectors: (N, F) support vectors.
        weights: (N,) weight of each.
        gamma: width of the kernel.
        rho: offset that is taken off.
    """

    vectors: NDArray[np.float64]
    weights: NDArray[np.float64]
    gamma: float
    rho: float

    def predict(self, features: NDArray[np.float64]) -> float:
        """Evaluate the regression.

        Args:
            features: (F,) scaled features.

        Returns:
            sum_n weight_n exp(-gamma |vector_n - features|^2) - rho.
        """
        distance = ((self.vectors - features) ** 2).sum(axis=1)  # (N,)
        return float(self.weights @ np.exp(-self.gamma * distance) - self.rho)


def read_regression(path: Path) -> Regression:
    """Read a text model of libsvm.

    Args:
        path: the file.

    Returns:
        The regression.

    Raises:
        InputError: if the file is another kind of model, or is damaged.
    """
    head, mark, body = path.read_text(encoding="ascii").partition("\nSV\n")
    known = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
    try:
        if not mark or (known["svm_type"], known["kernel_type"]) != ("epsilon_svr", "rbf"):
            raise ValueError(path.name)
        rows = [line.split() for line in body.splitlines() if line.strip()]
        if len(rows) != int(known["total_sv"]):
            raise ValueError(path.name)
        entries = [[pair.split(":") for pair in row[1:]] for row in rows]
        vectors = np.zeros((len(rows), max(int(index) for row in entries for index, _ in row)))
        for row, pairs in enumerate(entries):
            for index, value in pairs:  # indices count from 1; what is not written is 0
                vectors[row, int(index) - 1] = float(value)
        weights = np.array([float(row[0]) for row in rows])
        return Regression(vectors, weights, float(known["gamma"]), float(known["rho"]))
    except (KeyError, ValueError, IndexError):
        raise InputError(
            f"{path.name} must be a libsvm model of type epsilon_svr with an rbf kernel; it is another or damaged"
        ) from None


def read_ranges(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read the ranges of features, two named lists of numbers, without running what a pickle may hold.

    Args:
        path: a pickle of ``{"min_": [...], "max_": [...]}``.

    Returns:
        Smallest and largest value of each feature, (F,) each.

    Raises:
        InputError: if the two lists are not there.
    """
    lists: dict[str, list[float]] = {}
    current: list[float] = []
    try:
        for code, value, _ in pickletools.genops(path.read_bytes()):
            if isinstance(value, str) and "UNICODE" in code.name:
                current = lists.setdefault(value, [])
            elif code.name in {"BINFLOAT", "FLOAT", "BININT", "BININT1", "BININT2", "INT"}:
                current.append(float(_number(value)))
    except ValueError:
        lists = {}
    low, high = (np.array(lists.get(name, [])) for name in ("min_", "max_"))
    if not low.size or low.shape != high.shape:
        raise InputError(f"{path.name} must hold the lists min_ and max_ of one length; it holds {sorted(lists)}")
    return low, high


@lru_cache(maxsize=1)
def published_brisque() -> tuple[Regression, NDArray[np.float64], NDArray[np.float64]]:
    """Read the trained BRISQUE regression from the installed package ``brisque``, which is not imported.

    Returns:
        The regression, and the smallest and largest value that scale each feature to -1..1.

    Raises:
        InputError: if the package or one of its files is not there.
    """
    spec = find_spec("brisque")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "BRISQUE needs the model in the package brisque, which is missing: pip install brisque "
            "(or, without a compiler, pip install --no-deps brisque)"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    model, ranges = folder / "svm.txt", folder / "normalize.pickle"
    if not (model.is_file() and ranges.is_file()):
        raise InputError("the installed package brisque has no model files; install version 0.2: pip install brisque")
    return (read_regression(model), *read_ranges(ranges))


def _number(value: Any) -> float:
    return float(value)
