"""Table 1: is a crop in focus or not?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.experiments.tables import focus_scores, keeping
from mmlib.experiments.tables.focus_scores import ALONE, STACK
from mmlib.experiments.tables.paper import TABLE_1
from mmlib.experiments.tables.real import RealCase
from mmlib.experiments.tables.summing import SEED, mean_value, share_value, verdict
from mmlib.experiments.tables.table import Column, Row, Table, Value
from mmlib.experiments.tables.working import Scored
from mmlib.focusing import METHODS
from mmlib.metrics import accuracy_interval
from mmlib.sharpness import MEASURES

COLUMNS = (
    Column("accuracy", "Accuracy, %", "higher", 1, "as many crops in focus as out of it, drawn by chance; the interval "
           "draws specimens anew, since crops of one specimen are alike"),
    Column("balanced", "Balanced accuracy, %", "higher", 1, "the mean of the shares right in focus and out of it"),
    Column("auc", "AUC", "higher", 3, "how often a crop in focus scores above one out of it"),
    Column("level", "Level error", "lower", 2, "mean |level - true level|, both 0 (nearest to focus) to 9 (farthest) "
           "among the frames of a scan; only judges that give levels"),
    Column("dirt", "Fooled by dirt, %", "lower", 1, "cells with dust, hairs or drops which are called in focus though "
           "three quarters of what they show are out of focus, or though they are empty: detail is neither in what "
           "absorbs nor, dirt aside, in what a still camera records in focus, where transparent things have rims; a "
           "judge that calls hardly anything in focus is hardly ever fooled, so read it beside the accuracy"),
    Column("real", "Real: sharpest plane found, %", "higher", 1, "real stacks of unstained cells whose middle plane "
           "is known to be in focus; Wilson's interval over cells"),
)  # fmt: skip


def focus_table(scored: Sequence[Scored], cases: Sequence[RealCase], made: dict[str, Any]) -> Table:
    """Build the table.

    Args:
        scored: of training and test scans.
        cases: real stacks; those without a reference are used.
        made: for `Table.made`.

    Returns:
        The table.
    """
    train = [scan for scan in scored if scan["split"] == "train"]
    test = [scan for scan in scored if scan["split"] != "train"]
    rows, accuracies = [], {}
    judged = {judge: _judge(judge, train, test) for judge in focus_scores.judges()}
    for printed in TABLE_1:
        key = next((judge for judge in judged if judge[0] == printed.name), None)
        if key is None:
            note = "missing: no trained model yet"
            rows.append(Row(printed.name, printed.title, "paper", printed.values, note=note))
        elif key[0] in MEASURES:
            rows.append(_row(key, printed.title, "baseline", judged[key], cases, printed.values))
        else:
            rows.append(_row(key, printed.title, "paper", judged[key], cases, printed.values))
    shown = {row.name for row in rows}
    for key in sorted(judged, key=lambda judge: (judge[0] in MEASURES, judge[1] == ALONE)):
        name, how = key
        if how == STACK and name not in MEASURES and name not in shown:
            rows.append(_row(key, f"{METHODS[name].title} ({name}), ours", "ours", judged[key], cases))
        elif how == STACK and name in MEASURES:
            rows.append(_row(key, f"{MEASURES[name].title}, through its stack", "baseline", judged[key], cases))
        elif name not in shown:
            rows.append(_row(key, MEASURES[name].title, "baseline", judged[key], cases))
    for row in rows:
        for judge, answers in judged.items():
            if row.values and row.name == _name(judge):
                accuracies[row.name] = {n: 100 * r / t for n, (r, t) in _counts(answers).items() if t}
    counts = {
        kind: sum(crop["kind"] == kind for scan in test for crop in scan["crops"]) for kind in ("in", "out", "dirt")
    }
    dirty = len({scan["specimen"] for scan in test for crop in scan["crops"] if crop["kind"] == "dirt"})
    findings = [verdict(column, rows, accuracies if column.key == "accuracy" else {}) for column in COLUMNS]
    return Table(
        1,
        "In focus or not: crops of 84 px with detail",
        COLUMNS,
        tuple(rows),
        tuple(finding for finding in findings if finding),
        (
            f"Test crops: {counts['in']} in focus (within half a depth of field), {counts['out']} out of focus (beyond "
            f"two), {counts['dirt']} with dirt, of {dirty} specimens; the truth of the simulation says which, by three "
            "quarters of the detail that a crop shows: clear glass around it looks the same at any height.",
            "Focus measures and the paper's systems see one crop; each has one threshold, fitted for balanced accuracy "
            f"on the training split of {len({scan['specimen'] for scan in train})} other specimens. Judges that see "
            "the whole stack have more to go by, so compare them with each other.",
            "The paper's systems were trained by us, as it describes them, on simulated scenes of other families than "
            "the test's; `mmlib models` shows for how long and on what.",
            "The paper's numbers are of its own 200 crops, which nobody else has; only the order of methods compares.",
        ),
        made,
    )


Answers = dict[str, list[dict[str, Any]]]
"""For each specimen its crops with ``kind``, ``sharp``, ``score``, ``level`` and ``true_level``."""


def _name(judge: tuple[str, str]) -> str:
    return judge[0] if judge[1] == ALONE or judge[0] not in MEASURES else f"{judge[0]}_stack"


def _judge(judge: tuple[str, str], train: Sequence[Scored], test: Sequence[Scored]) -> Answers:
    key = f"{judge[0]}, {judge[1]}"
    limit = 0.0
    if judge[1] == ALONE:
        pairs = [
            (value, crop["kind"] == "in")
            for scan in train
            for crop, value in zip(scan["crops"], scan["scores"][key]["score"], strict=True)
            if crop["kind"] != "dirt" and value is not None
        ]
        limit = fit_threshold(
            np.array([value for value, _ in pairs]), np.array([sharp for _, sharp in pairs], np.bool_)
        )
    answers: Answers = {}
    for scan in test:
        told = scan["scores"][key]
        for i, crop in enumerate(scan["crops"]):
            score = told["score"][i]
            sharp = bool(told["sharp"][i]) if "sharp" in told else score is not None and score >= limit
            answers.setdefault(scan["specimen"], []).append(
                {
                    "kind": crop["kind"],
                    "sharp": sharp,
                    "score": -np.inf if score is None else score,
                    "level": told["level"][i] if "level" in told else None,
                    "true_level": crop["level"],
                }
            )
    return answers


def fit_threshold(scores: NDArray[np.float64], sharp: NDArray[np.bool_]) -> float:
    """Find the threshold with the best balanced accuracy.

    Args:
        scores: (N,) larger = sharper.
        sharp: (N,) whether each is truly in focus.

    Returns:
        Between two scores: from it upwards is in focus. Infinite where one of the two kinds is absent.
    """
    if not sharp.any() or sharp.all():
        return float("inf")
    order = np.argsort(scores, kind="stable")
    ranked, truth = scores[order], sharp[order]
    found = (truth[::-1].cumsum()[::-1] / truth.sum()) + np.concatenate([[0], (~truth).cumsum()[:-1]]) / (~truth).sum()
    distinct = np.concatenate([[True], ranked[1:] > ranked[:-1]])
    best = int(np.where(distinct, found, -1).argmax())
    return float(ranked[0] if best == 0 else (ranked[best - 1] + ranked[best]) / 2)


def _row(
    judge: tuple[str, str],
    title: str,
    kind: str,
    answers: Answers,
    cases: Sequence[RealCase],
    printed: Mapping[str, str] | None = None,
) -> Row:
    crops = [crop for found in answers.values() for crop in found]
    values: dict[str, Value | None] = {"accuracy": _percent(share_value(_counts(answers)))}
    plain = [crop for crop in crops if crop["kind"] != "dirt"]
    sharp = np.array([crop["kind"] == "in" for crop in plain], np.bool_)
    called = np.array([crop["sharp"] for crop in plain], np.bool_)
    if sharp.any() and not sharp.all():
        values["balanced"] = Value(50 * float(called[sharp].mean() + (~called[~sharp]).mean()))
        values["auc"] = Value(auc(np.array([crop["score"] for crop in plain]), sharp))
    errors: dict[str, float] = {}
    for specimen, found in answers.items():
        gaps = [abs(c["level"] - c["true_level"]) for c in found if c["level"] is not None and c["kind"] != "dirt"]
        if gaps:
            errors[specimen] = float(np.mean(gaps))
    values["level"] = mean_value(errors)
    dirt = {
        specimen: (sum(c["sharp"] for c in found if c["kind"] == "dirt"), sum(c["kind"] == "dirt" for c in found))
        for specimen, found in answers.items()
    }
    values["dirt"] = _percent(share_value(dirt))
    values["real"] = _real(judge, cases)
    known = {key: value for key, value in values.items() if value is not None}
    return Row(_name(judge), title, kind, dict(printed or {}), known)


def _counts(answers: Answers) -> dict[str, tuple[int, int]]:
    """Count right answers a specimen among as many crops in focus as out of it, drawn by chance."""
    counts = {specimen: [0, 0] for specimen in answers}
    kinds = {
        kind: [(s, crop["sharp"]) for s, found in answers.items() for crop in found if crop["kind"] == kind]
        for kind in ("in", "out")
    }
    size = min(map(len, kinds.values()))
    rng = np.random.default_rng(SEED)
    for kind, crops in kinds.items():
        for place in rng.permutation(len(crops))[:size]:
            specimen, sharp = crops[place]
            counts[specimen][0] += sharp == (kind == "in")
            counts[specimen][1] += 1
    return {specimen: (right, total) for specimen, (right, total) in counts.items()}


def auc(scores: NDArray[np.float64], sharp: NDArray[np.bool_]) -> float:
    """Give the area under the curve of true against false alarms: the share of pairs in the right order.

    Args:
        scores: (N,) larger = sharper; ties count half.
        sharp: (N,) whether each is truly in focus; both kinds are there.

    Returns:
        0..1.

    Source: Mann and Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    from scipy import stats

    ranks = stats.rankdata(scores)
    count = int(sharp.sum())
    return float((ranks[sharp].sum() - count * (count + 1) / 2) / (count * (len(sharp) - count)))


def _real(judge: tuple[str, str], cases: Sequence[RealCase]) -> Value | None:
    right = total = 0
    for case in cases:
        if case.reference is None:
            key = keeping.key_of(focus_scores.ROOMS, "real", *judge, case.content, focus_scores.made_of(judge[0]))
            found = keeping.find(key) or keeping.keep(key, focus_scores.sharpest_found(case.stack, *judge))
            right, total = right + found[0], total + found[1]
    if not total:
        return None
    return Value.of(accuracy_interval(right, total).percent)


def _percent(value: Value | None) -> Value | None:
    if value is None or value.low is None or value.high is None:
        return value
    return Value(100 * value.estimate, 100 * value.low, 100 * value.high)
