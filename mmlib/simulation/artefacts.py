"""What is in the way: the eyepiece's disc, its fringes, and dirt on the sensor's side or on the slide."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.simulation.camera import blur
from mmlib.simulation.marks import Map, draw_blob, draw_drop, draw_hair


@dataclass(frozen=True)
class Eyepiece:
    """The bright disc on black that a phone sees through an eyepiece.

    Attributes:
        radius: of the disc, in halves of the shorter side.
        centre: (down, right) of its middle from the middle of the frame, in halves of the shorter side.
        edge_px: softness of the rim, standard deviation in pixels.
        vignette: how much darker the rim is than the middle, 0..1.
        fringe: how much larger the disc is in red than in blue, as a share of its radius.
        stray: light outside the disc, as a share of the middle.
    """

    radius: float = 1.08
    centre: tuple[float, float] = (0.0, 0.0)
    edge_px: float = 1.5
    vignette: float = 0.25
    fringe: float = 0.008
    stray: float = 0.0003

    def __post_init__(self) -> None:
        """Refuse what no eyepiece can be."""
        if not 0 < self.radius < math.inf or not 0 <= self.edge_px < math.inf or not 0 <= self.vignette <= 1:
            raise InputError(
                "an eyepiece needs a positive radius, an edge of 0 or more and a vignette of 0 to 1; "
                f"got {self.radius}, {self.edge_px} and {self.vignette}"
            )
        if not all(math.isfinite(value) for value in (*self.centre, self.fringe)) or not 0 <= self.stray <= 1:
            raise InputError(
                "an eyepiece needs a finite centre and fringe, and stray light of 0 to 1; "
                f"got {self.centre}, {self.fringe} and {self.stray}"
            )

    def shade(self, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Give what it lets through.

        Args:
            height: rows.
            width: columns.

        Returns:
            (3, H, W) transmission, and (H, W) True inside the disc.
        """
        half = min(height, width) / 2
        down = (np.arange(height)[:, None] + 0.5 - height / 2) - self.centre[0] * half
        right = (np.arange(width)[None, :] + 0.5 - width / 2) - self.centre[1] * half
        away = np.hypot(down, right)
        rim = self.radius * half
        dim = 1 - self.vignette * np.clip(away / rim, 0, 1) ** 2.5
        softness = max(self.edge_px, 0.25)
        planes = []
        for share in (0.5, 0.0, -0.5):
            inside = 1 / (1 + np.exp(np.clip((away - rim * (1 + share * self.fringe)) / (0.6 * softness), -60, 60)))
            planes.append(self.stray + (1 - self.stray) * inside * dim)
        return np.stack(planes).astype(np.float32), away < rim


@dataclass(frozen=True)
class Dirt:
    """How much of each kind of dirt there is: numbers of marks, or a strength 0..1 for condensate.

    Attributes:
        dust: specks on the sensor's side: they stay where they are whatever is in focus.
        hairs: on the sensor's side.
        slide_dust: specks on the cover glass, out of focus; they move with the slide.
        drops: of water on the cover glass, out of focus.
        condensate: mist on a lens: fine droplets and a veil of light over a part of the field.
    """

    dust: int = 0
    hairs: int = 0
    slide_dust: int = 0
    drops: int = 0
    condensate: float = 0.0

    def __post_init__(self) -> None:
        """Refuse less than nothing."""
        counts = (self.dust, self.hairs, self.slide_dust, self.drops)
        if (
            any(not isinstance(count, int | np.integer) or count < 0 for count in counts)
            or not 0 <= self.condensate <= 1
        ):
            raise InputError(f"dirt is counted in whole numbers from 0 up, and condensate is 0 to 1; got {self}")


