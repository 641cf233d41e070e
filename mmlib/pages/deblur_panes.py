"""The panes of the Deblur page: the blurred frame and the results, what changed, or the fineness of their detail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.pages.attempts import Attempt
from mmlib.pages.background import Runner
from mmlib.pages.deblur_state import INPUT, DeblurState
from mmlib.pages.deblur_words import INPUT_TITLE, title_of
from mmlib.pages.region import crop
from mmlib.pictures import to_uint8
from mmlib.stacks import ZStack
from mmlib.widgets import Compared, Pane, StackView
from mmlib.widgets.compare import difference_panes, spectrum_panes

TRUTH_TITLE = "Truth"


class DeblurPanes:
    """Reads what the jobs wrote, each file once, and shows it; a view knows a picture by its identity."""

    def __init__(self, state: DeblurState, run: Runner) -> None:
        self._state = state
        self._run = run
        self._kept: dict[Path, Any] = {}
        self._made: tuple[tuple[Any, ...], list[Pane]] = ((), [])
        self._shown: tuple[Any, ...] = ()

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
            self._kept = {}
            state.complain("this result is no longer on the disk; deblur again")
        box = state.choices.region
        view.set_trait("region", None if box is None or state.choices.shows == "spectrum" else list(map(float, box)))

    def _draw(self, view: StackView, stack: ZStack) -> None:
        state = self._state
        results = state.results
        if len(results) < 2:
            self._put(view, (id(stack),), lambda: [Pane(stack=stack, title="Stack")], state.frame)
            return
        folders = tuple(one.folder for one in results)
        self._kept = {folder: kept for folder, kept in self._kept.items() if folder in folders}
        choices = state.choices
        plane = state.frame if choices.whole else None
        if choices.shows == "pictures":
            key: tuple[Any, ...] = (
                "pictures",
                folders,
                choices.truth,
                tuple(state.numbers.whole) if not choices.whole else (),
            )
            self._put(view, key, lambda: self._pictures(results, stack), state.frame)
            return
        key = (choices.shows, folders, plane, choices.against, choices.truth, _box(state))
        if key == self._made[0]:
            self._put(view, key, lambda: self._made[1], None)
            return

        def made(panes: list[Pane]) -> None:
            self._made = (key, panes)
            self._put(view, key, lambda: panes, None)

        self._run(lambda _: self._compared(results, plane), made, state.complain, lambda share, stage: None)

    def _put(self, view: StackView, key: tuple[Any, ...], panes: Callable[[], list[Pane]], plane: int | None) -> None:
        if key != self._shown:
            view.show(panes(), index=plane)
            self._shown = key
        elif plane is not None and view.count > 1:
            view.index = plane

    def _pictures(self, results: list[Attempt], stack: ZStack) -> list[Pane]:
        state = self._state
        panes = []
        for one in results:
            first = one.method == INPUT
            note = self._note(one)
            if state.choices.whole:
                panes.append(Pane(stack=stack if first else self._read(one), title=title_of(one.method), note=note))
            else:
                picture = self._read(one)
                panes.append(Pane(picture=picture, title=title_of(one.method), note=note, pixel_um=stack.pixel_um))
        if state.truth is not None and state.choices.truth:
            panes.append(Pane(picture=self._true(), title=TRUTH_TITLE, note="all in focus", pixel_um=stack.pixel_um))
        return panes

    def _note(self, one: Attempt) -> str:
        scores = {
            m["name"]: m["value"] for m in self._state.numbers.whole.get(one.method, []) if m["value"] is not None
        }
        words = [f"{scores['psnr']:.1f} dB"] if "psnr" in scores and not self._state.choices.whole else []
        if one.method == INPUT:
            words = [f"frame {self._state.frame + 1}", *words] if not self._state.choices.whole else words
        else:
            words.append(f"{one.summary.get('seconds', 0.0):.1f} s")
        return ", ".join(words)

    def _compared(self, results: list[Attempt], plane: int | None) -> list[Pane]:
        state = self._state
        stack, choices = state.stack, state.choices
        pixel_um = None if stack is None else stack.pixel_um
        pictures = [Compared(title_of(one.method), self._plane(one, plane)) for one in results]
        truth = None if state.truth is None else Compared(TRUTH_TITLE, self._true())
        if choices.shows == "difference":
            if truth is not None and choices.against == "truth":
                return difference_panes(pictures, truth, pixel_um=pixel_um)
            return difference_panes(pictures[1:], Compared(INPUT_TITLE, pictures[0].picture), pixel_um=pixel_um)
        if truth is not None and choices.truth:
            pictures.append(truth)
        box = _box(state)
        if box is not None:
            pictures = [Compared(f"{one.title}, region", crop(one.picture, box)) for one in pictures]
        return spectrum_panes(pictures, pixel_um=pixel_um)

    def _plane(self, one: Attempt, plane: int | None) -> NDArray[Any]:
        read = self._read(one)
        return to_uint8(read[plane]) if isinstance(read, ZStack) and plane is not None else np.asarray(read)

    def _read(self, one: Attempt) -> Any:
        folder = one.file("")
        if folder not in self._kept:
            if self._state.choices.whole:
                self._kept[folder] = io.open_stack(one.file("deblurred.tif"))
            else:
                self._kept[folder] = to_uint8(io.read_picture(one.file("deblurred.png")))
        return self._kept[folder]

    def _true(self) -> NDArray[Any]:
        if self._state.truth is None:
            raise InputError("there is no truth for this stack")
        return self._state.truth


def _box(state: DeblurState) -> Any:
    """Give the region that a spectrum is made of: one too small for it counts as none."""
    box = state.choices.region
    return box if state.choices.shows == "spectrum" and box is not None and min(box[2:]) >= 16 else None
