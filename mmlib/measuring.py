"""Every quality measure of a picture at once: against a truth, without one, its sharpness, and trained judges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from mmlib import metrics, sharpness, zoo
from mmlib.errors import InputError
from mmlib.field import find_field
from mmlib.metrics import Given, Measure, Measurement
from mmlib.metrics.fusion.sources import Sources
from mmlib.pictures import as_picture

SHOWN = ("tenengrad", "laplacian", "vollath4")
"""The measures of sharpness that are given where none is asked for: one that mostly does best, and two well known ones.
All the others are there by name."""

SHARPNESS_NOTE = "It compares pictures of one scene, not of different ones: more contrast or noise raises it too."
FAINT_FIELD = "the field holds too few pixels to measure sharpness; choose a larger one"


def _sharpness(given: Given, name: str) -> float:
    value = sharpness.frame_sharpness(as_picture(given.picture), name, given.field)
    if not math.isfinite(value):
        raise InputError(FAINT_FIELD)
    return value


MEASURES: Mapping[str, Measure] = {
    **metrics.MEASURES,
    **{
        name: Measure(
            name, known.title, "nothing", "higher", -math.inf, math.inf, "fast", partial(_sharpness, name=name),
            known.source, note=SHARPNESS_NOTE,
        )
        for name, known in sharpness.MEASURES.items()
    },
}  # fmt: skip
"""Every measure by its name: those of `mmlib.metrics` and those of `mmlib.sharpness`."""

TRAINED = ("cnniqa", "cnniqa_plus")


def measure(
    picture: NDArray[Any],
    *,
    reference: NDArray[Any] | None = None,
    sources: Sources | None = None,
    field: NDArray[Any] | Literal["auto"] | None = "auto",
    depth: NDArray[Any] | None = None,
    true_depth: NDArray[Any] | None = None,
    only: Iterable[str] | None = None,
    weights: Mapping[str, Path] | None = None,
) -> list[Measurement]:
    """Measure a picture by every measure that applies.

    Args:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        sources: the frames it was fused from, same size and colours: a list, an array or a ZStack.
        field: (H, W) bool, True where the picture counts; ``"auto"`` finds the bright disc of the eyepiece, if there
            is one, in the reference or else in the picture; None counts everything.
        depth: (H, W) depth that was found.
        true_depth: (H, W) depth as it is, in the same unit.
        only: names of `MEASURES`; None takes all for which everything is there, and of sharpness those in `SHOWN`.
        weights: file of trained weights by the name of the measure; ours where it is not named.

    Returns:
        A value for each measure, or None and the reason in words, in the order of `only` or of the registry.

    Raises:
        InputError: if the picture or the field is none, a name is not known, or the reference does not fit.
    """
    chosen = None if only is None else list(only)
    if isinstance(field, str) and field != "auto":
        raise InputError(f"field must be a mask, None or 'auto'; it is {field!r}")
    found = _find(picture, reference) if isinstance(field, str) else field
    shown = MEASURES
    if chosen is None:
        shown = {name: card for name, card in MEASURES.items() if name in metrics.MEASURES or name in SHOWN}
    wanted = [name for name in TRAINED if name in (shown if chosen is None else chosen)]
    answers = metrics.measure(
        picture, reference=reference, sources=sources, field=found, depth=depth, true_depth=true_depth, only=chosen,
        weights={**_ours(wanted), **(weights or {})}, measures=shown,
    )  # fmt: skip
    return [_explained(answer, weights or {}) for answer in answers]


def _find(picture: NDArray[Any], reference: NDArray[Any] | None) -> NDArray[Any] | None:
    """Find the field; None where it is the whole picture, for then the measures are quicker."""
    field = find_field(as_picture(picture if reference is None else reference))
    return None if field.all() else field


def _ours(names: Iterable[str]) -> dict[str, Path]:
    """Give the files of our weights, those that are there and whole."""
    there = {}
    for name in names:
        try:
            there[name] = zoo.weights_path(name)
        except InputError:  # said by `_explained`
            continue
    return there


def _explained(answer: Measurement, weights: Mapping[str, Path]) -> Measurement:
    """Say why our weights of a trained measure are not used, where that is the reason for no value."""
    if answer.value is None and answer.name in TRAINED and answer.name not in weights:
        try:
            zoo.weights_path(answer.name)
        except InputError as error:
            return Measurement(answer.measure, None, str(error))
    return answer
