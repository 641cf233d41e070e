"""Deblurring by a small trained net that may see the neighbouring planes and the speed, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
"""Edge of a piece, px: the nets look 72 px far and more, and smaller pieces would mostly be margin."""
MULTIPLE, SMALLEST = 8, 32
SPEEDS = 4
FEATHER_PX = 4.0
"""Over so many pixels from the rim of the field inwards the change fades in."""
DOUBT = 0.02
"""An expected error of this share of full scale, five steps of 8 bit, is shown as half unsure."""
Runs = Callable[..., Any]


@dataclass(frozen=True)
class Net:
    """A net that restores frames, and how it is asked.

    Attributes:
        model: what the zoo calls it.
        neighbours: how many frames it sees on each side.
        aim: 0 for the same plane held still, 1 as if in focus.
        strength: how much of the change that it asks for is made.
        halo: how far it looks, px.
    """

    model: str
    neighbours: int
    aim: float
    strength: float
    halo: int


RESTORER = Net(MODEL, neighbours=1, aim=0.0, strength=0.7, halo=72)
"""At this strength nine tenths of the gain are left on validation specimens, and two frames in a hundred lose instead
of eleven: where the net errs, it changes too much."""


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
    runs: Runs,
    picture: Picture,
    scene: Scene,
    progress: Progress,
    *,
    net: Net = RESTORER,
    tile: int = TILE,
) -> Restored:
    """Restore a frame with a net that is given.

    Args:
        runs: (N, channels, H, W) to (N, 4, H, W); see `mmlib.nets`.
        picture: (H, W, 3), 0..1.
        scene: what is known besides.
        progress: told how far it is.
        net: which it is.
        tile: edge of a piece, px; 0 is the whole frame at once.

    Returns:
        As `restore`.
    """
    around = [
        side[far] if far < len(side) else None for far in range(net.neighbours) for side in (scene.before, scene.after)
    ]
    there = [one is not None for one in around]
    shown = picture
    if any(there):
        shown = np.concatenate([picture, *(picture if one is None else one for one in around)], axis=2)
    known = np.array([*there, (scene.speed or 0) / SPEEDS, net.aim], np.float32)

    def run(piece: NDArray[np.float32]) -> Any:
        frames = piece if any(there) else np.tile(piece, (1, 1 + len(there), 1, 1))
        told = np.broadcast_to(known[None, :, None, None], (len(piece), len(known), *piece.shape[2:]))
        return runs(np.concatenate([frames, told], axis=1))

    answer = tiled(
        run, shown, tile=tile, halo=net.halo, multiple=MULTIPLE, smallest=SMALLEST, field=scene.field,
        progress=progress, stage="deblurring",
    )  # fmt: skip
    error = np.exp(np.clip(answer[:, :, 3], -8, 0))
    share = np.float32(net.strength) * _fading(scene.field)[:, :, None]
    restored = picture + share * (answer[:, :, :3] - picture)
    parameters = {"model": net.model, "neighbours": sum(there), "strength": net.strength}
    return Restored(restored, error / (error + np.float32(DOUBT)), parameters)


def _fading(field: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give 0 outside the field, 1 well inside, and a slope between; the border of the frame is no rim."""
    if field.all():
        return np.ones(field.shape, np.float32)
    away = cv2.distanceTransform(field.astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.clip(away / np.float32(FEATHER_PX), 0, 1), np.float32)


LEARNED = Method(restore, neighbours=RESTORER.neighbours, colour=True, model=MODEL)
