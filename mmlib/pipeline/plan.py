"""What the whole pipeline shall do: one choice a stage, each of which can be another method, or off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mmlib.errors import InputError

OFF = "off"
SWITCHES = ("on", OFF)


@dataclass(frozen=True)
class Plan:
    """The choices of every stage.

    Attributes:
        frames: which frames to begin with, such as ``3:20:2``; None takes all.
        speed: scan speed 1 (slow) to 4 (fast), where it is known: chooses the scan of a built-in specimen, and tells
            the deblurring what to expect.
        field: ``on`` looks for the bright disc, ``off`` takes the whole frame.
        focus: method of the focus judge, or ``off``.
        select: ``on`` leaves out frames that the judge finds blank, dirty or shown twice, and those that lie farther
            than two frames beyond all sharp ones; ``off`` keeps all.
        deblur: method, ``off``, or ``auto``: `best` for scans of speed 2 to 4, none for others.
        align: ``auto``, ``on`` or ``off``.
        fuse: method.
        measure: ``on`` or ``off``.
        data: the user's folder of stacks, or None.
    """

    frames: str | None = None
    speed: int | None = None
    field: str = "on"
    focus: str = "best"
    select: str = "on"
    deblur: str = "auto"
    align: str = "auto"
    fuse: str = "best"
    measure: str = "on"
    data: str | None = None

    def __post_init__(self) -> None:
        """Refuse at the door what a stage would refuse after an hour.

        Raises:
            InputError: if a choice is not known.
        """
        from mmlib.deblurring import METHODS as DEBLUR
        from mmlib.focusing import METHODS as FOCUS
        from mmlib.fusing import METHODS as FUSE

        known = {
            "field": SWITCHES,
            "focus": (*FOCUS, OFF),
            "select": SWITCHES,
            "deblur": ("auto", "best", OFF, *DEBLUR),
            "align": ("auto", "on", OFF),
            "fuse": ("best", *FUSE),
            "measure": SWITCHES,
        }
        for stage, choices in known.items():
            chosen = getattr(self, stage)
            if chosen not in choices:
                raise InputError(f"unknown choice {chosen!r} for the stage {stage}; known: {', '.join(choices)}")
        if self.speed is not None and self.speed not in (1, 2, 3, 4):
            raise InputError(f"speed must be 1 (slow) to 4 (fast); got {self.speed}")

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold: the choices, without where files lie."""
        return {name: value for name, value in asdict(self).items() if name != "data"}
