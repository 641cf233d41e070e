"""The Explore page: step through a stack, see how its focus rises and falls, and where each part is sharp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from mmlib.errors import InputError
from mmlib.pages import charts
from mmlib.pages.address import Address, given_query
from mmlib.pages.background import Latest
from mmlib.pages.copies import Copies
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.explore_state import OVERLAYS, ExploreChoices, ExploreState
from mmlib.pages.layout import bench, button, classed, facts, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.resting import Resting
from mmlib.sharpness import MEASURES
from mmlib.widgets import CurvePlot, Grid, Pane, StackView, Tint, masked
from mmlib.widgets import camera as cameras
from mmlib.widgets.overlays import Cell


def show(source: str | None = None) -> widgets.Widget:
    """Build the page.

    Args:
        source: the stack to open; None takes the one of the link.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(ExploreChoices, given_query())
    state = ExploreState(choices, run=Latest())
    view = ExploreView(state)
    if source or choices.source:
        state.open(source or choices.source, speed=choices.speed, plane=choices.plane)
    if trouble:
        state.complain(trouble)
    return view.widget


class ExploreView:
    """Draws an `ExploreState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: ExploreState) -> None:
        self.state = state
        self.view = StackView(label="Stack", height="clamp(260px, min(100vh - 238px, 85vw), 1100px)")
        self.plot = CurvePlot(label="Focus curves", height="160px")
        self.picker = Picker(lambda name, speed: state.open(name, speed=speed))
        self.message, self.progress, self.empty = html(), html(), html(EMPTY)
        self.about, self.histogram, self.profile = html(), html(), html()
        self.chips = row()
        self.more = widgets.Dropdown(options=[("choose a measure …", "")], value="", description="Add")
        self.overlay = widgets.Dropdown(
            options=[(words, name) for name, words in OVERLAYS.items()], description="Show on top", value="none"
        )
        self.back = button("Undo")
        self.downloads, self.copies, self.address = Downloads(), Copies(), Address()
        self.still = Resting(0.12, self._draw_frame)
        self._listening = False
        self.widget = self._lay_out()
        self._listen()
        state.on_change(self._changed)
        self._changed(frozenset({"stack", "curves", "busy", "error", "overlay", "line"}))

    def _lay_out(self) -> widgets.Widget:
        self.measures = panel("Focus curve: click to jump", self.plot, self.chips, self.more)
        self.frame_panel = panel("This frame", self.about, self.histogram)
        self.line_panel = panel("Along your line", self.profile)
        self.keep = panel("Download", self.downloads, self.copies)
        rail = [
            panel("", self.picker.widget, self.progress),
            self.measures,
            panel("Overlay", self.overlay, self.back),
            self.frame_panel,
            self.line_panel,
            self.keep,
        ]
        return page(self.message, bench([self.empty, self.view], rail), self.address)

    def _listen(self) -> None:
        state = self.state
        self.view.observe(self._stepped, "index")
        self.view.observe(self._drawn, "line")
        self.view.observe(lambda change: state.drift(camera=_camera(change["new"])), "camera")
        self.link = widgets.jslink((self.view, "index"), (self.plot, "index"))
        self.overlay.observe(lambda change: state.choose_overlay(change["new"]), "value")
        self.more.observe(self._add_measure, "value")
        self.back.on_click(lambda _: state.undo())

    def _stepped(self, change: dict[str, Any]) -> None:
        if change["new"] != self.state.plane:
            self._from_view(lambda: self.state.show_plane(change["new"]))

    def _drawn(self, change: dict[str, Any]) -> None:
        self._from_view(lambda: self.state.choose_line(_line(change["new"])))

    def _from_view(self, tell: Callable[[], None]) -> None:
        """Pass on what the view says, and say nothing back: the browser may be further by now."""
        self._listening = True
        try:
            tell()
        finally:
            self._listening = False

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        if "busy" in names:
            self.progress.value = progress_bar(state.share, state.busy) if state.busy else ""
            seen(self.progress, bool(state.busy))
        if "stack" in names:
            self._show_stack()
        if names & {"plane", "stack"} and state.stack is not None:
            if not self._listening:
                self.view.index = state.plane
            self.still.touch()
        if names & {"curves", "measures", "stack"}:
            self._show_curves()
            self.still.touch()
        if names & {"overlay", "planes", "stack"}:
            self._show_overlay()
        if names & {"line", "stack"}:
            if not self._listening:
                self.view.set_trait("line", None if state.choices.line is None else list(state.choices.line))
            self._draw_profile()
        self.back.disabled = not state.can_undo
        self.address.query = state.to_query()

    def _show_stack(self) -> None:
        state = self.state
        there = state.stack is not None
        for part in (self.view, self.measures, self.frame_panel, self.line_panel, self.keep):
            seen(part, there)
        seen(self.plot, False)
        seen(self.empty, not there)
        self.picker.show(state.choices.source, state.choices.speed)
        if state.stack is not None:
            self.view.show([Pane(stack=state.stack)], index=state.plane)
            self._look()
            self.copies.offer({"Copy link": ""})

    def _look(self) -> None:
        try:
            look = cameras.from_text(self.state.choices.camera) if self.state.choices.camera else cameras.fit()
        except InputError as error:
            self.state.complain(error)
            look = cameras.fit()
        self.view.set_trait("camera", look)

    def _show_curves(self) -> None:
        state = self.state
        if state.stack is None:
            return
        names = state.choices.measures
        curves = {MEASURES[name].title: state.curves[name] for name in names if name in state.curves}
        if curves:
            self.plot.show(curves, z_um=state.stack.z_um)
        seen(self.plot, bool(curves))
        self.chips.children = [self._chip(name) for name in names]
        others = sorted((measure.title, name) for name, measure in MEASURES.items() if name not in names)
        self.more.options = [("choose a measure …", ""), *others]
        if curves:
            self.downloads.offer([Offer("Curves, CSV", "focus_curves.csv", state.curves_csv)])

    def _chip(self, name: str) -> widgets.Widget:
        chip = classed(button(f"{MEASURES[name].title} ×"), "mmp-chip")
        chip.tooltip = f"Take {MEASURES[name].title} away"
        chip.on_click(lambda _: self.state.choose_measures(tuple(n for n in self.state.choices.measures if n != name)))
        return chip

    def _add_measure(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.state.choose_measures((*self.state.choices.measures, change["new"]))

    def _show_overlay(self) -> None:
        state = self.state
        name = state.choices.overlay
        self.overlay.value = name if name in OVERLAYS else "none"
        overlays: list[Any] = []
        if name == "field" and state.visible is not None:
            overlays = [Tint(masked(~state.visible), name="outside the field", opacity=0.45)]
        if name == "planes" and state.planes is not None and state.stack is not None:
            overlays = [Grid(_cells(state), name="sharpest frame")]
        self.view.overlays = overlays

    def _draw_frame(self) -> None:
        state, stack = self.state, self.state.stack
        if stack is None:
            return
        plane = state.plane
        self.about.value = facts(
            {
                "Frame": f"{plane + 1} of {len(stack)}",
                "Height": None if stack.z_um is None else f"{stack.z_um[plane]:.4g} µm",
                "Time": None if stack.times_s is None else f"{stack.times_s[plane]:.2f} s",
                "Sharpest frame": None if state.sharpest is None else state.sharpest + 1,
                "Size": f"{stack.width} × {stack.height} px, {'colour' if stack.colour else 'grey'}",
                "Bit depth": stack.bit_depth,
                "Pixel": None if stack.pixel_um is None else f"{stack.pixel_um:.4g} µm",
            }
        ) + "".join(notice(warning) for warning in stack.warnings)
        self.histogram.value = charts.histogram_svg(state.histogram())
        self._draw_profile()

    def _draw_profile(self) -> None:
        stack = self.state.stack
        if stack is not None:
            self.profile.value = charts.profile_svg(self.state.profile(), stack.pixel_um)


EMPTY = (
    '<div class="mmp-empty"><p><strong>No stack under the microscope yet.</strong></p>'
    "<p>Choose one from the list, or upload your own on the Home page.</p></div>"
)


def _line(drawn: list[float] | None) -> tuple[float, float, float, float] | None:
    if drawn is None:
        return None
    x0, y0, x1, y1 = (round(float(value), 1) for value in drawn)
    return x0, y0, x1, y1


def _camera(camera: cameras.Camera) -> str:
    return "" if camera == cameras.fit() else cameras.to_text(camera)


def _cells(state: ExploreState) -> list[Cell]:
    planes, last = state.planes, max(len(state.stack or ()) - 1, 1)
    if planes is None:
        return []
    size = planes.cell
    return [
        Cell(column * size, line * size, size, size, level=best / last, label=str(best + 1))
        for line, bests in enumerate(planes.best.tolist())
        for column, best in enumerate(bests)
        if best >= 0
    ]
