"""What the Deblur page says of a method and of its result: a few words, and a row of numbers."""

from __future__ import annotations

from mmlib.deblurring import BEST
from mmlib.pages.deblur_state import INPUT, DeblurState
from mmlib.pages.scores import Scored

INPUT_TITLE = "Blurred"
TITLES = {
    "best": "Ours",
    "refocus": "Ours, towards focus",
    "richardson_lucy": "Richardson-Lucy",
    "wiener": "Wiener",
    "srcnn": "SRCNN",
    "unet": "U-Net",
    "sdeblurgan": "sDeblurGAN",
    "udeblurgan": "uDeblurGAN",
}
"""What methods are called in print; any other by its own name."""


def words_of(method: str) -> str:
    """Give what a page calls a method: its name in words, and whether it is the one we recommend."""
    return f"{title_of(method)} (best)" if method == BEST else title_of(method)


def title_of(method: str) -> str:
    """Give what stands over the picture of a method."""
    return INPUT_TITLE if method == INPUT else TITLES.get(method, method.replace("_", " "))


def scored(state: DeblurState) -> list[Scored]:
    """Give a row of numbers for each result, the blurred frame first.

    Args:
        state: of the Deblur page.

    Returns:
        The rows; those of a region come first where one is chosen.
    """
    rows = []
    for one in state.results:
        seconds = None if one.method == INPUT else float(one.summary.get("seconds", 0.0))
        rows.append(Scored(title_of(one.method), state.numbers.of(one.method), seconds))
    return rows
