"""The Focus page: what is in focus in a stack, judged by several methods side by side, and which frames to keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from mmlib.errors import InputError
from mmlib.pages import focus_words as say
from mmlib.pages.address import Address, given_query
from mmlib.pages.background import Latest, apart, deliverer
from mmlib.pages.focus_choices import CELLS_PX, LAYERS, FocusChoices, made_whole
from mmlib.pages.focus_kept import KeptFrames
from mmlib.pages.focus_layers import layer, shown_instead
from mmlib.pages.focus_lists import LevelSlider, MethodList, method_rows
from mmlib.pages.focus_state import FocusState
from mmlib.pages.layout import bench, button, classed, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.resting import Resting
from mmlib.widgets import CurvePlot, Pane, StackView
from mmlib.widgets import camera as cameras

NOTES = {
    "levels": "0 is as sharp as the cell ever is, 9 as blurred.",
    "defocus": "In depths of field; + where the focus lies above the specimen.",
    "verdict": "",
    "errors": "Cells between half and two depths of field from focus are not asked.",
    "planes": "The same on every frame; numbers are frames.",
    "none": "Cells can still be pointed at.",
}


def show(source: str | None = None) -> widgets.Widget:
    """Build the page.

    Args:
        source: the stack to open; None takes the one of the link.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(FocusChoices, given_query())
    choices, wrong = made_whole(choices)

    state = FocusState(choices, run=Latest(), aside=apart, deliver=deliverer())
    view = FocusView(state)
    if source or choices.source:
        state.open(source or choices.source, speed=choices.speed)
    if trouble or wrong:
        state.complain(trouble or wrong)
    return view.widget


