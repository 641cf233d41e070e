"""The Fuse page: one picture that is sharp everywhere, by one method or many, beside the frames it is made of."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from mmlib.errors import InputError
from mmlib.fusing import METHODS
from mmlib.fusing.strangers import left_out_words
from mmlib.pages.address import Address, given_query
from mmlib.pages.attempts import Attempt
from mmlib.pages.background import Latest, Runner, at_once, deliverer
from mmlib.pages.copies import Copies
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.fuse_choices import ALIGNMENTS, FILES, PREFERRING, PREFERS, SHOWS, FuseChoices, best_words, real
from mmlib.pages.fuse_frames import frames_words
from mmlib.pages.fuse_panes import FusePanes
from mmlib.pages.fuse_state import FuseState
from mmlib.pages.layout import bench, button, classed, facts, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.recipes import as_command, as_python
from mmlib.pages.scores import Scored, scores_csv, scores_table
from mmlib.widgets import Pick, StackView
from mmlib.widgets import camera as cameras

SEEN = {
    "stack", "result", "depth", "relief", "origin", "truth", "shows", "sharpest", "beside", "measures", "region",
}  # fmt: skip
"""What changes the pictures."""


def show(source: str | None = None) -> widgets.Widget:
    """Build the page.

    Args:
        source: the stack to open; None takes the one of the link.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(FuseChoices, given_query())
    runners: dict[str, Runner] = {name: Latest() for name in ("run", "aside", "others", "later", "counts")}
    state = FuseState(choices, **runners, deliver=deliverer())
    view = FuseView(state, Latest())
    if source or choices.source:
        state.open(source or choices.source, speed=choices.speed, again=choices.ran and not source and not trouble)
    if trouble:
        state.complain(trouble)
    return view.widget


