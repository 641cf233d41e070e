"""What a view shows: panes with a stack or a picture each, and how their frames are encoded for the browser."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Frame, as_picture, check_shape, to_uint8
from mmlib.stacks import ZStack

PREVIEW_QUALITY = 85
"""JPEG quality of previews: 50 to 110 kB for 720 x 960 pixels."""

PREVIEW_EDGE = 2048
"""Longest edge of a preview, px; larger frames are shrunk, and shown exactly once at rest."""

EXACT_PIXELS = 40_000_000
"""Pixels above which a browser is not given the exact frame."""


@dataclass(frozen=True)
class Legend:
    """What the colours of a map mean.

    Attributes:
        colours: from the lowest to the highest, CSS.
        words: the numbers beneath them, from the lowest to the highest.
        name: what is shown.
    """

    colours: tuple[str, ...]
    words: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, eq=False)
class Pane:
    """One picture area of a view: a stack, whose planes are stepped through, or one picture.

    Attributes:
        stack: the frames, or None.
        picture: (H, W) or (H, W, 3), uint8, uint16 or float in 0..1, or None.
        title: what stands over it.
        note: a few more words beside the title, such as a time or a score.
        kind: ``"stack"``, ``"picture"``, or ``"map"`` for one whose pixels are never smoothed.
        pixel_um: edge of a pixel in the specimen, for the scale bar; of the stack where not given.
        legend: what the colours of a map mean, or None.
    """

    stack: ZStack | None = None
    picture: NDArray[Any] | None = None
    title: str = ""
    note: str = ""
    kind: str = ""
    pixel_um: float | None = None
    legend: Legend | None = None
    _shown: Frame | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that there is one thing to show, and bring a picture to 8 bit once."""
        if (self.stack is None) == (self.picture is None):
            raise InputError("a pane shows a stack or a picture; give exactly one of them")
        if self.picture is not None:
            name = self.title or "the picture of a pane"
            check_shape(self.picture, name)
            kept = self.picture.dtype in (np.uint8, np.uint16)
            object.__setattr__(self, "_shown", to_uint8(self.picture if kept else as_picture(self.picture, name)))

    @property
    def source(self) -> object:
        """The thing that is shown: panes with the same source share their frames."""
        return self.picture if self.stack is None else self.stack

    @property
    def count(self) -> int:
        """Number of planes: 1 for a picture."""
        return 1 if self.stack is None else len(self.stack)

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3) of every frame."""
        if self.stack is not None:
            return self.stack.shape
        return () if self._shown is None else self._shown.shape

    def frame(self, plane: int) -> NDArray[np.uint8]:
        """Read one frame at 8 bit: frames of more bits are scaled so that the camera's white is 255.

        Args:
            plane: 0 to count - 1; a picture has only plane 0.

        Returns:
            (H, W) or (H, W, 3), uint8.
        """
        if self.stack is None:
            return np.asarray(self._shown)
        frame = self.stack[plane]
        if frame.dtype == np.uint8:
            return frame
        return np.asarray(cv2.convertScaleAbs(frame, alpha=255 / self.white))

    def values(self, plane: int, x: int, y: int) -> list[int]:
        """Read one pixel as the camera gave it.

        Args:
            plane: 0 to count - 1; a picture has only plane 0.
            x: column.
            y: row.

        Returns:
            One value, or three (RGB).
        """
        frame = self.stack[plane] if self.stack is not None else np.asarray(self._shown)
        return [int(value) for value in np.atleast_1d(frame[y, x])]

    @cached_property
    def white(self) -> int:
        """The value of a deep stack that is shown as 255: what the camera's bits can hold, if the frames stay below."""
        if self.stack is None or self.stack.dtype == np.uint8:
            return 255
        limit = int(2**self.stack.bit_depth) - 1
        highest = max(int(self.stack[plane].max()) for plane in {0, len(self.stack) // 2, len(self.stack) - 1})
        return limit if highest <= limit else 65535

    def describe(self, key: str) -> dict[str, Any]:
        """Say what the browser must know before it asks for frames.

        Args:
            key: the name under which it will ask.

        Returns:
            Plain values, ready for JSON.
        """
        height, width = self.shape[:2]
        stack = self.stack
        return {
            "key": key,
            "kind": self.kind or ("picture" if stack is None else "stack"),
            "title": self.title,
            "note": self.note,
            "count": self.count,
            "width": width,
            "height": height,
            "colour": len(self.shape) == 3,
            "exact": height * width <= EXACT_PIXELS,
            "white": self.white,
            "bit_depth": 8 if stack is None or stack.dtype == np.uint8 else stack.bit_depth,
            "z_um": None if stack is None or stack.z_um is None else [round(float(z), 4) for z in stack.z_um],
            "pixel_um": self.pixel_um if self.pixel_um or stack is None else stack.pixel_um,
            "legend": None if self.legend is None else asdict(self.legend),
        }


def encode(frame: NDArray[np.uint8], quality: str) -> bytes:
    """Encode a frame for the browser.

    Args:
        frame: (H, W) or (H, W, 3) RGB, uint8.
        quality: ``"preview"`` (JPEG, shrunk if very large) or ``"exact"`` (PNG, lossless).

    Returns:
        The bytes of a JPEG or PNG file.
    """
    longest = max(frame.shape[:2])
    if quality == "preview" and longest > PREVIEW_EDGE:
        size = [max(1, round(edge * PREVIEW_EDGE / longest)) for edge in frame.shape[1::-1]]
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if frame.ndim == 3:
        frame = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), dtype=np.uint8)
    if quality == "exact":
        _, coded = cv2.imencode(".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    else:
        _, coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, PREVIEW_QUALITY])
    return coded.tobytes()
