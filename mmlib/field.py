"""Where the picture is: the bright disc that an eyepiece leaves on black, or the whole frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import Frame, as_picture, check_shape
from mmlib.stacks import ZStack

THRESHOLD = 20 / 255
"""Brighter than this is lit, on a scale of 0..1; in dim light `DIM_SHARE` of the brightest is taken."""
DIM_SHARE = 0.25
RIM_SHARE = 0.0015
"""How far the rim is drawn in, as a share of the disc's diameter, but `RIM_PX` at least."""
RIM_PX = 1.0
FRAMES_READ = 9
WORK_PX = 1024
"""The disc is looked for in a copy of this many pixels on its longer side, and drawn in full size."""
TOLERANCE = 0.02
"""How far the rim may stray from a circle, as a share of the radius."""
RIM_SEEN = 0.6
"""How much of the circle's part within the frame must be rim: a dark specimen may hide the rest."""
OUTSIDE_DARK = 0.985
LEAST_AREA = 0.15
STEEP = 0.35
"""How much brighter the rim is than the black, as a share of the brightness within; vignetting fades to nothing."""

Ellipse = tuple[tuple[float, float], tuple[float, float], float]
"""Centre (x, y) and whole axes in pixels, and the angle of the first axis in degrees, as OpenCV has it."""


def find_field(stack_or_frame: ZStack | Frame) -> NDArray[np.bool_]:
    """Find the bright disc of the eyepiece, or say that the whole frame is picture.

    Dark specimens, vignetting, dark-field and bright-field pictures without a disc are not cut: it is a disc only if
    the dark is joined to the border, its edge is a circle for most of the way, all beyond is dark and the rim is steep.

    Args:
        stack_or_frame: a stack, of which up to nine frames are read one at a time, or one frame, (H, W) or (H, W, 3).

    Returns:
        (H, W), True inside the disc; all True where there is no disc.

    Raises:
        InputError: if a frame is neither (H, W) nor (H, W, 3).

    Source: threshold of 20/255 on a mean frame; the fit of a circle and its conditions are ours.
    """
    if isinstance(stack_or_frame, ZStack):
        height, width = stack_or_frame.height, stack_or_frame.width
        at = np.unique(np.linspace(0, len(stack_or_frame) - 1, FRAMES_READ).round().astype(int))
        chosen = stack_or_frame.select([int(i) for i in at])
        summary = np.zeros(0, dtype=np.float32)
        for frame in chosen:
            light = _brightness(frame)
            summary = light if summary.size == 0 else summary + light
        summary = summary / np.float32(len(chosen))
    else:
        check_shape(stack_or_frame, "frame")
        height, width = stack_or_frame.shape[:2]
        summary = _brightness(stack_or_frame)
    field = np.ones((height, width), dtype=np.bool_)
    bright = float(np.percentile(summary, 99))
    for threshold in (min(THRESHOLD, DIM_SHARE * bright), DIM_SHARE * bright):
        disc = _disc(summary, threshold)
        if disc is not None:
            return _draw(disc, summary.shape, field.shape)
    return field


def _brightness(frame: Frame) -> NDArray[np.float32]:
    """Give the brightest channel of a frame, no larger than `WORK_PX`, smoothed against noise."""
    scale = WORK_PX / max(frame.shape[:2])
    if scale < 1:
        size = (max(round(frame.shape[1] * scale), 1), max(round(frame.shape[0] * scale), 1))
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    if frame.dtype in (np.uint8, np.uint16):
        frame = _brightest(frame)
    light = _brightest(as_picture(frame, "frame"))
    return np.asarray(cv2.blur(light, (3, 3)), dtype=np.float32)


