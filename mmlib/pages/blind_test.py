"""The Blind test page: two fusions of one specimen, nobody says which is which, and your choice counts."""

from __future__ import annotations

import asyncio
from html import escape

import ipywidgets as widgets

from mmlib.errors import InputError
from mmlib.pages.address import Address, given_query
from mmlib.pages.background import Latest
from mmlib.pages.blind_test_keys import BlindTestKeys
from mmlib.pages.blind_test_state import BlindChoices, BlindTestState
from mmlib.pages.blind_test_words import outcome_words, own_words, preference_svg
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.layout import button, classed, html, notice, page, panel, progress_bar, row, seen
from mmlib.pages.links import from_query
from mmlib.pages.votes import Choice, VoteStore
from mmlib.widgets import Pane, StackView

FRESH_S = 4.0
"""The chart of all votes is drawn anew after so long, if there are more votes."""


def show() -> widgets.Widget:
    """Build the page.

    Returns:
        The page, ready to be the last line of a cell.
    """
    try:
        store = VoteStore()
    except InputError as error:
        return page(html(notice(str(error), error=True)))
    choices, _ = from_query(BlindChoices, given_query())
    return BlindTestView(BlindTestState(store, choices=choices, run=Latest(), ahead=Latest())).widget


class BlindTestView:
    """Draws a `BlindTestState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: BlindTestState) -> None:
        self.state = state
        self.view = StackView(label="Two fused pictures", height="clamp(260px, calc(100vh - 300px), 1000px)")
        self.message, self.progress, self.question, self.words = html(), html(), html(), html()
        self.left, self.tie, self.right = (
            button("Left is better (1)"),
            button("No difference (space)"),
            button("Right is better (2)"),
        )
        self.mine, self.chart = html(), html()
        self.downloads, self.address = Downloads(), Address()
        self.keys = BlindTestKeys(lambda voter, kept: state.enter(voter, kept=kept), state.vote)
        self._drawn = -1
        self._hung = False  # whether any picture has been shown yet
        self.widget = self._lay_out()
        for made, choice in ((self.left, "left"), (self.tie, "tie"), (self.right, "right")):
            self._listen(made, choice)  # type: ignore[arg-type]
        state.on_change(self._changed)
        self._changed(frozenset({"phase", "error", "progress"}))

    def _listen(self, made: widgets.Button, choice: Choice) -> None:
        made.on_click(lambda _: self.state.vote(choice))

    def _lay_out(self) -> widgets.Widget:
        choices = classed(row(*(classed(one, "mmp-grow") for one in (self.left, self.tie, self.right))), "mmb-choices")
        self.booth = classed(widgets.VBox([self.question, self.view, choices]), "mmb-booth")
        self.thanks = classed(
            widgets.VBox(
                [
                    self.words,
                    panel("Your votes", self.mine),
                    panel("All votes so far", self.chart),
                    panel("Download", self.downloads),
                ]
            ),
            "mmb-thanks",
        )
        return page(self.message, self.progress, self.booth, self.thanks, self.keys, self.address)

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        if names & {"phase", "progress"}:
            busy = state.phase in ("waiting", "preparing") and not state.error
            self.progress.value = progress_bar(state.share, state.stage or "opening the ballot") if busy else ""
        if "phase" in names:
            self._show_phase()
        self.address.query = state.to_query()

    def _show_phase(self) -> None:
        state, pair = self.state, self.state.pair
        voting = state.phase == "voting" and pair is not None and state.shown is not None
        self.keys.voter = state.voter
        if not voting:
            self._open_booth(False)
        seen(self.booth, voting or (state.phase == "preparing" and self._hung))
        seen(self.thanks, state.phase == "thanks")
        if state.phase == "empty":
            words = "There are no built-in specimens to compare here; reinstall mmlib with its specimens"
            self.message.value = notice(words, error=True)
        if pair is not None:
            title = escape(pair.specimen.replace("_", " "))
            self.question.value = (
                f'<div class="mmb-question"><strong>Which picture would you rather work with?</strong>'
                f'<span role="status">Pair {pair.place + 1} of {state.total}: {title}</span></div>'
            )
        if voting and pair is not None and state.shown is not None:
            self.keys.place = pair.place
            left, right = state.shown
            self.view.show([Pane(picture=left, title="Left", note="1"), Pane(picture=right, title="Right", note="2")])
            self._hung = True
            self._open_booth(True)  # last: what tells of a vote must know by then which pair it is on
        if state.phase == "thanks":
            self._thank()

    def _open_booth(self, voting: bool) -> None:
        self.keys.voting = voting
        for made in (self.left, self.tie, self.right):
            made.disabled = not voting

    def _thank(self) -> None:
        self.words.value = "<h2 class='mmp-section'>Thank you. Your votes are counted.</h2>"
        try:
            self.mine.value = own_words(self.state.mine())
            self._draw()
        except InputError as error:
            self.state.complain(error)
        self.downloads.offer([Offer("All votes, CSV", "votes.csv", lambda: self.state.store.export_csv().encode())])

    def _draw(self) -> None:
        """Draw the chart of all votes if there are new ones, and look again a little later."""
        count = self.state.store.count()
        if count != self._drawn:
            self._drawn = count
            found = self.state.everybody()
            self.chart.value = f"{preference_svg(found)}{outcome_words(found)}"
        try:
            asyncio.get_running_loop().call_later(FRESH_S, self._again)
        except RuntimeError:
            return  # a script: nobody waits for news

    def _again(self) -> None:
        try:
            self._draw()
        except InputError as error:
            self.state.complain(error)
