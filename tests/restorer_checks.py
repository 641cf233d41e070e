"""What the nets that restore frames have in common: how they are run, and that they look no further than they say."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def picture(height: int = 96, width: int = 120, seed: int = 0, *, grain_px: float = 2.0) -> NDArray[np.float32]:
    """Make a picture of smooth noise, (H, W, 3) in 0..1."""
    luck = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(luck.random((height, width, 3), dtype=np.float32), (0, 0), grain_px)
    return np.clip((noise - 0.5) * 4 + 0.5, 0, 1).astype(np.float32)


def everywhere(frame: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Give the field that is the whole frame."""
    return np.ones(frame.shape[:2], bool)


def runner(net: torch.nn.Module) -> Run:
    """Let a net take and give arrays."""

    def run(given: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = net(torch.from_numpy(np.ascontiguousarray(given))).numpy()
        return found

    return run


def farthest(net: Any, channels: int) -> int:
    """Say in which column an answer still changes when the first eight columns do."""
    given = torch.rand(1, channels, 16, 2 * net.halo + 32, generator=torch.Generator().manual_seed(0))
    other = given.clone()
    other[:, :, :, :8] = 0
    differs = (net(given) != net(other)).any(dim=0).any(dim=0).any(dim=0).nonzero()
    return int(differs.max())
