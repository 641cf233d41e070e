"""Which frames are fused: by range, by hand, or as the focus judge says; all of it is one text, as in a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmlib.errors import InputError
from mmlib.stacks import parse_frames


def frames_text(chosen: Sequence[int], count: int) -> str:
    """Write frame numbers as short as `mmlib.stacks.parse_frames` reads them.

    Args:
        chosen: frame numbers, 0 to `count` - 1, in rising order.
        count: how many frames the stack has.

    Returns:
        Such as ``0,4:9,12``; empty for all.
    """
    if list(chosen) == list(range(count)):
        return ""
    runs: list[list[int]] = []
    for frame in chosen:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return ",".join(f"{run[0]}:{run[-1] + 1}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def toggled_frame(text: str, frame: int, count: int) -> str:
    """Take a frame out of those that are chosen, or in.

    Args:
        text: what is chosen; empty for all.
        frame: its number.
        count: how many frames the stack has.

    Returns:
        What is chosen then, in rising order.

    Raises:
        InputError: if it was the last one.
    """
    chosen = set(parse_frames(text or ":", count)) ^ {frame}
    if not chosen:
        raise InputError("at least one frame must stay; take another in first")
    return frames_text(sorted(chosen), count)


def kept_frames(keep: Sequence[Mapping[str, Any]], count: int) -> tuple[str, str]:
    """Turn the verdicts of the focus judge into a choice of frames.

    Args:
        keep: ``frame`` and ``verdict`` of each, as a focus job reports them.
        count: how many frames the stack has.

    Returns:
        The choice as text, and one sentence that says what is left out and why.

    Raises:
        InputError: if no frame is sharp.
    """
    sharp = sorted(int(one["frame"]) for one in keep if one["verdict"] == "sharp")
    if not sharp:
        raise InputError("the focus judge finds no frame sharp, so none can be chosen; take them by range or by hand")
    others = [str(one["verdict"]) for one in keep if one["verdict"] != "sharp"]
    told = ", ".join(f"{others.count(word)} {word}" for word in sorted(set(others)))
    words = f"the focus judge keeps {len(sharp)} of {count} frames"
    return frames_text(sharp, count), f"{words}; left out: {told}" if told else words
