"""From the light of a random scene to what a phone makes of it: motion, dirt, noise, tones and compression."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F

from mmlib.simulation.artefacts import Cover, Dirt, Eyepiece, draw_cover
from mmlib.simulation.camera import Camera
from mmlib.simulation.compression import compress
from mmlib.simulation.luck import Luck
from mmlib.simulation.ranges import Ranges


@dataclass(frozen=True)
class Light:
    """The light of a scene at the sensor, before any camera: still, clean, in any number of planes.

    Attributes:
        planes: (K, 3, H, W) intensity, 1 where the slide is clear.
        sharp: (3, H, W) all in focus, absorbing only.
        depth_um: (H, W) height of the surface.
        z_um: (K,) height of each plane.
        shift_px: (K, 2) how far down and right each plane is moved.
        pixel_um: (), of the camera.
        depth_of_field_um: ().
    """

    planes: torch.Tensor
    sharp: torch.Tensor
    depth_um: torch.Tensor
    z_um: torch.Tensor
    shift_px: torch.Tensor
    pixel_um: torch.Tensor
    depth_of_field_um: torch.Tensor

    def to(self, device: torch.device | str) -> Light:
        """Move all of it, as float32."""
        return Light(**{one.name: getattr(self, one.name).to(device, torch.float32) for one in fields(self)})


def photograph(luck: Luck, light: Light, ranges: Ranges) -> dict[str, torch.Tensor]:
    """Take a stack of a scene with a random phone.

    Args:
        luck: where everything comes from, on the device of the light.
        light: the scene.
        ranges: how far the world may vary.

    Returns:
        What `draw_batches` yields, without the first axis.
    """
    count, height, width = light.planes.shape[0], *light.planes.shape[-2:]
    smear, drift_px, moving = 0.0, (0.0, 0.0), light.planes
    if luck.chance(0.5):
        smear, angle = luck.uniform(*ranges.smear), luck.uniform(0, 2 * math.pi)
        length = luck.uniform(*ranges.drift_px) if luck.chance(0.5) else 0.0
        drift_px = (length * math.sin(angle), length * math.cos(angle))
        moving = smear_sideways(smear_in_depth(moving, smear), drift_px)
    camera, cover = draw_camera(luck, ranges), _draw_cover(luck, height, width, ranges)
    gain = 1 + luck.uniform(*ranges.flicker) * luck.randn(count)[:, None, None, None]
    taken = camera.take(cover.over(moving), gain=gain, generator=luck.generator)
    if luck.chance(ranges.compressed_share):
        taken = compress((taken * 255).round() / 255, luck.log_uniform(*ranges.jpeg_quality))
    defocus_um = light.z_um[:, None, None] - light.depth_um
    hidden = np.any([np.zeros((height, width), bool), *cover.masks.values()], axis=0)
    return {
        "stack": (taken * 255).round() / 255,
        "still": camera.take(cover.over(light.planes), generator=None),
        "truth": camera.ideal(light.sharp * cover.shade),
        "depth_um": light.depth_um,
        "z_um": light.z_um,
        "defocus_um": defocus_um,
        "defocus_dof": defocus_um / light.depth_of_field_um,
        "field": torch.from_numpy(cover.inside).to(luck.device),
        "artefact": torch.from_numpy(hidden & cover.inside).to(luck.device),
        "smear_planes": luck.tensor([smear])[0],
        "shift_px": light.shift_px,
        "pixel_um": light.pixel_um,
        "depth_of_field_um": light.depth_of_field_um,
    }


def smear_in_depth(still: torch.Tensor, planes: float) -> torch.Tensor:
    """Let focus move by some planes during each exposure; between planes light is interpolated.

    Args:
        still: (K, 3, H, W).
        planes: 0 to 3.

    Returns:
        The same shape.
    """
    instant = (np.arange(16) + 0.5) / 16 * planes - planes / 2
    taps = np.clip(1 - np.abs(np.arange(-2, 3)[:, None] - instant), 0, 1).mean(axis=1)
    last = len(still) - 1
    here = torch.arange(len(still), device=still.device)
    return sum((float(w) * still[(here + k - 2).clamp(0, last)] for k, w in enumerate(taps)), torch.zeros_like(still))


def smear_sideways(still: torch.Tensor, drift_px: tuple[float, float]) -> torch.Tensor:
    """Let the slide move evenly during each exposure.

    Args:
        still: (K, 3, H, W).
        drift_px: how far down and right, up to 6 pixels.

    Returns:
        The same shape.
    """
    if max(abs(drift_px[0]), abs(drift_px[1])) < 0.1:
        return still
    along = (np.arange(32) + 0.5) / 32 - 0.5
    reach = np.arange(-3, 4)
    down = np.clip(1 - np.abs(reach[:, None] - along * drift_px[0]), 0, 1)  # (7, 32)
    right = np.clip(1 - np.abs(reach[:, None] - along * drift_px[1]), 0, 1)
    kernel = torch.from_numpy((down @ right.T / 32).astype(np.float32)).to(still)
    flat = still.reshape(-1, 1, *still.shape[-2:])
    border = "reflect" if min(still.shape[-2:]) > 3 else "replicate"
    return F.conv2d(F.pad(flat, (3, 3, 3, 3), mode=border), kernel[None, None]).reshape(still.shape)


def draw_camera(luck: Luck, ranges: Ranges) -> Camera:
    """Draw a phone's camera."""
    return Camera(
        exposure=luck.uniform(*ranges.exposure),
        electrons=luck.log_uniform(*ranges.electrons),
        read_noise=luck.uniform(1, 8),
        mosaic=luck.chance(0.7),
        lamp=(1.0, luck.uniform(0.85, 1.0), luck.uniform(0.6, 1.0)),
        white_balance=(luck.uniform(0.85, 1.1), 1.0, luck.uniform(0.8, 1.1)),
        denoise=luck.uniform(*ranges.denoise),
        sharpen=luck.uniform(*ranges.sharpen) if luck.chance(0.7) else 0.0,
        sharpen_px=luck.uniform(0.7, 2.0),
        blur_px=luck.uniform(*ranges.blur_px) if luck.chance(0.7) else 0.0,
        gamma=luck.uniform(*ranges.gamma),
    )


def _draw_cover(luck: Luck, height: int, width: int, ranges: Ranges) -> Cover:
    """Draw the eyepiece, which not every frame shows, and the dirt, which not every microscope has."""
    eyepiece, dirt = None, Dirt()
    if luck.chance(0.3):
        eyepiece = Eyepiece(
            radius=luck.log_uniform(0.9, 6.0), centre=(luck.uniform(-1, 1), luck.uniform(-1, 1)),
            edge_px=luck.uniform(0.7, 4), vignette=luck.uniform(0, 0.5), fringe=luck.uniform(-0.01, 0.02),
        )  # fmt: skip
    if luck.chance(ranges.dirty_share):
        dirt = Dirt(
            dust=luck.integer(0, 5), hairs=luck.integer(0, 1), slide_dust=luck.integer(0, 3),
            drops=int(luck.chance(0.25)), condensate=luck.uniform(0.2, 0.8) if luck.chance(0.25) else 0.0,
        )  # fmt: skip
    return draw_cover(height, width, eyepiece=eyepiece, dirt=dirt, generator=luck.generator, device=luck.device)
