"""The bench that families paint on: slices in z that things are laid into, each at its own height."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.simulation.families.relief import membership
from mmlib.simulation.families.texture import Map, granules, noise
from mmlib.simulation.specimen import Specimen

Box = tuple[slice, slice]
"""Rows and columns of a part of the scene."""

Amount = NDArray[np.floating] | np.floating | float
"""(h, w) or one number."""


class Scene:
    """An empty slide with a relief, onto which things are laid.

    Attributes:
        shape: (H, W).
        pixel_um: edge of a pixel, micrometres.
        rng: where all luck comes from.
        style: luck that is the same for each layer of a specimen, such as how it was stained.
        base_um: (H, W) height of the surface that things lie on.
        cover: (H, W) 0..1, how much of what is laid stays: 1 everywhere but on a torn layer.
        y_um: (H, 1) position of each row.
        x_um: (1, W) position of each column.
    """

    def __init__(
        self, base_um: Map, z_um: NDArray[np.float32], pixel_um: float, rng: np.random.Generator, strength: float = 1.0
    ) -> None:
        """Take an empty slide.

        Args:
            base_um: (H, W) height of the surface.
            z_um: (L,) heights of the slices, ascending and evenly spaced.
            pixel_um: edge of a pixel.
            rng: where all luck comes from.
            strength: everything absorbs this many times as much.
        """
        self.shape: tuple[int, int] = (base_um.shape[0], base_um.shape[1])
        self.pixel_um, self.rng, self.base_um, self.z_um = pixel_um, rng, base_um, z_um
        self.style = rng
        self.cover: Map | None = None
        self.strength = np.float32(strength)
        self.y_um = (np.arange(self.shape[0], dtype=np.float32) * np.float32(pixel_um))[:, None]
        self.x_um = (np.arange(self.shape[1], dtype=np.float32) * np.float32(pixel_um))[None, :]
        self.height_um, self.width_um = self.shape[0] * pixel_um, self.shape[1] * pixel_um
        self.density = np.zeros((len(z_um), 3, *self.shape), np.float32)
        self.path_um = np.zeros((len(z_um), *self.shape), np.float32)
        self._told = np.zeros(self.shape, np.float32)
        self._weight = np.zeros(self.shape, np.float32)

    @property
    def headroom_um(self) -> float:
        """How far above the surface things can rise and still have a slice."""
        return float(self.z_um[-1] - self.base_um.max())

    @property
    def area_um2(self) -> float:
        """Area of the scene in square micrometres."""
        return self.height_um * self.width_um

    def noise(
        self, coarsest_um: float, *, finest_um: float = 0.0, slope: float = 1.0, **more: tuple[float, float]
    ) -> Map:
        """Draw noise over the whole scene; see `texture.noise`."""
        return noise(
            self.shape,
            self.rng,
            pixel_um=self.pixel_um,
            coarsest_um=coarsest_um,
            finest_um=finest_um,
            slope=slope,
            **more,
        )

    def granules(self, per_um2: Amount, radius_um: float, spread: float = 0.35, at: Box | None = None) -> Map:
        """Strew granules over the scene or a box of it; see `texture.granules`."""
        shape = self.shape if at is None else (at[0].stop - at[0].start, at[1].stop - at[1].start)
        return granules(shape, self.rng, pixel_um=self.pixel_um, per_um2=per_um2, radius_um=radius_um, spread=spread)

    def box(self, y_um: float, x_um: float, reach_um: float) -> Box | None:
        """Give the rows and columns within reach of a point, or None where there are none."""
        edges = [
            (max(int((at - reach_um) / self.pixel_um), 0), min(int((at + reach_um) / self.pixel_um) + 2, size))
            for at, size in ((y_um, self.shape[0]), (x_um, self.shape[1]))
        ]
        if any(end - start < 2 for start, end in edges) or min(y_um, x_um) + reach_um < 0:
            return None
        return slice(*edges[0]), slice(*edges[1])

    def lay(
        self,
        absorbed: NDArray[np.floating],
        path_um: Amount = 0.0,
        *,
        height_um: Amount = 0.0,
        thickness_um: Amount = 0.0,
        at: Box | None = None,
        afloat: bool = False,
    ) -> None:
        """Lay something into the slices.

        Args:
            absorbed: (3, h, w) nepers for R, G, B; negative values count as 0.
            path_um: (h, w) optical path more than the medium's, micrometres.
            height_um: (h, w) or number: height above the surface.
            thickness_um: (h, w) or number: how far it extends in z.
            at: where it lies; the whole scene if None.
            afloat: the height counts from z = 0, not from the surface.
        """
        box = at if at is not None else (slice(0, self.shape[0]), slice(0, self.shape[1]))
        cover = np.float32(1) if self.cover is None else self.cover[box]
        size = absorbed.shape[1:]
        absorbed = np.maximum(absorbed, 0).astype(np.float32, copy=False) * (cover * self.strength)
        path = np.broadcast_to(np.asarray(path_um, np.float32), size) * cover
        ground = np.float32(0) if afloat else self.base_um[box]
        height = np.broadcast_to(ground + np.asarray(height_um, np.float32), size)
        thick = np.broadcast_to(np.asarray(thickness_um, np.float32), size)
        for i, share in enumerate(membership(height, self.z_um, thick)):
            if share.max() > 1e-4:
                self.density[(i, slice(None), *box)] += absorbed * share
                self.path_um[(i, *box)] += path * share
        seen = absorbed.mean(0) + 3 * np.abs(path)
        if min(size) > 1:
            weight = (
                np.hypot(cv2.Sobel(seen, cv2.CV_32F, 1, 0, ksize=1), cv2.Sobel(seen, cv2.CV_32F, 0, 1, ksize=1))
                + np.float32(0.03) * seen
            ) ** 2
        else:
            weight = seen**2
        self._told[box] += weight * np.clip(height, self.z_um[0], self.z_um[-1])
        self._weight[box] += weight

    def clear(self, share: Map, at: Box) -> None:
        """Take away a share (0..1) of all that has been laid in a box."""
        stays = 1 - (share if self.cover is None else share * self.cover[at])
        self.density[(slice(None), slice(None), *at)] *= stays
        self.path_um[(slice(None), *at)] *= stays
        self._weight[at] *= stays
        self._told[at] *= stays

    def specimen(self, family: str, seed: int, device: torch.device | str | None = None) -> Specimen:
        """Take the slide off the bench.

        Args:
            family: its name.
            seed: what it was drawn from.
            device: where the tensors shall live.

        Returns:
            The specimen; its relief is the height of what shows most detail at each pixel, the surface where
            nothing does.
        """
        told = cv2.GaussianBlur(self._told, (0, 0), 1.6, borderType=cv2.BORDER_REFLECT)
        weight = cv2.GaussianBlur(self._weight, (0, 0), 1.6, borderType=cv2.BORDER_REFLECT)
        faint = np.float32(1e-7)
        relief = np.clip((told + faint * self.base_um) / (weight + faint), self.z_um[0], self.z_um[-1])
        place = torch.device("cpu") if device is None else torch.device(device)
        return Specimen(
            density=torch.from_numpy(self.density).to(place),
            path_um=torch.from_numpy(self.path_um).to(place),
            z_um=torch.from_numpy(self.z_um).to(place),
            relief_um=torch.from_numpy(relief.astype(np.float32)).to(place),
            pixel_um=self.pixel_um,
            family=family,
            seed=seed,
        )


def tinted(amount: NDArray[np.floating], colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give an amount of stain its colour: (h, w) and (3,) become (3, h, w)."""
    coloured: NDArray[np.float32] = np.multiply(amount[None], colour[:, None, None], dtype=np.float32)
    return coloured
