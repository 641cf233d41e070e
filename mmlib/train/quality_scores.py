"""How well a judge of quality ranks pictures: families it has never seen, and real pictures made worse by degrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics.blind import cnniqa, cnniqa_plus
from mmlib.metrics.intervals import Interval, bootstrap
from mmlib.pictures import Frame, to_grey, to_uint8
from mmlib.simulation.camera import through_jpeg
from mmlib.train.quality import rank_correlation
from mmlib.train.quality_patches import Pictures
from mmlib.train.quality_scenes import KINDS, quality_target

Judge = Callable[[NDArray[Any]], float]

SCORERS: dict[str, Callable[..., float]] = {"cnniqa": cnniqa, "cnniqa_plus": cnniqa_plus}


def correlation_interval(
    scores: NDArray[np.float64],
    targets: NDArray[np.float64],
    scenes: NDArray[np.int64],
    *,
    seed: int = 0,
    resamples: int = 999,
) -> Interval:
    """Give Spearman's rank correlation and its 95 % interval; whole scenes are drawn, for their pictures are alike.

    Args:
        scores: (N,) what the judge says.
        targets: (N,) what is true.
        scenes: (N,) which scene a picture is of.
        seed: of the draws.
        resamples: how often to draw.

    Returns:
        The correlation of all pictures and its interval.
    """
    which = np.unique(scenes)
    members = {int(scene): np.flatnonzero(scenes == scene) for scene in which}

    def correlation(drawn: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        values = []
        for row in drawn.reshape(-1, drawn.shape[axis]):
            at = np.concatenate([members[int(scene)] for scene in row])
            values.append(rank_correlation(scores[at], targets[at]))
        return np.array(values).reshape(drawn.shape[:-1])

    generator = np.random.default_rng(seed)
    return bootstrap(
        which.astype(np.float64), generator=generator, statistic=correlation, resamples=resamples, method="percentile"
    )


def score_table(scores: NDArray[np.float64], pictures: Pictures, *, seed: int = 0) -> dict[str, Interval]:
    """Give the rank correlation overall and for each distortion.

    Args:
        scores: (N,) what the judge says.
        pictures: with their targets.
        seed: of the draws.

    Returns:
        ``"overall"`` and every kind in `KINDS`; each kind together with the pristine pictures of its scenes.
    """
    kinds, targets, scenes = pictures.kinds.numpy(), pictures.targets.numpy().astype(float), pictures.scenes.numpy()
    table = {"overall": correlation_interval(scores, targets, scenes, seed=seed)}
    for number, name in enumerate(KINDS):
        at = (kinds == number) | (kinds == -1)
        table[name] = correlation_interval(scores[at], targets[at], scenes[at], seed=seed)
    return table


def real_planes(folder: Path, judge: Judge) -> tuple[dict[str, float], list[NDArray[np.uint8]]]:
    """Rank the planes of real stacks that come with a reference picture, by the score and by the target.

    Args:
        folder: of cases, each a folder of planes ``z0.png, z1.png, ...`` and a picture ``REF*.png`` all in focus.
        judge: gives a score, lower = better.

    Returns:
        For each case the rank correlation of score and target over its planes; and the reference pictures.

    Raises:
        InputError: if there is no such case.
    """
    from mmlib.io import read_picture

    table, references = {}, []
    for case in sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []:
        truths = sorted(case.glob("REF*.png"))
        planes = sorted(case.glob("z*.png"), key=lambda path: int(path.stem[1:]))
        if not truths or len(planes) < 2:
            continue
        reference = to_uint8(read_picture(truths[0]))
        frames = [to_uint8(read_picture(plane)) for plane in planes]
        targets = np.array([quality_target(to_grey(frame), to_grey(reference)) for frame in frames])
        table[case.name] = rank_correlation(np.array([judge(frame) for frame in frames]), targets)
        references.append(reference)
    if not table:
        raise InputError(f"{folder} holds no stacks with a reference: folders of z0.png, z1.png, ... and REF*.png")
    return table, references


def worse_by_degrees(pictures: Sequence[NDArray[np.uint8]], judge: Judge, *, seed: int = 0) -> dict[str, list[float]]:
    """Make pictures worse in steps and see whether the score rises with them.

    Args:
        pictures: (H, W) or (H, W, 3) uint8.
        judge: gives a score, lower = better.
        seed: of the noise.

    Returns:
        For blur, noise and JPEG, the rank correlation of score and step for each picture: 1 where every step counts.
    """
    generator = np.random.default_rng(seed)

    def noisy(frame: Frame, sigma: float) -> Frame:
        noise = generator.normal(0, 255 * sigma, frame.shape)
        return np.clip(frame + noise + 0.5, 0, 255).astype(np.uint8)

    def blurred(frame: Frame, sigma_px: float) -> Frame:
        return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma_px))

    def compressed(frame: Frame, quality: float) -> Frame:
        return through_jpeg(frame, int(quality))

    ways: dict[str, tuple[Callable[[Frame, float], Frame], tuple[float, ...]]] = {
        "blur": (blurred, (0.8, 1.5, 3, 6)),
        "noise": (noisy, (0.01, 0.025, 0.06, 0.15)),
        "jpeg": (compressed, (50, 25, 12, 5)),
    }
    table: dict[str, list[float]] = {name: [] for name in ways}
    for picture in pictures:
        frame = np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else picture
        best = judge(frame)
        for name, (worsen, steps) in ways.items():
            scores = np.array([best, *(judge(worsen(frame, step)) for step in steps)])
            table[name].append(rank_correlation(scores, np.arange(len(scores))))
    return table
