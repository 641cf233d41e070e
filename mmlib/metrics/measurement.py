"""What a quality measure is, what it is given, and what it answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from mmlib.metrics.fusion.sources import Sources

Needs = Literal["nothing", "reference", "sources", "depth"]
Better = Literal["higher", "lower", "none"]
Cost = Literal["instant", "fast", "slow"]


@dataclass(frozen=True)
class Given:
    """Everything that a measure may look at.

    Attributes:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1; what is measured.
        reference: the truth, like the picture.
        sources: the frames that the picture was fused from, each like the picture.
        field: (H, W) True where the picture counts; None counts all of it.
        depth: (H, W) depth that was found, in micrometres or planes.
        true_depth: (H, W) depth as it is, in the same unit.
        weights: file of trained weights of each measure that needs one, by the measure's name.
    """

    picture: NDArray[Any]
    reference: NDArray[Any] | None = None
    sources: Sources | None = None
    field: NDArray[Any] | None = None
    depth: NDArray[Any] | None = None
    true_depth: NDArray[Any] | None = None
    weights: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    def has(self, needs: Needs) -> bool:
        """Say whether what a measure needs is there."""
        if needs == "reference":
            return self.reference is not None
        if needs == "sources":
            return self.sources is not None
        if needs == "depth":
            return self.depth is not None and self.true_depth is not None
        return True


@dataclass(frozen=True)
class Measure:
    """One quality measure, as tables and pages show it.

    Attributes:
        name: how it is called, such as ``"ms_ssim"``.
        title: how it is printed, such as ``"MS-SSIM"``.
        needs: what it needs beside the picture.
        better: which direction is better; ``"none"`` where neither is.
        low: smallest possible value.
        high: largest possible value, infinite where there is none.
        cost: cpu time on a 720 x 960 picture: instant (under 0.1 s), fast (under 1 s) or slow.
        run: gives the value, or raises `InputError` with the reason why there is none.
        source: paper and DOI.
        unit: unit of the value, empty where it has none.
        note: what to know before reading the number.
    """

    name: str
    title: str
    needs: Needs
    better: Better
    low: float
    high: float
    cost: Cost
    run: Callable[[Given], float] = dataclasses.field(repr=False)
    source: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, repr=False)
class Measurement:
    """The answer of one measure: a value, or the reason why there is none.

    Attributes:
        measure: which measure answered.
        value: the number; infinite where two pictures are equal and the measure has no upper end.
        reason: why there is no value, one sentence; empty where there is one.
    """

    measure: Measure
    value: float | None
    reason: str = ""

    @property
    def name(self) -> str:
        """Name of the measure."""
        return self.measure.name

    def __repr__(self) -> str:
        """Show the number with its unit, or why there is none."""
        card = self.measure
        if self.value is None:
            return f"{card.title}: {self.reason}"
        better = "" if card.better == "none" else f" ({card.better} is better)"
        return f"{card.title} {self.value:.4g}{f' {card.unit}' if card.unit else ''}{better}"

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON, a table or a page needs; an infinite number becomes None with its reason.

        Returns:
            name, title, value, unit, direction (of better), range, cost, note, reason.
        """
        value, reason = self.value, self.reason
        if value is not None and not math.isfinite(value):
            value, reason = None, "infinite: the pictures are equal"
        ends = [end if math.isfinite(end) else None for end in (self.measure.low, self.measure.high)]
        return {
            "name": self.measure.name,
            "title": self.measure.title,
            "value": value,
            "unit": self.measure.unit,
            "direction": self.measure.better,
            "range": ends,
            "cost": self.measure.cost,
            "note": self.measure.note,
            "reason": reason,
        }
