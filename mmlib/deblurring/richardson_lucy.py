"""Richardson and Lucy's deconvolution: the picture that most likely gave the one that is seen, approached in steps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.deblurring.smear import kernel
from mmlib.filters import noise_level
from mmlib.inference import tiled
from mmlib.pictures import Picture, to_grey
from mmlib.progress import Progress

MOST_STEPS, LEAST_STEPS = 10, 2
NOISE_OF_ONE_STEP = 0.03
"""Noise, as a share of full scale, that allows one step more than the least; less noise allows more in proportion."""
DARK = 1e-4
"""Added to the light so that black stays finite."""
HALO = 48


def richardson_lucy(picture: Picture, scene: Scene, progress: Progress) -> Restored:
    """Restore a frame; the noisier it is, the fewer steps are taken.

    Args:
        picture: (H, W) or (H, W, 3), 0..1.
        scene: its speed decides the blur.
        progress: told how far it is.

    Returns:
        The frame, the noise that was found and the number of steps.

    Source: Richardson 1972, doi:10.1364/JOSA.62.000055; Lucy 1974, doi:10.1086/111605. Stopping early against noise.
    """
    noise = noise_level(to_grey(picture))
    steps = int(np.clip(LEAST_STEPS + NOISE_OF_ONE_STEP / max(noise, 1e-6), LEAST_STEPS, MOST_STEPS))
    spread = kernel(scene.speed)

    def blurred(channel: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.filter2D(channel, cv2.CV_32F, spread, borderType=cv2.BORDER_REFLECT))

    def restore(piece: NDArray[np.float32]) -> NDArray[np.float32]:
        answers = []
        for channel in piece[0]:
            seen = channel + np.float32(DARK)
            guess = seen.copy()
            for _ in range(steps):
                ratio = seen / np.maximum(blurred(guess), np.float32(DARK))
                guess *= blurred(ratio)
            answers.append(guess - np.float32(DARK))
        return np.stack(answers)[None]

    sharp = tiled(restore, picture, tile=1024, halo=HALO, smallest=len(spread), progress=progress, stage="deblurring")
    return Restored(np.asarray(sharp), parameters={"noise": round(noise, 5), "steps": steps})


RICHARDSON_LUCY = Method(richardson_lucy)
