"""Where one small grey picture lies on another: shift, scale and rotation, to a fraction of a pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map

Matrix = NDArray[np.float64]
"""(2, 3): takes a pixel (x, y, 1) of the fixed picture to where it lies in the moving one."""

IDENTITY: Matrix = np.array([[1.0, 0, 0], [0, 1.0, 0]])

STEADY_PX = 0.1
"""How far a frame is thought to grow or turn against where it is expected, at the end of the longest side and in pixels
of the small picture, before anything is measured: knobs shift, they hardly turn, and magnification follows focus
slowly."""


@dataclass(frozen=True)
class Fit:
    """How two pictures lie on each other.

    Attributes:
        matrix: fixed to moving, in pixels of the small pictures.
        after: correlation once moved, -1..1.
    """

    matrix: Matrix
    after: float


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """Give the matrix that applies ``inner`` first and ``outer`` then."""
    both: Matrix = outer @ np.vstack([inner, [0, 0, 1]])
    return both


def invert(matrix: Matrix) -> Matrix:
    """Give the matrix that undoes another."""
    inverse: Matrix = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return inverse


class Fixed:
    """A picture that others are laid on: its gradients and its normal matrix are made once.

    Source: Baker & Matthews 2004, doi:10.1023/B:VISI.0000011205.11775.fd (inverse compositional alignment).
    """

    def __init__(self, grey: Map, field: NDArray[np.bool_]) -> None:
        """Prepare the picture.

        Args:
            grey: (h, w) float32 with mean near 0, such as one of `mmlib.registration.grains`.
            field: (h, w) True where to look.
        """
        self.grey = grey
        self.field = field
        height, width = grey.shape
        self.centre = ((width - 1) / 2, (height - 1) / 2)
        self.reach = max(width, height) / 2
        x = (np.arange(width, dtype=np.float32)[None, :] - self.centre[0]) / self.reach
        y = (np.arange(height, dtype=np.float32)[:, None] - self.centre[1]) / self.reach
        down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
        right = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
        slopes = np.stack([right, down, right * x + down * y, down * x - right * y]) * field
        self.slopes = slopes.reshape(4, -1)  # (4, h w): shift x, shift y, scale, rotation
        self.normal = (self.slopes @ self.slopes.T).astype(np.float64)
        self.normal += 1e-5 * max(float(np.trace(self.normal)), 1e-12) * np.eye(4)
        self.spread = float(np.linalg.inv(self.normal)[[0, 1], [0, 1]].max())

    def _change(self, step: NDArray[np.float64]) -> Matrix:
        grow, turn = step[2] / self.reach, step[3] / self.reach
        (cx, cy), (dx, dy) = self.centre, step[:2]
        return np.array(
            [[1 + grow, -turn, dx - grow * cx + turn * cy], [turn, 1 + grow, dy - turn * cx - grow * cy]], np.float64
        )

    def fit(
        self,
        moving: Map,
        start: Matrix,
        *,
        doubt_px: Callable[[float], float],
        expected: Matrix = IDENTITY,
        steps: int = 12,
        enough: float = 0.01,
    ) -> Fit:
        """Lay another picture on this one.

        Growth and turn are believed as far as the pictures are alike: the rim of what leaves focus swells, and would
        pass for growth.

        Args:
            moving: (h, w) float32, made as this one was.
            start: where to begin.
            doubt_px: the likely error of a shift at a correlation.
            expected: growth and turn that are thought likely, see `STEADY_PX`.
            steps: at most so many improvements.
            enough: stop once a step moves no corner further than this, in pixels.

        Returns:
            The best place found.
        """
        matrix, moving = start, self._known(moving)
        best = Fit(start, -1.0)
        steady = np.diag([0, 0, STEADY_PX**-2, STEADY_PX**-2])
        wanted = self._growth_and_turn(expected)
        for _ in range(steps + 1):
            rest, correlation = self._rest(moving, matrix)
            if correlation > best.after:
                best = Fit(matrix, correlation)
            weight = self.spread / doubt_px(correlation) ** 2
            pull = steady @ (self._growth_and_turn(matrix) - wanted)
            step = np.linalg.solve(weight * self.normal + steady, weight * (self.slopes @ rest).astype(float) + pull)
            lost = correlation < best.after - 0.02 or not np.isfinite(step).all() or np.abs(step).max() > self.reach
            if lost or np.abs(step[:2]).max() + np.hypot(step[2], step[3]) * 1.5 < enough:
                break
            matrix = compose(matrix, invert(self._change(step)))
        return best

    def correlation(self, moving: Map, matrix: Matrix) -> float:
        """Say how alike two pictures are, one moved by a matrix: -1..1."""
        return self._rest(self._known(moving), matrix)[1]

    def _growth_and_turn(self, matrix: Matrix) -> NDArray[np.float64]:
        scale = np.hypot(matrix[0, 0], matrix[1, 0])
        away: NDArray[np.float64] = np.array([0, 0, scale - 1, np.arctan2(matrix[1, 0], matrix[0, 0])]) * self.reach
        return away

    def misfit(self, moving: Map, matrix: Matrix, cells: int = 6) -> tuple[float, float]:
        """Ask every part of the picture how far it would still move, and how far it has been moved.

        A stack that drifts moves alike everywhere, so little is left; edges that only swell or shrink as they leave
        focus disagree with each other, and much is left.

        Args:
            moving: (h, w) float32, made as this one was.
            matrix: the place found.
            cells: parts along each side.

        Returns:
            What is left and what was moved, both root mean square in pixels of the small pictures.
        """
        height, width = self.grey.shape
        rest = self._rest(self._known(moving), matrix)[0].reshape(height, width)
        right, down = self.slopes[0].reshape(height, width), self.slopes[1].reshape(height, width)

        def means(product: Map) -> Map:
            return cv2.resize(product, (cells, cells), interpolation=cv2.INTER_AREA)

        xx, yy, xy = means(right * right), means(down * down), means(right * down)
        xr, yr = means(right * rest), means(down * rest)
        ridge = 1e-2 * float((xx + yy).mean()) + 1e-9
        xx, yy = xx + ridge, yy + ridge
        area = xx * yy - xy * xy
        left = ((yy * xr - xy * yr) ** 2 + (xx * yr - xy * xr) ** 2) / area**2
        x, y = np.meshgrid((np.arange(cells) + 0.5) * width / cells, (np.arange(cells) + 0.5) * height / cells)
        away = np.tensordot(matrix, np.stack([x, y, np.ones_like(x)]), 1) - np.stack([x, y])
        weight = np.sqrt(area / (xx + yy))
        weight /= weight.sum()
        return float(np.sqrt((weight * left).sum())), float(np.sqrt((weight * (away**2).sum(0)).sum()))

    def _rest(self, moving: Map, matrix: Matrix) -> tuple[Map, float]:
        # what of the moving picture is not known is NaN, and what is warped from it, too
        moved, seen = moving, self.field
        if not np.array_equal(matrix, IDENTITY):
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            moved = cv2.warpAffine(
                moving, matrix, self.grey.shape[::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan
            )
            seen = seen & ~np.isnan(moved)
        a, b = np.where(seen, self.grey, 0).ravel(), np.where(seen, moved, 0).ravel()
        ab, aa, bb = float(a @ b), float(a @ a), float(b @ b)
        gain = ab / max(bb, 1e-9) if ab > 0 else 1.0
        return np.float32(gain) * b - a, ab / max(float(np.sqrt(aa * bb)), 1e-9)

    def _known(self, moving: Map) -> Map:
        # the field belongs to the camera: it does not move with the specimen
        return np.where(self.field, moving, np.float32(np.nan))
