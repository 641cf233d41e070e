"""What the Home page knows: the stacks to choose from, what is being uploaded, and what was made of late."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlib.jobs import results_root
from mmlib.pages.background import Runner, at_once
from mmlib.pages.fuse_choices import FuseChoices
from mmlib.pages.links import to_query
from mmlib.pages.sources import cards, data_folder, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.progress import Progress
from mmlib.specimens import SpecimenCard
from mmlib.stacks import ZStack

RECENT = 6


@dataclass(frozen=True)
class HomeChoices:
    """What a user chooses on the Home page."""

    search: str = field(default="", metadata={"link": "q"})


@dataclass(frozen=True)
class Recent:
    """A result that was made of late.

    Attributes:
        title: of the stack.
        words: how it was made.
        query: the link to it on the Fuse page.
        picture: its file.
    """

    title: str
    words: str
    query: str
    picture: Path


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

    @property
    def matching(self) -> list[SpecimenCard]:
        """The cards that the search leaves."""
        wanted = self.choices.search.lower().split()
        return [card for card in self.cards if all(word in json.dumps(card.to_dict()).lower() for word in wanted)]

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
        if record.get("verb") != "fuse" or not picture.is_file():
            continue
        given = record["choices"]
        choices = FuseChoices(
            source=record["source"],
            speed=given.get("speed"),
            method=given.get("method", "best"),
            frames=given.get("frames") or "",
            align=given.get("align", "auto"),
            ran=True,
        )
        summary = record["summary"]
        words = f"{summary['method']}, {summary['frames']} frames"
        found.append(Recent(Path(record["source"]).stem.replace("_", " "), words, to_query(choices), picture))
        if len(found) == count:
            break
    return found
