"""The Home page: choose a stack, bring your own, or go on where you were."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import urlencode

import ipywidgets as widgets

from mmlib.pages.address import Address, given_query, on_dashboard
from mmlib.pages.background import Latest
from mmlib.pages.home_state import KINDS, HomeChoices, HomeState, Recent, recent
from mmlib.pages.layout import classed, html, notice, page, panel, progress_bar
from mmlib.pages.links import from_query
from mmlib.pages.sources import data_folder
from mmlib.pages.thumbnails import data_uri, thumbnail
from mmlib.pages.welcome import phone_html, tour_html
from mmlib.specimens import SpecimenCard
from mmlib.widgets import ChunkedUpload

ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".tif", ".tiff", ".zip", ".npy")


def show() -> widgets.Widget:
    """Build the page.

    Returns:
        The page, ready to be the last line of a cell.
    """
    choices, trouble = from_query(HomeChoices, given_query())
    state = HomeState(choices, run=Latest())
    view = HomeView(state)
    state.complain(trouble)
    return view.widget


class HomeView:
    """Draws a `HomeState` and tells it what the user does.

    Attributes:
        state: what is shown.
        widget: the page.
    """

    def __init__(self, state: HomeState) -> None:
        self.state = state
        self.message, self.arrived, self.cards, self.recent = html(), html(), html(), html()
        self.search = widgets.Text(
            description="Search",
            placeholder="blood, diatoms, onion …",
            value=state.choices.search,
            continuous_update=True,
        )
        self.kind = widgets.Dropdown(
            options=[(words, kind) for kind, (words, _) in KINDS.items()],
            value=state.choices.kind if state.choices.kind in KINDS else "all",
            description="Show",
        )
        self.upload = ChunkedUpload(data_folder(), suffixes=ENDINGS)
        self.address = Address()
        self.widget = self._lay_out()
        self.search.observe(lambda change: state.search(change["new"]), "value")
        self.kind.observe(lambda change: state.show_only(change["new"]), "value")
        self.upload.on_done(self._uploaded)
        state.on_change(self._changed)
        self._changed(frozenset({"search", "cards", "upload", "error"}))
        self._show_recent()

    def _lay_out(self) -> widgets.Widget:
        phone = [html(words)] if (words := phone_html()) else []
        bring = panel("Bring your own", self.upload, self.arrived, html(BRING_WORDS, "mmp-muted"), *phone)
        find = panel("Find a stack", self.search, self.kind, html(_link_form()))
        tools = classed(widgets.Box([find, bring]), "mmp-home-tools")
        return page(self.message, html(tour_html()), tools, self.cards, self.recent, self.address)

    def _changed(self, names: frozenset[str]) -> None:
        state = self.state
        if "error" in names:
            self.message.value = notice(state.error, error=True)
        if names & {"search", "kind", "cards"}:
            self._show_cards()
        if "upload" in names:
            self._show_upload()
        self.address.query = state.to_query()

    def _uploaded(self, path: Path) -> None:
        self.state.receive(path)

    def _show_upload(self) -> None:
        state = self.state
        if state.checking:
            self.arrived.value = progress_bar(state.share, f"reading {state.checking}")
        elif state.arrived is not None:
            name, stack = state.arrived
            words = f"{escape(Path(name).name)}: {len(stack)} frames of {stack.width} × {stack.height} px."
            warnings = "".join(notice(warning) for warning in stack.warnings)
            self.arrived.value = f'<div class="mmp-notice" role="status">{words} {_links(name)}</div>{warnings}'
        else:
            self.arrived.value = ""

    def _show_cards(self) -> None:
        found = self.state.matching
        if not found:
            none_yet = self.state.choices.kind == "mine" and not self.state.choices.search
            words = NONE_OF_MINE if none_yet else "No stack is like that; try fewer words, or show all stacks."
            self.cards.value = f'<h2 class="mmp-section">Stacks</h2><div class="mmp-empty">{words}</div>'
            return
        mine = _section("Your stacks", [card for card in found if not card.built_in])
        self.cards.value = mine + _section("Built-in specimens", [card for card in found if card.built_in])

    def _show_recent(self) -> None:
        results = recent()
        if results:
            items = "".join(_recent(result) for result in results)
            self.recent.value = f'<h2 class="mmp-section">Made of late</h2><ul class="mmp-cards">{items}</ul>'


NONE_OF_MINE = "You have no stacks here yet. Upload one above: a film, a TIFF stack or a zip of pictures."

BRING_WORDS = (
    "A film (mp4, mov, avi, mkv, webm), a TIFF stack or a zip of pictures. "
    "It stays on the computer that runs this dashboard; everybody who can open the dashboard can see it."
)


def _links(name: str) -> str:
    if not on_dashboard():
        return f"<code>explore.show({escape(name)!r})</code>"
    query = escape(urlencode({"s": name}))
    pages = ("Explore", "Focus", "Deblur", "Fuse")
    return " ".join(f'<a href="{title.lower()}?{query}">{title}</a>' for title in pages)


def _link_form() -> str:
    if not on_dashboard():
        return ""
    return (
        '<form action="explore" method="get" class="mmp-row"><label for="mmp-open">Open</label>'
        '<input id="mmp-open" name="s" type="text" class="mmp-grow" autocomplete="off" required '
        'placeholder="the name of a stack, or a link to one">'
        '<button class="jupyter-button" type="submit">Open</button></form>'
    )


def _section(title: str, cards: list[SpecimenCard]) -> str:
    items = "".join(_card(card) for card in cards)
    return f'<h2 class="mmp-section">{title}</h2><ul class="mmp-cards">{items}</ul>' if items else ""


def _card(card: SpecimenCard) -> str:
    picture = thumbnail(card)
    shown = f'<img src="{picture}" alt="">' if picture else '<div class="mmp-blank">no preview yet</div>'
    title = escape(card.title)
    query = escape(urlencode({"s": card.name}))
    heading = f'<a href="explore?{query}">{title}</a>' if on_dashboard() else title
    return (
        f'<li class="mmp-card">{shown}<div class="mmp-card-words"><h3>{heading}</h3>'
        f"<p>{escape(card.description)}</p><p>{_tags(card)}</p>"
        f'<div class="mmp-actions">{_links(card.name)}</div></div></li>'
    )


def _tags(card: SpecimenCard) -> str:
    tags = [f"{max(card.planes)} frames" if card.planes else "", "truth known" if card.has_truth else ""]
    tags += [f"speeds {min(card.speeds)} to {max(card.speeds)}" if len(card.speeds) > 1 else ""]
    tags += [escape(card.licence.partition(":")[0])]
    return " ".join(f'<span class="mmp-tag">{tag}</span>' for tag in tags if tag)


def _recent(result: Recent) -> str:
    title = escape(result.title)
    heading = f'<a href="{result.page}?{escape(result.query)}">{title}</a>' if on_dashboard() else title
    return (
        f'<li class="mmp-card"><img src="{data_uri(result.picture)}" alt="">'
        f'<div class="mmp-card-words"><h3>{heading}</h3><p>{escape(result.words)}</p></div></li>'
    )
