"""Small drawings in the colours of the page: a histogram and a line profile, as SVG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 280, 72


def histogram_svg(shares: NDArray[np.float64]) -> str:
    """Draw how bright the pixels of a frame are, black at the left, white at the right.

    Args:
        shares: (bins,) summing to 1.

    Returns:
        SVG; bars grow with the square root, so that few pixels are seen too.
    """
    tall = np.sqrt(shares / max(float(shares.max(initial=0)), 1e-12)) * (HEIGHT - 4)
    step = WIDTH / len(shares)
    points = " ".join(
        f"{i * step:.1f},{HEIGHT - t:.1f} {(i + 1) * step:.1f},{HEIGHT - t:.1f}" for i, t in enumerate(tall)
    )
    clipped = f"{float(shares[-1]):.1%} of the pixels are nearly white, {float(shares[0]):.1%} nearly black"
    return (
        f'<svg class="mmp-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Histogram: {clipped}">'
        f'<polygon points="0,{HEIGHT} {points} {WIDTH},{HEIGHT}"/></svg>'
        '<div class="mmp-axis"><span>black</span><span>white</span></div>'
    )


def profile_svg(values: NDArray[np.float64], pixel_um: float | None) -> str:
    """Draw the brightness along a line.

    Args:
        values: (N,) in 0..1.
        pixel_um: edge of a pixel in the specimen, if known: the axis is then in micrometres.

    Returns:
        SVG, or words on how to draw a line when there are no values.
    """
    if not len(values):
        return '<p class="mmp-muted">Choose the line tool in the view and draw across a detail.</p>'
    xs = np.linspace(0, WIDTH, len(values))
    ys = (HEIGHT - 4) * (1 - values) + 2
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    length = len(values) - 1
    words = f"{length * pixel_um:.4g} µm" if pixel_um else f"{length} px"
    return (
        f'<svg class="mmp-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Brightness along {words}, '
        f'from {values.min():.2f} to {values.max():.2f}"><polyline points="{points}"/></svg>'
        f'<div class="mmp-axis"><span>0</span><span>{words}</span></div>'
    )
