"""What the Explore page knows: the stack, its focus curves, where it is sharp, and what lies under a line."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.pages.background import Runner, at_once
from mmlib.pages.sources import named, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.pictures import to_grey, to_uint8
from mmlib.progress import Progress
from mmlib.sharpness import MEASURES, focus_curve, sharpness_map
from mmlib.stacks import ZStack

OVERLAYS = {"none": "Nothing", "field": "Field of view", "planes": "Sharpest frame of each cell"}
CELL_PX = 84
CELLS_ACROSS = 12
"""A frame is cut into about so many cells along its longer side."""
DETAIL_SHARE = 0.02
"""A cell whose sharpness hardly changes through the stack is empty: its best plane would be chance."""


@dataclass(frozen=True)
class ExploreChoices:
    """What a user chooses on the Explore page."""

    source: str = field(default="", metadata={"link": "s"})
    speed: int | None = field(default=None, metadata={"link": "v"})
    plane: int | None = field(default=None, metadata={"link": "z"})
    measures: tuple[str, ...] = field(default=("tenengrad", "laplacian"), metadata={"link": "m", "known": MEASURES})
    overlay: str = field(default="none", metadata={"link": "o", "known": OVERLAYS})
    line: tuple[float, float, float, float] | None = None
    camera: str = field(default="", metadata={"link": "c"})


@dataclass(frozen=True)
class Planes:
    """The best plane of every cell.

    Attributes:
        cell: edge of a cell, px.
        best: (rows, columns) frame numbers, -1 where nothing can be told.
    """

    cell: int
    best: NDArray[np.int64]


class ExploreState(PageState[ExploreChoices]):
    """The Explore page without its looks.

    Attributes:
        stack: what is shown, or None.
        visible: (H, W), True inside the field of view, or None until it is known.
        curves: the focus curve of each chosen measure, (K,).
        planes: the best plane of each cell, once asked for.
        busy: what is being done, or empty.
        share: how much of it is done, 0..1.
    """

    def __init__(self, choices: ExploreChoices | None = None, *, run: Runner = at_once) -> None:
        super().__init__(choices or ExploreChoices())
        self.stack: ZStack | None = None
        self.visible: NDArray[np.bool_] | None = None
        self.curves: dict[str, NDArray[np.float64]] = {}
        self.planes: Planes | None = None
        self.busy = ""
        self.share = 0.0
        self._run = run

    @property
    def plane(self) -> int:
        """The frame that is shown: the chosen one, else the middle."""
        if self.stack is None:
            return 0
        chosen = self.choices.plane
        return len(self.stack) // 2 if chosen is None else min(max(chosen, 0), len(self.stack) - 1)

    def open(self, source: str, *, speed: int | None = None, plane: int | None = None) -> None:
        """Put another stack under the microscope; the old one stays if that fails.

        Args:
            source: see `mmlib.pages.sources.read_source`.
            speed: scan speed 1..4 of a built-in specimen.
            plane: the frame to show; None takes the sharpest.
        """
        self.complain("")
        source = named(source)
        if not source:
            return

        def opened(found: tuple[ZStack, NDArray[np.bool_]]) -> None:
            self.stack, self.visible = found
            self.curves, self.planes = {}, None
            new = source != self.choices.source or speed != self.choices.speed
            kept = ExploreChoices() if new else self.choices
            self.change(source=source, speed=speed, plane=plane, line=kept.line, camera=kept.camera)
            self.forget()
            self.tell("stack")
            self.measure()

        def read(progress: Progress) -> tuple[ZStack, NDArray[np.bool_]]:
            stack = read_source(source, speed=speed, progress=progress)
            remember(source, stack)
            return stack, find_field(stack)

        self._work("opening", read, opened)

    def measure(self) -> None:
        """Find the focus curves, and the best planes if they are to be seen."""
        stack, visible = self.stack, self.visible
        if stack is None:
            return
        missing = [name for name in self.choices.measures if name not in self.curves]
        if missing:
            self._work("measuring sharpness", lambda tell: focus_curve(stack, missing, visible, tell), self._measured)
        elif self.choices.overlay == "planes" and self.planes is None:
            self._work(
                "finding the sharpest frame of each cell", lambda tell: best_planes(stack, visible, tell), self._mapped
            )
        else:
            self._rest()

    def _measured(self, curves: dict[str, NDArray[np.float64]]) -> None:
        self.curves = {**self.curves, **curves}
        if self.choices.plane is None and self.sharpest is not None:
            self.drift(plane=self.sharpest)
        self.tell("curves")
        self.measure()

    def _mapped(self, planes: Planes) -> None:
        self.planes = planes
        self.tell("planes")

    @property
    def sharpest(self) -> int | None:
        """The frame with the highest value of the first measure, once it is known."""
        for name in self.choices.measures:
            curve = self.curves.get(name)
            if curve is not None and np.isfinite(curve).any():
                return int(np.nanargmax(curve))
        return None

    def show_plane(self, plane: int) -> None:
        """Step to a frame; stepping is not worth an undo.

        Args:
            plane: its number.
        """
        if self.stack is not None:
            self.drift(plane=min(max(plane, 0), len(self.stack) - 1))

    def choose_measures(self, names: tuple[str, ...]) -> None:
        """Show the curves of these measures.

        Args:
            names: keys of `MEASURES`.
        """
        try:
            for name in names:
                if name not in MEASURES:
                    raise unknown("focus measure", name, MEASURES)
        except InputError as error:
            self.complain(error)
            return
        self.complain("")
        self.change(measures=names)
        self.tell("curves")
        self.measure()

    def choose_overlay(self, name: str) -> None:
        """Lay something over the picture.

        Args:
            name: a key of `OVERLAYS`.
        """
        if name not in OVERLAYS:
            self.complain(unknown("overlay", name, OVERLAYS))
            return
        self.change(overlay=name)
        self.measure()

    def choose_line(self, line: tuple[float, float, float, float] | None) -> None:
        """Look along a line.

        Args:
            line: x0, y0, x1, y1 in picture px; None takes it away.
        """
        self.change(line=line)

    def undo(self) -> None:
        """Go back to what was chosen before for this stack."""
        super().undo()
        self.tell("curves")
        self.measure()

    def histogram(self, bins: int = 64) -> NDArray[np.float64]:
        """Count the brightness of the shown frame inside the field.

        Args:
            bins: how many.

        Returns:
            (bins,) shares, summing to 1; all 0 where nothing is shown.
        """
        if self.stack is None:
            return np.zeros(bins)
        grey = to_uint8(to_grey(self.stack[self.plane]))
        mask = None if self.visible is None else self.visible.astype(np.uint8)
        counts = cv2.calcHist([grey], [0], mask, [bins], [0, 256]).ravel().astype(np.float64)
        return np.asarray(counts / max(counts.sum(), 1))

    def profile(self) -> NDArray[np.float64]:
        """Read the brightness along the chosen line in the shown frame, by bilinear interpolation.

        Returns:
            (N,) in 0..1, one value a pixel of length; empty without a line.
        """
        if self.stack is None or self.choices.line is None:
            return np.zeros(0)
        x0, y0, x1, y1 = self.choices.line
        count = max(2, round(float(np.hypot(x1 - x0, y1 - y0))) + 1)
        grey = to_grey(self.stack[self.plane]).astype(np.float32)
        xs, ys = np.linspace(x0, x1, count, dtype=np.float32), np.linspace(y0, y1, count, dtype=np.float32)
        values = cv2.remap(grey, xs[None], ys[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        return np.asarray(values, np.float64) / float(np.iinfo(self.stack.dtype).max)

    def curves_csv(self) -> bytes:
        """Write the focus curves that are shown as a table: frame, z_um, one column a measure."""
        text = io.StringIO()
        rows = csv.writer(text)
        names = [name for name in self.choices.measures if name in self.curves]
        rows.writerow(["frame", "z_um", *names])
        count = 0 if self.stack is None else len(self.stack)
        heights: Any = [""] * count if self.stack is None or self.stack.z_um is None else self.stack.z_um
        for i in range(count):
            rows.writerow([i, heights[i], *(float(self.curves[name][i]) for name in names)])
        return text.getvalue().encode()

    def _work(self, name: str, work: Any, then: Any) -> None:
        self.busy, self.share = name, 0.0
        self.tell("busy")

        def done(result: Any) -> None:
            self._rest()
            then(result)

        def failed(sentence: str) -> None:
            self._rest()
            self.complain(sentence)

        def progress(share: float, stage: str) -> None:
            self.busy, self.share = stage or name, share
            self.tell("busy")

        self._run(work, done, failed, progress)

    def _rest(self) -> None:
        if self.busy:
            self.busy = ""
            self.tell("busy")


def best_planes(stack: ZStack, visible: NDArray[np.bool_] | None, progress: Progress) -> Planes:
    """Find the sharpest frame of every cell of a grid.

    Args:
        stack: the stack.
        visible: (H, W), True inside the field of view; None takes all.
        progress: told how far it is.

    Returns:
        The grid; cells outside the field, and cells in which nothing comes into focus, have no best plane.
    """
    longest, shortest = max(stack.height, stack.width), min(stack.height, stack.width)
    cell = int(np.clip(longest // CELLS_ACROSS, 4, min(CELL_PX, shortest))) if shortest >= 4 else 0
    if not cell:
        return Planes(1, np.full((1, 1), -1))
    rows = []
    for i, frame in enumerate(stack):
        progress(i / len(stack), "finding the sharpest frame of each cell")
        rows.append(sharpness_map(frame, "tenengrad", cell=cell, stride=cell, field=visible))
    maps = np.stack(rows)  # (K, rows, columns)
    known = np.isfinite(maps).all(axis=0)
    filled = np.where(np.isfinite(maps), maps, 0)
    swing = filled.max(axis=0) - filled.min(axis=0)
    told = known & (swing > DETAIL_SHARE * swing.max())
    return Planes(cell, np.where(told, filled.argmax(axis=0), -1))
