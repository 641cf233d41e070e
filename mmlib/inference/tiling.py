"""Show a net a picture of any size piece by piece; the pieces fit together as if it had seen the whole.

Each piece is seen with a margin, the halo, and only its middle is kept. At the picture's own edges there is no margin,
so that the net meets them as it would in the whole; pieces begin at multiples of the net's own step, so that its
coarser levels fall on the same pixels. With a halo as wide as the net looks, pieces and whole are the same to rounding.

A net that looks at the whole picture, as instance normalisation and channel attention do, would see something else in
each piece. Such a net takes what it knows of the whole as further inputs, and `tiled` asks for them once, before the
first piece: ``context`` is an engine that is shown windows spread over the picture, at full resolution, as one batch,
and whose answers go into every piece. A picture that is no larger than ``window`` is shown whole, so that small
pictures, such as those that nets are trained on, come out exactly as the net defines them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.inference.engine import Answer
from mmlib.progress import Progress, silent

TILE = 256
"""Edge of a piece with its halo, px: larger ones are no faster and need more memory."""
WINDOW = 256
"""Pictures up to this edge, px, are shown to ``context`` whole, larger ones in windows of half of it."""
SAMPLES = 3
"""Windows along each side of a larger picture."""

Runs = Callable[..., Answer]


def tiled(
    engine: Runs,
    picture: NDArray[Any],
    *,
    tile: int = TILE,
    halo: int = 16,
    multiple: int = 1,
    smallest: int = 16,
    more: Sequence[NDArray[Any]] = (),
    context: Runs | None = None,
    window: int = WINDOW,
    field: NDArray[np.bool_] | None = None,
    progress: Progress = silent,
    stage: str = "looking",
) -> Any:
    """Run a net that gives a picture for a picture, at any size.

    Args:
        engine: called with (1, C, h, w) float32 and then ``more``, or what ``context`` found; gives (1, D, h, w) or a
            tuple of such.
        picture: (H, W) or (H, W, C) with any number of channels, at least 1 x 1.
        tile: edge of a piece with its halo, px; 0 shows the whole picture at once.
        halo: margin around a piece, px: how far the net looks.
        multiple: rows and columns that the net takes must be a multiple of this; the picture is mirrored up to it.
        smallest: the least rows and columns that are shown to the net; smaller pictures are mirrored.
        more: further inputs, passed on as they are with every piece, such as (1, 1) numbers of the whole.
        context: for a net that needs to know the whole picture; see the module. Called with (N, C, h, w) and ``more``.
        window: edge of the largest picture that ``context`` sees whole, px.
        field: (H, W) where it is worth looking; a piece with nothing in it is not shown to the net and comes out as 0.
        progress: told before each piece; what it raises stops the work.
        stage: the name to report.

    Returns:
        (H, W) where the net gives one channel, else (H, W, D); float32; a tuple where the net gives one.

    Raises:
        InputError: if the picture or a size is of no use.
    """
    if picture.ndim not in (2, 3) or 0 in picture.shape:
        raise InputError(f"a picture must be (H, W) or (H, W, C) with at least one pixel; its shape is {picture.shape}")
    if halo < 0 or multiple < 1 or tile < 0:
        raise InputError(f"tile, halo and multiple cannot be negative or 0; got {tile}, {halo} and {multiple}")
    height, width = picture.shape[:2]
    halo = -(-halo // multiple) * multiple
    core = max(multiple, (tile - 2 * halo) // multiple * multiple) if tile else 0
    rows, columns = (spans(size, core, halo, multiple) for size in (height, width))
    known = list(more)
    if context is not None:
        found = context(_windows(picture, window, multiple, smallest), *more)
        known += list(found) if isinstance(found, tuple) else [found]
    whole: list[NDArray[np.float32]] = []
    several = False
    for number, (down, across) in enumerate((down, across) for down in rows for across in columns):
        progress(number / (len(rows) * len(columns)), stage)
        (top, bottom, y), (left, right, x) = down, across
        if field is not None and not field[top:bottom, left:right].any() and whole:
            continue
        answers = engine(_piece(picture, y, x, multiple, smallest), *known)
        several = isinstance(answers, tuple)
        for place, answer in enumerate(answers if isinstance(answers, tuple) else (answers,)):
            if len(whole) == place:
                whole.append(np.zeros((height, width, answer.shape[1]), np.float32))
            kept = answer[0, :, top - y[0] : bottom - y[0], left - x[0] : right - x[0]]
            whole[place][top:bottom, left:right] = kept.transpose(1, 2, 0)
    progress(1.0, stage)
    flat = [one[:, :, 0] if one.shape[2] == 1 else one for one in whole]
    return tuple(flat) if several else flat[0]


Span = tuple[int, int, tuple[int, int]]
"""First and last row that are kept, and the rows that are shown."""


def spans(size: int, core: int, halo: int, multiple: int = 1) -> list[Span]:
    """Cut a side of a picture into pieces of nearly equal length.

    Args:
        size: of the side, px.
        core: most that is kept of a piece, px; 0 is one piece.
        halo: margin, px, a multiple of ``multiple``.
        multiple: pieces begin at multiples of this.

    Returns:
        What is kept and what is shown of each piece; what is kept covers the side once.
    """
    count = -(-size // core) if core > 0 and size > core + 2 * halo else 1
    step = -(-size // (count * multiple)) * multiple
    edges = range(0, size, step)
    return [(start, min(start + step, size), (max(start - halo, 0), min(start + step + halo, size))) for start in edges]


def _piece(
    picture: NDArray[Any], y: tuple[int, int], x: tuple[int, int], multiple: int, smallest: int
) -> NDArray[np.float32]:
    """Cut a piece out and mirror it up to a size that the net takes: (1, C, h, w)."""
    rows = _mirrored(y[1] - y[0], multiple, smallest)
    columns = _mirrored(x[1] - x[0], multiple, smallest)
    cut = picture[y[0] : y[1], x[0] : x[1]]
    if len(rows) > len(cut) or len(columns) > cut.shape[1]:
        cut = cut[np.ix_(rows, columns)]
    cut = cut[:, :, None] if cut.ndim == 2 else cut
    return np.ascontiguousarray(cut.transpose(2, 0, 1)[None], np.float32)


def _mirrored(size: int, multiple: int, smallest: int) -> NDArray[np.intp]:
    """Number rows up to a length that the net takes, going back and forth."""
    length = -(-max(size, smallest) // multiple) * multiple
    turn = max(2 * size - 2, 1)
    there = np.arange(length) % turn
    return np.minimum(there, turn - there) if size > 1 else np.zeros(length, np.intp)


def _windows(picture: NDArray[Any], window: int, multiple: int, smallest: int) -> NDArray[np.float32]:
    """Cut windows that stand for the whole: all of a small picture, else some of half the size: (N, C, h, w)."""
    height, width = picture.shape[:2]
    if max(height, width) > window:
        window = max(1, window // 2)
    tall, wide = min(height, window), min(width, window)
    ys, xs = (
        np.unique(np.linspace(0, size - one, SAMPLES).round().astype(int)).tolist()
        for size, one in ((height, tall), (width, wide))
    )
    cut = [_piece(picture, (y, y + tall), (x, x + wide), multiple, smallest) for y in ys for x in xs]
    return np.concatenate(cut)
