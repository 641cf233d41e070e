"""Where a view looks: zoom and centre, and their short text for a link."""

from __future__ import annotations

from typing import TypedDict

from mmlib.errors import InputError


class Camera(TypedDict):
    """Zoom (1 shows the whole picture) and the point of the picture, in 0..1, that lies in the middle of a pane."""

    zoom: float
    x: float
    y: float


def fit() -> Camera:
    """Look at the whole picture.

    Returns:
        The camera that a view starts with.
    """
    return {"zoom": 1.0, "x": 0.5, "y": 0.5}


def to_text(camera: Camera) -> str:
    """Write a camera for a link, such as ``2.5,0.3125,0.4``.

    Args:
        camera: where a view looks.

    Returns:
        Three numbers, precise to a pixel of any picture.
    """
    return ",".join(f"{camera[name]:.5g}" for name in ("zoom", "x", "y"))


def from_text(text: str) -> Camera:
    """Read a camera from a link.

    Args:
        text: three numbers: zoom (1 to 1000), x and y (0 to 1).

    Returns:
        The camera.

    Raises:
        InputError: if the text is anything else.
    """
    try:
        zoom, x, y = (float(number) for number in text.split(","))
    except ValueError:
        zoom = x = y = float("nan")
    if not (1 <= zoom <= 1000 and 0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"a camera is zoom,x,y such as 2.5,0.31,0.4 with x and y in 0..1; got {text!r}")
    return {"zoom": zoom, "x": x, "y": y}
