"""Which frame is in focus where: corner responses, the frame of the largest, cleaned, and as soft masks.

Each step is a function of its own: `respond`, `Winners` (one frame after another), `fill_flat`, `clean`, `soften`.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.filters import Map, grey_levels, noise_level
from mmlib.pictures import Frame

Response = Callable[[Map], Map]
"""From luma (H, W), 0..255, to a response (H, W) that is large where there is detail in focus; 0 or more."""

DERIVATIVE = np.array([1, -8, 0, 8, -1], np.float32) / 12
"""Central difference of fourth order: right up to cubic grey."""
WINDOW_SIGMA_PX = 1.5
"""Of the Gaussian window that gathers products of slopes."""
SMOOTH_PX = 2.0
"""Standard deviation of the window in which a response is averaged before frames are compared."""
MEDIAN_PX = 5
FEATHER_PX = 2.0
FLAT = 4.0
"""A pixel is flat where no frame responds this many times stronger than noise alone does."""
EDGE = cv2.BORDER_REFLECT


def hessian(grey: Map) -> Map:
    """Curvature: |gxx gyy - gxy^2| + 5 (gxx + gyy)^2 of the second derivatives, large at corners and at edges.

    Source: after Sigdel et al. 2016, FocusALL, doi:10.1109/TCBB.2015.2459685; weights measured by us.
    """
    slope_x, slope_y = _slopes(grey)
    across, mixed = _slopes(slope_x)
    along = _slopes(slope_y)[1]
    response: Map = np.abs(across * along - mixed * mixed) + 5 * (across + along) ** 2
    return response


def tensor(grey: Map) -> Map:
    """Structure tensor in a Gaussian window: |det| + 0.05 trace^2, which no edge escapes.

    Source: Harris & Stephens 1988, doi:10.5244/C.2.23, with the sign of the trace turned and the magnitude taken.
    """
    xx, yy, xy = _tensor(grey)
    response: Map = np.sqrt(np.abs(xx * yy - xy * xy) + np.float32(0.05) * (xx + yy) ** 2)
    return response


def energy(grey: Map) -> Map:
    """Trace of the structure tensor: edges and corners alike, the limit of a large weight of the trace."""
    xx, yy, _ = _tensor(grey)
    return xx + yy


def harris(grey: Map) -> Map:
    """The unmodified corner response, det - 0.05 trace^2 where that is positive: it misses edges.

    Source: Harris & Stephens 1988, doi:10.5244/C.2.23.
    """
    xx, yy, xy = _tensor(grey)
    response: Map = np.sqrt(np.maximum(xx * yy - xy * xy - np.float32(0.05) * (xx + yy) ** 2, 0))
    return response


RESPONSES: Mapping[str, Response] = {"energy": energy, "harris": harris, "hessian": hessian, "tensor": tensor}
"""The variants by name."""

NOISE_RESPONSE: Mapping[str, float] = {"energy": 1.81, "harris": 0.77, "hessian": 21.9, "tensor": 0.96}
"""Mean response to white noise of variance 1; `tests/test_masks.py` measures it."""
LEAST_NOISE = 0.3
"""Grey levels: that of rounding."""

BEST = "tensor"
"""The variant that is used unless another is asked for."""


def respond(frame: Frame, variant: str = BEST, smooth_px: float = SMOOTH_PX) -> Map:
    """Say how much detail in focus a frame shows at each pixel.

    Args:
        frame: (H, W) or (H, W, 3): uint8, uint16, or float32 in 0..1.
        variant: a name of `RESPONSES`.
        smooth_px: standard deviation of the window in which it is averaged; 0 for none.

    Returns:
        (H, W) float32, 0 or more, grey levels squared: white noise has about its variance.

    Raises:
        InputError: if the variant is not known.
    """
    if variant not in RESPONSES:
        raise unknown("mask variant", variant, RESPONSES)
    response = RESPONSES[variant](grey_levels(frame))
    if smooth_px > 0:
        response = cv2.GaussianBlur(response, (0, 0), smooth_px, borderType=EDGE)
    return np.asarray(np.multiply(response, np.float32(1 / NOISE_RESPONSE[variant])), np.float32)


class Winners:
    """The frame of the largest response at each pixel, kept while the frames go by."""

    def __init__(self, size: tuple[int, int], variant: str = BEST, smooth_px: float = SMOOTH_PX) -> None:
        """Start with nobody.

        Args:
            size: rows and columns.
            variant: a name of `RESPONSES`.
            smooth_px: see `respond`.
        """
        self.variant = variant
        self.smooth_px = smooth_px
        self.best: Map = np.full(size, -1, np.float32)
        self.index: NDArray[np.uint16] = np.zeros(size, np.uint16)
        self.noise = math.inf

    def see(self, frame: Frame, number: int) -> NDArray[np.bool_]:
        """Let a frame compete.

        Args:
            frame: (H, W) or (H, W, 3): uint8, uint16, or float32 in 0..1.
            number: of the frame.

        Returns:
            (H, W) True where it leads now.
        """
        response = respond(frame, self.variant, self.smooth_px)
        ahead = response > self.best
        self.index[ahead] = number
        np.maximum(self.best, response, out=self.best)
        # fine detail passes for noise, so the quietest frame says how much noise there is
        self.noise = min(self.noise, max(noise_level(grey_levels(frame)), LEAST_NOISE))
        return np.asarray(ahead)

    def shows(self) -> NDArray[np.bool_]:
        """Say where any frame shows detail, (H, W): elsewhere is flat."""
        return np.asarray(self.best >= FLAT * self.noise**2)


def fill_flat(index: NDArray[np.uint16], shows: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Give flat pixels, where no frame shows anything, the frame of the nearest pixel that is not flat.

    Args:
        index: (H, W) number of the winning frame.
        shows: (H, W) True where any frame shows detail.

    Returns:
        (H, W) uint16; the index itself where everything is flat.
    """
    nothing = (~shows).astype(np.uint8)
    if not nothing.any() or nothing.all():
        return index
    _, nearest = cv2.distanceTransformWithLabels(nothing, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    owner = np.zeros(int(nearest.max()) + 1, np.uint16)
    owner[nearest[nothing == 0]] = index[nothing == 0]
    filled: NDArray[np.uint16] = owner[nearest]
    return filled


def clean(index: NDArray[np.uint16], size_px: int = MEDIAN_PX) -> NDArray[np.uint16]:
    """Remove specks from an index map with a median, so that a lone pixel follows its neighbours.

    Args:
        index: (H, W) frame numbers, in the order of the stack.
        size_px: of the square window, 3 or 5.

    Returns:
        (H, W) uint16.
    """
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(index), size_px), np.uint16)


