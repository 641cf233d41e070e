"""What the Home page knows: the stacks to choose from, what is being uploaded, and what was made of late."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlib.jobs import results_root
from mmlib.pages.background import Runner, at_once
from mmlib.pages.fuse_choices import FuseChoices
from mmlib.pages.links import to_query
from mmlib.pages.pipeline_state import PipelineChoices
from mmlib.pages.sources import cards, data_folder, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.progress import Progress
from mmlib.specimens import SpecimenCard
from mmlib.stacks import ZStack

RECENT = 6
KINDS: dict[str, tuple[str, Callable[[SpecimenCard], bool]]] = {
    "all": ("all stacks", lambda card: True),
    "mine": ("mine", lambda card: not card.built_in),
    "built_in": ("built-in specimens", lambda card: card.built_in),
    "truth": ("those whose truth is known", lambda card: card.has_truth),
    "fast": ("those with a fast scan", lambda card: max(card.speeds, default=1) > 1),
}
"""Which stacks can be asked for: what they are called, and whether one is among them."""


@dataclass(frozen=True)
class HomeChoices:
    """What a user chooses on the Home page."""

    search: str = field(default="", metadata={"link": "q"})
    kind: str = field(default="all", metadata={"link": "k"})


@dataclass(frozen=True)
class Recent:
    """A result that was made of late.

    Attributes:
        title: of the stack.
        words: how it was made.
        query: the link to it on its page.
        picture: its file.
        page: where it was made, ``"fuse"`` or ``"pipeline"``.
    """

    title: str
    words: str
    query: str
    picture: Path
    page: str = "fuse"


class HomeState(PageState[HomeChoices]):
    """The Home page without its looks.

    Attributes:
        cards: every stack there is.
        arrived: the name and the stack of the last upload, once it could be read, or None.
        checking: the name of an upload that is being read, or empty.
        share: how far that is, 0..1.
    """

    def __init__(self, choices: HomeChoices | None = None, *, run: Runner = at_once) -> None:
        super().__init__(choices or HomeChoices())
        self.cards: list[SpecimenCard] = cards()
        self.arrived: tuple[str, ZStack] | None = None
        self.checking = ""
        self.share = 0.0
        self._run = run

    def search(self, words: str) -> None:
        """Show only the stacks in which every word occurs.

        Args:
            words: any words; case does not matter.
        """
        self.drift(search=words.strip())

    def show_only(self, kind: str) -> None:
        """Show only some stacks.

        Args:
            kind: a key of `KINDS`.
        """
        self.drift(kind=kind)

    @property
    def matching(self) -> list[SpecimenCard]:
        """The cards that the search leaves."""
        wanted = self.choices.search.lower().split()
        among = KINDS.get(self.choices.kind, KINDS["all"])[1]
        return [card for card in self.cards if among(card) and all(word in _text(card) for word in wanted)]

    def receive(self, path: Path) -> None:
        """Take an upload: it stays if it can be read, and is removed with one sentence if not.

        Args:
            path: the file, in the data folder.
        """
        self.complain("")
        name = path.relative_to(data_folder()).as_posix()
        self.arrived, self.checking, self.share = None, path.name, 0.0
        self.tell("upload")

        def read(stack: ZStack) -> None:
            self.arrived, self.checking = (name, stack), ""
            self.cards = cards()
            self.tell("upload", "cards")

        def failed(sentence: str) -> None:
            path.unlink(missing_ok=True)
            self.checking = ""
            self.tell("upload")
            self.complain(sentence)

        def progress(share: float, stage: str) -> None:
            self.share = share
            self.tell("upload")

        def work(tell: Progress) -> ZStack:
            stack = read_source(name, progress=tell)
            remember(name, stack)
            return stack

        self._run(work, read, failed, progress)


def _text(card: SpecimenCard) -> str:
    return json.dumps(card.to_dict()).lower()


def recent(root: Path | None = None, count: int = RECENT) -> list[Recent]:
    """List the pictures that were fused of late, newest first.

    Args:
        root: the folder of all results; None takes the usual one.
        count: how many at most.

    Returns:
        The results that can still be shown.
    """
    marks = (root or results_root()).glob("*/result.json")
    found = []
    for mark in sorted(marks, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            record: dict[str, Any] = json.loads(mark.read_text())
        except (OSError, ValueError):
            continue  # evicted or being replaced
        picture = mark.with_name("fused.png")
        made = {"fuse": _fused, "run": _went_through}.get(str(record.get("verb")))
        if made is None or not picture.is_file():
            continue
        found.append(made(record, picture))
        if len(found) == count:
            break
    return found


def _fused(record: dict[str, Any], picture: Path) -> Recent:
    given, summary = record["choices"], record["summary"]
    choices = FuseChoices(
        source=record["source"],
        speed=given.get("speed"),
        method=given.get("method", "best"),
        frames=given.get("frames") or "",
        align=given.get("align", "auto"),
        ran=True,
    )
    return Recent(
        _title(record["source"]), f"{summary['method']}, {summary['frames']} frames", to_query(choices), picture
    )


def _went_through(record: dict[str, Any], picture: Path) -> Recent:
    summary = record["summary"]
    words = f"Pipeline: {summary['method']}, {len(summary['frames'])} of {summary['of']} frames"
    usual = PipelineChoices()
    given = {name: value for name, value in record["choices"].items() if value is not None and hasattr(usual, name)}
    query = to_query(PipelineChoices(sources=(record["source"],), **given))
    return Recent(_title(record["source"]), words, query, picture, page="pipeline")


def _title(source: str) -> str:
    return Path(source).stem.replace("_", " ")
