"""What a fusion method is: it sees the frames one after another and then gives the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import Frame, Picture


@dataclass(frozen=True)
class Layout:
    """What a method may know before it sees the first frame.

    Attributes:
        shape: (H, W) or (H, W, 3) of every frame.
        dtype: uint8 or uint16.
        heights: (K,) float32, the height of each frame: um where z is known, else the frame's number.
        prefer: 1 to take the nearer of several surfaces seen in one place, the higher one; -1 the farther; 0 the
            clearest.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    heights: NDArray[np.float32]
    prefer: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.shape[0], self.shape[1]


@dataclass(frozen=True)
class Result:
    """What a method gives.

    Attributes:
        picture: (H, W) or (H, W, 3) float32, 0..1.
        index: (H, W) uint16, the frame that is sharpest at a pixel.
        depth: (H, W) float32, in the unit of `Layout.heights`.
        confidence: (H, W) float32, 0..1, how far the depth can be trusted; near 0 where nothing is seen.
        parameters: the numbers that the method worked with.
    """

    picture: Picture
    index: NDArray[np.uint16]
    depth: NDArray[np.float32]
    confidence: NDArray[np.float32]
    parameters: dict[str, Any] = field(default_factory=dict)


class Method(Protocol):
    """A fusion under way. Make it of a `Layout`, show it every frame once a turn, then finish."""

    @property
    def turns(self) -> int:
        """How many times it wants to see the frames."""

    def see(self, frame: Frame, number: int, turn: int) -> None:
        """Take one frame, already aligned; it is not kept.

        Args:
            frame: (H, W) or (H, W, 3), uint8 or uint16.
            number: its place in the stack.
            turn: 0 for the first pass over the stack.
        """

    def finish(self) -> Result:
        """Give the fused picture of all frames seen."""


@runtime_checkable
class Chooser(Method, Protocol):
    """A method that can choose by one frame and take the pixels from another of the same place and height."""

    def choose(self, frame: Frame, shown: Frame, number: int, turn: int) -> None:
        """Take one frame in two states, both aligned.

        Args:
            frame: as the camera took it, by which is chosen; see `see`.
            shown: the same restored, from which the picture is made.
            number: its place in the stack.
            turn: 0 for the first pass over the stack.
        """


Maker = Callable[[Layout], Method]
"""Starts a method on a stack: a class is one."""
