"""What lies over the picture on the Focus page: a grid of cells in colours that any eye can tell apart, and its legend.

Sharp is bright and blurred is dark, so the order survives in grey; a number or a pattern says the same as a colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.pages.focus_answer import FocusAnswer
from mmlib.pages.focus_truth import CellTruth
from mmlib.widgets import CellGrid, CellStyle

RAMP = ((253, 231, 37), (180, 222, 44), (109, 205, 89), (53, 183, 121), (31, 158, 137),
        (38, 130, 142), (49, 104, 142), (62, 74, 137), (72, 40, 120), (68, 1, 84))  # fmt: skip
"""RGB of the levels 0 to 9."""
BLUE, ORANGE, WHITE = (86, 180, 233), (230, 121, 0), (255, 255, 255)
DARK = (8, 29, 88)
FILL, EDGE = 0.3, 0.8
"""Opacities: what lies beneath must stay visible."""
FAR_DOF = 4
"""Distances from focus beyond so many depths of field look alike."""


@dataclass(frozen=True)
class Key:
    """One entry of a legend: how it looks, what it means, and its colour on nothing, where it has one."""

    style: CellStyle
    words: str
    colour: str = ""


BLANK = Key(CellStyle(edge="rgb(255 255 255 / 0.25)"), "nothing to judge")
ARTEFACT = Key(CellStyle(fill="rgb(0 0 0 / 0.25)", edge="rgb(230 121 0)", hatch="rgb(230 121 0 / 0.9)"), "artefact")


@dataclass(frozen=True)
class Layer:
    """What to draw, and what to say of it."""

    grid: CellGrid
    legend: tuple[Key, ...]


def layer(name: str, answer: FocusAnswer, *, threshold: int | None = None, truth: CellTruth | None = None) -> Layer:
    """Make one of the layers of `mmlib.pages.focus_choices.LAYERS`.

    Args:
        name: its name; one that cannot be shown for lack of a truth or an estimate is shown as ``levels``.
        answer: what was found.
        threshold: see `FocusAnswer.verdicts`.
        truth: of the same cells, if known.

    Returns:
        The grid and its legend.
    """
    numbers, keys = _coded(name, answer, threshold, truth)
    codes = numbers.astype(np.uint16)
    styles = tuple(key.style for key in keys)
    grid = CellGrid(codes, answer.x.tolist(), answer.y.tolist(), answer.size, styles, name="cells")
    used = {styles[code] for code in np.unique(codes).tolist() if code < len(styles)}
    rare = {BLANK.style, ARTEFACT.style} - used
    return Layer(grid, tuple(key for key in keys if key.words and key.style not in rare))


def shown_instead(name: str, answer: FocusAnswer, truth: CellTruth | None) -> str:
    """Say in one sentence why a layer is not there; empty where it is."""
    if name == "errors" and truth is None:
        return "Nobody knows the truth of this stack, so the levels are shown; built-in specimens have one."
    if name == "defocus" and "defocus_dof" not in answer.estimates:
        return "This method gives no distance from focus, so the levels are shown."
    return ""


Coded = tuple[NDArray[Any], tuple[Key, ...]]


def _coded(name: str, answer: FocusAnswer, threshold: int | None, truth: CellTruth | None) -> Coded:
    if name == "none":
        return np.zeros((1, *answer.shape), np.uint16), ()
    if name == "verdict":
        return _verdict(answer, threshold)
    if name == "errors" and truth is not None:
        return _errors(answer, truth, threshold)
    if name == "defocus" and "defocus_dof" in answer.estimates:
        return _defocus(answer)
    return _planes(answer) if name == "planes" else _levels(answer)


def _levels(answer: FocusAnswer) -> Coded:
    keys = [
        Key(CellStyle(_css(colour, _veil(level)), _css(colour, EDGE), label=str(level)), str(level), _css(colour, 1))
        for level, colour in enumerate(RAMP)
    ]
    codes = np.where(answer.label == "artefact", 11, np.where(answer.level < 0, 10, answer.level))
    return codes, (*keys, BLANK, ARTEFACT)


def _verdict(answer: FocusAnswer, threshold: int | None) -> Coded:
    keys = (
        Key(CellStyle(edge=_css(RAMP[0], 1)), "in focus"),
        Key(CellStyle(fill=_css(DARK, 0.5)), "out of focus", _css(DARK, 1)),
        BLANK,
        ARTEFACT,
    )
    said = answer.verdicts(threshold)
    codes = np.select([said == "in", said == "out", said == "blank"], [0, 1, 2], 3)
    return codes, keys


def _errors(answer: FocusAnswer, truth: CellTruth, threshold: int | None) -> Coded:
    keys = (
        Key(CellStyle(edge=_css(WHITE, 0.9), label="in"), "right: in focus"),
        Key(CellStyle(fill=_css(DARK, 0.4), label="out"), "right: out of focus", _css(DARK, 1)),
        Key(
            CellStyle(fill=_css(ORANGE, 0.5), edge=_css(ORANGE, 1), label="wrong"),
            "wrong: said to be in focus",
            _css(ORANGE, 1),
        ),
        Key(
            CellStyle(fill=_css(BLUE, 0.35), edge=_css(BLUE, 1), hatch=_css(BLUE, 0.8), label="missed"),
            "wrong: in focus but missed",
        ),
        Key(CellStyle(), ""),
    )
    said = answer.verdicts(threshold) == "in"
    sharp, blurred = truth.kind == "in", truth.kind == "out"
    codes = np.select([sharp & said, blurred & ~said, blurred & said, sharp & ~said], [0, 1, 2, 3], 4)
    return codes, keys


def _defocus(answer: FocusAnswer) -> Coded:
    steps = range(-FAR_DOF, FAR_DOF + 1)
    keys = [
        Key(
            CellStyle(
                fill=_css(BLUE if step < 0 else ORANGE, 0.14 * abs(step)),
                edge=_css(WHITE if step == 0 else BLUE if step < 0 else ORANGE, 0.9),
                label=_signed(step),
            ),
            _signed(step),
            _css(_fading(step), 1),
        )
        for step in steps
    ]
    away = answer.estimates["defocus_dof"]
    known = np.isfinite(away)
    near = np.clip(np.round(np.where(known, away, 0)), -FAR_DOF, FAR_DOF) + FAR_DOF
    blank, artefact = len(keys), len(keys) + 1
    codes = np.where(answer.label == "artefact", artefact, np.where(known, near, blank))
    return codes, (*keys, BLANK, ARTEFACT)


def _planes(answer: FocusAnswer) -> Coded:
    count = len(answer.level)
    shares = np.arange(count) / max(count - 1, 1)
    keys = [
        Key(CellStyle(_css(_between(share), FILL), _css(_between(share), EDGE), label=str(plane + 1)), "")
        for plane, share in enumerate(shares)
    ]
    best = np.round(np.where(np.isfinite(answer.best_plane), answer.best_plane, count))
    codes = np.where(np.isfinite(answer.best_plane), np.clip(best, 0, count - 1), count)[None]
    ends = [Key(keys[i].style, f"frame {i + 1}", _css(_between(shares[i]), 1)) for i in (0, count - 1)]
    keys[0], keys[-1] = ends
    return codes, (*keys, BLANK)


def _veil(level: int) -> float:
    """Give the opacity of a level: what is sharp lies bare, what is blurred is dimmed."""
    return 0.06 + 0.045 * level


def _between(share: float) -> tuple[int, int, int]:
    at = (1 - share) * (len(RAMP) - 1)
    low = min(int(at), len(RAMP) - 2)
    red, green, blue = (round(a + (at - low) * (b - a)) for a, b in zip(RAMP[low], RAMP[low + 1], strict=True))
    return red, green, blue


def _fading(step: int) -> tuple[int, int, int]:
    """Mix the colour of a distance with grey: the nearer to focus, the greyer."""
    share = abs(step) / FAR_DOF
    red, green, blue = (round(110 + share * (part - 110)) for part in (BLUE if step < 0 else ORANGE))
    return red, green, blue


def _signed(step: int) -> str:
    return f"{'−' if step < 0 else '+' if step > 0 else ''}{abs(step)}"


def _css(colour: tuple[int, int, int], opacity: float) -> str:
    return f"rgb({colour[0]} {colour[1]} {colour[2]} / {opacity:.2g})"
