"""What a user chooses on the Focus page, and what may be chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from mmlib.errors import InputError, unknown
from mmlib.focusing import METHODS

LAYERS = {
    "levels": "Level of each cell",
    "verdict": "In focus or not",
    "errors": "Right or wrong",
    "defocus": "Distance from focus",
    "planes": "Sharpest frame of each cell",
    "none": "Nothing",
}
"""What can lie over the picture; right or wrong needs a truth, a distance a method that gives one."""
CELLS_PX = (32, 42, 64, 84, 128, 168)


@dataclass(frozen=True)
class FocusChoices:
    """What a user chooses on the Focus page."""

    source: str = field(default="", metadata={"link": "s"})
    speed: int | None = field(default=None, metadata={"link": "v"})
    plane: int | None = field(default=None, metadata={"link": "z"})
    methods: tuple[str, ...] = field(default=("best",), metadata={"link": "m"})
    shown: str = field(default="", metadata={"link": "g"})
    cell: int = field(default=84, metadata={"link": "e"})
    threshold: int | None = field(default=None, metadata={"link": "t"})
    layer: str = field(default="levels", metadata={"link": "o"})
    spot: int | None = field(default=None, metadata={"link": "i"})
    kept: tuple[int, ...] = field(default=(), metadata={"link": "k"})
    dropped: tuple[int, ...] = field(default=(), metadata={"link": "x"})
    camera: str = field(default="", metadata={"link": "c"})


def check(values: dict[str, Any], methods: tuple[str, ...]) -> None:
    """Raise unless values may be chosen.

    Args:
        values: fields of `FocusChoices`.
        methods: those that judge.

    Raises:
        InputError: if one is none of those there are.
    """
    if "shown" in values and values["shown"] not in methods:
        raise unknown("chosen method", values["shown"], methods)
    if "layer" in values and values["layer"] not in LAYERS:
        raise unknown("layer", values["layer"], LAYERS)
    if "cell" in values and not 4 <= values["cell"] <= 4096:
        raise InputError(f"a cell has an edge of 4 to 4096 px; got {values['cell']}")
    if values.get("spot") is not None and values["spot"] < 0:
        raise InputError(f"cells count from 0; got {values['spot']}")
    threshold = values.get("threshold")
    if threshold is not None and not 0 <= threshold <= 9:
        raise InputError(f"a threshold is a level, 0 to 9; got {threshold}")


def made_whole(choices: FocusChoices) -> tuple[FocusChoices, str]:
    """Put what may not be chosen back to how it is in the beginning: a link may say anything.

    Args:
        choices: as read from a link.

    Returns:
        Choices that may be, and one sentence about the first that may not, or an empty string.
    """
    usual, trouble = FocusChoices(), ""
    known = tuple(dict.fromkeys(name for name in choices.methods if name in METHODS))
    if not known or known != choices.methods:
        wrong = next((name for name in choices.methods if name not in METHODS), "")
        if wrong:
            trouble = f"the link asks for a focus method {wrong!r} that is not known here; it was left out"
        choices = replace(choices, methods=known or usual.methods)
    for name in ("shown", "layer", "cell", "threshold", "spot"):
        value = getattr(choices, name)
        if value == getattr(usual, name):
            continue
        try:
            check({name: value}, choices.methods)
        except InputError as error:
            trouble = trouble or f"{error}; the link was read without it"
            choices = replace(choices, **{name: getattr(usual, name)})
    return choices, trouble


def changed_by_hand(
    choices: FocusChoices, advised: set[int], frames: Iterable[int], keep: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Keep or drop frames, remembering only where that differs from the advice.

    Args:
        choices: what was kept and dropped before.
        advised: the frames that the shown method would keep.
        frames: those that the user keeps or drops.
        keep: which of the two.

    Returns:
        The frames kept, and those dropped, by hand.
    """
    by_hand = {True: set(choices.kept), False: set(choices.dropped)}
    for frame in frames:
        by_hand[True].discard(frame)
        by_hand[False].discard(frame)
        if (frame in advised) != keep:
            by_hand[keep].add(frame)
    return tuple(sorted(by_hand[True])), tuple(sorted(by_hand[False]))
