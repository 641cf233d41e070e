"""What a page may open: built-in specimens and what lies in the data folder, never another file of the server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs

import platformdirs

from mmlib.errors import InputError
from mmlib.pages.address import on_dashboard
from mmlib.progress import Progress, silent
from mmlib.specimens import SpecimenCard, catalogue, open_source
from mmlib.stacks import ZStack


def data_folder() -> Path:
    """Say where the user's stacks lie and uploads go: MMLIB_DATA, else a folder of the user's own; made if need be."""
    folder = Path(os.environ.get("MMLIB_DATA") or platformdirs.user_data_path("mmlib") / "stacks")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cards() -> list[SpecimenCard]:
    """List what can be opened: built-in specimens, then the data folder."""
    return catalogue(data_folder())


def read_source(source: str, *, speed: int | None = None, progress: Progress = silent) -> ZStack:
    """Open a stack for a page.

    Args:
        source: the name of a built-in specimen, or a name in the data folder; inside a notebook any path.
        speed: scan speed 1..4 of a built-in specimen.
        progress: told while a video is decoded.

    Returns:
        The stack.

    Raises:
        InputError: if the source is not there, cannot be read, or is none that this page may open.
    """
    source = named(source)
    check_allowed(source, [card.name for card in cards()])
    return open_source(source, speed=speed, data=data_folder(), progress=progress)


def named(text: str) -> str:
    """Give the name of a stack of what a user typed or pasted: a name, or a whole link to a page that shows it.

    Args:
        text: such as ``onion`` or ``http://127.0.0.1:8866/explore?s=onion&z=3``.

    Returns:
        The name.
    """
    _, question, query = text.strip().partition("?")
    found = parse_qs(query).get("s") if question else None
    return found[-1] if found else text.strip()


def check_allowed(source: str, names: Sequence[str]) -> None:
    """Raise unless a visitor of the dashboard may open this; inside a notebook everything may be opened.

    Args:
        source: what was asked for.
        names: the names of the catalogue.

    Raises:
        InputError: if it is not in the catalogue and does not lie in the data folder.
    """
    if not on_dashboard() or source in names:
        return
    home = data_folder().resolve()
    path = (home / source).resolve() if "\0" not in source else home
    if path.is_relative_to(home) and path != home and path.exists():
        return
    raise InputError(f"there is no stack named {source!r} here; choose one from the list, or upload yours on Home")
