"""Focus stacking: many frames of one field of view become one picture that is sharp everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.fusing.blend import Blend
from mmlib.fusing.cnn import Cnn
from mmlib.fusing.focusall import FocusAll
from mmlib.fusing.following import Following
from mmlib.fusing.fusegan import GENERATORS
from mmlib.fusing.ifcnn import Ifcnn
from mmlib.fusing.learned import Learned
from mmlib.fusing.mean import Mean
from mmlib.fusing.method import Chooser, Layout, Maker, Method, Result
from mmlib.fusing.pyramid import Pyramid
from mmlib.fusing.strangers import Strangers, belonging, left_out_words
from mmlib.fusing.wavelet import Wavelet
from mmlib.pictures import Frame, Picture, as_picture
from mmlib.progress import Progress, part, report, silent
from mmlib.registration import Alignment, check_field, check_mode
from mmlib.stacks import ZStack

METHODS: dict[str, Maker] = {
    "blend": Blend,
    "cnn": Cnn,
    "focusall": FocusAll,
    "ifcnn": Ifcnn,
    "learned": Learned,
    "mean": Mean,
    "pyramid": Pyramid,
    "wavelet": Wavelet,
    **GENERATORS,
}
"""Every fusion method by name: one file and one line here is all that a new one needs."""

WEIGHTS: dict[str, str] = {name: f"fuse-{name}" for name in ("cnn", "ifcnn", *GENERATORS)} | {"learned": "fuse-best"}
"""The card of the weights that a method needs; the others need none."""

SLOW = ("cnn", *GENERATORS)
"""Methods that take minutes for a stack: nobody should be made to wait for them unasked."""

BEST = "learned"
"""The method that ``best`` stands for."""

PREFERENCES = {"clearest": 0, "near": 1, "far": -1}
"""Which of several surfaces seen in one place is wanted; the near one is the higher."""

__all__ = ["BEST", "METHODS", "PREFERENCES", "SLOW", "WEIGHTS", "Fused", "Layout", "Method", "Result", "fuse"]


@dataclass(frozen=True)
class Fused:
    """A fused picture and where it came from.

    Attributes:
        picture: (H, W) or (H, W, 3) float32, 0..1, sharp everywhere.
        index: (H, W) uint16, the frame that is sharpest at a pixel.
        depth: (H, W) float32, um where the stack knows z, else in frames; between planes where the method can.
        confidence: (H, W) float32, 0..1, how far the depth can be trusted.
        alignment: how the frames were moved onto each other, and why or why not.
        method: the name of the method that really ran.
        parameters: every number that it worked with, for the record.
        seconds: how long it took, reading included.
    """

    picture: Picture
    index: NDArray[np.uint16]
    depth: NDArray[np.float32]
    confidence: NDArray[np.float32]
    alignment: Alignment
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def warnings(self) -> list[str]:
        """What the user should know, a sentence each; frames count from 0."""
        return left_out_words(self.parameters.get("left_out", []), first=0)


def fuse(
    stack: ZStack,
    *,
    method: str = "best",
    align: str = "auto",
    prefer: str = "clearest",
    field: NDArray[np.bool_] | None = None,
    restored: ZStack | None = None,
    progress: Progress = silent,
) -> Fused:
    """Fuse a stack into one picture that is sharp everywhere.

    Frames are read one after another and never kept, so memory does not grow with their number. Their order does not
    matter beyond that neighbours in the stack should be neighbours in height where that can be had. A frame of another
    scene, black or ruined between two that are alike is left out.

    Args:
        stack: any number of frames, grey or colour, 8 or 16 bit.
        method: one of `METHODS`, or ``best``, the one we recommend.
        align: ``auto`` moves frames onto each other where they drift, ``on`` always, ``off`` never.
        prefer: ``near`` or ``far`` takes the nearer or the farther of several surfaces that show in one place, such as
            a hair above a leaf; ``clearest`` the one that shows most. Method ``learned`` alone can choose.
        field: (H, W) True where the specimen is seen; alignment looks only there; None finds it.
        restored: the same frames deblurred. Method ``learned`` still goes by `stack` to choose what is sharp and takes
            the pixels from these; the others see these alone. Alignment goes by `stack`.
        progress: told the share done; what it raises stops the work.

    Returns:
        The picture, the index, the depth and how they were made.

    Raises:
        InputError: if a name is not known, the method cannot prefer, the field or the restored frames do not fit, or a
            frame is unlike the others in size, colour or depth.
    """
    started = time.perf_counter()
    if method != "best" and method not in METHODS:
        raise unknown("method", method, [*METHODS, "best"])
    name = BEST if method == "best" else method
    if prefer not in PREFERENCES:
        raise unknown("preference", prefer, PREFERENCES)
    if prefer != "clearest" and name != "learned":
        raise InputError(f"method {name} takes what is clearest; for near or far surfaces use method learned")
    check_mode(align)
    check_field(field, stack)
    if restored is not None and (len(restored), restored.shape, restored.dtype) != (
        len(stack), stack.shape, stack.dtype
    ):  # fmt: skip
        raise InputError(
            f"restored frames must be like those of {stack.source}, {len(stack)} of {stack.shape} {stack.dtype}; they "
            f"are {len(restored)} of {restored.shape} {restored.dtype}"
        )
    heights = np.asarray(stack.z_um if stack.z_um is not None else range(len(stack)), np.float32)
    making = METHODS[name](Layout(stack.shape, stack.dtype, heights, PREFERENCES[prefer]))
    following = Following(stack, align, field)
    strangers = Strangers()
    for turn in range(making.turns):
        told = part(progress, turn / making.turns, (turn + 1) / making.turns)
        placed = _placed(stack, restored, following, told)
        for number, frame, shown in belonging(placed, strangers, first=turn == 0):
            if restored is not None and isinstance(making, Chooser):
                making.choose(frame, shown, number, turn)
            else:
                making.see(shown, number, turn)
    result = making.finish()
    picture = as_picture((restored or stack)[0]) if len(stack) == 1 else result.picture
    return Fused(
        picture=picture,
        index=result.index,
        depth=result.depth,
        confidence=result.confidence,
        alignment=following.alignment(),
        method=name,
        parameters={
            "method": name,
            "asked": method,
            "align": align,
            "prefer": prefer,
            "frames": len(stack),
            "left_out": sorted(strangers.found),
            **result.parameters,
        },
        seconds=time.perf_counter() - started,
    )


def _placed(
    stack: ZStack, restored: ZStack | None, following: Following, progress: Progress
) -> Iterator[tuple[int, Frame, Frame]]:
    """Read the frames one by one and lay each where it belongs, and the same of its restored state."""
    for number, frame in enumerate(report(stack, len(stack), "fusing", progress)):
        _check_alike(stack, frame, number)
        placed = following.place(frame, number)
        yield number, placed, placed if restored is None else following.alike(restored[number], number)


def _check_alike(stack: ZStack, frame: Frame, number: int) -> None:
    if frame.shape != stack.shape or frame.dtype != stack.dtype:
        raise InputError(
            f"frame {number} of {stack.source} is {frame.shape} {frame.dtype}, not {stack.shape} {stack.dtype}; all "
            "frames of a stack must be alike in size, colour and depth"
        )
