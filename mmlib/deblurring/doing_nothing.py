"""Doing nothing: what every other method has to beat."""

from __future__ import annotations

import numpy as np

from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.pictures import Picture
from mmlib.progress import Progress


def leave(picture: Picture, scene: Scene, progress: Progress) -> Restored:
    """Give the frame back as it came."""
    return Restored(picture, np.zeros(picture.shape[:2], np.float32))


NONE = Method(leave)
