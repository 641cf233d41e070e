"""From light to numbers: pixels, the colour mosaic, noise, and what a phone does to a picture before anyone sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from mmlib.errors import InputError


@dataclass(frozen=True)
class Camera:
    """A phone's camera; every step can be switched off.

    Attributes:
        exposure: share of full scale that the clear slide reaches, before gamma.
        electrons: gathered by a pixel at full scale; fewer is noisier. 0: no noise at all.
        read_noise: electrons of noise in the dark.
        mosaic: whether each pixel sees one colour only (Bayer, RGGB) and the others are guessed.
        lamp: relative brightness of the lamp in R, G, B.
        white_balance: what is left of a perfect correction of the lamp: gains for R, G, B.
        denoise: 0 none to 1: smooths where there is no more detail than noise.
        sharpen: strength of the unsharp mask.
        sharpen_px: its radius, standard deviation in pixels.
        blur_px: softness of its lens and of resampling, standard deviation in pixels.
        gamma: of the tone curve; 1 leaves light as it is.
        jpeg_quality: 1 to 100, or None for no compression.
    """

    exposure: float = 0.75
    electrons: float = 6000.0
    read_noise: float = 4.0
    mosaic: bool = True
    lamp: tuple[float, float, float] = (1.0, 0.95, 0.8)
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    denoise: float = 0.5
    sharpen: float = 0.4
    sharpen_px: float = 1.2
    blur_px: float = 0.0
    gamma: float = 2.2
    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no camera can be."""
        for name in ("exposure", "gamma", "sharpen_px"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} of a camera must be positive; got {getattr(self, name)}")
        for name in ("electrons", "read_noise", "denoise", "sharpen", "blur_px"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} of a camera must be a finite number from 0 up; got {getattr(self, name)}")
        for name in ("lamp", "white_balance"):
            colours = getattr(self, name)
            if len(colours) != 3 or not all(0 < colour < math.inf for colour in colours):
                raise InputError(f"{name} of a camera must be three positive numbers, for R, G and B; got {colours}")
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 100:
            raise InputError(f"jpeg_quality must be 1 to 100; got {self.jpeg_quality}")

    def take(
        self, light: torch.Tensor, *, gain: float | torch.Tensor = 1.0, generator: torch.Generator | None
    ) -> torch.Tensor:
        """Take a picture.

        Args:
            light: (..., 3, H, W) intensity on the sensor, one value a pixel; 1 where the slide is clear.
            gain: relative brightness of this frame, or of each: (K, 1, 1, 1).
            generator: where the noise comes from; None: no noise.

        Returns:
            (..., 3, H, W) in 0..1, as shown; not yet rounded to 8 bit.
        """
        lamp = light.new_tensor(self.lamp)[:, None, None]
        seen = light * (self.exposure * gain) * lamp
        if self.blur_px:
            seen = blur(seen, self.blur_px)
        noisy = generator is not None and self.electrons > 0
        if self.mosaic:
            seen = demosaic(self._noise(_mosaic(seen), generator) if noisy else _mosaic(seen))
        elif noisy:
            seen = self._noise(seen, generator)
        balance = light.new_tensor([w / s for w, s in zip(self.white_balance, self.lamp, strict=True)])
        seen = seen * balance[:, None, None]
        if self.denoise and noisy:
            seen = self._smooth(seen)
        shown = self._tone(seen)
        if self.sharpen:
            shown = shown + self.sharpen * (shown - blur(shown, self.sharpen_px))
        return shown.clamp(0, 1)

    def ideal(self, light: torch.Tensor) -> torch.Tensor:
        """Show light as this camera would with no noise, no mosaic, no sharpening: its tones alone."""
        balance = light.new_tensor(self.white_balance)[:, None, None]
        return self._tone(light * self.exposure * balance)

    def _tone(self, seen: torch.Tensor) -> torch.Tensor:
        return seen.clamp(0, 1).pow(1 / self.gamma)

    def _noise(self, seen: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        spread = (seen.clamp(min=0) * self.electrons + self.read_noise**2).sqrt() / self.electrons
        luck = torch.randn(seen.shape, generator=generator, device=seen.device, dtype=seen.dtype)
        return seen + luck * spread

    def _smooth(self, seen: torch.Tensor) -> torch.Tensor:
        """Move towards the local mean where the local variance is no more than noise (Lee 1980)."""
        mean = _box(seen, 5)
        variance = (_box(seen.square(), 5) - mean.square()).clamp(min=0)
        floor = (mean.clamp(min=0) * self.electrons + self.read_noise**2) / self.electrons**2
        keep = ((variance - floor) / (variance + 1e-9)).clamp(0, 1)
        return torch.lerp(seen, mean + keep * (seen - mean), self.denoise)


def bin_pixels(light: torch.Tensor, times: int) -> torch.Tensor:
    """Gather light on larger pixels.

    Args:
        light: (..., H, W).
        times: how many grid pixels a camera pixel spans; rows and columns left over are dropped.

    Returns:
        (..., H // times, W // times), the mean over each camera pixel.
    """
    if times == 1:
        return light
    flat = light.reshape(-1, 1, *light.shape[-2:])
    return F.avg_pool2d(flat, times).reshape(*light.shape[:-2], light.shape[-2] // times, light.shape[-1] // times)


def blur(picture: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Blur with a Gaussian, mirrored at the border.

    Args:
        picture: (..., H, W).
        sigma_px: standard deviation in pixels.

    Returns:
        The same shape.
    """
    radius = min(max(1, round(3 * sigma_px)), min(picture.shape[-2:]) - 1)
    if radius < 1:
        return picture
    away = torch.arange(-radius, radius + 1, device=picture.device, dtype=picture.dtype)
    kernel = torch.exp(-0.5 * (away / sigma_px) ** 2)
    kernel = kernel / kernel.sum()
    flat = picture.reshape(-1, 1, *picture.shape[-2:])
    flat = F.conv2d(F.pad(flat, (radius, radius, 0, 0), mode="reflect"), kernel[None, None, None, :])
    flat = F.conv2d(F.pad(flat, (0, 0, radius, radius), mode="reflect"), kernel[None, None, :, None])
    return flat.reshape(picture.shape)


def _box(picture: torch.Tensor, size: int) -> torch.Tensor:
    flat = picture.reshape(-1, 1, *picture.shape[-2:])
    mean = F.avg_pool2d(flat, size, stride=1, padding=size // 2, count_include_pad=False)
    return mean.reshape(picture.shape)


def _mosaic(seen: torch.Tensor) -> torch.Tensor:
    """Keep one colour in each pixel: red at even rows and columns, blue at odd ones, green elsewhere."""
    raw = seen[..., 1, :, :].clone()  # (..., H, W)
    raw[..., 0::2, 0::2] = seen[..., 0, 0::2, 0::2]
    raw[..., 1::2, 1::2] = seen[..., 2, 1::2, 1::2]
    return raw


def demosaic(raw: torch.Tensor) -> torch.Tensor:
    """Guess the two missing colours of each pixel of an RGGB mosaic.

    Green comes from the four neighbours, corrected by the bend of the colour that is there; red and blue from the
    smooth difference to green.

    Args:
        raw: (..., H, W).

    Returns:
        (..., 3, H, W).

    Source: Hamilton and Adams 1997, US patent 5629734 (expired), without its choice of direction.
    """
    flat = raw.reshape(-1, 1, *raw.shape[-2:])
    height, width = raw.shape[-2:]
    rows = torch.arange(height, device=raw.device)[:, None] % 2
    columns = torch.arange(width, device=raw.device)[None, :] % 2
    red = ((rows == 0) & (columns == 0)).to(raw.dtype)
    blue = ((rows == 1) & (columns == 1)).to(raw.dtype)
    border = "reflect" if min(height, width) > 2 else "replicate"
    cross = raw.new_tensor([[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]])
    guessed = F.conv2d(F.pad(flat, (2, 2, 2, 2), mode=border), cross[None, None] / 8)
    coloured = red + blue
    green = coloured * guessed + (1 - coloured) * flat  # (N, 1, H, W)
    near = raw.new_tensor([[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]])[None, None]
    planes = []
    for there in (red, blue):
        difference = F.conv2d(F.pad((flat - green) * there, (1, 1, 1, 1), mode=border), near)
        planes.append(green + difference)
    colour = torch.cat([planes[0], green, planes[1]], dim=1)
    return colour.reshape(*raw.shape[:-2], 3, height, width)


def to_frame(shown: torch.Tensor, jpeg_quality: int | None = None) -> NDArray[np.uint8]:
    """Round a picture to 8 bit, through JPEG if asked for.

    Args:
        shown: (3, H, W) in 0..1.
        jpeg_quality: 1 to 100, or None for no compression.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InputError: if the quality is outside 1 to 100.
    """
    frame: NDArray[np.uint8] = (shown * 255 + 0.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    frame = np.ascontiguousarray(frame)
    return frame if jpeg_quality is None else through_jpeg(frame, jpeg_quality)


def through_jpeg(frame: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Write a frame as JPEG in memory and read it back.

    Args:
        frame: (H, W, 3) uint8, RGB.
        quality: 1 to 100.

    Returns:
        The same shape, with what JPEG does to it.

    Raises:
        InputError: if the quality is outside 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise InputError(f"jpeg quality must be 1 to 100; got {quality}")
    _, packed = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    read = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(read[:, :, ::-1])
