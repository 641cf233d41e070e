"""The Fuse page: one picture that is sharp everywhere, beside the best single frame, and its depth map."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from mmlib import io
from mmlib.errors import InputError
from mmlib.fusing import METHODS
from mmlib.pages.address import Address, given_query
from mmlib.pages.background import Latest, deliverer
from mmlib.pages.copies import Copies
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.fuse_state import ALIGNMENTS, FILES, FuseChoices, FuseState, best_words
from mmlib.pages.layout import bench, button, classed, facts, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.recipes import as_command, as_python
from mmlib.widgets import Pane, StackView, coloured


def show(source: str | None = None) -> widgets.Widget:
    """Build the page.

    Args:
        source: the stack to open; None takes the one of the link.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(FuseChoices, given_query())
    state = FuseState(choices, run=Latest(), aside=Latest(), deliver=deliverer())
    view = FuseView(state)
    if source or choices.source:
        state.open(source or choices.source, speed=choices.speed, again=choices.ran and not source)
    if trouble:
        state.complain(trouble)
    return view.widget


class FuseView:
    """Draws a `FuseState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: FuseState) -> None:
        self.state = state
        self.view = StackView(label="Stack and fused picture", height="clamp(260px, min(100vh - 238px, 110vw), 1100px)")
        self.picker = Picker(lambda name, speed: state.open(name, speed=speed))
        self.message, self.progress, self.empty, self.outcome = html(), html(), html(EMPTY), html()
        methods = [(best_words(), "best"), *((name, name) for name in METHODS)]
        self.method = widgets.Dropdown(options=methods, description="Method")
        self.frames = widgets.Text(description="Frames", placeholder="all, or 3:20:2", continuous_update=False)
        self.align = widgets.Dropdown(
            options=[(words, key) for key, words in ALIGNMENTS.items()], description="Alignment"
        )
        self.depth = widgets.Checkbox(description="Show the depth map", indent=False)
        self.go, self.stop, self.back = button("Fuse", primary=True), button("Cancel"), button("Undo")
        self.downloads, self.copies, self.address = Downloads(), Copies(), Address()
        self._read_from: Path | None = None
        self._pictures: dict[str, Any] = {}
        self._range = (0.0, 0.0)
        self._jumped = False
        self.widget = self._lay_out()
        self._listen()
        state.on_change(self._changed)
        self._changed(frozenset({"stack", "phase", "result", "error", "method", "frames", "align", "depth"}))

    def _lay_out(self) -> widgets.Widget:
        actions = row(classed(self.go, "mmp-grow"), classed(self.stop, "mmp-grow"), self.back)
        self.how = panel("How to fuse", self.method, self.frames, self.align, actions, self.progress)
        self.what = panel("Result", self.outcome, self.depth)
        self.keep = panel("Keep", self.downloads)
        self.again = panel("The same again", self.copies)
        rail = [panel("", self.picker.widget), self.how, self.what, self.keep, self.again]
        return page(self.message, bench([self.empty, self.view], rail), self.address)

    def _listen(self) -> None:
        state = self.state
        self.method.observe(lambda change: state.choose(method=change["new"]), "value")
        self.frames.observe(lambda change: state.choose(frames=change["new"].strip()), "value")
        self.align.observe(lambda change: state.choose(align=change["new"]), "value")
        self.depth.observe(lambda change: state.choose(depth=change["new"]), "value")
        self.go.on_click(lambda _: state.start())
        self.stop.on_click(lambda _: state.cancel())
        self.back.on_click(lambda _: state.undo())

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        if names & {"method", "frames", "align", "depth"}:
            choices = state.choices
            self.method.value, self.frames.value = choices.method, choices.frames
            self.align.value, self.depth.value = choices.align, choices.depth
        if "phase" in names:
            self._show_phase()
        if names & {"stack", "result", "depth", "sharpest"}:
            self._show_pictures()
        if names & {"result", "method", "frames", "align", "phase", "sharpest"}:
            self._show_outcome()
        if names & {"result", "table"}:
            self._offer_files()
        if state.stack is not None:
            self.copies.offer(
                {"Copy link": "", "as Python": as_python(state.choices), "as a command": as_command(state.choices)}
            )
        self.back.disabled = not state.can_undo
        self.address.query = state.to_query()

    def _show_phase(self) -> None:
        state = self.state
        working = state.phase in ("running", "opening")
        self.progress.value = progress_bar(state.share, state.stage or state.phase) if working else ""
        if state.phase == "cancelled":
            self.progress.value = notice("Cancelled; nothing was changed.")
        seen(self.progress, bool(self.progress.value))
        seen(self.go, not state.running)
        seen(self.stop, state.running)
        self.go.disabled = state.stack is None or state.phase == "opening"

    def _show_pictures(self) -> None:
        state = self.state
        stack, result = state.stack, state.result
        seen(self.view, stack is not None)
        seen(self.empty, stack is None)
        seen(self.again, stack is not None)
        seen(self.what, result is not None)
        seen(self.keep, result is not None)
        if stack is None:
            return
        self.picker.show(state.choices.source, state.choices.speed)
        if result is None:
            self.view.show([Pane(stack=stack, title="Stack")])
            return
        try:
            self._picture("fused")
        except (InputError, OSError):
            state.complain("this result is no longer on the disk; fuse again")
            return
        summary = result.summary
        best = state.sharpest
        note = "" if best is None else f"frame {best + 1} is the sharpest"
        panes = [
            Pane(stack=stack, title="Stack", note=note),
            Pane(picture=self._picture("fused"), title="Fused", note=str(summary["method"]), pixel_um=stack.pixel_um),
        ]
        if state.choices.depth:
            panes.append(self._depth_pane(str(summary["depth_unit"])))
        jump = best is not None and not self._jumped
        self._jumped = self._jumped or jump
        self.view.show(panes, index=best if jump else None)

    def _depth_pane(self, unit: str) -> Pane:
        low, high = self._range
        words = f"{low:.2g} to {high:.2g} µm" if unit == "um" else f"frame {low + 1:.3g} to {high + 1:.3g}"
        return Pane(picture=self._picture("depth"), title="Depth", note=words, kind="map")

    def _picture(self, name: str) -> Any:
        """Read what a job wrote, once: a view knows a picture by its identity."""
        result = self.state.result
        if result is not None and result.folder != self._read_from:
            self._read_from, self._jumped = result.folder, False
            depth = io.read_map(result.file("depth.tif"))
            if self.state.visible is not None:
                depth = np.where(self.state.visible, depth, np.nan)
            low, high = np.nanpercentile(depth, (1, 99)) if np.isfinite(depth).any() else (0.0, 0.0)
            self._range = float(low), float(high)
            painted = coloured(depth, low=self._range[0], high=self._range[1])
            shown = np.where(painted[:, :, 3:] > 0, painted[:, :, :3], 0).astype(np.uint8)
            self._pictures = {"fused": io.read_picture(result.file("fused.png")), "depth": shown}
        return self._pictures[name]

    def _show_outcome(self) -> None:
        state, result = self.state, self.state.result
        if result is None:
            return
        summary = result.summary
        older = notice("The choices above have changed; fuse again to see what they do.") if state.stale else ""
        self.outcome.value = (
            older
            + facts(
                {
                    "Method": summary["method"],
                    "Frames used": summary["frames"],
                    "Sharpest frame": None if state.sharpest is None else state.sharpest + 1,
                    "Time": f"{summary['seconds']:.1f} s",
                }
            )
            + f'<p class="mmp-muted">{_sentence(str(summary["alignment"]))}</p>'
            + "".join(notice(str(warning)) for warning in summary["warnings"])
        )

    def _offer_files(self) -> None:
        state, result = self.state, self.state.result
        if result is None:
            return
        offers = [Offer(words, name, result.file(name)) for name, words in FILES.items()]
        if state.table is not None:
            offers.append(Offer("Focus of every cell, CSV", "cells.csv", state.table))
        self.downloads.offer(offers)


EMPTY = (
    '<div class="mmp-empty"><p><strong>No stack to fuse yet.</strong></p>'
    "<p>Choose one from the list, or upload your own on the Home page.</p></div>"
)


def _sentence(words: str) -> str:
    return escape(words[:1].upper() + words[1:])
