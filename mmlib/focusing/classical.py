"""Judges without training: the four bands of detail weighed through the stack, and every focus measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.judges import Judge, Judgement, Look, Method, View
from mmlib.focusing.judging import Evidence, levels_of_profile, levels_of_values, levels_of_width
from mmlib.sharpness.cells import measure_cells
from mmlib.sharpness.measure import Measure


class BandJudge:
    """Weighs four scales of detail by what each has to say through the stack; see `judging.weigh`."""

    def __init__(self, view: View) -> None:
        """Take any stack."""

    def see(self, look: Look) -> None:
        """Keep nothing: the evidence is all it goes by."""

    def finish(self, evidence: Evidence) -> Judgement:
        """Grade each cell by how far it falls from its best, or in a lone picture by the width of its edges."""
        score = evidence.score
        if len(score) > 1:
            return Judgement(score, levels_of_profile(score))
        return Judgement(score, levels_of_width(evidence.width_px, np.isfinite(score)))


class MeasureJudge:
    """Grades each cell by where a focus measure lies between its most and its least."""

    def __init__(self, measure: Measure, view: View) -> None:
        """Judge by one measure."""
        self.measure, self.view = measure, view
        self.values: list[NDArray[np.float64]] = []

    def see(self, look: Look) -> None:
        """Measure every cell."""
        self.values.append(measure_cells(look.grey, self.measure, self.view.cells, self.view.inner))

    def finish(self, evidence: Evidence) -> Judgement:
        """Grade; the best plane is the top of the measure's logarithm."""
        score = np.where(evidence.blank, np.nan, np.stack(self.values))  # (K, rows, columns)
        return Judgement(score, levels_of_values(score), profile=np.log(_positive(score)))


def of_measure(measure: Measure) -> Method:
    """Make a method of a focus measure."""

    def make(view: View) -> Judge:
        return MeasureJudge(measure, view)

    return Method(measure.title, make, "measure")


def _positive(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lift values that a measure may have at or below zero, so that their logarithm can be taken."""
    known = score[np.isfinite(score)]
    return np.maximum(score, 1e-9 * max(float(known.max()), 1e-300)) if known.size else score
