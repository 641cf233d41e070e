"""Deblurring: a frame of a moving scan becomes what a steady hand would have seen."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.deblurring.best import LEARNED
from mmlib.deblurring.certainty import new_detail
from mmlib.deblurring.doing_nothing import NONE
from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.deblurring.paper_nets import SDEBLURGAN, SRCNN, UDEBLURGAN, UNET
from mmlib.deblurring.refocus import REFOCUSED
from mmlib.deblurring.richardson_lucy import RICHARDSON_LUCY
from mmlib.deblurring.wiener import WIENER
from mmlib.errors import InputError, unknown
from mmlib.field import find_field
from mmlib.pictures import Picture, as_picture
from mmlib.progress import Progress, part, silent
from mmlib.stacks import ZStack

METHODS: dict[str, Method] = {
    "best": LEARNED,
    "none": NONE,
    "refocus": REFOCUSED,
    "richardson_lucy": RICHARDSON_LUCY,
    "sdeblurgan": SDEBLURGAN,
    "srcnn": SRCNN,
    "udeblurgan": UDEBLURGAN,
    "unet": UNET,
    "wiener": WIENER,
}
"""Every deblurring method by name: one file and one line here is all that a new one needs."""

BEST = "best"
"""The method that we recommend."""

SPEEDS = (1, 2, 3, 4)

__all__ = ["BEST", "METHODS", "Deblurred", "Method", "Restored", "Scene", "deblur", "deblur_stack"]


@dataclass(frozen=True)
class Deblurred:
    """A deblurred frame and where it came from.

    Attributes:
        picture: (H, W) or (H, W, 3) float32, 0..1; outside the field exactly what came in.
        unsure: (H, W) float32, 0 where the picture is certain to 1 where it may be made up; 0 outside the field.
        method: the name of the method that really ran.
        parameters: every number that it worked with, for the record.
        seconds: how long it took.
        frame: its number in the stack; 0 for a picture.
    """

    picture: Picture
    unsure: NDArray[np.float32]
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    frame: int = 0


def deblur(
    picture: Any,
    *,
    method: str = "best",
    speed: int | None = None,
    field: NDArray[np.bool_] | None = None,
    pixel_um: float | None = None,
    progress: Progress = silent,
) -> Deblurred:
    """Deblur one picture.

    Args:
        picture: (H, W) or (H, W, 3) of any size: uint8, uint16 or float in 0..1; 16 bit stay as fine as they are.
        method: a name of `METHODS`, or ``best``, the one we recommend.
        speed: scan speed 1 (slow) to 4 (fast), if known.
        field: (H, W) True where the specimen is seen; nothing changes elsewhere; None finds it.
        pixel_um: edge of a pixel in the specimen, in micrometres, if known.
        progress: told the share done; what it raises stops the work.

    Returns:
        The deblurred picture and how it was made.

    Raises:
        InputError: if a name or the speed is not known, the picture or the field is of no use, or a method's weights
            are missing.
    """
    name, known = _method(method)
    seen = _checked(picture)
    scene = Scene(_field(field, seen), _speed(speed), pixel_um)
    return _restore(name, known, method, seen, scene, 0, progress)


def deblur_stack(
    stack: ZStack,
    *,
    method: str = "best",
    speed: int | None = None,
    field: NDArray[np.bool_] | None = None,
    frames: Container[int] | None = None,
    progress: Progress = silent,
) -> Iterator[Deblurred]:
    """Deblur the frames of a stack one after another; a method that wants to sees each with its neighbours.

    Only a frame and its neighbours are in memory at once.

    Args:
        stack: frames in the order of z.
        method: a name of `METHODS`, or ``best``.
        speed: scan speed 1 to 4; None takes the stack's own, if it is known.
        field: (H, W) True where the specimen is seen; None finds it, once for all frames.
        frames: the numbers of those that are wanted, each still seen with its neighbours; None wants all.
        progress: told the share done; what it raises stops the work.

    Returns:
        An iterator over the frames, each deblurred when it is asked for.

    Raises:
        InputError: as in `deblur`, before the first frame.
    """
    name, known = _method(method)
    chosen = _speed(stack.speed if speed is None else speed)
    place = find_field(stack) if field is None else _fitting(field, stack.shape)
    wanted = range(len(stack)) if frames is None else frames
    return _frames(name, known, method, stack, Scene(place, chosen, stack.pixel_um), wanted, progress)


def _frames(
    name: str, known: Method, asked: str, stack: ZStack, scene: Scene, wanted: Container[int], progress: Progress
) -> Iterator[Deblurred]:
    reading = (_checked(frame) for frame in stack)
    ahead: deque[Picture] = deque(islice(reading, known.neighbours + 1))
    behind: deque[Picture] = deque(maxlen=known.neighbours)  # the nearest first
    for number in range(len(stack)):
        here = ahead.popleft()
        there = replace(scene, before=tuple(behind), after=tuple(ahead))
        told = part(progress, number / len(stack), (number + 1) / len(stack))
        if number in wanted:
            yield _restore(name, known, asked, here, there, number, told)
        behind.appendleft(here)
        ahead.extend(islice(reading, 1))


def _restore(
    name: str, known: Method, asked: str, picture: Picture, scene: Scene, number: int, progress: Progress
) -> Deblurred:
    started = time.perf_counter()
    progress(0.0, "deblurring")
    shown = picture
    if known.colour and picture.ndim == 2:
        shown = _three(picture)
        scene = replace(scene, before=tuple(map(_three, scene.before)), after=tuple(map(_three, scene.after)))
    found = known.restore(shown, scene, progress)
    restored = found.picture.mean(axis=2) if picture.ndim == 2 and found.picture.ndim == 3 else found.picture
    inside = scene.field if picture.ndim == 2 else scene.field[:, :, None]
    clean = np.where(inside & np.isfinite(restored), np.clip(restored, 0, 1), picture).astype(np.float32)
    unsure = new_detail(picture, clean) if found.unsure is None else found.unsure
    progress(1.0, "deblurring")
    return Deblurred(
        picture=clean,
        unsure=np.where(scene.field, np.clip(unsure, 0, 1), 0).astype(np.float32),
        method=name,
        parameters={"method": name, "asked": asked, "speed": scene.speed, **found.parameters},
        seconds=time.perf_counter() - started,
        frame=number,
    )


def _method(name: str) -> tuple[str, Method]:
    """Find a method, and the name of the one that really runs."""
    if name == "best" and name not in METHODS:
        return BEST, METHODS[BEST]
    if name not in METHODS:
        raise unknown("method", name, [*METHODS, "best"])
    return name, METHODS[name]


def _checked(picture: Any) -> Picture:
    array = np.asarray(picture)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        raise InputError(
            f"picture must be (H, W) or (H, W, 3); its shape is {array.shape}, so it has an alpha channel: give "
            f"picture[:, :, :{array.shape[2] - 1}]"
        )
    return as_picture(array)


def _speed(speed: int | None) -> int | None:
    if speed is not None and speed not in SPEEDS:
        raise InputError(f"speed must be 1 (slow), 2, 3 or 4 (fast), or left out where it is not known; got {speed}")
    return speed


def _field(field: NDArray[np.bool_] | None, picture: Picture) -> NDArray[np.bool_]:
    return find_field(picture) if field is None else _fitting(field, picture.shape)


def _fitting(field: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if np.shape(field) != shape[:2]:
        raise InputError(f"the field must be as large as the picture, {shape[:2]}; it is {np.shape(field)}")
    return np.asarray(field, np.bool_)


def _three(picture: Picture) -> Picture:
    return np.repeat(picture[:, :, None], 3, axis=2)
