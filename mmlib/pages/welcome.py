"""What greets a newcomer on Home: a tour of two minutes, and a way in for the phone that took the film."""

from __future__ import annotations

import os
from html import escape

from mmlib.pages.address import on_dashboard

TOUR = (
    (
        "explore?s=stem_section",
        "Turn the focus wheel",
        "Step through a plant stem with the arrow keys. No frame is sharp all over.",
    ),
    (
        "focus?s=stem_section",
        "Ask what is in focus",
        "Each cell of the picture gets a colour; the curve shows where the focus belongs.",
    ),
    (
        "deblur?s=stem_section&v=3&m=best,refocus",
        "Undo haste",
        "A fast scan smears its frames. Compare what several methods make of one.",
    ),
    ("fuse?s=stem_section&r=1", "Fuse", "All sharp parts in one picture, with a map of the depth beside it."),
    ("pipeline?s=pollen,diatoms", "Let it run", "Many stacks at one press, each with a report to keep."),
)
"""Where each stop of the tour leads, what it is called, and what there is to see."""


def tour_html() -> str:
    """Describe the tour, with a link to each stop where there is a dashboard: HTML."""
    stops = "".join(f"<li>{_link(address, title)}: {escape(words)}</li>" for address, title, words in TOUR)
    return (
        '<details class="mmp-tour"><summary>New here? A tour of two minutes</summary>'
        f"<ol>{stops}</ol><p>Then bring your own film. Every choice you make is in the address of the page: copy "
        "it, and others see the same. The key <kbd>?</kbd> lists the keys of the viewer.</p></details>"
    )


def phone_html() -> str:
    """Show the address of this page as a code for the camera of a phone: HTML; empty where no phone can reach it.

    The server tells its address in ``MMLIB_ADDRESS`` when the whole network may come in.
    """
    address = os.environ.get("MMLIB_ADDRESS", "")
    if not address:
        return ""
    import segno

    code = segno.make(address, error="m").svg_inline(scale=4, border=3, dark="#000", light="#fff", omitsize=True)
    return (
        '<details class="mmp-phone"><summary>From your phone</summary><p>Phone and computer in the same network: point '
        f"the camera at this, and upload the film right where it was taken. <code>{escape(address)}</code></p>"
        f'<div role="img" aria-label="Code for the address {escape(address)}">{code}</div></details>'
    )


def _link(address: str, title: str) -> str:
    return f'<a href="{escape(address)}">{escape(title)}</a>' if on_dashboard() else f"<strong>{escape(title)}</strong>"
