"""A table: rows of methods, columns of measures, each number with its interval, and how it is written down."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mmlib.metrics.intervals import Interval

MISSING = "missing"


@dataclass(frozen=True)
class Column:
    """One measure.

    Attributes:
        key: its name.
        title: what stands over it.
        better: which direction is better, empty where neither is.
        digits: after the point.
        note: what to know before reading it.
    """

    key: str
    title: str
    better: Literal["higher", "lower", ""]
    digits: int = 2
    note: str = ""


@dataclass(frozen=True)
class Value:
    """A number and its 95 % interval; the ends are None where there is none."""

    estimate: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, interval: Interval) -> Value:
        """Take over an estimate and the ends of its interval."""
        return cls(interval.estimate, interval.low, interval.high)

    def words(self, digits: int) -> str:
        """Write it, such as ``0.91 [0.88, 0.94]``."""
        if self.low is None or self.high is None:
            return f"{self.estimate:.{digits}f}"
        return f"{self.estimate:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        name: of the method.
        title: what the table calls it.
        kind: ``"baseline"``, ``"paper"`` (a system of the paper), ``"ours"`` or ``"reference"`` (not a method).
        printed: what the paper printed, by the column's key.
        values: what we measured; empty where the method is missing.
        note: why it is missing, or what to know.
    """

    name: str
    title: str
    kind: str
    printed: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the paper, ours beside theirs.

    Attributes:
        number: 1, 2 or 3.
        title: what it compares.
        columns: the measures.
        rows: the methods.
        findings: sentences on who wins, by columns.
        notes: sentences on how it was made.
        made: command, date, version, specimens and scans.
    """

    number: int
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    made: dict[str, Any]

    def heads(self) -> list[str]:
        """Give the head of every column: the method, then for each measure the paper's (if it has any) and ours."""
        heads = ["Method"]
        for column in self.columns:
            if self._printed(column):
                heads.append(f"{column.title}, paper")
            arrow = {"higher": " ↑", "lower": " ↓", "": ""}[column.better]
            heads.append(f"{column.title}{arrow}")
        return [*heads, "Note"]

    def lines(self) -> list[list[str]]:
        """Give the cells as words, row by row, under `heads`."""
        lines = []
        for row in self.rows:
            line = [row.title]
            for column in self.columns:
                if self._printed(column):
                    line.append(row.printed.get(column.key, "–"))
                value = row.values.get(column.key)
                empty = MISSING if not row.values else "–"
                line.append(empty if value is None else value.words(column.digits))
            lines.append([*line, row.note])
        return lines

    def _printed(self, column: Column) -> bool:
        return any(column.key in row.printed for row in self.rows)

    def to_text(self) -> str:
        """Write it for a terminal."""
        cells = [self.heads(), *self.lines()]
        widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
        rows = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        rule = "-" * min(max(map(len, rows)), 200)
        words = [*(f"* {finding}" for finding in self.findings), *self.notes, *self.column_notes(), self.origin()]
        return "\n".join([f"Table {self.number}. {self.title}", rule, rows[0], rule, *rows[1:], rule, *words]) + "\n"

    def to_markdown(self) -> str:
        """Write it as Markdown."""
        heads, lines = self.heads(), self.lines()
        body = [f"| {' | '.join(line)} |" for line in [heads, ["---"] * len(heads), *lines]]
        words = [f"- **{finding}**" for finding in self.findings]
        words += [f"- {note}" for note in (*self.notes, *self.column_notes(), self.origin())]
        return "\n".join([f"# Table {self.number}. {self.title}", "", *body, "", *words]) + "\n"

    def to_csv(self) -> str:
        """Write it as CSV: one row a method and measure, with estimate, low, high and what the paper printed."""
        sheet = io.StringIO()
        rows = csv.writer(sheet, lineterminator="\n")
        rows.writerow(["method", "kind", "measure", "better", "estimate", "low", "high", "paper", "note"])
        for row in self.rows:
            for column in self.columns:
                value = row.values.get(column.key)
                numbers = (
                    ["", "", ""] if value is None else [_plain(n) for n in (value.estimate, value.low, value.high)]
                )
                note = row.note if value is not None or row.values else row.note or MISSING
                printed = row.printed.get(column.key, "")
                rows.writerow([row.name, row.kind, column.key, column.better, *numbers, printed, note])
        return sheet.getvalue()

    def column_notes(self) -> list[str]:
        """Say what to know of the measures, one sentence each."""
        return [f"{column.title}: {column.note}" for column in self.columns if column.note]

    def origin(self) -> str:
        """Say in one sentence how it was made."""
        made = self.made
        return (
            f"Made on {made['date']} by `{made['command']}` with mmlib {made['version']} from {made['specimens']} "
            f"test specimens ({made['scans']} scans; content {made['content']}); nothing was trained or chosen on them."
        )

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return asdict(self)


def from_dict(kept: dict[str, Any]) -> Table:
    """Read a table that `Table.to_dict` wrote.

    Args:
        kept: the dictionary.

    Returns:
        The table.
    """
    rows = [
        Row(**{**row, "values": {key: Value(**value) for key, value in row["values"].items()}}) for row in kept["rows"]
    ]
    columns = tuple(Column(**column) for column in kept["columns"])
    findings, notes = tuple(kept["findings"]), tuple(kept["notes"])
    return Table(**{**kept, "columns": columns, "rows": tuple(rows), "findings": findings, "notes": notes})


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
