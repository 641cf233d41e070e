"""Deblurring by a small trained net that may see the neighbouring planes and the speed, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.inference import tiled
from mmlib.pictures import Picture
from mmlib.progress import Progress

MODEL = "deblur-best"
TILE = 1024
"""Edge of a piece, px: the net looks 72 px far, and smaller pieces would mostly be margin."""
HALO, MULTIPLE, SMALLEST = 72, 8, 32
SPEEDS = 4
FEATHER_PX = 4.0
"""Over so many pixels from the rim of the field inwards the change fades in."""
DOUBT = 0.02
"""An expected error of this share of full scale, five steps of 8 bit, is shown as half unsure."""
REFOCUS = 0.0
"""How far what is a little out of focus is drawn nearer to focus: 0 not at all, the same plane held still; 1 as far as
the net learned to."""
STRENGTH = 0.7
"""How much of the change that the net asks for is made. On validation specimens nine tenths of the gain are left, and
two frames in a hundred lose instead of eleven: where the net errs, it changes too much."""
Runs = Callable[..., Any]


def restore(picture: Picture, scene: Scene, progress: Progress) -> Restored:
    """Restore a frame with the trained net.

    Args:
        picture: (H, W, 3), 0..1.
        scene: neighbours, speed and field are used where they are known.
        progress: told how far it is.

    Returns:
        The frame, and how large an error is still expected at each pixel: 0.5 stands for five steps of 8 bit.

    Raises:
        InputError: if the weights are missing or damaged.
    """
    return restore_with(zoo.engine(MODEL), picture, scene, progress)


def restore_with(
    runs: Runs, picture: Picture, scene: Scene, progress: Progress, *, refocus: float = REFOCUS, tile: int = TILE
) -> Restored:
    """Restore a frame with a net that is given.

    Args:
        runs: (N, 13, H, W) to (N, 4, H, W); see `mmlib.nets.restorer`.
        picture: (H, W, 3), 0..1.
        scene: what is known besides.
        progress: told how far it is.
        refocus: see `REFOCUS`, 0..1.
        tile: edge of a piece, px; 0 is the whole frame at once.

    Returns:
        As `restore`.
    """
    around = [neighbours[0] if neighbours else picture for neighbours in (scene.before, scene.after)]
    alone = not scene.before and not scene.after
    shown = picture if alone else np.concatenate([picture, *around], axis=2)  # (H, W, 9)
    known = np.array([bool(scene.before), bool(scene.after), (scene.speed or 0) / SPEEDS, refocus], np.float32)

    def run(piece: NDArray[np.float32]) -> Any:
        frames = np.tile(piece, (1, 3, 1, 1)) if alone else piece
        told = np.broadcast_to(known[None, :, None, None], (len(piece), len(known), *piece.shape[2:]))
        return runs(np.concatenate([frames, told], axis=1))

    answer = tiled(
        run, shown, tile=tile, halo=HALO, multiple=MULTIPLE, smallest=SMALLEST, field=scene.field, progress=progress,
        stage="deblurring",
    )  # fmt: skip
    error = np.exp(np.clip(answer[:, :, 3], -8, 0))
    share = np.float32(STRENGTH) * _fading(scene.field)[:, :, None]
    restored = picture + share * (answer[:, :, :3] - picture)
    parameters = {"model": MODEL, "neighbours": int(known[:2].sum()), "refocus": refocus, "strength": STRENGTH}
    return Restored(restored, error / (error + np.float32(DOUBT)), parameters)


def _fading(field: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give 0 outside the field, 1 well inside, and a slope between; the border of the frame is no rim."""
    if field.all():
        return np.ones(field.shape, np.float32)
    away = cv2.distanceTransform(field.astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.clip(away / np.float32(FEATHER_PX), 0, 1), np.float32)


LEARNED = Method(restore, neighbours=1, colour=True, model=MODEL)
