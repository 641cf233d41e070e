"""The Deblur page: one blurred frame and what any number of methods make of it, under one camera."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from mmlib.errors import InputError
from mmlib.pages.address import Address, given_query
from mmlib.pages.attempts import Attempt
from mmlib.pages.background import Latest, Runner, at_once, deliverer
from mmlib.pages.copies import Copies
from mmlib.pages.deblur_panes import DeblurPanes
from mmlib.pages.deblur_recipes import as_commands, as_python
from mmlib.pages.deblur_state import AGAINST, INPUT, OFFERED, SHOWS, DeblurChoices, DeblurState, toggled
from mmlib.pages.deblur_words import scored, title_of, words_of
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.layout import bench, button, classed, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.resting import Resting
from mmlib.pages.scores import scores_csv, scores_table
from mmlib.widgets import StackView
from mmlib.widgets import camera as cameras

SPEEDS = (("not known", 0), ("1 (slow)", 1), ("2", 2), ("3", 3), ("4 (fast)", 4))


def show(source: str | None = None) -> widgets.Widget:
    """Build the page.

    Args:
        source: the stack to open; None takes the one of the link.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(DeblurChoices, given_query())
    state = DeblurState(choices, run=Latest(), aside=Latest(), later=Latest(), deliver=deliverer())
    view = DeblurView(state, Latest())
    if source or choices.source:
        state.open(source or choices.source, speed=choices.speed, again=choices.ran and not source and not trouble)
    if trouble:
        state.complain(trouble)
    return view.widget


