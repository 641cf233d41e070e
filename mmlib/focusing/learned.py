"""The learned judge: features of every cell and plane, read along z by a tiny net, in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.features import LAGS, CoarseLook, Profile, features
from mmlib.focusing.judges import Judge, Judgement, Look, View
from mmlib.focusing.judging import Evidence
from mmlib.focusing.profile_net import Weights, load_weights

NAME = "focus-best"
ALIKE = (0.6, 0.9)
"""Between these correlations of a cell's planes the word passes from the net to the strength of detail."""
VISIBLE = 0.5
"""What looks most like the truth counts so much beside what lies nearest, when planes are ranked."""
STRENGTH = 20.0
"""A plane whose log-energy of detail is a twentieth below the best is e times less likely the sharpest."""
SHARP_DOF = 1.25
"""What the net calls in focus is so only if its distance says no more than this: two heads see more than one."""
LONE = -0.3
"""A cell of a lone picture is in focus from this logit: nothing along z tells, so the net is cautious, and from 0 on it
would call too many sharp cells blurred."""
MOVES_DOF, STILL = 1.5, -2.0
"""Where the cells of a stack go through less than the first, half of them, it hardly moves: what is in focus changes as
little as dirt does, so nothing is called dirt, and the distance alone says what is in focus, down to this logit."""
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
        profile = self.profile(known)
        said = self.weights.judge(features(profile))
        chances = rank(said, evidence.score[:, known], profile.alike)
        return _settle(said, chances, known, self.view.z_um)

    def profile(self, known: NDArray[np.bool_]) -> Profile:
        """Give the numbers of the cells that are judged.

        Args:
            known: (rows, columns) which.
        """
        energy = np.stack(self.energy)[:, :, known].transpose(0, 2, 1)  # (K, N, 4)
        return Profile(
            energy, np.stack(self.moments)[:, known], np.stack(self.alike)[:, known], np.array(self.noise)
        )  # fmt: skip


def rank(
    said: Mapping[str, NDArray[np.float32]], strength: NDArray[np.float64], alike: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Say how likely each plane is the sharpest of its cell.

    The net goes by what changes along z. Where all planes show the same pattern, only fainter or stronger, nothing
    turns over and there is nothing to read: there the strongest detail is the sharpest, in whatever order planes come.

    Args:
        said: of the net, (K, N, n).
        strength: (K, N) log-energy of detail.
        alike: (K, N, 3, 3) as `Profile` has it.

    Returns:
        (K, N) logarithms of chances.
    """
    by_net = _log_chances(said["best"][..., 0]) + VISIBLE * _log_chances(said["visible"][..., 0])
    least = np.ones(strength.shape[1])
    for place, lag in enumerate(LAGS):
        if lag < len(alike):
            least = np.minimum(least, alike[lag:, :, 0, place].min(axis=0))
    same = np.clip((least - ALIKE[0]) / (ALIKE[1] - ALIKE[0]), 0, 1)
    return np.asarray((1 - same) * by_net + same * _log_chances(STRENGTH * strength))


def _log_chances(logits: NDArray[Any]) -> NDArray[np.float64]:
    risen = logits.astype(float) - logits.max(axis=0)
    return np.asarray(risen - np.log(np.exp(risen).sum(axis=0)))


def _settle(
    said: Mapping[str, NDArray[np.float32]],
    chances: NDArray[np.float64],
    known: NDArray[np.bool_],
    z_um: tuple[float, ...] | None,
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
    still = count > 1 and float(np.median(np.ptp(quantiles[..., 1], axis=0))) < MOVES_DOF
    reach = np.maximum(np.ptp(away, axis=0), LEAST_RANGE_DOF)
    nearest = away.min(axis=0) if count > 1 else 0.0
    level = np.full(shape, -1, dtype=np.int8)
    level[:, known] = np.clip(np.round(9 * (away - nearest) / reach), 0, 9)
    share = _softmax(said["level"].astype(float))
    entropy = -(share * np.log(share + 1e-12)).sum(axis=2)
    in_focus = said["sharp"][..., 0].astype(float) - (LONE if count == 1 else STILL if still else 0.0)
    sharp = np.zeros(shape, dtype=np.bool_)
    sharp[:, known] = (in_focus > 0) & (away < SHARP_DOF)
    artefact = np.zeros(shape, dtype=np.bool_)
    if not still:
        artefact[:, known] = said["artefact"][..., 0] > 0
    return Judgement(
        score=spread(chances if count > 1 else said["sharp"][..., 0]),
        level=level,
        sharp=sharp,
        chances=1 / (1 + np.exp(-in_focus)),
        artefact=artefact,
        defocus_low_dof=spread(quantiles[..., 0]),
        defocus_dof=spread(quantiles[..., 1]),
        defocus_high_dof=spread(quantiles[..., 2]),
        certainty=spread(1 - entropy / np.log(share.shape[2])),
    )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    risen = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(risen / risen.sum(axis=-1, keepdims=True))
