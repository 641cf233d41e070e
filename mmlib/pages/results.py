"""The Results page: the paper's tables, ours beside theirs, as they were last made, and the survey so far."""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path

import ipywidgets as widgets

from mmlib.errors import InputError
from mmlib.experiments.tables import NUMBERS, RESULTS, Table, read_table
from mmlib.experiments.tables.table import Column, Row
from mmlib.pages.blind_test_ballot import outcome
from mmlib.pages.blind_test_state import compared
from mmlib.pages.blind_test_words import outcome_words, preference_svg
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.layout import classed, html, notice, page, panel
from mmlib.pages.votes import VoteStore


def show(folder: Path | None = None) -> widgets.Widget:
    """Build the page.

    Args:
        folder: where tables were written; None takes those that came with mmlib.

    Returns:
        The page, ready to be the last line of a cell.
    """
    home = folder or RESULTS
    parts: list[widgets.Widget] = []
    offers = []
    for number in NUMBERS:
        table = read_table(number, home)
        if table is None:
            words = f"Table {number} has not been made yet; mmlib table {number} -o FOLDER makes it"
            parts.append(panel(f"Table {number}", html(notice(words))))
            continue
        figure = figure_html(home / f"table{number}.svg", f"Figure of table {number}: every number with its interval")
        parts.append(panel(f"Table {number}. {table.title}", html(table_html(table)), html(figure)))
        offers += [
            Offer(f"Table {number}, {words}", path.name, path)
            for ending, words in (("csv", "CSV"), ("md", "Markdown"), ("svg", "figure"))
            if (path := home / f"table{number}.{ending}").is_file()
        ]
    downloads = Downloads()
    downloads.offer(offers)
    parts += [panel("The survey so far", html(survey_html())), panel("Download", downloads)]
    return classed(page(*parts), "mmr-page")


def figure_html(file: Path, words: str) -> str:
    """Show the figure of a table, drawn when the table was made.

    Args:
        file: an SVG file.
        words: what it shows.

    Returns:
        HTML; empty where there is no figure.
    """
    if not file.is_file():
        return ""
    packed = base64.b64encode(file.read_bytes()).decode()
    return (
        f"<details open><summary>{escape(words)}</summary>"
        f'<img class="mmr-figure" src="data:image/svg+xml;base64,{packed}" alt="{escape(words)}"></details>'
    )


def finding_html(sentence: str) -> str:
    """Write a finding with typographic minus signs and with names in a typewriter's letters.

    Args:
        sentence: as the table holds it.

    Returns:
        HTML.
    """
    minus = re.sub(r"(?<=[ \[(])-(?=\d)", "−", escape(sentence))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", minus)


def table_html(table: Table) -> str:
    """Write a table as HTML: a finding first, then the numbers, then how to make them again.

    Args:
        table: to show.

    Returns:
        HTML.
    """
    findings = "".join(f"<li>{finding_html(finding)}</li>" for finding in table.findings)
    heads = "".join(_head(table, column) for column in table.columns)
    rows = "".join(_row(table, row) for row in table.rows)
    notes = "".join(f"<li>{finding_html(note)}</li>" for note in (*table.notes, *table.column_notes()))
    command = escape(str(table.made["command"]))
    return (
        f'<ul class="mmr-findings">{findings}</ul>'
        f'<div class="mmr-scroll" tabindex="0" role="region" aria-label="Table {table.number}, numbers">'
        f"<table><thead><tr><th scope=col>Method</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<details><summary>How it was made, and how to make it again</summary><ul>{notes}</ul>"
        f"<p>{finding_html(table.origin())}</p>"
        f"<p>Again, with a folder for the files: <code>{command} -o FOLDER</code></p></details>"
    )


def survey_html() -> str:
    """Draw what all votes of the blind test say, or say why not: HTML."""
    try:
        store = VoteStore()
        found = outcome(store.votes(), compared())
    except InputError as error:
        return notice(str(error), error=True)
    paper = (
        "The paper asked 28 experts, who preferred uFuseGAN by a dominant majority; it prints no counts. "
        "Ours compares the methods that exist here, and everybody who opens the Blind test may vote."
    )
    words = outcome_words(found) if found.votes else ""
    said = notice(store.notice, error=True) if store.notice else ""  # the file was damaged: nobody else will be told
    return f'{said}{preference_svg(found)}{words}<p class="mmp-muted">{paper}</p>'


def _head(table: Table, column: Column) -> str:
    better = {"higher": "higher is better", "lower": "lower is better", "": ""}[column.better]
    head = f"<th scope=col>{escape(column.title)}<span>{better}</span></th>"
    printed = any(column.key in row.printed for row in table.rows)
    return f"<th scope=col class=mmr-paper>{escape(column.title)}<span>the paper</span></th>{head}" if printed else head


def _row(table: Table, row: Row) -> str:
    cells = []
    for column in table.columns:
        if any(column.key in other.printed for other in table.rows):
            cells.append(f"<td class=mmr-paper>{escape(row.printed.get(column.key, '–'))}</td>")
        value = row.values.get(column.key)
        if value is None:
            cells.append(f"<td class=mmr-missing>{'–' if row.values else 'missing'}</td>")
            continue
        estimate, _, interval = value.words(column.digits).partition(" ")
        best = " class=mmr-best" if _is_best(table, row, column) else ""
        cells.append(f"<td{best}>{estimate}<span>{interval}</span></td>")
    note = f"<span>{finding_html(row.note)}</span>" if row.note else ""
    return f"<tr class=mmr-row-{row.kind}><th scope=row>{finding_html(row.title)}{note}</th>{''.join(cells)}</tr>"


def _is_best(table: Table, row: Row, column: Column) -> bool:
    if row.kind == "reference" or not column.better:
        return False
    others = [r.values[column.key].estimate for r in table.rows if column.key in r.values and r.kind != "reference"]
    mine = row.values[column.key].estimate
    return len(others) > 1 and mine == (max(others) if column.better == "higher" else min(others))