class DeblurView:
    """Draws a `DeblurState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: DeblurState, compare: Runner = at_once) -> None:
        """Draw a state.

        Args:
            state: what is shown.
            compare: how differences and spectra are made.
        """
        self.state = state
        self.view = StackView(label="Blurred and deblurred", height="clamp(260px, min(100vh - 330px, 110vw), 1100px)")
        self.panes = DeblurPanes(state, compare)
        self.picker = Picker(lambda name, speed: state.open(name, speed=speed))
        self.message, self.progress, self.empty, self.table = html(), html(), html(EMPTY), html()
        self.hint = widgets.Dropdown(options=SPEEDS, value=0, description="Scan speed")
        self.frame = widgets.BoundedIntText(1, min=1, max=1, description="Frame", continuous_update=False)
        self.whole = widgets.Checkbox(description="Every frame of the stack", indent=False)
        self.boxes = {name: widgets.Checkbox(description=words_of(name), indent=False) for name in OFFERED}
        self.told = {name: html("", "mmp-muted") for name in OFFERED}
        self.go, self.stop, self.back = button("Deblur", primary=True), button("Cancel"), button("Undo")
        self.shows = classed(
            widgets.ToggleButtons(options=[(words, name) for name, words in SHOWS.items()]), "mmp-tight"
        )
        self.against = widgets.Dropdown(
            options=[(words, name) for name, words in AGAINST.items()], description="Taken from"
        )
        self.truth = widgets.Checkbox(description="Show the truth beside", indent=False)
        self.clear = button("Forget the region")
        self.downloads, self.copies, self.address = Downloads(), Copies(), Address()
        self.still = Resting(0.6, self._rested)
        self._quiet = False
        self.widget = self._lay_out()
        self._listen()
        state.on_change(self._changed)
        self._changed(frozenset({"stack", "phase", "error", "attempts", "shows", "region"}))

    def _lay_out(self) -> widgets.Widget:
        rows = [row(classed(self.boxes[name], "mmp-grow"), self.told[name]) for name in OFFERED]
        actions = row(classed(self.go, "mmp-grow"), classed(self.stop, "mmp-grow"), self.back)
        self.what = panel("What to deblur", self.hint, self.frame, self.whole)
        self.how = panel("Methods", *rows, actions, self.progress)
        self.look = panel("Look at", self.shows, self.against, self.truth, self.clear)
        self.keep = panel("Download", self.downloads)
        self.again = panel("The same again", self.copies)
        rail = [panel("", self.picker.widget), self.what, self.how, self.look, self.keep, self.again]
        return page(self.message, bench([self.empty, self.view, self.table], rail), self.address)

    def _listen(self) -> None:
        state = self.state
        for name, box in self.boxes.items():
            box.observe(lambda change, name=name: self._tick(name, change["new"]), "value")
        self._on(self.hint, lambda speed: state.open(state.choices.source, speed=speed or None))
        self._on(self.frame, lambda frame: state.choose(frame=frame - 1))
        self._on(self.whole, lambda whole: state.choose(whole=whole))
        self._on(self.shows, lambda shows: state.choose(shows=shows))
        self._on(self.against, lambda against: state.choose(against=against))
        self._on(self.truth, lambda truth: state.choose(truth=truth))
        self.view.observe(lambda change: self._stepped(change["new"]), "index")
        self.view.observe(lambda change: self._drawn(change["new"]), "region")
        self.view.observe(lambda change: self._looked(change["new"]), "camera")
        self.go.on_click(lambda _: state.start())
        self.stop.on_click(lambda _: state.cancel())
        self.back.on_click(lambda _: state.undo())
        self.clear.on_click(lambda _: state.choose(region=None))

    def _on(self, control: Any, tell: Any) -> None:
        control.observe(lambda change: None if self._quiet else tell(change["new"]), "value")

    def _tick(self, name: str, on: bool) -> None:
        if not self._quiet:
            self.state.choose(methods=toggled(self.state.choices.methods, name, on))

    def _stepped(self, plane: int) -> None:
        if not self._quiet and self.view.count > 1 and plane != self.state.frame:
            self.state.step(plane)
            self.still.touch()

    def _rested(self) -> None:
        if self.state.choices.whole:
            self.state.measure()

    def _drawn(self, drawn: list[float] | None) -> None:
        if self._quiet or self.state.choices.shows == "spectrum":
            return
        box = None if drawn is None else tuple(round(value) for value in drawn)
        if box is None or min(box[2:]) >= 1:
            self.state.choose(region=box)

    def _looked(self, camera: cameras.Camera) -> None:
        if not self._quiet and self.state.choices.shows != "spectrum":
            self.state.drift(camera="" if camera == cameras.fit() else cameras.to_text(camera))

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        self._quiet = True
        try:
            if "error" in names:
                self.message.value = notice(state.error, error=True)
            self._show_choices()
            if names & {"phase", "attempts", "rows", "methods", "whole", "frame"}:
                self._show_progress()
            if names & {"stack", "attempts", "methods", "shows", "against", "truth", "region", "frame", "measures"}:
                self.panes.draw(self.view)
                self._show_camera(names)
            if names & {"stack", "attempts", "methods", "region", "measures"}:
                self._show_numbers()
        finally:
            self._quiet = False
        self.address.query = state.to_query()

    def _show_choices(self) -> None:
        state, choices = self.state, self.state.choices
        there, results = state.stack is not None, bool(state.results)
        for part in (self.view, self.what, self.how, self.again):
            seen(part, there)
        for part in (self.look, self.keep, self.table):
            seen(part, results)
        seen(self.empty, not there)
        self.back.disabled = not state.can_undo
        if state.stack is None:
            return
        self.picker.show(choices.source, choices.speed)
        seen(self.hint, not self.picker.knows_speed)
        self.hint.value = choices.speed if choices.speed in (1, 2, 3, 4) else 0
        several = len(state.stack) > 1
        self.frame.max = len(state.stack)
        self.frame.value = state.frame + 1
        seen(self.frame, several and not choices.whole)
        seen(self.whole, several)
        self.whole.value = choices.whole
        for name, box in self.boxes.items():
            box.value = name in state.wanted
        self.shows.value, self.truth.value = choices.shows, choices.truth
        self.against.value = choices.against if state.truth is not None else "input"
        seen(self.against, choices.shows == "difference" and state.truth is not None)
        seen(self.truth, state.truth is not None)
        seen(self.clear, choices.region is not None)
        self.copies.offer({"Copy link": "", "as Python": as_python(state), "as commands": as_commands(state)})

    def _show_progress(self) -> None:
        state = self.state
        words = {"opening": "opening", "running": "deblurring"}.get(state.phase, "")
        share = state.share if state.phase == "opening" else state.done_share
        self.progress.value = progress_bar(share, words) if words else ""
        if state.phase == "cancelled":
            self.progress.value = notice("Cancelled; what was done before is still here.")
        seen(self.progress, bool(self.progress.value))
        seen(self.go, not state.running)
        seen(self.stop, state.running)
        self.go.disabled = state.phase in ("empty", "opening") or not state.missing or len(state.wanted) < 2
        for name, told in self.told.items():
            told.value = _told(state.attempts.get(name))

    def _show_camera(self, names: frozenset[str]) -> None:
        choices = self.state.choices
        if not names & {"stack", "shows"}:
            return
        try:
            look = (
                cameras.from_text(choices.camera) if choices.camera and choices.shows != "spectrum" else cameras.fit()
            )
        except InputError as error:
            self.state.complain(error)
            look = cameras.fit()
        self.view.set_trait("camera", look)

    def _show_numbers(self) -> None:
        state = self.state
        rows = scored(state)
        if not rows:
            return
        known = "against the truth and without it" if state.truth is not None else "without a truth"
        self.table.value = (
            f'<div class="mmp-panel"><h2>Numbers, {known}</h2>'
            + scores_table(rows, caption="Quality of every picture")
            + f'<p class="mmp-muted" role="status">{_legend(state)}</p></div>'
        )
        offers = []
        for one in state.results:
            if one.method != INPUT:
                kinds = [("TIFF, 16 bit", "deblurred.tif")]
                kinds = kinds if state.choices.whole else [("PNG", "deblurred.png"), *kinds]
                offers += [Offer(f"{title_of(one.method)}, {w}", f"{one.method}_{n}", one.file(n)) for w, n in kinds]
        self.downloads.offer([*offers, Offer("Numbers, CSV", "deblur_numbers.csv", lambda: scores_csv(scored(state)))])


EMPTY = (
    '<div class="mmp-empty"><p><strong>No blurred frame yet.</strong></p>'
    "<p>Choose a stack from the list, or upload your own on the Home page.</p></div>"
)


def _told(attempt: Attempt | None) -> str:
    """Say how far a method is, or why it failed, in its own row."""
    if attempt is None:
        return ""
    if attempt.phase == "failed":
        return notice(attempt.sentence, error=True)
    if attempt.done:
        return f"{attempt.summary.get('seconds', 0.0):.2f} s"
    return f"{round(100 * attempt.share)} %" if attempt.phase == "running" else escape(attempt.phase)


def _legend(state: DeblurState) -> str:
    if state.numbers.waiting:
        return "Measuring …"
    words = "↑ higher is better, ↓ lower is better; small: the change from the blurred frame."
    if state.choices.region is None:
        return words + " Draw a region in the view to measure it by itself."
    x, y, width, height = state.choices.region
    return words + f" Region: {width} × {height} px at {x}, {y}."