def _brightest(frame: Frame) -> Frame:
    """Give the brightest channel of each pixel: (H, W) as it is, or (H, W, 3) to (H, W)."""
    if frame.ndim == 2:
        return frame
    red, green, blue = cv2.split(frame)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def _disc(summary: NDArray[np.float32], threshold: float) -> Ellipse | None:
    """Fit the rim of the lit part, and give it only if everything about it says that it is a disc."""
    dark = summary < threshold
    border = np.ones(dark.shape, dtype=np.bool_)
    border[1:-1, 1:-1] = False
    count, labels = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    outer = np.zeros(count, dtype=np.bool_)
    outer[np.unique(labels[border])] = True
    outer[0] = False  # label 0 is what is lit
    beyond = outer[labels]
    rim = (cv2.dilate(beyond.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~beyond & ~border
    points = np.argwhere(rim)[:, ::-1].astype(np.float64)  # (n, 2) as x, y
    if len(points) < 24:
        return None
    disc = _fit(points)
    if disc is None or not _lit_disc(summary, threshold, disc, points):
        return None
    return _at_half_height(summary, disc)


def _fit(points: NDArray[np.float64]) -> Ellipse | None:
    """Fit the circle that most rim points lie on, then the ellipse of these if they go far enough round."""
    middle = points.mean(0)
    points = points[np.argsort(np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0]))]
    first = np.arange(0, len(points), max(len(points) // 150, 1))
    best: tuple[int, float, float, float] = (0, 0.0, 0.0, 0.0)
    for gap in (1 / 3, 1 / 4, 1 / 6):
        step = max(int(len(points) * gap), 1)
        for i in first:
            circle = _circle(points[[i, (i + step) % len(points), (i + 2 * step) % len(points)]])
            if circle is None:
                continue
            x, y, radius = circle
            stray = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
            best = max(best, (int((stray < TOLERANCE * radius).sum()), x, y, radius))
    near, x, y, radius = best
    if near < 12:
        return None
    stray = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
    on = points[stray < TOLERANCE * radius]
    turns = np.arctan2(on[:, 1] - y, on[:, 0] - x)
    if len(np.unique(np.floor(turns / (np.pi / 36)))) >= 48:  # two thirds of the way round, in steps of 5 degrees
        centre, axes, angle = cv2.fitEllipseAMS(on.astype(np.float32))
        return (float(centre[0]), float(centre[1])), (float(axes[0]), float(axes[1])), float(angle)
    x, y, radius = _circle(on) or (x, y, radius)
    return (x, y), (2 * radius, 2 * radius), 0.0


def _circle(points: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Fit x^2 + y^2 = 2 a x + 2 b y + c by least squares; three points give their own circle."""
    shift = points.mean(0)
    moved = points - shift
    matrix = np.column_stack([2 * moved, np.ones(len(moved))])
    answer, _, rank, _ = np.linalg.lstsq(matrix, (moved**2).sum(1), rcond=None)
    square = answer[2] + answer[0] ** 2 + answer[1] ** 2
    if rank < 3 or square <= 0:
        return None
    return float(answer[0] + shift[0]), float(answer[1] + shift[1]), float(np.sqrt(square))


def _lit_disc(summary: NDArray[np.float32], threshold: float, disc: Ellipse, points: NDArray[np.float64]) -> bool:
    """Check that a fitted ellipse is the rim of a lit disc and not the edge of something dark."""
    height, width = summary.shape
    (x, y), (long, short), _ = disc
    radius = (long + short) / 4
    if not 0.9 < short / long < 1 / 0.9 or radius > 0.75 * np.hypot(height, width):
        return False
    inside = _radius(disc, summary.shape) <= 1
    share = inside.mean()
    if share < LEAST_AREA or share > 0.995 or (summary[inside] >= threshold).mean() < 0.5:
        return False
    if (summary[_radius(disc, summary.shape) > 1 + TOLERANCE] < threshold).mean() < OUTSIDE_DARK:
        return False
    turns = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    at = np.column_stack([x + radius * np.cos(turns), y + radius * np.sin(turns)])
    seen = (at[:, 0] >= 1) & (at[:, 0] < width - 1) & (at[:, 1] >= 1) & (at[:, 1] < height - 1)
    stray = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
    on = points[stray < 2 * TOLERANCE * radius]
    met = np.zeros(len(turns), dtype=np.bool_)
    met[np.round(np.arctan2(on[:, 1] - y, on[:, 0] - x) % (2 * np.pi) / (np.pi / 360)).astype(int) % 720] = True
    met = cv2.dilate(np.tile(met.astype(np.uint8), 3)[None], np.ones((1, 9), np.uint8))[0, 720:1440] > 0
    quarters = np.unique((turns[met & seen] // (np.pi / 2)).astype(int))
    if not seen.any() or (met & seen).sum() < RIM_SEEN * seen.sum() or len(quarters) < 3:
        return False
    return _steep(summary, disc, inside)


def _steep(summary: NDArray[np.float32], disc: Ellipse, inside: NDArray[np.bool_]) -> bool:
    """Check that the light falls from a good part of its height to black within a few hundredths of the radius."""
    away = _radius(disc, summary.shape)
    within, without = summary[(away > 0.94) & (away < 0.97)], summary[(away > 1.03) & (away < 1.06)]
    if not within.size or not without.size:
        return False
    fall = float(np.median(within) - np.median(without))
    return fall > STEEP * float(np.median(summary[inside]))


def _at_half_height(summary: NDArray[np.float32], disc: Ellipse) -> Ellipse:
    """Move the rim to where the light has fallen by half: the threshold lies at the foot of a soft rim."""
    centre, (long, short), angle = disc
    away = _radius(disc, summary.shape)
    edges = np.linspace(0.93, 1.07, max(int(0.07 * (long + short)), 8) + 1)
    bins = np.digitize(away, edges)
    light = np.array([np.median(summary[bins == i]) if (bins == i).any() else np.nan for i in range(1, len(edges))])
    middles = (edges[:-1] + edges[1:]) / 2
    known = np.isfinite(light)
    light, middles = light[known], middles[known]
    if len(light) < 4:
        return disc
    half = (light[: len(light) // 4].max() + light[-1]) / 2
    last = int(np.flatnonzero(light >= half)[-1])
    if last + 1 >= len(light):
        return disc
    step = (light[last] - half) / max(light[last] - light[last + 1], 1e-9)
    rim = float(middles[last] + step * (middles[last + 1] - middles[last]))
    return centre, (long * rim, short * rim), angle


def _radius(disc: Ellipse, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Give the distance of every pixel from the centre, in units of the ellipse's own radius: 1 on the rim."""
    (x, y), (long, short), angle = disc
    across, down = np.arange(shape[1])[None] - x, np.arange(shape[0])[:, None] - y
    turn = np.deg2rad(angle)
    u, v = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    radius: NDArray[np.float64] = np.hypot(u * (2 / long), v * (2 / short))
    return radius


def _draw(disc: Ellipse, small: tuple[int, ...], full: tuple[int, ...]) -> NDArray[np.bool_]:
    """Draw the disc in full size, its rim drawn in a little."""
    (x, y), (long, short), angle = disc
    scale = max(full) / max(small)
    drawn_in = max(2 * RIM_PX, 2 * RIM_SHARE * long * scale)
    grown = (long * scale - drawn_in, short * scale - drawn_in)
    centre = ((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5)
    return np.asarray(_radius((centre, grown, angle), full) <= 1)
