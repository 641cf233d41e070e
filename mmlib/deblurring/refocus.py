"""Bring a frame nearer to focus with what the planes beside it know: a small trained net, and how sure it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmlib import zoo
from mmlib.deblurring import best
from mmlib.deblurring.best import Net
from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.pictures import Picture, to_uint8
from mmlib.progress import Progress
from mmlib.registration import align, warp
from mmlib.stacks import from_array

MODEL = "deblur-refocus"
REFOCUSER = Net(MODEL, neighbours=2, aim=1.0, strength=1.0, halo=88)


def restore(picture: Picture, scene: Scene, progress: Progress) -> Restored:
    """Bring a frame nearer to focus.

    Detail that a neighbour shows sharply is taken over; the neighbours are laid on the frame first, if they drift. A
    picture without neighbours is restored as `best` does: there is nobody to ask what it would show in focus.

    Args:
        picture: (H, W, 3), 0..1.
        scene: neighbours, speed and field are used where they are known.
        progress: told how far it is.

    Returns:
        The frame, and how large an error is still expected at each pixel: 0.5 stands for five steps of 8 bit.

    Raises:
        InputError: if the weights are missing or damaged.
    """
    runs = zoo.engine(MODEL)
    if not scene.before and not scene.after:
        return best.restore(picture, scene, progress)
    return best.restore_with(runs, picture, laid_on(picture, scene), progress, net=REFOCUSER)


def laid_on(picture: Picture, scene: Scene) -> Scene:
    """Lay the neighbours of a frame on it.

    Args:
        picture: (H, W, 3), 0..1.
        scene: with its neighbours.

    Returns:
        The scene, its neighbours moved where they lie elsewhere than the frame.
    """
    around = (*scene.before, *scene.after)
    frames = np.stack([to_uint8(one) for one in (picture, *around)])
    found = align(from_array(frames, source="neighbours"), field=scene.field)
    if not found.decided:
        return scene
    moved = [np.clip(warp(one, matrix), 0, 1) for one, matrix in zip(around, found.matrices[1:], strict=True)]
    return replace(scene, before=tuple(moved[: len(scene.before)]), after=tuple(moved[len(scene.before) :]))


REFOCUSED = Method(restore, neighbours=REFOCUSER.neighbours, colour=True, model=MODEL)
