"""How well the learned judge does on stacks whose truth is known."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.focusing.features import features
from mmlib.focusing.learned import SHARP_DOF
from mmlib.nets.focus_profile import HEADS, FocusProfile
from mmlib.sharpness.truth import BLANK, DETAIL, MOST
from mmlib.train.focus_cells import FocusCells

CLEAN, DIRTY = 0.01, 0.03
"""Share of a cell under dirt up to which it is clean, and from which it is dirty."""
FALSE_ARTEFACTS = 0.02
"""So many clean cells may be called artefacts."""
FOOLED = 0.02
"""So many dirty cells may be called in focus: a stricter judge would call more that is sharp blurred."""
COVERED = 0.9
"""So many truths shall lie within the interval of defocus."""

APART_DOF = 0.25
"""Planes that lie nearer together, in depths of field, are not told apart when the best one is asked for."""

Values = NDArray[np.float32]


def look_at(cells: FocusCells, stack: int, planes: NDArray[np.intp]) -> dict[str, NDArray[np.float32]]:
    """Give features and truth of the cells of a stack; backwards, the sign of defocus turns over.

    Args:
        cells: of many stacks.
        stack: which.
        planes: which, in the order in which they come.

    Returns:
        ``features`` (N, K, features), truths (N, K), and ``detail``, ``shown``, ``dirt``, ``field`` (N,).
    """
    backwards = len(planes) > 1 and planes[0] > planes[-1]
    defocus = cells.defocus_dof[stack, planes].T * np.float32(-1 if backwards else 1)
    return {
        "features": features(cells.profile(stack, planes.tolist())).transpose(1, 0, 2),
        "defocus": defocus,
        **{name: getattr(cells, name)[stack, planes].T for name in ("near", "far", "visible")},
        **{name: getattr(cells, name)[stack] for name in ("detail", "shown", "dirt", "field")},
    }


def answers(net: FocusProfile, cells: FocusCells, *, lone: bool = False) -> dict[str, Values]:
    """Judge whole stacks.

    Args:
        net: to judge by.
        cells: of S stacks.
        lone: judge every plane as a lone picture instead.

    Returns:
        What the net says and what is true, each with (S, N, K) or (S, N) first.
    """
    planes = np.arange(cells.energy.shape[1])
    looks = planes[:, None] if lone else planes[None]
    found = [_joined([_answer(net, cells, stack, look) for look in looks]) for stack in range(len(cells))]
    return {name: np.stack([one[name] for one in found]) for name in found[0]}


def _answer(net: FocusProfile, cells: FocusCells, stack: int, planes: NDArray[np.intp]) -> dict[str, Values]:
    row = look_at(cells, stack, planes)
    with torch.inference_mode():
        said = net.eval()(torch.from_numpy(row.pop("features")).to(next(net.parameters()).device))
    return {**row, **{f"said_{name}": value.cpu().numpy() for name, value in said.items()}}


def _joined(parts: list[dict[str, Values]]) -> dict[str, Values]:
    """Lay what was judged apart side by side along z; what belongs to a cell is there once."""
    first = parts[0]
    return {n: np.concatenate([part[n] for part in parts], axis=1) if v.ndim > 1 else v for n, v in first.items()}


def calibrate(net: FocusProfile, said: dict[str, Values]) -> None:
    """Make artefacts rare on clean cells, intervals as wide as they claim, and as much in focus as dirt allows.

    Args:
        net: to change; the shifts go into its weights.
        said: its `answers` on stacks it did not learn from.
    """
    clean = (said["field"] > MOST) & (said["dirt"] < CLEAN) & (said["detail"] > DETAIL)
    if not clean.any():
        return
    starts = dict(zip(HEADS, np.cumsum([0, *HEADS.values()])[:-1].tolist(), strict=True))
    false = float(np.quantile(said["said_artefact"][..., 0][clean], 1 - FALSE_ARTEFACTS))
    low, middle, high = np.moveaxis(said["said_defocus"][clean].astype(float), 2, 0)
    target = np.arcsinh(said["defocus"][clean].astype(float))
    widths = np.where(target < middle, middle - low, high - middle)
    raw = widths + np.log(-np.expm1(-np.maximum(widths, 1e-6)))  # what softplus made the width of
    short = np.abs(target - middle)
    wanted = short + np.log(-np.expm1(-np.maximum(short, 1e-6)))
    wider = float(np.quantile(wanted - raw, COVERED))
    passing = (said["said_artefact"][..., 0] <= false) & (np.abs(np.sinh(said["said_defocus"][..., 1])) < SHARP_DOF)
    fooling = np.where(passing, said["said_sharp"][..., 0], -np.inf)[_dirty(said)]
    surer = float(np.quantile(fooling, 1 - FOOLED, method="higher")) if fooling.size else 0.0
    with torch.no_grad():
        net.leave.bias[starts["sharp"]] -= surer if np.isfinite(surer) else 0.0
        net.leave.bias[starts["artefact"]] -= false
        net.leave.bias[starts["defocus"]] += wider
        net.leave.bias[starts["defocus"] + 2] += wider


def numbers(said: dict[str, Values], *, least: float = 0.0) -> dict[str, float]:
    """Say how right the answers are.

    Args:
        said: of `answers`.
        least: logit from which a cell is in focus.

    Returns:
        ``balanced`` accuracy and ``auc`` of cells in against cells out of focus; ``plane_error`` of the best plane
        where the stack goes through focus in steps of `APART_DOF` or more; ``dof_error``; ``covered``, the share of
        truths in the interval; ``artefact`` and ``false_artefact``, the shares of dirty and of clean cells called so;
        ``dirt``, that of dirty ones called sharp.
        NaN where nothing tells.
    """
    inside = said["field"] > MOST
    judged = (inside & (said["dirt"] < CLEAN) & (said["detail"] > DETAIL))[..., None]
    near, far = (said["near"] >= MOST) & judged, (said["far"] >= MOST) & judged
    sharp = said["said_sharp"][..., 0]
    apart = np.abs(np.diff(said["defocus"], axis=2)).mean(axis=2) >= APART_DOF
    through = judged[..., 0] & apart & (np.abs(said["defocus"]).min(axis=2) < 0.5)
    error = np.abs(said["said_best"][..., 0].argmax(axis=2) - np.abs(said["defocus"]).argmin(axis=2))
    low, middle, high = np.moveaxis(np.sinh(said["said_defocus"]), 3, 0)
    where = np.broadcast_to(judged, low.shape)
    called = (sharp > least) & (np.abs(middle) < SHARP_DOF)
    dirty = _dirty(said)
    artefact = said["said_artefact"][..., 0] > 0
    return {
        "balanced": (_mean(called[near]) + _mean(~called[far])) / 2,
        "auc": _auc(sharp[near], sharp[far]),
        "plane_error": _mean(error[through]),
        "dof_error": _mean(np.abs(middle - said["defocus"])[where]),
        "covered": _mean(((said["defocus"] >= low) & (said["defocus"] <= high))[where]),
        "artefact": _mean(artefact[dirty]),
        "false_artefact": _mean(artefact[where]),
        "dirt": _mean((called & ~artefact)[dirty]),
    }


def _dirty(said: dict[str, Values]) -> NDArray[np.bool_]:
    """Say which cells show dirt and nothing that is in focus, (S, N, K)."""
    absent = (said["far"] >= MOST) | (said["shown"] < BLANK)[..., None]
    return np.asarray(((said["field"] > MOST) & (said["dirt"] > DIRTY))[..., None] & absent)


def _mean(values: NDArray[np.floating] | NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _auc(sharp: Values, blurred: Values) -> float:
    from scipy import stats

    if not sharp.size or not blurred.size:
        return float("nan")
    ranks = stats.rankdata(np.concatenate([sharp, blurred]))[: sharp.size]
    return float((ranks.mean() - (sharp.size + 1) / 2) / blurred.size)
