"""What the catalogue says of a stack, and what is known to be true of a simulated one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Picture


@dataclass(frozen=True)
class SpecimenCard:
    """A card of the catalogue.

    Attributes:
        name: what commands call it; a path within the data folder for the user's own.
        title: what a page calls it.
        family: the family it was drawn from, or ``"yours"``.
        description: one sentence for a reader of fifteen.
        speeds: the scan speeds it was taken at; empty where speed has no meaning.
        planes: frames at each of these speeds; empty where nobody has counted.
        height: rows of a frame, 0 where not known.
        width: columns of a frame, 0 where not known.
        licence: under which it may be used.
        has_truth: whether an all-in-focus picture and a depth map lie beside it.
        thumbnail: path of a small picture, or None.
        bytes: what it takes on disk.
        path: where it lies.
        facts: anything else worth saying, ready for JSON.
    """

    name: str
    title: str
    family: str
    description: str
    speeds: tuple[int, ...] = ()
    planes: tuple[int, ...] = ()
    height: int = 0
    width: int = 0
    licence: str = ""
    has_truth: bool = False
    thumbnail: str | None = None
    bytes: int = 0
    path: Path | None = field(default=None, repr=False)
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def built_in(self) -> bool:
        """Whether it came with mmlib."""
        return self.family != "yours"

    def to_dict(self) -> dict[str, Any]:
        """Give the card as a dictionary that JSON can hold; where files lie is left out."""
        return {
            "name": self.name,
            "title": self.title,
            "family": self.family,
            "description": self.description,
            "speeds": list(self.speeds),
            "planes": list(self.planes),
            "height": self.height,
            "width": self.width,
            "licence": self.licence,
            "has_truth": self.has_truth,
            "bytes": self.bytes,
            **self.facts,
        }

    def closest_speed(self, speed: int | None) -> int:
        """Give the speed to open it at.

        Args:
            speed: 1 to 4, or None for the slowest there is.

        Returns:
            The speed.

        Raises:
            InputError: if it was not taken at that speed.
        """
        if speed is None:
            return min(self.speeds)
        if speed not in self.speeds:
            listed = ", ".join(map(str, self.speeds))
            raise InputError(f"{self.name} was scanned at speeds {listed}; speed {speed} was asked for")
        return speed


@dataclass(frozen=True)
class Truth:
    """What is known of a simulated stack.

    Attributes:
        picture: (H, W, 3) everything in focus at once, 0..1.
        depth_um: (H, W) height of the surface in micrometres, in the units of the stack's ``z_um``.
        parameters: all that it was made with.
    """

    picture: Picture
    depth_um: NDArray[np.float32]
    parameters: dict[str, Any]
