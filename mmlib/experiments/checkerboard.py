"""Does a net draw checkerboards? A number and a picture: ``python -m mmlib.experiments.checkerboard``.

A net that doubles its resolution twice can treat neighbouring pixels unlike each other, in a pattern that comes back
every 2 or 4 pixels. In the spectrum of what it changed such a pattern is a set of sharp peaks, at 1/4 and 1/2 cycles a
pixel, each far above its neighbours; a specimen has no reason to have any just there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from mmlib import io
from mmlib.deblurring import deblur
from mmlib.errors import InputError
from mmlib.pictures import as_picture, to_grey, to_uint8

PERIOD = 4
"""Pixels after which the pattern comes back: two doublings."""
SQUARE = 64
"""Edge of the squares whose spectra are averaged, px; a multiple of the period, so that each peak is one bin."""
FAINT = 1e-5
"""Share of the mean power that nobody could see: peaks of rounding errors do not count."""
FAINT = 1e-5
"""Share of the mean power that nobody could see: peaks of rounding errors do not count."""
SHOWN = 256
GAIN = 8
"""How much stronger a change is drawn."""


def grid_peak(change: NDArray[Any], period: int = PERIOD) -> float:
    """Say how far the peaks of a grid stand above what lies around them in the spectrum.

    Args:
        change: (H, W) or (H, W, 3), what a net added; at least 64 x 64.
        period: of the grid, px; a divisor of 64.

    Returns:
        dB: about 0 where there is no grid; the highest of the grid's peaks, each over the median of its surroundings.

    Raises:
        InputError: if the picture is too small.
    """
    power = spectrum(change)
    if not power.any():
        return 0.0
    power += FAINT * power.mean()
    step = SQUARE // period
    found = []
    for row in range(period):
        for column in range(period):
            if (row, column) == (0, 0):
                continue
            y, x = row * step, column * step
            near = np.take(np.take(power, range(y - 5, y + 6), 0, mode="wrap"), range(x - 5, x + 6), 1, mode="wrap")
            peak = near[4:7, 4:7].max()  # the window spreads a peak over its neighbours
            around = np.ones((11, 11), np.bool_)
            around[3:8, 3:8] = False
            if row == 0:
                around[5] = False  # what is even along a line of a picture lies on the axis
            if column == 0:
                around[:, 5] = False
            found.append(peak / float(np.median(near[around])))
    return float(10 * np.log10(max(found)))


def spectrum(change: NDArray[Any]) -> NDArray[np.float64]:
    """Average the power spectra of half overlapping squares.

    Args:
        change: (H, W) or (H, W, 3).

    Returns:
        (64, 64), frequency 0 first; colours averaged.

    Raises:
        InputError: if the picture is smaller than a square.
    """
    height, width = change.shape[:2]
    if min(height, width) < SQUARE:
        raise InputError(f"a spectrum needs {SQUARE} x {SQUARE} pixels; the picture has {height} x {width}")
    fade = np.hanning(SQUARE + 1)[:-1]
    window = fade[:, None] * fade[None, :]
    channels = change[:, :, None] if change.ndim == 2 else change
    power, count = np.zeros((SQUARE, SQUARE)), 0
    for top in range(0, height - SQUARE + 1, SQUARE // 2):
        for left in range(0, width - SQUARE + 1, SQUARE // 2):
            square = channels[top : top + SQUARE, left : left + SQUARE].astype(np.float64)
            square = (square - square.mean((0, 1))) * window[:, :, None]
            power += (np.abs(np.fft.fft2(square, axes=(0, 1))) ** 2).mean(axis=2)
            count += 1
    return power / count


def sheet(picture: NDArray[Any], methods: Sequence[str]) -> tuple[NDArray[np.uint8], dict[str, float]]:
    """Draw for each method the picture, what was changed and the spectrum of the change, and give its peak.

    Args:
        picture: (H, W) or (H, W, 3).
        methods: names of `mmlib.deblurring.METHODS`.

    Returns:
        (rows, columns, 3) uint8, a row a method; and the peaks in dB.
    """
    before = as_picture(picture)
    rows, peaks = [], {}
    for method in methods:
        after = deblur(before, method=method).picture
        change = after - before
        peaks[method] = grid_peak(change)
        cut = tuple(slice((side - min(side, SHOWN)) // 2, (side + min(side, SHOWN)) // 2) for side in change.shape[:2])
        loud = np.fft.fftshift(10 * np.log10(spectrum(to_grey(change)) + 1e-12))
        low, high = np.percentile(loud, [5, 99.9])
        drawn = np.clip((loud - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
        size = tuple(int(side) for side in after[cut].shape[1::-1])
        drawn = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_NEAREST), np.float32)
        panes = [_colour(after[cut]), _colour(np.clip(0.5 + GAIN * change[cut], 0, 1)), _colour(drawn)]
        row = np.concatenate(panes, axis=1)
        label = np.full((20, row.shape[1], 3), 255, np.uint8)
        words = f"{method}: picture, change x {GAIN}, its spectrum; grid {peaks[method]:.1f} dB"
        cv2.putText(label, words, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
        rows += [label, row]
    return np.concatenate(rows), peaks


def _colour(picture: NDArray[Any]) -> NDArray[np.uint8]:
    eight = to_uint8(picture.astype(np.float32))
    return eight if eight.ndim == 3 else np.repeat(eight[:, :, None], 3, axis=2)


def main(
    picture: Annotated[Path, typer.Argument(help="a picture of at least 64 x 64 pixels")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the PNG")] = Path("checkerboard.png"),
    methods: Annotated[str, typer.Option(help="separated by commas")] = "sdeblurgan,udeblurgan",
) -> None:
    """Deblur a picture and say how much of a checkerboard each method drew."""
    try:
        drawn, peaks = sheet(io.read_picture(picture), [name.strip() for name in methods.split(",")])
        io.write_picture(output, drawn)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for method, peak in peaks.items():
        typer.echo(f"{method}: {peak:.1f} dB")
    typer.echo(str(output))


if __name__ == "__main__":
    typer.run(main)
