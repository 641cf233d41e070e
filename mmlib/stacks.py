"""A z-stack: frames of one field of view at several heights, read one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import Frame, Picture, as_picture, check_shape


class Frames(Protocol):
    """Where frames come from: a memory-mapped array (K, H, W[, 3]) is one; a reader is another."""

    def __len__(self) -> int:
        """Say how many frames there are."""

    def __getitem__(self, index: int, /) -> Frame:
        """Read one frame, (H, W) or (H, W, 3), uint8 or uint16."""

    def __iter__(self) -> Iterator[Frame]:
        """Read every frame in order: the cheapest way through a video."""


@dataclass(frozen=True)
class ZStack:
    """Frames of one field of view at several heights, read when asked for and never all at once.

    Attributes:
        frames: where they come from.
        shape: (H, W) or (H, W, 3) of every frame.
        dtype: uint8 or uint16.
        source: where the stack came from, in words a user knows (a path, a specimen's name).
        z_um: height of each frame in micrometres, if known.
        pixel_um: edge of a pixel in the specimen, in micrometres, if known.
        times_s: time of each frame in seconds, if known.
        bit_depth: bits that the camera really used (8, 10, 12, 14, 16).
        speed: scan speed 1 (slow) to 4 (fast), if known.
        warnings: what was odd about the source, one sentence each.
        identify: gives the content hash; None hashes the frames.
    """

    frames: Frames
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    source: str
    z_um: tuple[float, ...] | None = None
    pixel_um: float | None = None
    times_s: tuple[float, ...] | None = None
    bit_depth: int = 8
    speed: int | None = None
    warnings: tuple[str, ...] = ()
    identify: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check what every room relies on."""
        if len(self.frames) == 0:
            raise InputError(f"{self.source} has no frames; a stack needs at least one")
        for name in ("z_um", "times_s"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.frames):
                raise InputError(f"{name} has {len(values)} values for the {len(self.frames)} frames of {self.source}")

    def __len__(self) -> int:
        """Say how many frames there are."""
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        """Read one frame as the camera gave it; negative indices count from the end."""
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"frame {index} of a stack of {count}")
        return np.asarray(self.frames[index % count])

    def __iter__(self) -> Iterator[Frame]:
        """Read every frame in order."""
        return (np.asarray(frame) for frame in self.frames)

    @property
    def height(self) -> int:
        """Rows of a frame."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self.shape[1]

    @property
    def colour(self) -> bool:
        """Whether frames are RGB."""
        return len(self.shape) == 3

    @property
    def reader(self) -> Frames:
        """What reads the frames in the end, past every choice of some of them."""
        return self.frames.stack.reader if isinstance(self.frames, _Selection) else self.frames

    @cached_property
    def content_hash(self) -> str:
        """Name the content: equal for equal frames from an equal source, 32 hexadecimal digits."""
        if self.identify is not None:
            return self.identify()
        digest = hashlib.sha256(repr((len(self), self.shape, self.dtype.str)).encode())
        for frame in self:
            digest.update(np.ascontiguousarray(frame).data)
        return digest.hexdigest()[:32]

    def picture(self, index: int) -> Picture:
        """Read one frame as a picture: float32, 0..1."""
        return as_picture(self[index])

    def select(self, indices: Sequence[int]) -> ZStack:
        """Give the stack of some of the frames, in the order asked for, still lazy.

        Args:
            indices: frame numbers; negative ones count from the end.

        Returns:
            The smaller stack, with its own z, times and content hash.

        Raises:
            InputError: if there are no indices, or one is outside the stack.
        """
        count = len(self)
        bad = [i for i in indices if not -count <= i < count]
        if not len(indices) or bad:
            wrong = f"frame {bad[0]}" if bad else "no frame"
            raise InputError(f"frames 0 to {count - 1} of {self.source} can be chosen; {wrong} was asked for")
        chosen = tuple(i % count for i in indices)
        return replace(
            self,
            frames=_Selection(self, chosen),
            z_um=None if self.z_um is None else tuple(self.z_um[i] for i in chosen),
            times_s=None if self.times_s is None else tuple(self.times_s[i] for i in chosen),
            identify=lambda: hashlib.sha256(f"{self.content_hash} {chosen}".encode()).hexdigest()[:32],
        )


@dataclass(frozen=True)
class _Selection:
    """Some frames of a stack; read in one pass over the stack where the order allows it."""

    stack: ZStack
    chosen: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> Frame:
        return self.stack[self.chosen[index]]

    def __iter__(self) -> Iterator[Frame]:
        if list(self.chosen) != sorted(set(self.chosen)):
            yield from (self.stack[i] for i in self.chosen)
            return
        wanted, last = set(self.chosen), self.chosen[-1]
        for i, frame in enumerate(self.stack):
            if i in wanted:
                yield frame
            if i == last:
                return


def from_array(array: NDArray[Any], *, source: str = "array", **known: Any) -> ZStack:
    """Make a stack of an array that is in memory or memory-mapped.

    Args:
        array: (K, H, W) or (K, H, W, 3); uint8, uint16, or float in 0..1, which becomes uint16.
        source: what to call it.
        **known: any other attribute of `ZStack`, such as ``z_um``.

    Returns:
        The stack; uint8 and uint16 arrays are not copied.

    Raises:
        InputError: if the shape, the type or the range is another, or a value is not finite.
    """
    if array.ndim not in (3, 4):
        raise InputError(f"a stack must be (K, H, W) or (K, H, W, 3); the shape of {source} is {array.shape}")
    if len(array) == 0:
        raise InputError(f"{source} has no frames; a stack needs at least one")
    check_shape(array[0], f"a frame of {source}")
    if array.dtype not in (np.uint8, np.uint16):
        array = np.stack([_deep(frame, source) for frame in array])
    known.setdefault("bit_depth", 8 * array.dtype.itemsize)
    return ZStack(frames=array, shape=array.shape[1:], dtype=array.dtype, source=source, **known)


def _deep(frame: NDArray[Any], source: str) -> NDArray[np.uint16]:
    return np.round(as_picture(frame, f"a frame of {source}") * 65535).astype(np.uint16)


def parse_frames(text: str, count: int) -> list[int]:
    """Read a choice of frames such as ``3:20:2``, ``5`` or ``0,4,8:12``.

    Args:
        text: numbers and Python slices, separated by commas.
        count: how many frames the stack has.

    Returns:
        The frame numbers in the order written.

    Raises:
        InputError: if a part is neither, or nothing is chosen.
    """
    chosen: list[int] = []
    for piece in text.split(","):
        try:
            numbers = [int(n) if n.strip() else None for n in piece.split(":")]
            if len(numbers) == 1 and numbers[0] is not None:
                chosen.append(numbers[0])
            elif 2 <= len(numbers) <= 3:
                chosen.extend(range(count)[slice(*numbers)])
            else:
                raise ValueError(piece)
        except ValueError:
            raise InputError(f"frames must look like 3:20:2, 5 or 0,4,8:12; got {text!r}") from None
    bad = [i for i in chosen if not -count <= i < count]
    if bad or not chosen:
        wrong = f"frame {bad[0]}" if bad else f"{text!r}"
        raise InputError(f"the stack has frames 0 to {count - 1}; {wrong} chooses none of them")
    return [i % count for i in chosen]
