"""What a judge of focus is: it looks at each frame once, in order, and says at the end what it found in every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmlib.focusing.bands import Bands
from mmlib.focusing.judging import Evidence
from mmlib.pictures import Frame
from mmlib.sharpness.cells import Cells
from mmlib.sharpness.measure import Grey, Mask

Values = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """What all frames of a stack share.

    Attributes:
        cells: tops, lefts and edge of the cells, as `mmlib.sharpness.cells.grid` gives them.
        field: (H, W) where the picture is, or None for everywhere.
        inner: (H, W) where detail can be judged without seeing the rim, or None for everywhere.
        share: (rows, columns) share of each cell that lies in the field.
        frames: how many there are.
        z_um: height of each frame, or None where nobody knows.
    """

    cells: Cells
    field: Mask | None
    inner: Mask | None
    share: Values
    frames: int
    z_um: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Look:
    """One frame and what is worked out for every judge alike.

    Attributes:
        number: of the frame, from 0.
        frame: (H, W) or (H, W, 3), uint8 or uint16.
        grey: (H, W) float32, 0..1.
        even: (H, W) float32, the picture over its illumination, about 1.
        details: four (H, W) differences of Gaussians of it, fine first.
        bands: their energy, cell by cell.
    """

    number: int
    frame: Frame
    grey: Grey
    even: Grey
    details: tuple[Grey, ...]
    bands: Bands


@dataclass(frozen=True)
class Judgement:
    """What a judge found; K frames, cells in rows and columns.

    Attributes:
        score: (K, rows, columns) larger = sharper; NaN where there is nothing to judge.
        level: (K, rows, columns) 0 sharpest .. 9; -1 where there is nothing to judge.
        profile: (K, rows, columns) a logarithm that rises with sharpness, whose top is the best plane; None: the score.
        sharp: (K, rows, columns) True in focus; None: levels up to `judging.OUT_ABOVE`.
        chances: (K, N) how likely each cell that can be judged is in focus, whose mean over the cells is the curve;
            None: the curve is the geometric mean of the profile.
        best_plane: (rows, columns) with fraction; None: the top of the profile.
        artefact: (K, rows, columns) True where dirt is what one sees; None: nobody looked.
        defocus_dof: (K, rows, columns) distance from focus in depths of field, positive where focus lies above the
            surface; NaN or None where nobody knows.
        defocus_low_dof: (K, rows, columns) lower end of an interval that holds it nine times in ten.
        defocus_high_dof: (K, rows, columns) upper end.
        certainty: (K, rows, columns) 0 a guess .. 1 sure; None: nobody knows.
    """

    score: Values
    level: NDArray[np.int8]
    profile: Values | None = None
    sharp: NDArray[np.bool_] | None = None
    chances: Values | None = None
    best_plane: Values | None = None
    artefact: NDArray[np.bool_] | None = None
    defocus_dof: Values | None = None
    defocus_low_dof: Values | None = None
    defocus_high_dof: Values | None = None
    certainty: Values | None = None


class Judge(Protocol):
    """Judges one stack; made anew for each."""

    def see(self, look: Look) -> None:
        """Take in the next frame, keeping no more of it than a few numbers a cell."""

    def finish(self, evidence: Evidence) -> Judgement:
        """Say what was found, after the last frame.

        Args:
            evidence: what the classical bands say of the same frames; cells that are blank there stay blank.
        """


@dataclass(frozen=True)
class Method:
    """A way to judge focus that users can name.

    Attributes:
        title: what a page shows.
        make: gives a judge for a stack; raises InputError at once if its weights are missing.
        kind: ``ours``, ``paper`` or ``measure``.
    """

    title: str
    make: Callable[[View], Judge]
    kind: str = "ours"
