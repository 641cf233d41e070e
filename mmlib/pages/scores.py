"""Numbers of several pictures side by side: a table that says which way is better, and the same as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
MISSING = "—"


@dataclass(frozen=True)
class Scored:
    """A row of the table.

    Attributes:
        title: what was measured.
        numbers: what `mmlib.metrics.Measurement.to_dict` gives, one for each measure.
        seconds: how long it took to make, or None.
    """

    title: str
    numbers: Sequence[Mapping[str, Any]] = field(default=())
    seconds: float | None = None


def columns(rows: Sequence[Scored]) -> dict[str, Mapping[str, Any]]:
    """Give the measures that any row has: name -> one of its numbers, in the order of the rows."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        for one in row.numbers:
            found.setdefault(str(one["name"]), one)
    return found


def best_rows(rows: Sequence[Scored], name: str) -> set[int]:
    """Give the rows whose number of a measure is the best as it is printed; none where only one row has a number."""
    values = {i: value for i, row in enumerate(rows) if (value := _value(row, name)) is not None}
    direction = columns(rows)[name]["direction"]
    if direction == "none" or len(values) < 2:
        return set()
    top = max(values.values()) if direction == "higher" else min(values.values())
    best = {i for i, value in values.items() if _written(value) == _written(top)}
    return set() if len(best) == len(values) else best


def scores_table(rows: Sequence[Scored], *, caption: str) -> str:
    """Write the table; small under each number stands how far it is from that of the first row.

    Args:
        rows: the pictures; the first is what all others are compared with.
        caption: what the table shows, for eyes and screen readers.

    Returns:
        HTML; it scrolls by itself where there is no room.
    """
    if not rows:
        return ""
    known = columns(rows)
    head = "".join(_head(one) for one in known.values())
    timed = any(row.seconds is not None for row in rows)
    head += '<th scope="col">Time ↓<span>s</span></th>' if timed else ""
    best = {name: best_rows(rows, name) for name in known}
    lines = []
    for i, row in enumerate(rows):
        cells = "".join(_cell(row, rows[0], name, i in best[name]) for name in known)
        if timed:
            cells += f"<td>{MISSING if row.seconds is None else f'{row.seconds:.2f}'}</td>"
        lines.append(f'<tr><th scope="row">{escape(row.title)}</th>{cells}</tr>')
    return (
        f'<div class="mmr-scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}">'
        f'<table><caption class="mmp-visually-hidden">{escape(caption)}</caption>'
        f'<thead><tr><th scope="col">Picture</th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def scores_csv(rows: Sequence[Scored]) -> bytes:
    """Write the numbers in full as CSV: one line a picture, one column a measure, and the seconds."""
    known = list(columns(rows))
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["picture", *known, "seconds"])
    for row in rows:
        values = [_value(row, name) for name in known]
        lines.writerow(
            [row.title, *("" if v is None else v for v in values), "" if row.seconds is None else row.seconds]
        )
    return out.getvalue().encode()


def _value(row: Scored, name: str) -> float | None:
    for one in row.numbers:
        if one["name"] == name:
            value = one["value"]
            return None if value is None or not math.isfinite(value) else float(value)
    return None


def _written(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}" if abs(value) >= 1 else f"{value:.3f}"


def _change(value: float) -> str:
    if abs(value) < 0.0005:
        return "±0"
    return f"{value:+.0f}" if abs(value) >= 1000 else f"{value:+.3f}" if abs(value) < 1 else f"{value:+.3g}"


def _head(one: Mapping[str, Any]) -> str:
    direction = str(one["direction"])
    words = {"higher": "higher is better", "lower": "lower is better"}.get(direction, "")
    note = escape(str(one["note"]), quote=True)
    said = f'<span class="mmp-visually-hidden">{words}</span>' if words else ""
    unit = f"<span>{escape(str(one['unit']))}</span>" if one["unit"] else ""
    return f'<th scope="col" title="{note}">{escape(str(one["title"]))} {ARROWS[direction]}{said}{unit}</th>'


def _cell(row: Scored, first: Scored, name: str, best: bool) -> str:
    value, base = _value(row, name), _value(first, name)
    if value is None:
        reason = next((str(one["reason"]) for one in row.numbers if one["name"] == name), "")
        return f'<td class="mmr-missing" title="{escape(reason, quote=True)}">{MISSING}</td>'
    gain = "" if base is None or row is first else f"<span>{_change(value - base)}</span>"
    return f'<td class="{"mmr-best" if best else ""}">{_written(value)}{gain}</td>'
