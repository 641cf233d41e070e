"""A table as a figure: one panel a measure, one bar a method, the interval on it, the paper's number as a mark."""

from __future__ import annotations

import re
from pathlib import Path

from mmlib.experiments.tables.table import Column, Row, Table

COLOURS = {"baseline": "#8a8f98", "paper": "#b8752c", "ours": "#1f6f8b", "reference": "#c9ccd1"}
MOST_ROWS = 16
MOST_PANELS = 6


def draw(table: Table, paths: list[Path]) -> None:
    """Draw a table.

    Args:
        table: what to draw; of more rows than fit, the best by the first measure.
        paths: where to, such as table1.png and table1.svg.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = [c for c in table.columns if any(c.key in row.values for row in table.rows)][:MOST_PANELS]
    rows = _chosen(table, columns[0])
    with matplotlib.rc_context({"font.size": 8, "svg.hashsalt": "mmlib", "svg.fonttype": "none"}):
        across = min(3, len(columns))
        down = -(-len(columns) // across)
        figure = Figure(figsize=(1.6 + 3.2 * across, down * (0.9 + 0.24 * len(rows))), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(down, across, squeeze=False, sharey=True)
        for i, axis in enumerate(panels.flat):
            if i >= len(columns):
                axis.set_visible(False)
                continue
            _panel(axis, rows, columns[i])
            axis.set_yticks(range(len(rows)), [row.title + ("" if row.values else " (missing)") for row in rows])
        figure.suptitle(f"Table {table.number}. {table.title}. Bars: ours, with 95 % intervals; diamonds: the paper")
        for path in paths:
            figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else {"Software": "mmlib"})


def _chosen(table: Table, column: Column) -> list[Row]:
    """Give the rows to draw, the first of the table on top."""
    named = [row for row in table.rows if row.kind != "baseline" or row.printed or column.key not in row.values]
    sign = 1 if column.better == "lower" else -1
    rest = sorted(
        (row for row in table.rows if row not in named), key=lambda row: sign * row.values[column.key].estimate
    )
    chosen = [*named, *rest[: max(MOST_ROWS - len(named), 0)]]
    return [row for row in table.rows if row in chosen][::-1]


def _panel(axis: object, rows: list[Row], column: Column) -> None:
    from matplotlib.axes import Axes

    if not isinstance(axis, Axes):
        return
    ends: list[float] = []
    for place, row in enumerate(rows):
        value = row.values.get(column.key)
        if value is not None:
            low = value.estimate if value.low is None else value.low
            high = value.estimate if value.high is None else value.high
            axis.plot([low, high], [place, place], color=COLOURS[row.kind], lw=4, alpha=0.45, solid_capstyle="round")
            axis.plot(value.estimate, place, "o", color=COLOURS[row.kind], ms=5)
            ends += [low, high]
        printed = re.match(r"[\d.]+", row.printed.get(column.key, "").replace("< ", ""))
        if printed:
            axis.plot(float(printed[0]), place, "D", mfc="none", mec="#b0452c", ms=5)
            ends.append(float(printed[0]))
    margin = 0.06 * (max(ends) - min(ends) or 1)
    axis.set_xlim(min(ends) - margin, max(ends) + margin)
    axis.set_ylim(-0.7, len(rows) - 0.3)
    words = {"higher": "higher is better →", "lower": "← lower is better", "": ""}[column.better]
    axis.set_title(f"{column.title}\n{words}", fontsize=8)
    axis.grid(axis="x", color="#dddddd", lw=0.6)
    axis.set_axisbelow(True)
