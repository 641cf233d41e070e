"""What a simulated scan gives: the stack, and everything about it that a real one would keep to itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.pictures import Picture, as_picture
from mmlib.stacks import ZStack


@dataclass(frozen=True)
class Simulated:
    """A stack and its truth; all on the same grid of pixels, with the slide where it is in the middle of the scan.

    Attributes:
        stack: the frames as the camera gives them.
        static: for each frame the one that a steady hand, waiting at that height, and a camera without noise give.
        truth: (H, W, 3) everything in focus at once, absorbing only, in the tones of the camera, without dirt.
        depth_um: (H, W) height of the surface, in the units of ``stack.z_um``.
        depth_of_field_um: how deep the objective and the camera see sharply.
        row_offset_um: (H,) how much higher focus is at each row than in the middle of the frame (rolling shutter).
        masks: ``field`` is True inside the eyepiece's disc; ``dust``, ``hair``, ``slide_dust``, ``drop``,
            ``condensate`` are True where that kind of dirt lies; each (H, W).
        shift_px: (K, 2) how far down and right each frame has moved.
        parameters: all that is needed to make it again, ready for JSON.
    """

    stack: ZStack
    static: ZStack
    truth: Picture
    depth_um: NDArray[np.float32]
    depth_of_field_um: float
    row_offset_um: NDArray[np.float32]
    masks: dict[str, NDArray[np.bool_]]
    shift_px: NDArray[np.float64]
    parameters: dict[str, Any]

    def defocus_um(self, frame: int) -> NDArray[np.float32]:
        """Say how far each pixel of a frame is from focus.

        Args:
            frame: its number.

        Returns:
            (H, W) micrometres; positive where focus lies above the surface.
        """
        if self.stack.z_um is None:
            raise ValueError("a simulated stack always knows its heights")
        height_um = np.float32(self.stack.z_um[frame]) + self.row_offset_um
        return np.asarray(height_um[:, None] - self.depth_um)

    def defocus_dof(self, frame: int) -> NDArray[np.float32]:
        """Say how far each pixel of a frame is from focus, in depths of field: see `defocus_um`."""
        return np.asarray(self.defocus_um(frame) / np.float32(self.depth_of_field_um))

    def in_focus(self) -> Picture:
        """Give what a steady camera without noise would record if it could be in focus everywhere at once.

        Unlike `truth` it has what bends light, too: the rims that are still there in focus. Each place is taken from
        the two still frames between which its focus lies; the finer the scan, the nearer it comes.

        Returns:
            (H, W, 3) 0..1.
        """
        place = np.interp(self.depth_um, np.asarray(self.stack.z_um), np.arange(len(self.static)))
        size = self.depth_um.shape[::-1]
        picture = np.zeros((*self.depth_um.shape, 3), np.float32)
        for number, (down, right) in enumerate(self.shift_px):
            share = np.clip(1 - np.abs(place - number), 0, 1).astype(np.float32)
            if not share.any():
                continue
            back = np.array([[1, 0, -right], [0, 1, -down]], np.float64)
            still = as_picture(self.static[number])
            moved = cv2.warpAffine(still, back, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            picture += share[:, :, None] * moved
        return np.clip(picture, 0, 1)