class FocusView:
    """Draws a `FocusState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: FocusState) -> None:
        self.state = state
        self.view = StackView(label="Stack", height="clamp(240px, min(100vh - 366px, 85vw), 1100px)")
        self.plot = CurvePlot(label="Focus of the whole stack", height="118px")
        self.profile = CurvePlot(label="Focus of one cell through the stack", height="118px")
        self.picker = Picker(lambda name, speed: state.open(name, speed=speed))
        self.message, self.progress, self.empty = html(), html(), html(EMPTY)
        self.advice, self.legend, self.cell, self.truth = html(), html(), html(), html()
        self.methods = MethodList(lambda name: state.choose(shown=name), self._remove)
        self.kept = KeptFrames(state)
        self._make_controls()
        self.address = Address()
        self.rest = Resting(0.08, self._draw_plane)
        self._listening = self._quiet = False
        self.widget = self._lay_out()
        self._listen()
        state.on_change(self._changed)
        self._changed(frozenset({"stack", "opening", "tasks", "answers", "error", "selection", "threshold"}))

    def _make_controls(self) -> None:
        self.more = widgets.Dropdown(options=[("add a method …", "")], value="", description="Compare")
        self.edge = widgets.Dropdown(options=[(f"{edge} px", edge) for edge in CELLS_PX], description="Cells")
        self.layer = widgets.Dropdown(options=[(LAYERS["levels"], "levels")], description="Show on top")
        self.level = LevelSlider()
        self.stop, self.go, self.back = button("Cancel"), button("Judge again", primary=True), button("Undo")

    def _lay_out(self) -> widgets.Widget:
        under = [self.advice, classed(widgets.Box([self.layer, self.back, self.legend]), "mmf-row")]
        self.under = classed(widgets.VBox(under), "mmf-under")
        actions = row(self.stop, self.go)
        self.whole = panel("Whole stack: click to jump", self.plot)
        self.panels = [
            panel("One cell through the stack", self.cell, self.profile),
            panel("Methods", self.methods, actions, self.more),
            panel("In focus or not", self.level, self.truth),
            *self.kept.panels,
        ]
        rail = [panel("", self.picker.widget, self.edge, self.progress), self.whole, *self.panels]
        return classed(page(self.message, bench([self.empty, self.view, self.under], rail), self.address), "mmf-page")

    def _listen(self) -> None:
        state = self.state
        self.links = [
            widgets.jslink((self.view, "index"), (self.plot, "index")),
            widgets.jslink((self.view, "index"), (self.profile, "index")),
            widgets.jslink((self.view, "index"), (self.kept.frames, "index")),
        ]
        self.view.observe(self._stepped, "index")
        self.view.observe(lambda change: self._from_view(lambda: state.choose_spot(change["new"])), "cell")
        self.view.observe(lambda change: self._draw_cell(), "cell_over")
        self.view.observe(lambda change: state.drift(camera=_camera(change["new"])), "camera")
        self.layer.observe(lambda change: self._told(layer=change["new"]), "value")
        self.edge.observe(lambda change: self._told(cell=change["new"]), "value")
        self.level.observe(lambda change: self._told(threshold=change["new"] if change["new"] >= 0 else None), "level")
        self.more.observe(self._add, "value")
        self.stop.on_click(lambda _: state.cancel())
        self.go.on_click(lambda _: state.judge(again=True))
        self.back.on_click(lambda _: state.undo())

    def _told(self, **values: Any) -> None:
        if not self._quiet:
            self.state.choose(**values)

    def _stepped(self, change: dict[str, Any]) -> None:
        if change["new"] != self.state.plane:
            self._from_view(lambda: self.state.show_plane(change["new"]))

    def _from_view(self, tell: Callable[[], None]) -> None:
        """Pass on what the view says, and say nothing back: the browser may be further by now."""
        self._listening = True
        try:
            tell()
        finally:
            self._listening = False

    def _add(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.state.choose_methods((*self.state.choices.methods, change["new"]))

    def _remove(self, name: str) -> None:
        self.state.choose_methods(tuple(other for other in self.state.choices.methods if other != name))

    # drawing

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        if "opening" in names:
            self.progress.value = progress_bar(state.share, state.opening) if state.opening else ""
            seen(self.progress, bool(state.opening))
        if "stack" in names:
            self._show_stack()
        if names & {"plane", "stack", "spot"} and state.stack is not None:
            self._show_place()
        if names & {"stack", "tasks", "answers", "methods", "shown", "threshold", "cell"}:
            self._show_methods()
        if names & {"stack", "answers", "methods", "shown", "threshold", "cell", "layer"}:
            self._show_grid()
            self._draw_plane()
        if names & {"stack", "answers", "shown", "threshold", "cell", "methods"}:
            self._show_truth()
        if names & {"stack", "answers", "shown", "cell", "kept", "dropped", "methods", "selection"}:
            self.kept.show()
        self.back.disabled = not state.can_undo
        self.address.query = state.to_query()

    def _show_stack(self) -> None:
        state = self.state
        there = state.stack is not None
        for part in (self.view, self.under, self.edge, *self.panels):
            seen(part, there)
        seen(self.empty, not there)
        self.picker.show(state.choices.source, state.choices.speed)
        if state.stack is not None:
            self.view.overlays = []
            self.view.show([Pane(stack=state.stack)], index=state.plane)
            try:
                look = cameras.from_text(state.choices.camera) if state.choices.camera else cameras.fit()
            except InputError as error:
                state.complain(error)
                look = cameras.fit()
            self.view.set_trait("camera", look)

    def _show_place(self) -> None:
        if not self._listening:
            self.view.index = self.state.plane
            self.view.cell = -1 if self.state.choices.spot is None else self.state.choices.spot
        self.rest.touch()

    def _show_methods(self) -> None:
        state = self.state
        self.methods.rows = method_rows(state)
        curves = {name: answer.curve for name, answer in state.found().items()}
        if curves and state.stack is not None:
            self.plot.show(say.named(curves), z_um=state.stack.z_um)
        seen(self.whole, bool(curves))
        seen(self.panels[0], bool(curves))
        seen(self.stop, state.working)
        seen(self.go, state.lacking and not state.working and state.stack is not None)
        others = [(say.title(name), name) for name in say.in_order() if name not in state.choices.methods]
        self._quietly(self.more, [("add a method …", ""), *others], "")
        edges = sorted({*CELLS_PX, state.choices.cell})
        self._quietly(self.edge, [(f"{edge} px", edge) for edge in edges], state.choices.cell)

    def _quietly(self, control: widgets.Dropdown, options: list[tuple[str, Any]], value: Any) -> None:
        """Bring a list up to date without taking that for a choice of the user."""
        if (list(control.options), control.value) == (options, value):
            return
        self._quiet = True
        control.options = options
        control.value = value
        self._quiet = False

    def _show_grid(self) -> None:
        state, answer = self.state, self.state.answer
        names = [name for name in LAYERS if name != "errors" or state.has_truth]
        names = [name for name in names if name != "defocus" or answer is None or "defocus_dof" in answer.estimates]
        chosen = state.choices.layer
        names = [name for name in LAYERS if name in {*names, chosen}]
        self._quietly(self.layer, [(LAYERS[name], name) for name in names], chosen)
        seen(self.legend, answer is not None)
        if answer is None:
            self.view.overlays = []
            return
        made = layer(chosen, answer, threshold=state.choices.threshold, truth=state.truth)
        self.view.overlays = [made.grid]
        missing = shown_instead(chosen, answer, state.truth)
        self.legend.value = say.legend(made.legend, missing or NOTES[chosen])

    def _draw_plane(self) -> None:
        state, answer = self.state, self.state.answer
        seen(self.advice, answer is not None)
        if answer is not None and state.stack is not None:
            told = say.advice(answer, state.plane, state.stack.z_um)
            self.advice.value = f'<p class="mmf-advice" role="status">{told}</p>'
        self._draw_cell()

    def _draw_cell(self) -> None:
        state, answer = self.state, self.state.answer
        chosen = state.choices.spot
        cell = self.view.cell_over if self.view.cell_over >= 0 else chosen
        place = state.place(cell)
        profiles = state.profiles(cell) if cell is not None else {}
        seen(self.profile, bool(profiles))
        if profiles and state.stack is not None:
            self.profile.show(say.named(profiles), z_um=state.stack.z_um)
        if answer is None or place is None:
            self.cell.value = f'<p class="mmp-muted">{POINT}</p>'
        else:
            self.cell.value = f"<p>{say.cell_words(answer, place, state.plane, state.truth)}</p>"

    def _show_truth(self) -> None:
        state = self.state
        self.level.level = -1 if state.choices.threshold is None else state.choices.threshold
        found = state.confusions().get(state.shown)
        if found is not None:
            self.truth.value = say.truth_table(found, state.choices.threshold)
        elif state.has_truth:
            self.truth.value = '<p class="mmp-muted">The table comes with the answer of the method.</p>'
        else:
            self.truth.value = f'<p class="mmp-muted">{NO_TRUTH}</p>'


EMPTY = (
    '<div class="mmp-empty"><p><strong>No stack to judge yet.</strong></p>'
    "<p>Choose one from the list, or upload your own on the Home page.</p></div>"
)
POINT = "Point at a cell, or tap it; with the keyboard: <kbd>Shift</kbd> and an arrow key in the picture."
NO_TRUTH = (
    "Nobody knows what is truly in focus in this stack. Built-in specimens are simulated, so their truth is known: "
    "open one to see how often the method is right."
)


def _camera(camera: cameras.Camera) -> str:
    return "" if camera == cameras.fit() else cameras.to_text(camera)
