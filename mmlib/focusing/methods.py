"""Every way to judge focus, by name: one line a method."""

from __future__ import annotations

from collections.abc import Mapping

from mmlib.focusing.classical import BandJudge, of_measure
from mmlib.focusing.judges import Method
from mmlib.focusing.learned import learned
from mmlib.focusing.paper import PAPER
from mmlib.sharpness import MEASURES

METHODS: Mapping[str, Method] = {
    "best": Method("Best: learned, read along z", learned),
    "bands": Method("Detail at four scales, through the stack", BandJudge),
    **PAPER,
    **{name: of_measure(measure) for name, measure in MEASURES.items()},
}
"""``best`` is the one we recommend."""
