"""What the Focus page says: advice on where the focus belongs, a cell in words, the table of right and wrong, keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing import METHODS
from mmlib.pages.focus_answer import FocusAnswer
from mmlib.pages.focus_layers import Key
from mmlib.pages.focus_tasks import Task
from mmlib.pages.focus_truth import SAID, CellTruth, Confusion
from mmlib.pages.layout import notice, progress_bar

Heights = tuple[float, ...] | None
APART = 2.0
"""Planes between the sharpest frame and the middle of the cells beyond which that is worth a word."""
TRUTH = "truth: nearness to focus"
NO_ANSWER = '<p class="mmp-muted">The list comes with the answer of the method.</p>'
SAID_WORDS = {"in": "in focus", "out": "out of focus", "blank": "blank", "artefact": "artefact"}


def title(method: str) -> str:
    """Give the name of a method for readers."""
    return METHODS[method].title if method in METHODS else method


def in_order() -> list[str]:
    """List all methods: ours, those of the paper, then the measures, each by title."""
    kinds = ("ours", "paper", "measure")
    return sorted(METHODS, key=lambda name: (kinds.index(METHODS[name].kind), METHODS[name].title))


def named(curves: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Put the names that a legend shows in place of those of methods.

    Args:
        curves: method, or ``truth`` -> (K,) values.

    Returns:
        The same under short names, each of its own.
    """
    short = {method: TRUTH if method == "truth" else re.split("[:,]", title(method))[0] for method in curves}
    alone = {method: list(short.values()).count(words) == 1 for method, words in short.items()}
    return {short[method] if alone[method] else title(method): values for method, values in curves.items()}


def advice(answer: FocusAnswer, plane: int, z_um: Heights) -> str:
    """Say where the focus belongs, how far that is from a frame, and which way.

    Args:
        answer: what was found.
        plane: the frame that is shown.
        z_um: height of each frame, if known.

    Returns:
        HTML.
    """
    told = answer.summary["autofocus"]
    best = told["plane"]
    if best is None:
        return "There is nothing to judge in this stack, so there is no best focus."
    place = f"plane <strong>{best + 1:.1f}</strong>"
    height = "" if told["z_um"] is None else f" ({micrometres(told['z_um'])})"
    spread = told["high_plane"] - told["low_plane"]
    most = f"; eight cells in ten are sharpest between {told['low_plane'] + 1:.1f} and {told['high_plane'] + 1:.1f}"
    beyond = {
        -1: "It is the first frame: the focus may lie below the scan.",
        1: "It is the last frame: the focus may lie above the scan.",
    }
    words = [
        f"Best focus: {place}{height}{most if spread > 0.5 else ''}.",
        _move(best - plane, _gap(best, plane, z_um)),
    ]
    top = int(answer.summary["best_frame"])
    two = f"The frame with most detail is number {top + 1}: the cells do not agree." if abs(top - best) > APART else ""
    return " ".join(part for part in [*words, two, beyond.get(told["beyond"], "")] if part)


def _gap(best: float, plane: int, z_um: Heights) -> float | None:
    return None if z_um is None else abs(float(np.interp(best, np.arange(len(z_um)), z_um)) - z_um[plane])


def _move(planes: float, gap_um: float | None) -> str:
    if abs(planes) < 0.5:
        return "This frame is it: stay."
    way = "up" if planes > 0 else "down"
    many = f"{abs(planes):.1f} frames {way}"
    return f"From here: <strong>{many}</strong>{'' if gap_um is None else f' ({gap_um:.1f} µm)'}."


def cell_words(answer: FocusAnswer, place: tuple[int, int], plane: int, truth: CellTruth | None) -> str:
    """Say what was found in a cell of a frame.

    Args:
        answer: what was found.
        place: row and column.
        plane: the frame.
        truth: of the same cells, if known.

    Returns:
        HTML.
    """
    row, column = place
    label = str(answer.label[plane, row, column])
    best = answer.best_plane[row, column]
    parts = [f"Row {row + 1}, column {column + 1}: <strong>{SAID_WORDS[label]}</strong>"]
    if label == "blank":
        parts.append("no detail that could be sharp or blurred")
    elif answer.level[plane, row, column] >= 0:
        parts.append(f"level {answer.level[plane, row, column]} of 9")
    if np.isfinite(best):
        parts.append(f"sharpest at plane {best + 1:.1f}")
    parts += _estimates(answer, (plane, row, column))
    if truth is not None:
        parts.append(f"in truth {truth.away_dof[plane, row, column]:.1f} depths of field from focus")
    return ", ".join(parts) + "."


