"""What a deblurring method is: it sees a frame, perhaps with its neighbours in z, and gives it back sharper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import Picture
from mmlib.progress import Progress


@dataclass(frozen=True)
class Scene:
    """What a method may know besides the frame.

    Attributes:
        field: (H, W) True where the specimen is seen; what a method gives elsewhere does not count.
        speed: scan speed 1 (slow) to 4 (fast), or None where it is not known.
        pixel_um: edge of a pixel in the specimen, if known.
        before: frames before this one in z, the nearest first; as many as the method asks for, fewer at the ends.
        after: frames after it, likewise.
    """

    field: NDArray[np.bool_]
    speed: int | None = None
    pixel_um: float | None = None
    before: tuple[Picture, ...] = ()
    after: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Restored:
    """What a method gives.

    Attributes:
        picture: as large as the frame and with as many channels, float32; it is clipped to 0..1 for it.
        unsure: (H, W) float32, 0 certain to 1 not at all; None leaves it to the room, which says how much of the detail
            that is shown was not there before.
        parameters: the numbers that the method worked with.
    """

    picture: Picture
    unsure: NDArray[np.float32] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A method of the registry.

    Attributes:
        restore: called with the frame (float32, 0..1), the scene and whom to tell how far it is.
        neighbours: how many frames before and after it wants to see, where there is a stack.
        colour: whether it always wants (H, W, 3); grey frames are then shown with three equal channels, and the mean
            of the answer's channels is taken.
        model: what the zoo calls its weights; empty where it needs none.
    """

    restore: Callable[[Picture, Scene, Progress], Restored]
    neighbours: int = 0
    colour: bool = False
    model: str = ""
