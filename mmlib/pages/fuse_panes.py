"""The panes of the Fuse page: the stack, the fused pictures, what they say of depth and origin, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.pages.attempts import Attempt
from mmlib.pages.background import Runner
from mmlib.pages.fuse_state import FuseState
from mmlib.pages.region import crop
from mmlib.pictures import to_uint8
from mmlib.stacks import ZStack, parse_frames
from mmlib.widgets import Compared, Pane, StackView, coloured, difference_panes, ramp_legend, shaded, spectrum_panes

TRUTH_TITLE = "Truth"
LEAST_PX = 16
"""Regions that are smaller have no spectrum."""


class Spot(NamedTuple):
    """A pixel of the fused picture: where it is, from which frame, and how high the specimen is there."""

    x: int
    y: int
    frame: int
    depth: float


@dataclass(frozen=True, eq=False)
class Maps:
    """What a job found out beside the picture: (H, W) each; depth is NaN outside the field of view."""

    depth: NDArray[np.float32]
    index: NDArray[np.uint16]


class FusePanes:
    """Reads what the jobs wrote, each file once, and shows it; a view knows a picture by its identity."""

    def __init__(self, state: FuseState, run: Runner) -> None:
        """Set it up.

        Args:
            state: what is shown.
            run: how differences and spectra are made.
        """
        self._state = state
        self._run = run
        self._kept: dict[Path, NDArray[np.uint8]] = {}
        self._maps: tuple[Path | None, Maps | None] = (None, None)
        self._painted: dict[tuple[Path, str], NDArray[np.uint8]] = {}
        self._made: tuple[tuple[Any, ...], list[Pane]] = ((), [])
        self._shown: tuple[Any, ...] = ()
        self._jumped: Path | None = None

    def draw(self, view: StackView) -> None:
        """Show what the state asks for.

        Args:
            view: where.
        """
        state = self._state
        if state.stack is None:
            return
        try:
            self._draw(view, state.stack)
        except (InputError, OSError):
            self._kept, self._maps = {}, (None, None)
            state.complain("this result is no longer on the disk; fuse again")
        box = state.choices.region
        view.set_trait("region", None if box is None or state.choices.shows == "spectrum" else list(map(float, box)))

    def spot(self, x: float, y: float) -> Spot | None:
        """Say where a pixel of the fused picture comes from.

        Args:
            x: column, px.
            y: row, px.

        Returns:
            The spot, or None where nothing is fused.
        """
        maps = self._read_maps()
        column, row = int(x), int(y)
        if maps is None or not (0 <= row < maps.index.shape[0] and 0 <= column < maps.index.shape[1]):
            return None
        frame = self._origin(int(maps.index[row, column]))
        return Spot(column, row, frame, float(maps.depth[row, column]))

    def _draw(self, view: StackView, stack: ZStack) -> None:
        state, choices = self._state, self._state.choices
        results = state.results
        folders = tuple(one.folder for one in results)
        self._kept = {folder: kept for folder, kept in self._kept.items() if folder in folders}
        self._painted = {key: kept for key, kept in self._painted.items() if key[0] in folders}
        if not results:
            self._put(view, (id(stack),), lambda: [Pane(stack=stack, title="Stack")], None)
            return
        if choices.shows == "pictures" or len(self._comparable(results)) < 2:
            best = state.sharpest if self._jumped != folders[0] else None
            if best is not None:
                self._jumped = folders[0]
            seen = (choices.depth, choices.relief, choices.origin, choices.truth, state.sharpest)
            key: tuple[Any, ...] = ("pictures", id(stack), folders, seen, tuple(state.beside.numbers.whole))
            self._put(view, key, lambda: self._pictures(results, stack), best)
            return
        key = (choices.shows, folders, choices.truth, self._box())
        if key == self._made[0]:
            self._put(view, key, lambda: self._made[1], None)
            return

        def made(panes: list[Pane]) -> None:
            self._made = (key, panes)
            self._put(view, key, lambda: panes, None)

        self._run(lambda _: self._compared(results), made, state.complain, lambda share, stage: None)

    def _put(self, view: StackView, key: tuple[Any, ...], panes: Callable[[], list[Pane]], plane: int | None) -> None:
        if key != self._shown:
            view.show(panes(), index=plane)
            self._shown = key

    def _pictures(self, results: list[Attempt], stack: ZStack) -> list[Pane]:
        state, choices, pixel_um = self._state, self._state.choices, stack.pixel_um
        best = state.sharpest
        panes = [Pane(stack=stack, title="Stack", note="" if best is None else f"frame {best + 1} is the sharpest")]
        for i, one in enumerate(results):
            title = one.method if i or len(results) > 1 else "Fused"
            note = self._note(one, one.method if title == "Fused" else "")
            panes.append(Pane(picture=self._read(one), title=title, note=note, pixel_um=pixel_um))
        if state.truth is not None and choices.truth:
            panes.append(Pane(picture=self._true(), title=TRUTH_TITLE, note="all in focus", pixel_um=pixel_um))
        shown = {"depth": choices.depth, "relief": choices.relief, "origin": choices.origin}
        return [*panes, *(self._map_pane(results[0], name) for name, on in shown.items() if on)]

    def _note(self, one: Attempt, name: str) -> str:
        scores = {m["name"]: m["value"] for m in self._state.beside.numbers.whole.get(one.method, [])}
        words = [name] if name else [f"{one.summary.get('seconds', 0.0):.1f} s"]
        if scores.get("psnr") is not None:
            words.append(f"{scores['psnr']:.1f} dB")
        return ", ".join(words)

    def _map_pane(self, main: Attempt, name: str) -> Pane:
        maps = self._read_maps()
        if maps is None:
            raise InputError("there is no depth map")
        folder, unit = main.file(""), str(main.summary["depth_unit"])
        low, high = _ends(maps.depth)
        words = [f"{at:.3g} µm" if unit == "um" else str(self._origin(round(at)) + 1) for at in (low, high)]
        legend = ramp_legend(words[0], words[1], "height" if unit == "um" else "frame")
        if name == "origin":
            first, last = (self._origin(int(maps.index.flat[at(maps.index)])) for at in (np.argmin, np.argmax))
            legend = ramp_legend(str(first + 1), str(last + 1), "frame that each pixel is from")
        if (folder, name) not in self._painted:
            if name == "relief":
                self._painted[folder, name] = shaded(maps.depth)
            else:
                values = maps.index.astype(np.float32) if name == "origin" else maps.depth
                painted = coloured(values) if name == "origin" else coloured(values, low=low, high=high)
                self._painted[folder, name] = np.where(painted[:, :, 3:] > 0, painted[:, :, :3], 0).astype(np.uint8)
        titles = {"depth": "Depth", "relief": "Relief", "origin": "Which frame"}
        note = "light from the upper left" if name == "relief" else "click to see the frame" if name == "origin" else ""
        return Pane(picture=self._painted[folder, name], title=titles[name], note=note, kind="map", legend=legend)

    def _comparable(self, results: list[Attempt]) -> list[Any]:
        truth = self._state.truth is not None and self._state.choices.truth
        return [*results, *([self._state.truth] if truth else [])]

    def _compared(self, results: list[Attempt]) -> list[Pane]:
        state, choices = self._state, self._state.choices
        pixel_um = None if state.stack is None else state.stack.pixel_um
        pictures = [Compared(one.method, self._read(one)) for one in results]
        truth = Compared(TRUTH_TITLE, self._true()) if state.truth is not None and choices.truth else None
        if choices.shows == "difference":
            if truth is not None:
                return difference_panes(pictures, truth, pixel_um=pixel_um)
            return difference_panes(pictures[1:], pictures[0], pixel_um=pixel_um)
        pictures += [truth] if truth is not None else []
        box = self._box()
        if box is not None:
            pictures = [Compared(f"{one.title}, region", crop(one.picture, box)) for one in pictures]
        return spectrum_panes(pictures, pixel_um=pixel_um)

    def _box(self) -> Any:
        choices = self._state.choices
        box = choices.region
        return box if choices.shows == "spectrum" and box is not None and min(box[2:]) >= LEAST_PX else None

    def _read(self, one: Attempt) -> NDArray[np.uint8]:
        folder = one.file("")
        if folder not in self._kept:
            self._kept[folder] = to_uint8(io.read_picture(one.file("fused.png")))
        return self._kept[folder]

    def _origin(self, index: int) -> int:
        """Give the frame of the whole stack that a value of the index map stands for."""
        state = self._state
        if state.result is None or state.stack is None:
            return index
        chosen = parse_frames(state.result.made_with.frames or ":", len(state.stack))
        return chosen[min(index, len(chosen) - 1)]

    def _read_maps(self) -> Maps | None:
        result = self._state.result
        if result is None:
            return None
        if self._maps[0] != result.folder:
            depth = io.read_map(result.file("depth.tif"))
            if self._state.visible is not None:
                depth = np.where(self._state.visible, depth, np.float32(np.nan))
            self._maps = result.folder, Maps(depth, np.asarray(io.read_picture(result.file("index.tif")), np.uint16))
        return self._maps[1]

    def _true(self) -> NDArray[Any]:
        if self._state.truth is None:
            raise InputError("there is no truth for this stack")
        return self._state.truth


def _ends(depth: NDArray[np.float32]) -> tuple[float, float]:
    """Give the range of a depth map without its few wildest pixels."""
    if not np.isfinite(depth).any():
        return 0.0, 0.0
    low, high = np.nanpercentile(depth, (1, 99))
    return float(low), float(high)
