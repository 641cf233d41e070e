"""Find a stack by name: a built-in specimen, a path, or something in the data folder and nowhere beyond it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mmlib import io
from mmlib.errors import InputError, unknown
from mmlib.pictures import as_picture
from mmlib.progress import Progress, silent
from mmlib.specimens.cards import SpecimenCard, Truth
from mmlib.stacks import ZStack

DEMO = Path(__file__).parent / "demo"
"""Where the built-in specimens lie."""

NOTES, TRUTH, DEPTH = "parameters.json", "truth.png", "depth.tif"
_STACKS = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".tif", ".tiff", ".zip", ".npy"}
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


@cache
def built_in() -> tuple[SpecimenCard, ...]:
    """List the specimens that come with mmlib.

    Returns:
        Their cards, in the order to show them.
    """
    cards = []
    for folder in sorted(path.parent for path in DEMO.glob(f"*/{NOTES}")):
        card = _simulated_card(folder, folder.name)
        if card is not None:
            cards.append(card)
    return tuple(sorted(cards, key=lambda card: (card.facts.get("order", 99), card.name)))


def catalogue(data: str | os.PathLike[str] | None = None) -> list[SpecimenCard]:
    """List everything that can be opened by name.

    Args:
        data: folder of the user's stacks; None lists the built-in specimens only.

    Returns:
        The built-in specimens, then the user's stacks by name; two folders deep.

    Raises:
        InputError: if the data folder is no folder.
    """
    return [*built_in(), *(_yours(_folder(data)) if data is not None else [])]


def open_source(
    source: str | os.PathLike[str],
    *,
    speed: int | None = None,
    data: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> ZStack:
    """Open a stack by the name of a built-in specimen, by its name in the data folder, or by its path.

    Args:
        source: the name or the path.
        speed: scan speed 1 (slow) to 4 (fast) of a simulated specimen, its slowest if None; or that of a stack which
            does not know its own.
        data: folder of the user's stacks.
        progress: told while a video is decoded.

    Returns:
        The stack; of a simulated one z, pixel size and speed are known.

    Raises:
        InputError: if nothing has that name, it lies outside the data folder, or it cannot be read.
    """
    card, path = _locate(source, data)
    if card is None:
        if speed not in (None, 1, 2, 3, 4):
            raise InputError(f"speed must be 1 (slow), 2, 3 or 4 (fast); got {speed}")
        stack = io.open_stack(path, progress=progress)
        return stack if stack.speed is not None else replace(stack, speed=speed)
    chosen = card.closest_speed(speed)
    about = _notes(path)["speeds"][str(chosen)]
    stack = io.open_stack(path / about["file"], progress=progress)
    return replace(
        stack,
        source=card.name,
        z_um=tuple(about["z_um"]),
        times_s=tuple(about["times_s"]),
        pixel_um=about["pixel_um"],
        speed=chosen,
    )


def truth_of(source: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None) -> Truth | None:
    """Give what is known to be true of a simulated stack.

    Args:
        source: as for `open_source`.
        data: folder of the user's stacks.

    Returns:
        The truth, or None where there is none beside the stack.

    Raises:
        InputError: if nothing has that name.
    """
    card, path = _locate(source, data)
    if card is None or not card.has_truth:
        return None
    picture = as_picture(io.read_picture(path / TRUTH))
    depth = np.asarray(io.read_map(path / DEPTH), np.float32)
    return Truth(picture, depth, _notes(path))


def _locate(source: str | os.PathLike[str], data: str | os.PathLike[str] | None) -> tuple[SpecimenCard | None, Path]:
    """Find what a name means: the card of a simulated specimen and its folder, or a path to open."""
    named = os.fspath(source)
    known = {card.name: card for card in built_in()}
    if named in known:
        card = known[named]
        return card, card.path or DEMO / card.name
    if "\0" in named or not named:
        raise InputError(f"a source must be a path or a name; got {named!r}")
    path = Path(named)
    if data is not None:
        home = _folder(data).resolve()
        inside = (home / named).resolve()
        if inside.exists() and inside != home and not path.is_absolute():
            if not inside.is_relative_to(home):
                raise InputError(f"{named} lies outside the data folder {data}; move it there first")
            return _simulated_card(inside, named), inside
    if path.exists():
        return _simulated_card(path, named), path
    if len(path.parts) > 1 or path.suffix:
        raise InputError(f"there is no file or folder {named}; check the path, or choose a built-in specimen")
    raise unknown("specimen", named, [card.name for card in catalogue(data)])


def _folder(data: str | os.PathLike[str]) -> Path:
    """Raise unless the data folder is one."""
    folder = Path(data)
    if not folder.is_dir():
        raise InputError(f"the data folder {folder} is not there; make it or name another")
    return folder


def _notes(folder: Path) -> dict[str, Any]:
    """Read the notes beside a simulated stack; empty where they are none of ours."""
    try:
        notes = json.loads((folder / NOTES).read_text())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) and isinstance(notes.get("speeds"), dict) else {}


def _simulated_card(folder: Path, name: str) -> SpecimenCard | None:
    """Make the card of a simulated specimen; None if the folder holds none."""
    notes = _notes(folder) if folder.is_dir() else {}
    speeds = {
        int(speed): about
        for speed, about in sorted(notes.get("speeds", {}).items())
        if speed.isdecimal() and (folder / Path(str(about.get("file"))).name).is_file()
    }
    if not speeds:
        return None
    shown = folder / TRUTH
    return SpecimenCard(
        name=name,
        title=notes.get("title", name),
        family=notes.get("family", "simulated"),
        description=notes.get("description", "A simulated stack with its truth."),
        speeds=tuple(speeds),
        planes=tuple(len(about["z_um"]) for about in speeds.values()),
        height=int(notes.get("height", 0)),
        width=int(notes.get("width", 0)),
        licence=notes.get("licence", ""),
        has_truth=shown.is_file() and (folder / DEPTH).is_file(),
        thumbnail=str(shown) if shown.is_file() else None,
        bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        path=folder,
        facts={key: notes[key] for key in ("order", "split") if key in notes},
    )


def _yours(folder: Path) -> list[SpecimenCard]:
    """Make a card for every stack in the data folder and in its folders; files whose names begin with a dot hide."""
    cards: list[SpecimenCard] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        card = _your_card(path, folder)
        if card is not None:
            cards.append(card)
        elif path.is_dir() and path.resolve().is_relative_to(folder.resolve()):
            inner = (_your_card(inside, folder) for inside in sorted(path.iterdir()) if not inside.name.startswith("."))
            cards += [card for card in inner if card is not None]
    return cards


def _your_card(path: Path, home: Path) -> SpecimenCard | None:
    """Make the card of one file or folder; None if it does not look like a stack."""
    if not path.resolve().is_relative_to(home.resolve()):
        return None
    name = path.relative_to(home).as_posix()
    title = path.stem.replace("_", " ")
    if path.is_dir():
        card = _simulated_card(path, name)
        if card is not None:
            return card
        pictures = [file for file in path.iterdir() if file.suffix.lower() in _PICTURES]
        if len(pictures) < 2:
            return None
        size = sum(file.stat().st_size for file in pictures)
        words = f"A folder of {len(pictures)} pictures in your data folder."
        first = sorted(pictures)[len(pictures) // 2]
        shown = str(first) if first.suffix.lower() not in {".tif", ".tiff"} else None
        return SpecimenCard(name, title, "yours", words, bytes=size, thumbnail=shown, path=path)
    if path.suffix.lower() not in _STACKS:
        return None
    words = "A file in your data folder."
    return SpecimenCard(name, title, "yours", words, bytes=path.stat().st_size, path=path)
