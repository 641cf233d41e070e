"""The learned judge: features of every cell and plane, read along z by a tiny net, in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.features import CoarseLook, Profile, features
from mmlib.focusing.judges import Judge, Judgement, Look, View
from mmlib.focusing.judging import Evidence
from mmlib.focusing.profile_net import Weights, load_weights

NAME = "focus-best"
LEAST_RANGE_DOF = 3.0
"""Levels 0 to 9 span at least so many depths of field, so that a stack that is sharp throughout is called so."""


def learned(view: View) -> Judge:
    """Make the judge.

    Raises:
        InputError: if its weights are missing or damaged.
    """
    return LearnedJudge(view, load_weights(NAME))


class LearnedJudge:
    """Judges every cell by its whole stack, or in a lone picture by what one plane shows."""

    def __init__(self, view: View, weights: Weights) -> None:
        """Take any stack."""
        self.view, self.weights = view, weights
        self.coarse: CoarseLook | None = None
        self.moments: list[NDArray[np.float64]] = []
        self.alike: list[NDArray[np.float64]] = []
        self.energy: list[NDArray[np.float64]] = []
        self.noise: list[float] = []

    def see(self, look: Look) -> None:
        """Keep a few dozen numbers a cell."""
        if self.coarse is None:
            self.coarse = CoarseLook(look.even.shape, self.view.cells, self.view.inner)
        moments, alike = self.coarse.see(look.even)
        self.moments.append(moments)
        self.alike.append(alike)
        self.energy.append(look.bands.energy)
        self.noise.append(look.bands.noise)

    def finish(self, evidence: Evidence) -> Judgement:
        """Ask the net, and keep what is blank blank."""
        known = ~evidence.blank
        shape = (len(self.energy), *known.shape)
        if not known.any():
            return Judgement(np.full(shape, np.nan), np.full(shape, -1, dtype=np.int8))
        said = self.weights.judge(features(self.profile(known)))
        return _settle(said, known, self.view.z_um)

    def profile(self, known: NDArray[np.bool_]) -> Profile:
        """Give the numbers of the cells that are judged.

        Args:
            known: (rows, columns) which.
        """
        energy = np.stack(self.energy)[:, :, known].transpose(0, 2, 1)  # (K, N, 4)
        return Profile(
            energy, np.stack(self.moments)[:, known], np.stack(self.alike)[:, known], np.array(self.noise)
        )  # fmt: skip


def _settle(
    said: dict[str, NDArray[np.float32]], known: NDArray[np.bool_], z_um: tuple[float, ...] | None
) -> Judgement:
    """Turn what the net says of the cells that are judged into what the report needs of all cells."""
    count = len(said["best"])
    shape = (count, *known.shape)

    def spread(values: NDArray[Any]) -> NDArray[np.float64]:
        out = np.full(shape, np.nan)
        out[:, known] = values
        return out

    quantiles = np.sinh(said["defocus"].astype(float))  # (K, N, 3)
    if z_um is not None and count > 1 and z_um[-1] < z_um[0]:
        quantiles = -quantiles[..., ::-1]
    away = np.abs(quantiles[..., 1])
    reach = np.maximum(np.ptp(away, axis=0), LEAST_RANGE_DOF)
    nearest = away.min(axis=0) if count > 1 else 0.0
    level = np.full(shape, -1, dtype=np.int8)
    level[:, known] = np.clip(np.round(9 * (away - nearest) / reach), 0, 9)
    share = _softmax(said["level"].astype(float))
    entropy = -(share * np.log(share + 1e-12)).sum(axis=2)
    sharp = np.zeros(shape, dtype=np.bool_)
    sharp[:, known] = said["sharp"][..., 0] > 0
    artefact = np.zeros(shape, dtype=np.bool_)
    artefact[:, known] = said["artefact"][..., 0] > 0
    return Judgement(
        score=spread(said["sharp"][..., 0]),
        level=level,
        profile=spread(said["best"][..., 0]),
        sharp=sharp,
        artefact=artefact,
        defocus_low_dof=spread(quantiles[..., 0]),
        defocus_dof=spread(quantiles[..., 1]),
        defocus_high_dof=spread(quantiles[..., 2]),
        certainty=spread(1 - entropy / np.log(share.shape[2])),
    )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    risen = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(risen / risen.sum(axis=-1, keepdims=True))
