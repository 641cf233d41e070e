"""The Pipeline page: stacks in a queue go the whole way to a sharp picture and a report, at one press."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from mmlib import io
from mmlib.errors import InputError
from mmlib.pages.address import Address, given_query
from mmlib.pages.background import Latest, deliverer
from mmlib.pages.copies import Copies
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.layout import bench, button, classed, html, notice, page, panel, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.pipeline_recipes import as_command, as_python
from mmlib.pages.pipeline_state import FILES, OPTIONS, WORKING, Entry, PipelineChoices, PipelineState
from mmlib.pages.pipeline_words import STAGE_TITLES, batch_html, entry_html, story_html
from mmlib.pages.sources import cards
from mmlib.widgets import Pane, StackView, coloured, ramp_legend

EMPTY = (
    '<div class="mmp-empty"><p><strong>The queue is empty.</strong></p>'
    "<p>Add one stack or many; each becomes a sharp picture, a depth map and a report.</p>"
    '<ol class="mmq-way"><li><strong>Field of view</strong>: find the bright disc of the eyepiece</li>'
    "<li><strong>Focus</strong>: judge each part of each frame</li>"
    "<li><strong>Selection</strong>: leave out dirty frames, and those far from every sharp one</li>"
    "<li><strong>Deblurring</strong>: restore what a fast scan smeared</li>"
    "<li><strong>Alignment and fusion</strong>: line the frames up and join their sharp parts</li>"
    "<li><strong>Measures</strong>: say in numbers how good the picture is</li></ol></div>"
)
HEIGHT = "clamp(240px, min(100vh - 360px, 100vw), 900px)"


def show(*sources: str) -> widgets.Widget:
    """Build the page.

    Args:
        *sources: stacks to put into the queue; none takes those of the link.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(PipelineChoices, given_query())
    if sources:
        choices = PipelineChoices(sources=sources)
    state = PipelineState(choices, runner=Latest, deliver=deliverer())
    view = PipelineView(state)
    if trouble:
        state.complain(trouble)
    return view.widget