@dataclass(frozen=True)
class Cover:
    """Everything in the way, drawn for one frame size.

    Attributes:
        shade: (3, H, W) transmission of the eyepiece; it belongs to every picture, the truth too.
        inside: (H, W) True where the eyepiece lets light through.
        fixed: (1, H, W) transmission of dirt on the sensor's side.
        slide: (1, H, W) transmission of dirt on the slide.
        mist: (1, H, W) how much of the light is scattered into a veil.
        masks: kind of dirt -> (H, W) True where it changes the light by more than 3 %.
    """

    shade: torch.Tensor
    inside: NDArray[np.bool_]
    fixed: torch.Tensor
    slide: torch.Tensor
    mist: torch.Tensor
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def over(self, light: torch.Tensor, shift_px: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
        """Put the dirt and the eyepiece over a picture.

        Args:
            light: (3, H, W) intensity.
            shift_px: how far down and right the slide has moved, in pixels; dirt on it moves by whole pixels.

        Returns:
            (3, H, W).
        """
        moved = self.slide.roll((round(shift_px[0]), round(shift_px[1])), (-2, -1))
        light = light * moved
        if float(self.mist.max()) > 0:
            veil = blur(light, 4.0) * 0.9 + 0.1 * light.mean(dim=(-2, -1), keepdim=True)
            light = torch.lerp(light, veil, self.mist)
        return light * self.fixed * self.shade


def draw_cover(
    height: int,
    width: int,
    *,
    eyepiece: Eyepiece | None,
    dirt: Dirt,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Cover:
    """Draw what is in the way.

    Args:
        height: rows.
        width: columns.
        eyepiece: the disc, or None for a frame that is filled.
        dirt: how much of each kind.
        generator: where all luck comes from.
        device: where the tensors shall live.

    Returns:
        The cover and its masks: ``dust``, ``hair``, ``slide_dust``, ``drop`` and ``condensate``, those that occur.
    """
    luck = np.random.default_rng(int(torch.randint(0, 2**62, (1,), generator=generator, device=generator.device)))
    size = min(height, width)
    drawn: dict[str, Map] = {}

    def draw(kind: str, count: int, mark: Map) -> None:
        if count:
            drawn[kind] = drawn.get(kind, np.ones((height, width), np.float32)) * mark

    for _ in range(dirt.dust):
        radius = size * math.exp(luck.uniform(math.log(0.004), math.log(0.02)))
        draw("dust", 1, draw_blob(height, width, luck, radius_px=radius, depth=luck.uniform(0.15, 0.6), soft=0.5))
    for _ in range(dirt.hairs):
        draw("hair", 1, draw_hair(height, width, luck))
    for _ in range(dirt.slide_dust):
        radius = size * math.exp(luck.uniform(math.log(0.015), math.log(0.05)))
        draw("slide_dust", 1, draw_blob(height, width, luck, radius_px=radius, depth=luck.uniform(0.1, 0.35), soft=1.0))
    for _ in range(dirt.drops):
        draw("drop", 1, draw_drop(height, width, luck))
    mist = np.zeros((height, width), np.float32)
    if dirt.condensate:
        mist, droplets = _condensate(height, width, luck, dirt.condensate)
        draw("condensate", 1, droplets)

    def product(*kinds: str) -> torch.Tensor:
        both = np.ones((height, width), np.float32)
        for kind in kinds:
            both = both * drawn.get(kind, np.float32(1))
        return torch.from_numpy(both)[None].to(device)

    masks = {kind: np.abs(mark - 1) > 0.03 for kind, mark in drawn.items()}
    if dirt.condensate:
        masks["condensate"] |= mist > 0.1
    shade, inside = (
        (np.ones((3, height, width), np.float32), np.ones((height, width), bool))
        if eyepiece is None
        else eyepiece.shade(height, width)
    )
    return Cover(
        shade=torch.from_numpy(shade).to(device),
        inside=inside,
        fixed=product("dust", "hair", "condensate"),
        slide=product("slide_dust", "drop"),
        mist=torch.from_numpy(mist)[None].to(device),
        masks=masks,
    )


def _condensate(height: int, width: int, luck: np.random.Generator, strength: float) -> tuple[Map, Map]:
    """Draw a veil over one side of the field and the fine droplets in it."""
    angle = luck.uniform(0, 2 * math.pi)
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    along = (math.sin(angle) * (down / height - 0.5) + math.cos(angle) * (right / width - 0.5)) * 2
    mist = (strength * np.clip(0.2 + along, 0, 1)).astype(np.float32)
    marks = np.ones((height, width), np.float32)
    size = min(height, width)
    for _ in range(int(60 * strength)):
        radius = size * luck.uniform(0.004, 0.014)
        marks *= draw_drop(height, width, luck, radius_px=radius, strength=0.25)
    return mist, 1 + (marks - 1) * np.clip(mist / max(strength, 1e-6), 0, 1)
