"""What a user chooses on the Fuse page, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlib.fusing import BEST, METHODS
from mmlib.pages.region import Box
from mmlib.pages.sources import data_folder

CHOSEN = (*METHODS, "best")
ALIGNMENTS = {"auto": "Auto", "on": "On", "off": "Off"}
PREFERS = {"clearest": "what is clearest", "near": "the near surface", "far": "the far surface"}
PREFERRING = ("learned",)
"""The methods that can choose between surfaces."""
FILES = {"fused.png": "PNG", "fused.tif": "TIFF, 16 bit", "depth.tif": "Depth map, TIFF"}
"""What a job writes and a user can keep."""
SHOWS = {"pictures": "Pictures", "difference": "Difference", "spectrum": "Spectrum"}


@dataclass(frozen=True)
class FuseChoices:
    """What a user chooses on the Fuse page.

    Attributes:
        source: the stack.
        speed: its scan speed, where it has several.
        method: the method whose picture is kept.
        frames: which frames, such as ``3:20:2``; empty for all.
        align: a key of `ALIGNMENTS`.
        prefer: a key of `PREFERS`: which of several surfaces that show in one place.
        beside: other methods whose pictures are shown beside it.
        depth: whether the depth map is shown.
        relief: whether the depth map is shown as a relief under light.
        origin: whether it is shown which frame each pixel is from.
        truth: whether the truth is shown, where it is known.
        shows: a key of `SHOWS`.
        region: a region that is measured by itself.
        patches: places that are taken from one frame, see `mmlib.pipeline.retouched.parse_patches`.
        camera: where the view looks, see `mmlib.widgets.camera`.
        ran: whether the link is to a result.
    """

    source: str = field(default="", metadata={"link": "s"})
    speed: int | None = field(default=None, metadata={"link": "v"})
    method: str = field(default="best", metadata={"link": "m", "known": CHOSEN})
    frames: str = field(default="", metadata={"link": "f"})
    align: str = field(default="auto", metadata={"link": "a", "known": ALIGNMENTS})
    prefer: str = field(default="clearest", metadata={"link": "p", "known": PREFERS})
    beside: tuple[str, ...] = field(default=(), metadata={"link": "n", "known": CHOSEN})
    depth: bool = field(default=False, metadata={"link": "d"})
    relief: bool = field(default=False, metadata={"link": "l"})
    origin: bool = field(default=False, metadata={"link": "i"})
    truth: bool = field(default=False, metadata={"link": "t"})
    shows: str = field(default="pictures", metadata={"link": "o", "known": SHOWS})
    region: Box | None = field(default=None, metadata={"link": "g"})
    patches: str = field(default="", metadata={"link": "q"})
    camera: str = field(default="", metadata={"link": "cam"})
    ran: bool = field(default=False, metadata={"link": "r"})


@dataclass(frozen=True)
class Fusion:
    """What came of a job.

    Attributes:
        made_with: the choices it was made with.
        folder: where the files lie.
        summary: what the job reported.
    """

    made_with: FuseChoices
    folder: Path
    summary: dict[str, Any]

    def file(self, name: str) -> Path:
        """Give the path of a file that the job wrote, such as ``fused.png``."""
        return self.folder / name


def best_words() -> str:
    """Say what ``best`` stands for."""
    return f"best ({BEST})"


def recipe(choices: FuseChoices) -> tuple[Any, ...]:
    """Give what a result depends on."""
    return choices.source, choices.speed, choices.method, choices.frames, choices.align, choices.prefer


def asked(choices: FuseChoices) -> dict[str, Any]:
    """Give what jobs are asked for: the frames and where they lie."""
    return {"frames": choices.frames or None, "speed": choices.speed, "data": str(data_folder())}


def preferred(choices: FuseChoices) -> str | None:
    """Give the surface that a job is asked for; None where it is the clearest."""
    return None if choices.prefer == "clearest" else choices.prefer


def real(method: str) -> str:
    """Give the method that ``best`` stands for, and every other as it is."""
    return BEST if method == "best" else method
