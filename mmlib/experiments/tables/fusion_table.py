"""Table 3: which fusion of a stack is best?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmlib import zoo
from mmlib.experiments.tables import fusion_scores, keeping
from mmlib.experiments.tables.fusion_limits import ALIKE, AROUND_PX, NEAREST
from mmlib.experiments.tables.fusion_scores import BY_TRUTH, SHARPEST
from mmlib.experiments.tables.paper import TABLE_3
from mmlib.experiments.tables.real import RealCase
from mmlib.experiments.tables.summing import mean_value, verdict
from mmlib.experiments.tables.table import Column, Row, Table
from mmlib.experiments.tables.working import Scored
from mmlib.fusing import BEST, WEIGHTS

COLUMNS = (
    Column("brisque", "BRISQUE", "lower", 2, "it knows photographs and does not rank microscope pictures (see the row "
           "of the truth); shown for the paper's sake, never used to choose"),
    Column("cnniqa", "CNNIQA", "lower", 2, "trained here, so on another scale than the paper's; it can take a smooth "
           "picture without noise for a blurred one (see the row of the truth), so it is never used to choose"),
    Column("focused", "PSNR in focus, dB", "higher", 2, "against what a still camera without noise records where each "
           "place is in focus, rims that bend light included; after the shift that fits best"),
    Column("focused_detail", "Detail SNR in focus, dB", "higher", 2, "fine detail against that of the same picture, "
           "blind to brightness and contrast, where it has most of it"),
    Column("psnr", "PSNR, dB", "higher", 2, "against the all-in-focus truth, which shows what absorbs and no more"),
    Column("ssim", "SSIM, 1/100", "higher", 2),
    Column("detail", "Detail SNR, dB", "higher", 2, "the same against the truth"),
    Column("rims", "PSNR beside thick things, dB", "higher", 2, "against the truth where it is empty and something 4 "
           "depths of field higher is within 20 px: halos stand there; only specimens with such places"),
    *(
        Column(f"gain{count}", f"Gain at N = {count}, dB", "higher", 2, f"PSNR over the best of {count} frames of the "
               "slow scan; that frame is chosen by the truth, which no method sees")
        for count in fusion_scores.COUNTS
    ),
    Column("depth", "Depth error, depths of field", "lower", 2, "mean |found - true| height of the surface"),
    Column("planes", "Depth error, planes", "lower", 2, "the same, in steps of the scan"),
    Column("real", "Real: detail SNR, dB", "higher", 2, "real stacks against an all-in-focus picture by other "
           "software, which takes the strongest detail: a guide, not optical truth; alignment off"),
)  # fmt: skip
GAINS = tuple(f"gain{count}" for count in fusion_scores.COUNTS)
IN_DB = ("focused", "focused_detail", "psnr", "detail", "rims", "real", *GAINS)
UNITS = dict.fromkeys(IN_DB, " dB")
BASELINES = ("mean", "pyramid", "wavelet", "focusall", SHARPEST)


def fusion_table(
    scored: Sequence[Scored], cases: Sequence[RealCase], made: dict[str, Any], *, cnniqa: Path | None = None
) -> Table:
    """Build the table.

    Args:
        scored: of test scans.
        cases: real stacks; those with a reference are used.
        made: for `Table.made`.
        cnniqa: the weights of CNNIQA, if there are any.

    Returns:
        The table.
    """
    titles = {printed.name: printed for printed in TABLE_3}
    there = fusion_scores.fusions()
    rows = [
        Row(printed.name, printed.title, "paper", printed.values, note=_missing(printed.name))
        for printed in TABLE_3
        if printed.name not in there
    ]
    numbers = {}
    for name in there:
        by = {column.key: _by_specimen(scored, name, column.key) for column in COLUMNS}
        if name not in BY_TRUTH:
            by["real"] = {case.name: _real(case, name) for case in cases if case.reference is not None}
        numbers[name] = by
        values = {key: value for key, one in by.items() if (value := mean_value(one)) is not None}
        known = titles.get(name)
        kind = "reference" if name in BY_TRUTH else "baseline" if name in BASELINES else "paper" if known else "ours"
        title = known.title if known else f"{name}, what `best` stands for" if name == BEST else name
        rows.append(Row(name, title, kind, known.values if known else {}, values, _note(name)))
    order = [printed.name for printed in TABLE_3]
    rank = {"baseline": 1, "ours": 2, "reference": 3}
    rows.sort(key=lambda row: (0, order.index(row.name)) if row.name in order else (rank.get(row.kind, 1), 0))
    findings = [
        verdict(column, rows, {name: by[column.key] for name, by in numbers.items()}, unit=UNITS.get(column.key, ""))
        for column in COLUMNS
    ]
    notes = [
        "A specimen's number is the mean over its scan speeds; the paper's samples are its own.",
        "The truth shows what absorbs light; rims that only bend it are in every frame and not in the truth. Their "
        "fringes cancel in the mean of all frames, which so gains PSNR and SSIM though it is blurred: read detail SNR "
        f"beside them, and the row '{NEAREST}', which picks frames without error, though with hard seams.",
        f"Row '{ALIKE}': how far a choice of frames can come at most, nearly. At each place it takes the aligned frame "
        f"that is most like the picture it is held against (within a Gaussian of {AROUND_PX:g} px), which no method "
        "sees.",
    ]
    if cnniqa is None:
        notes.append("CNNIQA has no value: its weights are missing; give them with --cnniqa FILE.")
    if not any("brisque" in row.values for row in rows):
        notes.append("BRISQUE has no value: it needs the package brisque (pip install brisque).")
    return Table(
        3,
        "Fusion of a stack into one picture",
        COLUMNS,
        tuple(rows),
        tuple(finding for finding in findings if finding),
        tuple(notes),
        made,
    )


def _missing(name: str) -> str:
    return f"missing: mmlib train {WEIGHTS[name]}" if name in WEIGHTS else "missing"


def _note(name: str) -> str:
    """Say what weights a method has, and how long they were trained."""
    if name not in WEIGHTS:
        return ""
    card = zoo.card(WEIGHTS[name])
    return f"{card.bytes / 1e6:.2f} MB, trained for {card.seconds:.0f} s on {card.device.split(',')[0]}"


def _by_specimen(scored: Sequence[Scored], name: str, key: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for scan in scored:
        if key in scan["scores"][name]:
            found.setdefault(scan["specimen"], []).append(scan["scores"][name][key])
    return {specimen: float(np.mean(values)) for specimen, values in found.items()}


def _real(case: RealCase, name: str) -> float:
    version = fusion_scores.version_of(name)
    key = keeping.key_of(fusion_scores.ROOMS, "real", name, case.content, version)
    found = keeping.find(key)
    if found is None and case.reference is not None:
        found = keeping.keep(key, fusion_scores.score_real(case.stack, case.reference, name))
    return float(found)
