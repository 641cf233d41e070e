"""Pictures of one scene compared: what one has that the other has not, and how much fine detail each holds.

A view shows any number of panes with one camera; this makes the panes of a comparison. All panes that are made together
share one scale, so that equal colours mean equal numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.pictures import as_picture, to_grey
from mmlib.widgets.panes import Legend, Pane

SIGNED = ((147, 197, 253), (37, 99, 190), (18, 24, 30), (190, 92, 14), (254, 196, 120))
"""RGB from darker than the other over equal to brighter: blue and orange, told apart by every kind of eye."""

RAMP = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""RGB of a map of numbers from low to high."""

SPECTRUM_PX = 2048
"""Longest edge that a spectrum is made of; of a larger picture it is the middle."""

SPECTRUM_DB = 80.0
"""From the strongest part of a spectrum down to what is shown darkest."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One of the pictures that are compared.

    Attributes:
        title: what stands over it.
        picture: (H, W) or (H, W, 3), uint8, uint16 or float in 0..1.
        note: a few more words.
    """

    title: str
    picture: NDArray[Any]
    note: str = ""


def difference(picture: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float32]:
    """Subtract the brightness of one picture from that of another.

    Args:
        picture: (H, W) or (H, W, 3), uint8, uint16 or float in 0..1.
        reference: the same size.

    Returns:
        (H, W) float32, in grey levels of 255: positive where the picture is brighter.

    Raises:
        InputError: if the sizes differ.
    """
    one, two = to_grey(as_picture(picture)), to_grey(as_picture(reference, "reference"))
    if one.shape != two.shape:
        raise InputError(
            f"pictures to compare must have one size; they are {one.shape[1]} x {one.shape[0]} and "
            f"{two.shape[1]} x {two.shape[0]} px"
        )
    return np.asarray((one - two) * np.float32(255), np.float32)


