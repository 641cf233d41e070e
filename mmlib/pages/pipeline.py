"""The Pipeline page: stacks in a queue go the whole way to a sharp picture and a report, at one press."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets

from mmlib import io
from mmlib.deblurring import METHODS as DEBLUR
from mmlib.errors import InputError
from mmlib.focusing import METHODS as FOCUS
from mmlib.fusing import METHODS as FUSE
from mmlib.pages.address import Address, given_query
from mmlib.pages.background import Latest, deliverer
from mmlib.pages.copies import Copies
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.layout import bench, button, classed, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.picker import Picker
from mmlib.pages.pipeline_recipes import as_command, as_python
from mmlib.pages.pipeline_state import FILES, WORKING, Entry, PipelineChoices, PipelineState, time_words
from mmlib.widgets import Pane, StackView

OPTIONS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "focus": ("Focus", [("best", "best"), *((name, name) for name in FOCUS if name != "best"), ("off", "off")]),
    "select": ("Selection", [("useful frames", "on"), ("every frame", "off")]),
    "deblur": (
        "Deblurring",
        [
            ("only fast scans", "auto"),
            ("best", "best"),
            *((n, n) for n in DEBLUR if n not in ("best", "none")),
            ("off", "off"),
        ],
    ),
    "align": ("Alignment", [("auto", "auto"), ("on", "on"), ("off", "off")]),
    "fuse": ("Fusion", [("best", "best"), *((name, name) for name in FUSE)]),
    "measure": ("Measures", [("on", "on"), ("off", "off")]),
}
"""Each stage: what it is called, and what can be chosen."""
EMPTY = (
    '<div class="mmp-empty"><p><strong>The queue is empty.</strong></p>'
    "<p>Add one stack or many from the list; each becomes a sharp picture, a depth map and a report.</p></div>"
)


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
            stage: widgets.Dropdown(options=options, description=words, value=getattr(state.choices, stage))
            for stage, (words, options) in OPTIONS.items()
        }
        self.go = button("Run", primary=True)
        self.queue = classed(widgets.VBox(), "mmq-queue")
        self.view = StackView(label="Sharp picture", height="clamp(240px, min(100vh - 360px, 100vw), 900px)")
        self.downloads, self.copies, self.address = Downloads(), Copies(), Address()
        self._cards: dict[str, _EntryCard] = {}
        self._shown: Path | None = None
        self.widget = self._lay_out()
        for stage, control in self.stages.items():
            control.observe(lambda change, stage=stage: state.choose(**{stage: change["new"]}), "value")
        self.go.on_click(lambda _: state.start())
        state.on_change(self._changed)
        self._changed(frozenset({"entries", "entry", "result", "error"}))

    def _lay_out(self) -> widgets.Widget:
        self.result = panel("Result", self.view, self.story)
        self.keep = panel("Keep", self.downloads)
        self.again = panel("The same again", self.copies)
        rail = [
            panel("Add a stack", self.picker.widget),
            panel("The way it goes", *self.stages.values(), row(classed(self.go, "mmp-grow"))),
            self.keep,
            self.again,
        ]
        return classed(page(self.message, bench([self.empty, self.queue, self.result], rail), self.address), "mmq-page")

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
            entry.source: self._cards.get(entry.source) or _EntryCard(entry, state) for entry in state.entries
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
        self.story.value = story_html(entry)
        if entry.folder == self._shown:
            return
        try:
            panes = [
                Pane(picture=io.read_picture(entry.folder / name), title=title)
                for name, title in (("fused.png", "Sharp everywhere"), ("best_frame.png", "Sharpest single frame"))
            ]
            panes.append(Pane(picture=io.read_picture(entry.folder / "depth.png"), title="Depth", kind="map"))
        except (InputError, OSError):
            self.state.complain("this result is no longer on the disk; run it again")
            return
        self._shown = entry.folder
        self.view.show(panes)
        stem = Path(entry.source).name.split(".")[0]
        self.downloads.offer([Offer(words, f"{stem}_{name}", entry.folder / name) for name, words in FILES.items()])


class _EntryCard:
    """One stack of the queue: its name, how far it is, and what can be done about it."""

    def __init__(self, entry: Entry, state: PipelineState) -> None:
        self.entry = entry
        self.words = classed(html(), "mmp-grow")
        self.look, self.stop, self.retry, self.leave = (
            self._button("Show", lambda: state.show(entry.source)),
            self._button("Cancel", lambda: state.cancel(entry)),
            self._button("Again", lambda: state.begin(entry)),
            self._button("Remove", lambda: state.remove(entry)),
        )
        buttons = row(self.look, self.stop, self.retry, self.leave)
        self.widget = classed(widgets.VBox([self.words, buttons]), "mmp-panel", "mmq-entry")

    def _button(self, words: str, action: Callable[[], None]) -> widgets.Button:
        made = button(words)
        made.tooltip = f"{words}: {self.entry.source}"
        made.on_click(lambda _: action())
        return made

    def draw(self, state: PipelineState) -> None:
        """Show how far it is."""
        entry = self.entry
        working = entry.phase in WORKING
        self.words.value = entry_html(entry, stale=state.stale(entry), now_s=time.monotonic())
        seen(self.look, entry.phase == "done")
        seen(self.stop, working)
        seen(self.retry, entry.phase in ("failed", "cancelled"))
        seen(self.leave, not working)


def entry_html(entry: Entry, *, stale: bool, now_s: float) -> str:
    """Say how far a stack of the queue is.

    Args:
        entry: of the queue.
        stale: whether its result was made with other choices.
        now_s: the monotonic clock.

    Returns:
        HTML.
    """
    name = f"<h3>{escape(entry.source)}</h3>"
    if entry.phase == "failed":
        return name + notice(entry.message, error=True)
    if entry.phase in WORKING:
        left = time_words(entry.seconds_left(now_s))
        bar = progress_bar(entry.share, "waiting for its turn" if entry.phase == "waiting" else entry.stage)
        return f'{name}{bar}<p class="mmp-muted">{left}</p>' if left else name + bar
    if entry.phase == "done":
        summary = entry.summary
        seconds = sum(summary["seconds"].values())
        words = f"Done: {len(summary['frames'])} of {summary['of']} frames, {seconds:.1f} s of work."
        return f"{name}<p>{words}{' Made with other choices; Run makes it anew.' if stale else ''}</p>"
    words = {"ready": "In the queue; Run begins.", "cancelled": "Cancelled; nothing was kept."}[entry.phase]
    return f'{name}<p class="mmp-muted">{words}</p>'


def story_html(entry: Entry) -> str:
    """Tell what each stage did.

    Args:
        entry: that is done.

    Returns:
        HTML.
    """
    summary = entry.summary
    rows = "".join(
        f"<tr><th scope=row>{escape(OPTIONS[stage][0] if stage in OPTIONS else stage.capitalize())}</th>"
        f"<td>{escape(said)}</td><td>{summary['seconds'].get(stage, 0):.1f} s</td></tr>"
        for stage, said in summary["stages"].items()
    )
    warnings = "".join(notice(str(warning)) for warning in summary["warnings"])
    return (
        f"<h3>{escape(entry.source)}</h3>{warnings}"
        '<div class="mmp-words" tabindex="0" role="region" aria-label="What each stage did"><table><thead><tr>'
        f"<th scope=col>Stage</th><th scope=col>What it did</th><th scope=col>Time</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
