"""Table 2: does deblurring bring a moving scan nearer to a steady one?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlib.experiments.recipes import SPEEDS
from mmlib.experiments.tables import deblur_scores, keeping
from mmlib.experiments.tables.deblur_scores import NOTHING
from mmlib.experiments.tables.paper import TABLE_2
from mmlib.experiments.tables.real import RealCase
from mmlib.experiments.tables.summing import mean_value, verdict
from mmlib.experiments.tables.table import Column, Row, Table
from mmlib.experiments.tables.working import Scored

ALL = (
    Column("psnr", "PSNR, dB", "higher", 2, "within the eyepiece's disc, all speeds; the mean over specimens; each "
           "frame alone, the scan speed told"),
    Column("ssim", "SSIM, 1/100", "higher", 2),
)  # fmt: skip
MORE = (
    Column("nearer", "Frames nearer, %", "higher", 1, "whose PSNR rose"),
    Column("likelier", "Frames more alike, %", "higher", 1, "whose SSIM rose"),
    Column("kept", "Sharp left alone: PSNR, dB", "higher", 1, "a frame of the steady hand, deblurred, against itself; "
           "99 is not changed at all"),
    Column("psnr+", "With neighbours: PSNR, dB", "higher", 2, "each frame seen with those before and after it in z; "
           "only methods that take them"),
    Column("ssim+", "With neighbours: SSIM, 1/100", "higher", 2),
    Column("nearer+", "With neighbours: frames nearer, %", "higher", 1),
    Column("focused", "In focus: PSNR, dB", "higher", 2, "against what a still camera records where each place is in "
           "focus: what lies out of focus in a frame counts too; each frame alone"),
    Column("sharper", "In focus: frames nearer, %", "higher", 1),
    Column("focused+", "In focus, with neighbours: PSNR, dB", "higher", 2),
    Column("sharper+", "In focus, with neighbours: frames nearer, %", "higher", 1),
)  # fmt: skip
EACH = tuple(
    Column(f"{key}_{speed}", f"{title} at speed {speed}", "higher", 2)
    for key, title in (("psnr", "PSNR"), ("ssim", "SSIM"))
    for speed in SPEEDS
)
REAL = (
    Column("real", "Real: PSNR, dB", "higher", 2, "planes beside focus against the plane that is known to be in focus, "
           "real stacks of unstained cells: defocus, not motion; each plane alone"),
    Column("real_detail", "Real: detail SNR, dB", "higher", 2, "the same, fine detail only, blind to contrast"),
    Column("real+", "Real, with neighbours: PSNR, dB", "higher", 2, "the plane in focus is one of them"),
    Column("real_detail+", "Real, with neighbours: detail SNR, dB", "higher", 2),
)  # fmt: skip
BASELINES = ("none", "wiener", "richardson_lucy")


def deblur_table(scored: Sequence[Scored], cases: Sequence[RealCase], made: dict[str, Any]) -> Table:
    """Build the table.

    Args:
        scored: of test scans.
        cases: real stacks; those without a reference are used.
        made: for `Table.made`.

    Returns:
        The table.
    """
    columns = (*ALL, *MORE, *EACH, *REAL)
    measured = (*ALL, *MORE, *EACH)
    titles = {printed.name: printed for printed in TABLE_2}
    there = deblur_scores.deblurrers()
    numbers = {}
    rows = [
        Row(printed.name, printed.title, "paper", printed.values, note="missing: no trained weights yet")
        for printed in TABLE_2
        if printed.name not in there
    ]
    for name in there:
        by = {column.key: _by_specimen(scored, name, column.key) for column in measured}
        real = {case.name: _real(case, name) for case in cases if case.reference is None}
        for key, measure in (("real", "psnr"), ("real_detail", "detail")):
            for mark in ("", "+"):
                held = {case: values[measure + mark] for case, values in real.items() if measure + mark in values}
                by[key + mark] = held
        numbers[name] = by
        values = {key: value for key, one in by.items() if (value := mean_value(one)) is not None}
        known = titles.get(name)
        kind = "ours" if known is None else "baseline" if name in BASELINES else "paper"
        rows.append(Row(name, name if known is None else known.title, kind, known.values if known else {}, values))
    order = [printed.name for printed in TABLE_2]
    rows.sort(key=lambda row: order.index(row.name) if row.name in order else len(order))
    findings = [
        verdict(column, rows, {name: by[column.key] for name, by in numbers.items()}, unit=unit)
        for column, unit in zip(ALL, (" dB", ""), strict=True)
    ]
    findings += _beaten(rows)
    findings += _in_focus(scored, rows)
    return Table(
        2,
        "Deblurring frames of a moving scan",
        columns,
        tuple(rows),
        tuple(finding for finding in findings if finding),
        (
            "A frame of the scan is compared with what a steady hand, waiting at the same height, and a camera without "
            "noise would have given; up to four frames a scan, those with most of the specimen in focus.",
            "`refocus` answers another question than the others, what would be seen in focus: for it the columns `In "
            "focus` count.",
            "Speed 1 is slow, 4 is fast. The paper's SSIM is in hundredths too; its 8 samples are its own.",
            "In the paper, too, no net beat doing nothing: 28.80 dB against 29.20 dB.",
        ),
        made,
    )


def _beaten(rows: Sequence[Row]) -> list[str]:
    """Say which methods beat doing nothing."""
    known = {row.name: row for row in rows if row.values}
    nothing = known["none"].values["psnr"].estimate
    gains = {row.title: row.values["psnr"].estimate - nothing for row in known.values() if row.name != "none"}
    return [f"Against doing nothing: {_ranked(gains)}."] if gains else []


def _in_focus(scored: Sequence[Scored], rows: Sequence[Row]) -> list[str]:
    """Say which methods bring frames nearer to focus, how much neighbours add, and how surely the best of them does."""
    found: dict[str, tuple[str, str]] = {}
    for row in rows:
        if row.values and row.name != NOTHING:
            found |= {row.title: (row.name, "focused"), f"{row.title} with neighbours": (row.name, "focused+")}
    gains = {title: by for title, one in found.items() if (by := _gains(scored, *one))}
    if not gains:
        return []
    means = {title: float(np.mean(list(by.values()))) for title, by in gains.items()}
    best = max(means, key=lambda title: means[title])
    lines = [f"Towards focus, against doing nothing: {_ranked(means)}."]
    if (first := mean_value(gains[best])) is not None:
        by_speed = [np.mean(list(_gains(scored, *found[best], speed).values())) for speed in SPEEDS]
        lines.append(
            f"Towards focus, {best}: {first.estimate:+.2f} [{first.low:+.2f}, {first.high:+.2f}] dB over "
            f"{len(gains[best])} specimens; at speeds 1 to 4 {', '.join(f'{gain:+.2f}' for gain in by_speed)} dB."
        )
    return lines


def _ranked(gains: dict[str, float]) -> str:
    """Put gains in words, the largest first."""
    return ", ".join(f"{title} {gain:+.2f} dB" for title, gain in sorted(gains.items(), key=lambda one: -one[1]))


def _gains(scored: Sequence[Scored], name: str, key: str, speed: int | None = None) -> dict[str, float]:
    """Give by how many dB each specimen's frames came nearer to focus than where nothing is done."""
    mark = "" if speed is None else f"_{speed}"
    after, before = _by_specimen(scored, name, f"{key}{mark}"), _by_specimen(scored, NOTHING, f"focused{mark}")
    return {specimen: after[specimen] - before[specimen] for specimen in after}


def _by_specimen(scored: Sequence[Scored], name: str, key: str) -> dict[str, float]:
    measure, _, speed = key.partition("_")
    found: dict[str, list[float]] = {}
    for scan in scored:
        if (not speed or scan["speed"] == int(speed)) and measure in scan["scores"][name]:
            found.setdefault(scan["specimen"], []).append(scan["scores"][name][measure])
    return {specimen: float(np.mean(values)) for specimen, values in found.items()}


def _real(case: RealCase, name: str) -> dict[str, float]:
    key = keeping.key_of(deblur_scores.rooms_of(name), "real", name, deblur_scores.weights_of(name), case.content)
    found = keeping.find(key)
    score: dict[str, float] = keeping.keep(key, deblur_scores.score_real(case.stack, name)) if found is None else found
    return score