class PipelineView:
    """Draws a `PipelineState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: PipelineState) -> None:
        self.state = state
        self.message, self.empty, self.story = html(), html(EMPTY), html()
        self.picker = Picker(lambda name, speed: self._add(name, speed))
        self.stages = {
            stage: widgets.Dropdown(
                options=options, description=STAGE_TITLES[stage], value=getattr(state.choices, stage)
            )
            for stage, options in OPTIONS.items()
        }
        self.go = button("Run", primary=True)
        self.queue = classed(widgets.VBox(), "mmq-queue")
        self.yours, self.stop, self.far = button("Add all of mine"), button("Cancel all"), html()
        self.view = StackView(label="Sharp picture", height=HEIGHT)
        self.downloads, self.copies, self.address = Downloads(), Copies(), Address()
        self._cards: dict[str, _EntryCard] = {}
        known = cards()
        self._titles = {card.name: card.title for card in known}
        seen(self.yours, any(not card.built_in for card in known))
        self._shown: Path | None = None
        self.widget = self._lay_out()
        for stage, control in self.stages.items():
            control.observe(lambda change, stage=stage: state.choose(**{stage: change["new"]}), "value")
        self.go.on_click(lambda _: state.start())
        self.yours.on_click(lambda _: state.add_yours())
        self.stop.on_click(lambda _: state.cancel_all())
        state.on_change(self._changed)
        self._changed(frozenset({"entries", "entry", "result", "error"}))

    def _lay_out(self) -> widgets.Widget:
        self.result = panel("Result", self.view, self.story)
        self.keep = panel("Download", self.downloads)
        self.again = panel("The same again", self.copies)
        rail = [
            panel("Add a stack", self.picker.widget, row(self.yours)),
            panel("The way it goes", *self.stages.values(), row(classed(self.go, "mmp-grow"))),
            self.keep,
            self.again,
        ]
        self.whole = classed(row(classed(self.far, "mmp-grow"), self.stop), "mmq-whole")
        stage = bench([self.empty, self.whole, self.queue, self.result], rail)
        return classed(page(self.message, stage, self.address), "mmq-page")

    def _add(self, name: str, speed: int | None) -> None:
        if speed is not None:
            self.state.choose(speed=speed)
        self.state.add(name)
        self.picker.show(name, self.state.choices.speed)

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        for stage, control in self.stages.items():
            control.value = getattr(state.choices, stage)
        if "entries" in names:
            self._draw_queue()
        if names & {"entry", "entries", *self.stages}:
            for card in self._cards.values():
                card.draw(state)
            self.far.value = batch_html(*state.batch(time.monotonic()))
            seen(self.whole, bool(self.far.value))
            self.go.disabled = not state.entries or all(entry.phase in WORKING for entry in state.entries)
        if names & {"result", "entries"}:
            self._draw_result()
        if state.entries:
            self.copies.offer(
                {"Copy link": "", "as Python": as_python(state.choices), "as a command": as_command(state.choices)}
            )
        self.address.query = state.to_query()

    def _draw_queue(self) -> None:
        state = self.state
        sources = [entry.source for entry in state.entries]
        self._cards = {
            entry.source: self._cards.get(entry.source) or _EntryCard(entry, state, self._titles.get(entry.source, ""))
            for entry in state.entries
        }
        self.queue.children = [self._cards[source].widget for source in sources]
        seen(self.empty, not sources)
        seen(self.again, bool(sources))

    def _draw_result(self) -> None:
        entry = self.state.shown
        seen(self.result, entry is not None)
        seen(self.keep, entry is not None)
        if entry is None or entry.folder is None:
            self._shown = None
            return
        self.story.value = story_html(entry, self._titles.get(entry.source, ""))
        if entry.folder == self._shown:
            return
        try:
            panes = [
                Pane(picture=io.read_picture(entry.folder / name), title=title)
                for name, title in (("fused.png", "Sharp everywhere"), ("best_frame.png", "Sharpest single frame"))
            ]
            panes.append(depth_pane(entry.folder / "depth.tif", entry.summary["depth_unit"], entry.summary["frames"]))
        except (InputError, OSError):
            self.state.complain("this result is no longer on the disk; run it again")
            return
        self._shown = entry.folder
        self.view.show(panes)
        stem = Path(entry.source).name.split(".")[0]
        self.downloads.offer([Offer(words, f"{stem}_{name}", entry.folder / name) for name, words in FILES.items()])


class _EntryCard:
    """One stack of the queue: its name, how far it is, and what can be done about it."""

    def __init__(self, entry: Entry, state: PipelineState, title: str) -> None:
        self.entry, self._title = entry, title
        self.words = classed(html(), "mmp-grow")
        self.look, self.stop, self.retry, self.leave = (
            self._button("Show", lambda: state.show(entry.source)),
            self._button("Cancel", lambda: state.cancel(entry)),
            self._button("Again", lambda: state.begin(entry)),
            self._button("Remove", lambda: state.remove(entry)),
        )
        buttons = row(self.look, self.stop, self.retry, self.leave)
        self.widget = classed(widgets.Box([self.words, buttons]), "mmp-panel", "mmq-entry")

    def _button(self, words: str, action: Callable[[], None]) -> widgets.Button:
        made = button(words)
        made.tooltip = f"{words}: {self.entry.source}"
        made.on_click(lambda _: action())
        return made

    def draw(self, state: PipelineState) -> None:
        """Show how far it is."""
        entry = self.entry
        working = entry.phase in WORKING
        self.words.value = entry_html(entry, stale=state.stale(entry), now_s=time.monotonic(), title=self._title)
        seen(self.look, entry.phase == "done")
        seen(self.stop, working)
        seen(self.retry, entry.phase in ("failed", "cancelled"))
        seen(self.leave, not working)


def depth_pane(file: Path, unit: str, frames: Sequence[int]) -> Pane:
    """Show a depth map with what its colours mean.

    Args:
        file: the map, as a run wrote it.
        unit: ``"um"``, or ``"frame"`` where heights are not known.
        frames: which frames of the stack were fused, from 0.

    Returns:
        The pane; what is not known is black.
    """
    depth = io.read_map(file)
    known = depth[np.isfinite(depth)]
    low, high = (float(end) for end in np.percentile(known, (1, 99))) if known.size else (0.0, 0.0)
    painted = coloured(depth, low=low, high=high)
    picture = np.where(painted[:, :, 3:] > 0, painted[:, :, :3], 0).astype(np.uint8)
    if unit == "um":
        legend = ramp_legend(f"{low:.3g} µm", f"{high:.3g} µm", "height")
    else:
        first, last = (frames[min(max(round(end), 0), len(frames) - 1)] + 1 for end in (low, high))
        legend = ramp_legend(str(first), str(last), "frame")
    return Pane(picture=picture, title="Depth", kind="map", legend=legend)