def signed(values: NDArray[Any], limit: float) -> NDArray[np.uint8]:
    """Colour signed numbers: blue below zero, dark at zero, orange above.

    Args:
        values: (H, W).
        limit: the size of a number, up or down, that gets the last colour.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    share = values / np.float32(2 * max(limit, 1e-9)) + np.float32(0.5)
    return _painted(share, SIGNED)


def rounded_up(value: float) -> float:
    """Give the next of 1, 2, 5, 10, 20, ... that is not below a number, and 1 at least."""
    power = 10.0 ** np.floor(np.log10(max(value, 1.0)))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))


def difference_panes(
    pictures: Sequence[Compared], reference: Compared, *, pixel_um: float | None = None, limit: float | None = None
) -> list[Pane]:
    """Show what pictures have that another has not, all with one scale.

    Args:
        pictures: one or more pictures.
        reference: what is taken from each of them; same size.
        pixel_um: edge of a pixel in the specimen, for the scale bar.
        limit: grey levels of 255 that get the last colour; where not given, what 99.5 % of the pixels stay below.

    Returns:
        A pane for each picture.

    Raises:
        InputError: if the sizes differ.
    """
    made = [difference(one.picture, reference.picture) for one in pictures]
    if limit is None:
        limit = rounded_up(max((float(np.percentile(np.abs(values), 99.5)) for values in made), default=1.0))
    legend = Legend(
        tuple(_css(colour) for colour in SIGNED),
        (f"−{limit:g}", "0", f"+{limit:g}"),
        f"brightness, {reference.title} = 0",
    )
    return [
        Pane(
            picture=signed(values, limit),
            title=f"{one.title} − {reference.title}",
            note=f"mean size {float(np.abs(values).mean()):.2f} of 255",
            kind="map",
            pixel_um=pixel_um,
            legend=legend,
        )
        for one, values in zip(pictures, made, strict=True)
    ]


def spectrum(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Give the strength of every fineness of detail: coarse in the middle, the finest at the edges.

    Args:
        picture: (H, W) or (H, W, 3), uint8, uint16 or float in 0..1; of a very large one the middle is taken.

    Returns:
        (H', W') float32, dB: power a pixel of the Fourier transform of the brightness under a Hann window.

    Source: the windowed periodogram, 10 log10 |F|^2 / sum(w^2).
    """
    grey = to_grey(as_picture(picture))
    height, width = grey.shape
    top, left = max((height - SPECTRUM_PX) // 2, 0), max((width - SPECTRUM_PX) // 2, 0)
    grey = grey[top : top + SPECTRUM_PX, left : left + SPECTRUM_PX]
    window = np.outer(_hann(grey.shape[0]), _hann(grey.shape[1])).astype(np.float32)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2 / float((window**2).sum())
    return np.asarray(np.fft.fftshift(10 * np.log10(power + 1e-12)), np.float32)


def spectrum_panes(pictures: Sequence[Compared], *, pixel_um: float | None = None) -> list[Pane]:
    """Show the spectra of pictures, all with one scale.

    Args:
        pictures: one or more pictures.
        pixel_um: edge of a pixel in the specimen, to say how fine the finest detail is.

    Returns:
        A pane for each picture.
    """
    made = [spectrum(one.picture) for one in pictures]
    top = max(float(values.max()) for values in made)
    finest = "2 px" if pixel_um is None else f"{2 * pixel_um:.3g} µm"
    legend = Legend(
        tuple(_css(colour) for colour in RAMP), (f"−{SPECTRUM_DB:g} dB", "0 dB"), f"middle: coarse, edges: {finest}"
    )
    return [
        Pane(
            picture=_painted((values - top) / np.float32(SPECTRUM_DB) + np.float32(1), RAMP),
            title=f"Spectrum of {one.title}",
            note=one.note,
            kind="map",
            legend=legend,
        )
        for one, values in zip(pictures, made, strict=True)
    ]


def ramp_legend(low: str, high: str, name: str = "") -> Legend:
    """Give the legend of a map that `mmlib.widgets.coloured` painted.

    Args:
        low: words for the first colour.
        high: words for the last.
        name: what is shown.

    Returns:
        The legend.
    """
    return Legend(tuple(_css(colour) for colour in RAMP), (low, high), name)


def shaded(depth: NDArray[Any], *, steepness: float | None = None) -> NDArray[np.uint8]:
    """Paint a depth map as a relief under light from the upper left, in the colours of its heights.

    Args:
        depth: (H, W), any unit; values that are not finite become black.
        steepness: height in pixels of one unit; where not given, so that the relief is a tenth as high as it is wide.

    Returns:
        (H, W, 3), uint8, RGB.

    Raises:
        InputError: if the map does not have two axes.
    """
    if depth.ndim != 2:
        raise InputError(f"a depth map is (H, W); its shape is {depth.shape}")
    known = np.isfinite(depth)
    if not known.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    low, high = (float(value) for value in np.percentile(depth[known], (1, 99)))
    height = np.clip(np.where(known, depth, low), low, high).astype(np.float32)
    scale = 0.1 * min(depth.shape) / max(high - low, 1e-9) if steepness is None else steepness
    smooth = cv2.GaussianBlur(height, (0, 0), max(1.5, min(depth.shape) / 200)) * np.float32(scale)
    down, right = np.gradient(smooth) if min(depth.shape) > 1 else (np.zeros_like(smooth), np.zeros_like(smooth))
    light = (1 + 0.9 * right + 0.9 * down) / np.sqrt(1 + right**2 + down**2) / np.sqrt(1 + 2 * 0.9**2)
    share = (height - low) / np.float32(max(high - low, 1e-9))
    painted = _painted(share, RAMP).astype(np.float32) * np.clip(0.25 + 1.3 * light, 0.15, 1.35)[..., None]
    return np.asarray(np.where(known[..., None], np.clip(painted, 0, 255), 0), np.uint8)


def _hann(count: int) -> NDArray[np.float64]:
    return np.hanning(count + 2)[1:-1]


def _painted(share: NDArray[Any], colours: Sequence[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Turn numbers 0..1 into colours, straight lines between the given ones."""
    stops = np.linspace(0, 255, len(colours))
    table = np.stack([np.interp(np.arange(256), stops, channel) for channel in zip(*colours, strict=True)], axis=1)
    level = np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(np.rint(table).astype(np.uint8)[level], np.uint8)


def _css(colour: tuple[int, int, int]) -> str:
    return "rgb({} {} {})".format(*colour)
