"""Which frames are fused: by range, by hand, or as the focus judge says; all of it is one text, as in a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmlib.errors import InputError
from mmlib.focusing import BESIDE, worth_fusing
from mmlib.stacks import parse_frames

MOST_LISTED = 6
"""So many frames are listed one by one."""


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


def frames_words(text: str, count: int) -> str:
    """Say which frames of the viewer a choice means: the viewer counts from 1, the text, like Python, from 0.

    Args:
        text: what is chosen; empty for all.
        count: how many frames the stack has.

    Returns:
        One sentence; empty where all are chosen, or none that there are.
    """
    try:
        chosen = parse_frames(text, count) if text else []
    except InputError:
        return ""  # said where it is used
    if not chosen:
        return ""
    shown = [str(frame + 1) for frame in chosen]
    listed = ", ".join(shown if len(shown) <= MOST_LISTED else [*shown[:3], "…", shown[-1]])
    return f"{len(shown)} of {count} frames: {listed} in the viewer (here the first is 0, as in Python)"


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
    """Turn the verdicts of the focus judge into a choice of frames to fuse.

    Args:
        keep: ``frame`` and ``verdict`` of each, as a focus job reports them.
        count: how many frames the stack has.

    Returns:
        The choice as text, and one sentence that says what is left out and why.

    Raises:
        InputError: if no frame is sharp.
    """
    verdicts = sorted((int(one["frame"]), str(one["verdict"])) for one in keep)
    chosen = worth_fusing(verdicts)
    if not chosen:
        raise InputError("the focus judge finds no frame sharp, so none can be chosen; take them by range or by hand")
    others = [verdict for frame, verdict in verdicts if frame not in chosen]
    told = ", ".join(f"{others.count(word)} {word}" for word in sorted(set(others)))
    words = f"{len(chosen)} of {count} frames: the sharp ones and {BESIDE} beside them"
    return frames_text(chosen, count), f"{words}; left out: {told}" if told else words
