"""The judges of the paper: nets and machines that see one crop of 84 px, and nothing of the stack around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.focusing.judges import Judgement, Look, Method, View
from mmlib.focusing.judging import Evidence
from mmlib.focusing.svm import FocusSvm, blur_features, hog, read_svm
from mmlib.sharpness.cells import ENOUGH_FIELD
from mmlib.sharpness.measure import Grey
from mmlib.zoo import card, engine, weights_path

CROP = 84
"""Edge of the crops that all of them see, px."""
LAST = 9
"""The level farthest from focus in a report."""
TOGETHER = 32
"""Crops that are judged at once; more take more memory and no less time."""

Chances = NDArray[np.float64]
CropJudge = Callable[[NDArray[np.float32]], Chances]
"""From (N, 84, 84) crops, 0..1, to (N, K) chances of each level, level 0 in focus."""

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "svm_hog": "SVM on HOG",
        "svm_blur": "SVM on blur features",
        "yang": "Yang et al. 2018",
        "paper_rps": "The paper's net, RPS loss",
        "paper_ce": "The paper's net, cross-entropy",
    }
)
"""What there is, by name; the weights are called ``focus-`` and the name."""


def crop_judge(name: str) -> CropJudge:
    """Give a judge of crops.

    Args:
        name: of `TITLES`.

    Returns:
        A function from crops to the chances of each level.

    Raises:
        InputError: if its weights are missing or damaged.
    """
    weights = f"focus-{name}"
    if name.startswith("svm"):
        machine = _machine(weights_path(weights), card(weights).sha256)
        look = hog if name == "svm_hog" else blur_features

        def told(crops: NDArray[np.float32]) -> Chances:
            chance = machine.chance(look(crops))
            return np.stack([chance, 1 - chance], axis=1)

        return told
    card(weights)
    net = engine(weights)

    def guessed(crops: NDArray[np.float32]) -> Chances:
        logits = np.concatenate(
            [np.asarray(net(crops[i : i + TOGETHER, None])) for i in range(0, len(crops), TOGETHER)]
        ).astype(np.float64)
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    return guessed


@lru_cache(maxsize=4)
def _machine(file: Path, sha256: str) -> FocusSvm:
    """Read a machine once, as long as its weights stay as they are."""
    return read_svm(file)


def mean_level(chances: Chances) -> NDArray[np.float64]:
    """Give the mean level on the scale of a report.

    Args:
        chances: (N, K).

    Returns:
        (N,) 0 in focus .. 9, whatever K is.
    """
    count = chances.shape[1]
    return np.asarray(chances @ np.arange(count) * (LAST / (count - 1)))


def certainty(chances: Chances) -> NDArray[np.float64]:
    """Say how sure a judge is: 1 - entropy / ln K.

    Args:
        chances: (N, K).

    Returns:
        (N,) 0 if all levels are as likely, 1 if there is only one.

    Source: Yang et al. 2018, doi:10.1186/s12859-018-2087-4.
    """
    entropy = -(chances * np.log(np.maximum(chances, 1e-300))).sum(axis=1)
    return np.asarray(np.clip(1 - entropy / np.log(chances.shape[1]), 0, 1))


def image_level(levels: NDArray[np.float64], sure: NDArray[np.float64]) -> float:
    """Give the level of a picture: the mean over its crops, the sure ones counting more.

    Args:
        levels: of the crops; NaN where there is nothing to judge.
        sure: of the crops, 0..1.

    Returns:
        The mean level weighted by certainty; NaN where no crop can be judged.

    Source: Yang et al. 2018, doi:10.1186/s12859-018-2087-4.
    """
    known = np.isfinite(levels)
    weight = np.where(known, sure, 0.0)
    if not known.any():
        return float("nan")
    weight = weight if weight.sum() > 0 else known.astype(np.float64)
    return float((weight * np.where(known, levels, 0.0)).sum() / weight.sum())


class PaperJudge:
    """Shows every cell of every frame to a judge of crops, each on its own."""

    def __init__(self, name: str, view: View) -> None:
        """Take any stack whose frames hold a crop."""
        self.judge, self.view = crop_judge(name), view
        self.seen = view.share >= ENOUGH_FIELD
        self.levels: list[NDArray[np.float64]] = []
        self.sure: list[NDArray[np.float64]] = []

    def see(self, look: Look) -> None:
        """Judge the cells of a frame."""
        level, sure = (np.full(self.seen.shape, np.nan) for _ in range(2))
        if self.seen.any():
            chances = self.judge(crops_of(look.grey, self.view, self.seen))
            level[self.seen], sure[self.seen] = mean_level(chances), certainty(chances)
        self.levels.append(level)
        self.sure.append(sure)

    def finish(self, evidence: Evidence) -> Judgement:
        """Give levels, and as the score how near to focus they are."""
        blank = evidence.blank | ~self.seen
        level = np.where(blank, np.nan, np.stack(self.levels))
        whole = np.where(np.isfinite(level), np.round(level), -1).astype(np.int8)
        return Judgement(-level, whole, certainty=np.where(blank, np.nan, np.stack(self.sure)))


def crops_of(grey: Grey, view: View, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Cut a crop about the middle of each cell, moved inwards at the rim of the frame.

    Args:
        grey: (H, W), 0..1.
        view: the cells.
        chosen: (rows, columns) which of them.

    Returns:
        (N, 84, 84), row by row.

    Raises:
        InputError: if the frame holds no crop.
    """
    height, width = grey.shape
    if min(height, width) < CROP:
        raise InputError(
            f"the judges of the paper see crops of {CROP} px; frames of {width} x {height} px hold none: "
            "choose another method"
        )
    tops, lefts, edge = view.cells
    rows, columns = np.nonzero(chosen)
    top = np.clip(tops[rows] + (edge - CROP) // 2, 0, height - CROP)
    left = np.clip(lefts[columns] + (edge - CROP) // 2, 0, width - CROP)
    return np.stack([grey[y : y + CROP, x : x + CROP] for y, x in zip(top, left, strict=True)]).astype(np.float32)


PAPER: Mapping[str, Method] = MappingProxyType(
    {name: Method(title, partial(PaperJudge, name), "paper") for name, title in TITLES.items()}
)
"""What `mmlib.focusing.METHODS` lists of them."""
