"""What every page is built of: the frame with its style, panels in a rail, words for the user, and progress."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from mmlib.pages.address import on_dashboard
from mmlib.pages.arrival import Arrival

STYLES = Path(__file__).parent / "template" / "voila" / "templates" / "mmlib" / "static"


def page(*children: widgets.Widget) -> widgets.Widget:
    """Frame a page; inside JupyterLab it brings its style along.

    Args:
        *children: what stands on it, from top to bottom.

    Returns:
        The widget to show.
    """
    styles: list[widgets.Widget] = []
    if not on_dashboard():
        sheets = "".join((STYLES / name).read_text(encoding="utf-8") for name in ("lab.css", "pages.css"))
        styles = [widgets.HTML(f"<style>{sheets}</style>")]
    return classed(widgets.VBox([*styles, *children, Arrival(*children)]), "mmp-page")


def bench(stage: Sequence[widgets.Widget], rail: Sequence[widgets.Widget]) -> widgets.Widget:
    """Lay out a large view with one rail of controls beside it; on a phone the rail comes below.

    Args:
        stage: the view and what belongs under it.
        rail: panels of controls.

    Returns:
        The widget.
    """
    left = classed(widgets.VBox(list(stage)), "mmp-stage")
    right = classed(widgets.VBox(list(rail)), "mmp-rail")
    return classed(widgets.Box([left, right]), "mmp-bench")


def panel(title: str, *children: widgets.Widget) -> widgets.Widget:
    """Put controls that belong together under one heading.

    Args:
        title: the heading; empty for none.
        *children: the controls.

    Returns:
        The widget.
    """
    heading = [html(f"<h2>{escape(title)}</h2>")] if title else []
    return classed(widgets.VBox([*heading, *children]), "mmp-panel")


def row(*children: widgets.Widget) -> widgets.Widget:
    """Put controls side by side, wrapping where there is no room.

    Args:
        *children: the controls.

    Returns:
        The widget.
    """
    return classed(widgets.Box(list(children)), "mmp-row")


def html(text: str = "", *names: str) -> widgets.HTML:
    """Make a piece of HTML; escape what a user gave before.

    Args:
        text: the HTML.
        *names: style classes.

    Returns:
        The widget.
    """
    made = widgets.HTML(text)
    return classed(made, *names)


def button(words: str, *, primary: bool = False) -> widgets.Button:
    """Make a button.

    Args:
        words: what it says.
        primary: whether it is the main one of its panel.

    Returns:
        The widget.
    """
    made = widgets.Button(description=words)
    return classed(made, "mmp-primary") if primary else made


def classed(widget: Any, *names: str) -> Any:
    """Give a widget style classes.

    Args:
        widget: any widget.
        *names: the classes.

    Returns:
        The widget itself.
    """
    for name in names:
        widget.add_class(name)
    return widget


def seen(widget: Any, visible: bool) -> None:
    """Show or hide a widget, for eyes and screen readers alike.

    Args:
        widget: any widget.
        visible: whether it is there.
    """
    widget.layout.display = None if visible else "none"


def facts(pairs: dict[str, Any]) -> str:
    """Write a short table of names and values.

    Args:
        pairs: name and value; a value of None or an empty one is left out.

    Returns:
        HTML.
    """
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
        for name, value in pairs.items()
        if value not in (None, "")
    )
    return f'<dl class="mmp-facts">{rows}</dl>'


def notice(sentence: str, *, error: bool = False) -> str:
    """Write a sentence that the user should see; nothing for an empty one.

    Args:
        sentence: the words.
        error: whether something went wrong.

    Returns:
        HTML.
    """
    if not sentence:
        return ""
    sentence = sentence[0].upper() + sentence[1:] + ("" if sentence[-1] in ".!?" else ".")
    kind, role = (" mmp-notice-error", "alert") if error else ("", "status")
    return f'<div class="mmp-notice{kind}" role="{role}">{escape(sentence)}</div>'


def progress_bar(share: float, stage: str) -> str:
    """Draw how far something is.

    Args:
        share: 0..1.
        stage: the name of what is being done.

    Returns:
        HTML.
    """
    percent = round(100 * min(max(share, 0.0), 1.0))
    words = escape(stage[:1].upper() + stage[1:])
    return (
        f'<div class="mmp-progress"><div class="mmp-progress-words"><span>{words} …</span><span>{percent} %</span>'
        f"</div>"
        f'<div class="mmp-progress-track" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-label="{words}"><div style="width:{percent}%"></div></div></div>'
    )