class FuseView:
    """Draws a `FuseState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: FuseState, compare: Runner = at_once) -> None:
        """Draw a state.

        Args:
            state: what is shown.
            compare: how differences and spectra are made.
        """
        self.state = state
        self.view = StackView(label="Stack and fused picture", height="clamp(260px, min(100vh - 238px, 110vw), 1100px)")
        self.panes = FusePanes(state, compare)
        self.picker = Picker(lambda name, speed: state.open(name, speed=speed))
        self.message, self.progress, self.empty, self.outcome = html(), html(), html(EMPTY), html()
        self.counted, self.said, self.spot, self.table, self.others = html(), html(), html(), html(), html()
        methods = [(best_words(), "best"), *((name, name) for name in METHODS)]
        self.method = widgets.Dropdown(options=methods, description="Method")
        self.more = widgets.Dropdown(options=[("choose a method …", "")], value="", description="Beside it")
        self.chips = row()
        self.frames = widgets.Text(description="Frames", placeholder="all, or 3:20:2", continuous_update=False)
        self.one, self.judge = button("Leave this frame out"), button("As the focus judge says")
        self.align = widgets.Dropdown(
            options=[(words, key) for key, words in ALIGNMENTS.items()], description="Alignment"
        )
        self.prefer = widgets.Dropdown(options=[(words, key) for key, words in PREFERS.items()], description="Take")
        self.depth = widgets.Checkbox(description="Show the depth map", indent=False)
        self.relief = widgets.Checkbox(description="Show it as a relief", indent=False)
        self.origin = widgets.Checkbox(description="Show which frame each pixel is from", indent=False)
        self.truth = widgets.Checkbox(description="Show the truth beside", indent=False)
        tabs = [(words, name) for name, words in SHOWS.items()]
        self.shows = classed(widgets.ToggleButtons(options=tabs), "mmp-tight")
        self.clear, self.take = button("Forget the region"), button("Take the region from this frame")
        self.go, self.stop, self.back = button("Fuse", primary=True), button("Cancel"), button("Undo")
        self.downloads, self.copies, self.address = Downloads(), Copies(), Address()
        self._quiet = False
        self.widget = self._lay_out()
        self._listen()
        state.on_change(self._changed)
        self._changed(frozenset({"stack", "phase", "result", "error"}))

    def _lay_out(self) -> widgets.Widget:
        actions = row(classed(self.go, "mmp-grow"), classed(self.stop, "mmp-grow"), self.back)
        by_hand = row(classed(self.one, "mmp-quiet"), classed(self.judge, "mmp-quiet"))
        self.how = panel(
            "How to fuse",
            self.method, self.prefer, self.more, self.chips, self.frames, self.counted, by_hand, self.said,
            self.align,
            actions, self.progress, self.others,
        )  # fmt: skip
        maps = [self.depth, self.relief, self.origin, self.truth]
        self.what = panel("Result", self.outcome, self.spot, self.shows, *maps, row(self.take, self.clear))
        self.keep = panel("Download", self.downloads)
        self.again = panel("The same again", self.copies)
        rail = [panel("", self.picker.widget), self.how, self.what, self.keep, self.again]
        return page(self.message, bench([self.empty, self.view, self.table], rail), self.address)

    def _listen(self) -> None:
        state = self.state
        for control, name in [
            (self.method, "method"), (self.align, "align"), (self.depth, "depth"), (self.relief, "relief"),
            (self.origin, "origin"), (self.truth, "truth"), (self.shows, "shows"), (self.prefer, "prefer"),
        ]:  # fmt: skip
            self._on(control, lambda value, name=name: state.choose(**{name: value}))
        self._on(self.frames, lambda text: state.choose(frames=text.strip()))
        self._on(self.more, lambda name: state.choose(beside=(*state.choices.beside, name)) if name else None)
        self.one.on_click(lambda _: state.toggle_frame(self.view.index))
        self.judge.on_click(lambda _: state.ask_judge())
        self.view.observe(lambda _: self._name_frame(), "index")
        self.view.observe(lambda change: self._drawn(change["new"]), "region")
        self.view.observe(lambda change: self._looked(change["new"]), "camera")
        self.view.on_pick(self._picked)
        self.go.on_click(lambda _: state.start())
        self.stop.on_click(lambda _: state.cancel())
        self.back.on_click(lambda _: state.undo())
        self.take.on_click(lambda _: state.take_region(self.view.index))
        self.clear.on_click(lambda _: state.choose(region=None))

    def _on(self, control: Any, tell: Any) -> None:
        control.observe(lambda change: None if self._quiet else tell(change["new"]), "value")

    def _drawn(self, drawn: list[float] | None) -> None:
        if self._quiet or self.state.choices.shows == "spectrum":
            return
        box = None if drawn is None else tuple(round(value) for value in drawn)
        if box is None or min(box[2:]) >= 1:
            self.state.choose(region=box)

    def _looked(self, camera: cameras.Camera) -> None:
        if not self._quiet and self.state.choices.shows != "spectrum":
            self.state.drift(camera="" if camera == cameras.fit() else cameras.to_text(camera))

    def _picked(self, pick: Pick) -> None:
        """Say which frame a pixel is from, and go there."""
        spot = self.panes.spot(pick.x, pick.y) if self.state.choices.shows != "spectrum" else None
        if spot is None:
            return
        result = self.state.result
        height = (
            ""
            if spot.depth != spot.depth or result is None or result.summary["depth_unit"] != "um"
            else (f", height {spot.depth:.3g} µm")
        )
        self.spot.value = notice(f"Pixel {spot.x}, {spot.y} is from frame {spot.frame + 1}{height}")
        seen(self.spot, True)
        if self.view.count > 1:
            self.view.index = spot.frame

    def _changed(self, names: frozenset[str]) -> None:
        self._quiet = True
        try:
            self._draw(names)
        finally:
            self._quiet = False
        self.address.query = self.state.to_query()

    def _draw(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        if not names & {"phase", "error", "camera"}:
            self._show_choices()
        if names & {"phase", "beside", "stack"}:
            self._show_phase()
        if names & SEEN:
            self.panes.draw(self.view)
        if names & {"stack", "shows"}:
            self._show_camera()
        if names & {"result", "method", "frames", "align", "beside", "measures", "region", "sharpest", "stack"}:
            self._show_outcome()
            self._show_numbers()
        if names & {"result", "table", "beside", "measures"}:
            self._offer_files()
        self.back.disabled = not state.can_undo

    def _show_choices(self) -> None:
        state, choices = self.state, self.state.choices
        there, result = state.stack is not None, state.result is not None
        for part in (self.view, self.again, self.how):
            seen(part, there)
        for part in (self.what, self.keep):
            seen(part, result)
        seen(self.empty, not there)
        seen(self.truth, state.truth is not None)
        seen(self.prefer, real(choices.method) in PREFERRING)
        seen(self.clear, choices.region is not None)
        seen(self.take, choices.region is not None and choices.shows == "pictures")
        seen(self.shows, result and (len(state.results) > 1 or state.truth is not None))
        for control, value in [
            (self.method, choices.method), (self.frames, choices.frames), (self.align, choices.align),
            (self.depth, choices.depth), (self.relief, choices.relief), (self.origin, choices.origin),
            (self.truth, choices.truth), (self.shows, choices.shows), (self.prefer, choices.prefer),
        ]:  # fmt: skip
            control.value = value
        self._show_chips()
        self._name_frame()
        self.said.value = f'<p class="mmp-muted">{_sentence(state.said)}.</p>' if state.said else ""
        seen(self.said, bool(state.said))
        if state.stack is None:
            return
        counted = frames_words(choices.frames, len(state.stack))
        self.counted.value = f'<p class="mmp-muted">{counted}.</p>' if counted else ""
        seen(self.counted, bool(counted))
        self.picker.show(choices.source, choices.speed)
        command = {} if choices.patches else {"as a command": as_command(choices)}
        self.copies.offer({"Copy link": "", "as Python": as_python(choices), **command})

    def _show_chips(self) -> None:
        beside = self.state.choices.beside
        main = real(self.state.choices.method)
        if [chip.name for chip in self.chips.children] != list(beside):
            self.chips.children = [self._chip(name) for name in beside]
        seen(self.chips, bool(beside))
        free = [name for name in METHODS if name not in beside and name != main]
        self.more.options = [("choose a method …", ""), *((name, name) for name in free)]
        self.more.value = ""

    def _chip(self, name: str) -> widgets.Widget:
        chip = classed(button(f"{name} ×"), "mmp-chip")
        chip.name = name
        chip.tooltip = f"Take {name} away"
        chip.on_click(lambda _: self.state.choose(beside=tuple(n for n in self.state.choices.beside if n != name)))
        return chip

    def _name_frame(self) -> None:
        """Say what the button does with the frame that is looked at."""
        state = self.state
        several = state.stack is not None and len(state.stack) > 1
        seen(self.one, several and self.view.count > 1)
        seen(self.judge, several)
        if several and state.stack is not None:
            try:
                inside = self.view.index in state.chosen
            except InputError:
                inside = False
            words = f"Leave frame {self.view.index + 1} out" if inside else f"Take frame {self.view.index + 1} in"
            self.one.description = words
            self.take.description = f"Take the region from frame {self.view.index + 1}"

    def _show_phase(self) -> None:
        state = self.state
        working = state.phase in ("running", "opening", "judging")
        self.progress.value = progress_bar(state.share, state.stage or state.phase) if working else ""
        if state.phase == "cancelled":
            self.progress.value = notice("Cancelled; nothing was changed.")
        seen(self.progress, bool(self.progress.value))
        seen(self.go, not state.running)
        seen(self.stop, state.running)
        self.go.disabled = state.stack is None or state.phase in ("opening", "judging")
        self.judge.disabled = state.phase in ("opening", "judging", "running")
        lines = "".join(_told(one) for one in state.beside.attempts.values() if one.phase != "done")
        self.others.value = lines
        seen(self.others, bool(lines))

    def _show_camera(self) -> None:
        choices = self.state.choices
        try:
            look = (
                cameras.from_text(choices.camera) if choices.camera and choices.shows != "spectrum" else cameras.fit()
            )
        except InputError as error:
            self.state.complain(error)
            look = cameras.fit()
        self.view.set_trait("camera", look)

    def _show_outcome(self) -> None:
        state, result = self.state, self.state.result
        if result is None:
            self.spot.value = ""
            seen(self.spot, False)
            return
        summary = result.summary
        older = notice("The choices above have changed; fuse again to see what they do.") if state.stale else ""
        self.outcome.value = (
            older
            + facts(
                {
                    "Method": summary["method"],
                    "Frames used": summary["frames"] - len(summary["parameters"].get("left_out", [])),
                    "Sharpest frame": None if state.sharpest is None else state.sharpest + 1,
                    "Retouched places": state.retouched_places or None,
                    "Time": f"{summary['seconds']:.1f} s",
                }
            )
            + f'<p class="mmp-muted">{_sentence(str(summary["alignment"]))}</p>'
            + "".join(notice(_sentence(str(warning))) for warning in [*summary["warnings"], *self._left_out(summary)])
        )

    def _left_out(self, summary: dict[str, Any]) -> list[str]:
        numbers, chosen = summary["parameters"].get("left_out", []), self.state.chosen
        known = not self.state.stale and len(chosen) == summary["frames"]
        return left_out_words((chosen[number] for number in numbers), first=1) if known else []

    def _show_numbers(self) -> None:
        state = self.state
        rows = scored(state)
        waiting = bool(state.beside.numbers.waiting)
        seen(self.table, bool(rows))
        if not rows:
            return
        words = "↑ higher is better, ↓ lower is better"
        words += "; small: the change from the first." if len(rows) > 1 else "."
        words += " Draw a region in the view to measure it by itself." if state.choices.region is None else ""
        self.table.value = (
            '<div class="mmp-panel"><h2>Numbers</h2>'
            + scores_table(rows, caption="Quality of every picture")
            + f'<p class="mmp-muted" role="status">{"Measuring …" if waiting else words}</p></div>'
        )

    def _offer_files(self) -> None:
        state, result = self.state, self.state.result
        if result is None:
            return
        offers = [Offer(words, name, result.file(name)) for name, words in FILES.items()]
        if state.table is not None:
            offers.append(Offer("Focus of every cell, CSV", "cells.csv", state.table))
        offers += [Offer(f"{o.method}, TIFF", f"{o.method}.tif", o.file("fused.tif")) for o in state.results[1:]]
        offers.append(Offer("Numbers, CSV", "fuse_numbers.csv", lambda: scores_csv(scored(state))))
        self.downloads.offer(offers)


EMPTY = (
    '<div class="mmp-empty"><p><strong>No stack to fuse yet.</strong></p>'
    "<p>Choose one from the list, or upload your own on the Home page.</p></div>"
)


def scored(state: FuseState) -> list[Scored]:
    """Give a row of numbers for each fused picture, the one that is kept first."""
    numbers = state.beside.numbers
    return [Scored(one.method, numbers.of(one.method), float(one.summary.get("seconds", 0.0))) for one in state.results]


def _told(attempt: Attempt) -> str:
    """Say how far another method is, or why it failed."""
    if attempt.phase == "failed":
        return notice(f"{attempt.method}: {attempt.sentence}", error=True)
    return f'<p class="mmp-muted">{escape(attempt.method)}: {round(100 * attempt.share)} %</p>'


def _sentence(words: str) -> str:
    return escape(words[:1].upper() + words[1:])