def _estimates(answer: FocusAnswer, at: tuple[int, int, int]) -> list[str]:
    known = {name: float(values[at]) for name, values in answer.estimates.items() if np.isfinite(values[at])}
    told = []
    if "defocus_dof" in known:
        words = f"about {known['defocus_dof']:+.1f} depths of field from focus"
        if {"defocus_low_dof", "defocus_high_dof"} <= set(known):
            words += f" ({known['defocus_low_dof']:+.1f} to {known['defocus_high_dof']:+.1f})"
        told.append(words.replace("-", "−"))
    if "certainty" in known:
        told.append(f"{known['certainty']:.0%} sure")
    return told


def truth_table(found: Confusion, threshold: int | None) -> str:
    """Write the table of right and wrong.

    Args:
        found: of the shown method.
        threshold: the level that was used, None for the method's own word.

    Returns:
        HTML.
    """
    said = [word for word in SAID if word in ("in", "out") or any(found.counts[true, word] for true in ("in", "out"))]
    head = "".join(f'<th scope="col">{SAID_WORDS[word]}</th>' for word in said)
    rows = "".join(
        f'<tr><th scope="row">truly {SAID_WORDS[true]}</th>'
        + "".join(_count(found.counts[true, word], (true == "in") == (word == "in")) for word in said)
        + "</tr>"
        for true in ("in", "out")
    )
    share = f"{found.right / found.total:.1%}" if found.total else "none"
    both = (
        ""
        if found.balanced is None or found.auc is None
        else f" Balanced accuracy {found.balanced:.3f}, AUC of the levels {found.auc:.3f} (higher is better)."
    )
    rule = "by the method's own word" if threshold is None else f"where levels up to {threshold} count as in focus"
    return (
        f'<table class="mmf-truth"><caption>Cells with detail, {rule}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="mmf-sum">Right in <strong>{share}</strong> of {found.total} cells.{both}</p>'
        '<p class="mmp-muted">Truly in focus: within half a depth of field. Out: beyond two. Cells in between are not '
        "asked. Cells of one specimen are alike, so this is one sample; the Results page has many.</p>"
    )


def _count(number: int, right: bool) -> str:
    kind, mark = ("right", "✓") if right else ("wrong", "✗")
    told = f'<span aria-hidden="true">{mark}</span><span class="mmp-visually-hidden">{kind}</span>'
    return f'<td class="mmf-{kind}">{number} {told}</td>'


def scores(found: Confusion | None, answer: FocusAnswer) -> str:
    """Say of a method that is done what it found, in a few words."""
    told = [f"sharpest frame {answer.summary['best_frame'] + 1}"]
    if found is not None and found.balanced is not None:
        told.append(f"balanced accuracy {found.balanced:.2f}")
    told.append(f"{answer.summary['seconds']:.1f} s")
    return " · ".join(words.replace(" ", "\N{NO-BREAK SPACE}") for words in told)


def legend(keys: Iterable[Key], note: str = "") -> str:
    """Draw the keys of a layer.

    Args:
        keys: what there is.
        note: a few more words.

    Returns:
        HTML.
    """
    items = "".join(f"<li>{_swatch(key)}<span>{escape(key.words)}</span></li>" for key in keys)
    more = f"<p>{escape(note)}</p>" if note else ""
    return f'<ul class="mmf-legend">{items}</ul>{more}' if items else more


def _swatch(key: Key) -> str:
    style = key.style
    layers = [f"repeating-linear-gradient(-45deg, {style.hatch} 0 2px, transparent 2px 6px)"] if style.hatch else []
    layers.append(key.colour or "#6d7774")
    return f'<i style="background: {", ".join(layers)}; border-color: {style.edge or "transparent"}"></i>'


def how_far(task: Task | None) -> str:
    """Say how far a method is that has no answer yet."""
    if task is None or task.state == "cancelled":
        return "cancelled"
    if task.state == "failed":
        return sentence(task.message)
    if task.stage == "waiting":
        return "waiting for a free worker …"
    return f"{task.stage} … {task.share:.0%}"


def writing(task: Task | None) -> str:
    """Say how far the files of the kept frames are."""
    if task is None or task.state in ("done", "cancelled"):
        return ""
    return notice(task.message, error=True) if task.state == "failed" else progress_bar(task.share, task.stage)


def counted_from_one(reason: str) -> str:
    """Turn the frame numbers in a sentence of the library, which counts from 0, into those that the page shows."""
    return re.sub(r"\bframe (\d+)", lambda found: f"frame {int(found[1]) + 1}", reason)


def make_files(count: int) -> str:
    """Say on a button what it makes."""
    return "Make the file of 1 frame" if count == 1 else f"Make the files of {count} frames"


def micrometres(z_um: float) -> str:
    """Write a height, such as ``−2.0 µm``."""
    return f"{z_um:.1f} µm".replace("-", "−")


def size(number: float) -> str:
    """Write a number of bytes for people, such as ``3.2 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def sentence(words: str) -> str:
    """Begin with a capital and end with a full stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