def soften(index: NDArray[np.uint16], number: int, feather_px: float = FEATHER_PX) -> Map:
    """Give the soft mask of one frame: the masks of all frames sum to 1 at every pixel.

    Args:
        index: (H, W) frame numbers.
        number: of the frame.
        feather_px: standard deviation of the soft edge; 0 for a hard one.

    Returns:
        (H, W) float32, 0..1.
    """
    hard: Map = (index == number).astype(np.float32)
    return hard if feather_px <= 0 else np.asarray(cv2.GaussianBlur(hard, (0, 0), feather_px, borderType=EDGE))


def find_index(winners: Winners, median_px: int = MEDIAN_PX) -> NDArray[np.uint16]:
    """Clean what the frames have won: flat pixels filled, specks removed.

    Args:
        winners: after all frames.
        median_px: see `clean`.

    Returns:
        (H, W) uint16.
    """
    return clean(fill_flat(winners.index, winners.shows()), median_px)


def pair_masks(
    one: Frame, other: Frame, *, variant: str = BEST, feather_px: float = FEATHER_PX
) -> tuple[Map, Map, NDArray[np.bool_]]:
    """Make the masks of two frames.

    Args:
        one: (H, W) or (H, W, 3): uint8, uint16, or float32 in 0..1.
        other: of the same shape.
        variant: a name of `RESPONSES`.
        feather_px: see `soften`.

    Returns:
        Two masks (H, W) float32 that sum to 1, and (H, W) True where either frame shows any detail.

    Raises:
        InputError: if the frames differ in shape, or the variant is not known.
    """
    if one.shape != other.shape:
        raise InputError(f"both frames must have one shape; they have {one.shape} and {other.shape}")
    winners = Winners((one.shape[0], one.shape[1]), variant)
    for number, frame in enumerate((one, other)):
        winners.see(frame, number)
    second = soften(find_index(winners), 1, feather_px)
    return 1 - second, second, winners.shows()


def draw_masks(index: NDArray[np.uint16], count: int, shade: Map | None = None) -> NDArray[np.uint8]:
    """Draw an index map as a picture: one colour a frame, from blue for the first to red for the last.

    Args:
        index: (H, W) frame numbers.
        count: how many frames there are.
        shade: (H, W) 0..1, how bright each pixel is drawn, such as the fused luma; None for full.

    Returns:
        (H, W, 3) uint8.
    """
    hues = [0.66 * (1 - number / max(count - 1, 1)) for number in range(count)]
    colours = np.array([colorsys.hls_to_rgb(hue, 0.55, 0.75) for hue in hues], np.float32)
    picture = colours[np.minimum(index, count - 1)]
    if shade is not None:
        light: Map = np.clip(0.25 + 0.75 * shade, 0, 1).astype(np.float32)
        picture = picture * light[..., None]
    return np.asarray(np.round(picture * 255), np.uint8)


def _slopes(grey: Map) -> tuple[Map, Map]:
    lone = np.ones(1, np.float32)
    return (
        cv2.sepFilter2D(grey, cv2.CV_32F, DERIVATIVE, lone, borderType=EDGE),
        cv2.sepFilter2D(grey, cv2.CV_32F, lone, DERIVATIVE, borderType=EDGE),
    )


def _tensor(grey: Map) -> tuple[Map, Map, Map]:
    x, y = _slopes(grey)
    products = (x * x, y * y, x * y)
    xx, yy, xy = (cv2.GaussianBlur(one, (0, 0), WINDOW_SIGMA_PX, borderType=EDGE) for one in products)
    return xx, yy, xy
