"""What is in the benchmark set and in the demo: names, seeds, splits, and how each scene was taken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from mmlib.errors import unknown
from mmlib.optics import Condenser, Objective
from mmlib.progress import Progress, silent
from mmlib.simulation import Camera, Dirt, Eyepiece, Simulated, simulate
from mmlib.simulation.families import FAMILIES, build

SPEEDS = (1, 2, 3, 4)

TEST_ONLY = ("butterfly_scales", "crystals", "diatoms", "leaf_skin")
"""Families that no model sees while it is trained or chosen."""

SPECIMENS = 150


@dataclass(frozen=True)
class Recipe:
    """How one specimen of a set is made.

    Attributes:
        name: of the specimen.
        family: of `FAMILIES`.
        seed: of everything about it.
        split: ``"train"``, ``"validation"``, ``"test"`` or ``"demo"``.
        height: rows.
        width: columns.
        planes: frames of the slow scan.
        title: for the catalogue.
        pixel_um: of the specimen and the camera.
        aperture: numerical aperture.
        coherence: ratio of the condenser's aperture to the objective's.
        contrast: multiplies what the stains absorb.
        grey: whether the stains have lost their colour.
        relief: kind of relief, or None for one that suits the family.
        camera: what the phone does.
        eyepiece: the disc on black, or None.
        dirt: what is in the way.
        order: its place in the list.
    """

    name: str
    family: str
    seed: int
    split: str
    height: int
    width: int
    planes: int
    title: str
    pixel_um: float
    aperture: float
    coherence: float
    contrast: float
    grey: bool
    relief: str | None
    camera: Camera
    eyepiece: Eyepiece | None
    dirt: Dirt
    order: int = 0

    def make(self, speed: int, *, progress: Progress = silent) -> Simulated:
        """Make the scan at one speed.

        Args:
            speed: 1 (slow) to 4 (fast).
            progress: told how far it is.

        Returns:
            The stack and its truth; equal on the same machine, bit for bit.
        """
        generator = torch.Generator().manual_seed(self.seed)
        specimen = build(
            self.family,
            height=self.height,
            width=self.width,
            pixel_um=self.pixel_um,
            generator=generator,
            relief=self.relief,
        )
        density = specimen.density * self.contrast
        if self.grey:
            density = density.mean(1, keepdim=True).expand_as(density).contiguous()
        made = simulate(
            replace(specimen, density=density),
            seed=self.seed,
            planes=self.planes,
            speed=speed,
            objective=Objective(self.aperture),
            condenser=Condenser(self.coherence),
            camera=self.camera,
            eyepiece=self.eyepiece,
            dirt=self.dirt,
            progress=progress,
        )
        made.parameters["recipe"] = {
            "name": self.name, "family": self.family, "seed": self.seed, "pixel_um": self.pixel_um,
            "contrast": self.contrast, "grey": self.grey, "relief": self.relief,
        }  # fmt: skip
        return made


def benchmark(height: int = 256, width: int = 256) -> list[Recipe]:
    """List the 150 specimens of the benchmark set.

    Args:
        height: rows of each frame.
        width: columns of each frame.

    Returns:
        Their recipes: in most families seeds 0 to 4 are for training, 5 is for validation, the others for the test;
        the families of `TEST_ONLY` are for the test alone.
    """
    common, extra = divmod(SPECIMENS, len(FAMILIES))
    recipes = []
    for order, family in enumerate(sorted(FAMILIES)):
        for number in range(common + (order < extra)):
            split = "train" if number < 5 else "validation" if number == 5 else "test"
            split = "test" if family in TEST_ONLY else split
            recipes.append(scene(f"{family}-{number:02d}", family, split, height=height, width=width))
    return [replace(recipe, order=order) for order, recipe in enumerate(recipes)]


def scene(name: str, family: str, split: str, *, height: int, width: int) -> Recipe:
    """Draw how a specimen was taken; the name is the seed.

    The ranges of pixel, aperture, contrast and camera are those at which `mmlib.experiments.realism` can tell the set
    least from real stacks.

    Args:
        name: of the specimen; another name is another scene.
        family: of `FAMILIES`.
        split: what it is for.
        height: rows.
        width: columns.

    Returns:
        The recipe.

    Raises:
        InputError: if the family is not known.
    """
    if family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")
    rng = np.random.default_rng(seed)
    kind = FAMILIES[family]
    pixel = kind.pixel_um * float(10 ** rng.uniform(-0.3, 0.15))
    aperture = float(np.clip(0.54 / (pixel * np.exp(rng.uniform(np.log(2.0), np.log(6.0)))), 0.08, 0.85))
    disc = Eyepiece(
        radius=float(rng.uniform(0.95, 1.35)),
        centre=(float(rng.normal(0, 0.06)), float(rng.normal(0, 0.06))),
        edge_px=float(rng.uniform(1, 4)),
        vignette=float(rng.uniform(0.05, 0.45)),
        fringe=float(rng.uniform(0, 0.015)),
    )
    dirty = rng.random() < 0.5
    return Recipe(
        name=name,
        family=family,
        seed=seed,
        split=split,
        height=height,
        width=width,
        planes=int(rng.integers(12, 21)),
        title=f"{kind.title} {name.rsplit('-', 1)[-1]}",
        pixel_um=round(pixel, 4),
        aperture=round(aperture, 3),
        coherence=round(float(rng.uniform(0.35, 0.9)), 3),
        contrast=round(float(10 ** rng.uniform(-0.4, 0.9)), 3),
        grey=bool(rng.random() < 0.2),
        relief=None,
        camera=draw_camera(rng),
        eyepiece=disc if rng.random() < 0.4 else None,
        dirt=Dirt(
            dust=int(rng.poisson(3)) if dirty else 0,
            hairs=int(rng.random() < 0.2) if dirty else 0,
            slide_dust=int(rng.poisson(3)) if dirty else 0,
            drops=int(rng.random() < 0.1) if dirty else 0,
            condensate=float(rng.uniform(0, 0.5)) if rng.random() < 0.08 else 0.0,
        ),
    )


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw a phone's camera: its noise, its colours, how much it smooths and sharpens.

    Args:
        rng: where the luck comes from.

    Returns:
        The camera.
    """
    warm = float(rng.uniform(-0.2, 0.25))
    left = rng.normal(0, 0.04, 3)
    return Camera(
        exposure=round(float(rng.uniform(0.3, 1.2)), 3),
        electrons=round(float(np.exp(rng.uniform(np.log(1500), np.log(300000))))),
        read_noise=round(float(rng.uniform(1, 5)), 2),
        lamp=(1.0, round(1 - 0.3 * abs(warm), 3), round(1 - max(warm, 0.0) - 0.05, 3)),
        white_balance=(round(1 + float(left[0]), 3), 1.0, round(1 + float(left[2]), 3)),
        denoise=round(float(rng.uniform(0.2, 1.0)), 2),
        sharpen=round(float(rng.uniform(0, 1.0)), 2),
        sharpen_px=round(float(rng.uniform(0.8, 1.8)), 2),
        gamma=round(float(rng.uniform(1.8, 2.4)), 2),
        jpeg_quality=int(rng.integers(80, 97)) if rng.random() < 0.5 else None,
    )


_CLEAN = Camera(exposure=0.82, electrons=60000.0, read_noise=2.0, denoise=0.8, sharpen=0.3)
_DISC = Eyepiece(radius=1.02, vignette=0.3, fringe=0.01)

_LARGE: dict[str, Any] = {"height": 432, "width": 576}

_DEMO: tuple[tuple[str, int, dict[str, Any]], ...] = (
    # family, seed, what differs from the usual demo scene
    ("blood_smear", 11, {"eyepiece": _DISC, "relief": "bumpy", "planes": 18, **_LARGE}),
    ("pollen", 23, {"planes": 24, **_LARGE}),
    ("diatoms", 24, {"planes": 22, **_LARGE}),
    ("butterfly_scales", 25, {"planes": 20, **_LARGE}),
    ("insect_leg", 8, {"planes": 20, "eyepiece": _DISC}),
    ("stem_section", 2, {"relief": "bumpy"}),
    ("onion_skin", 3, {"relief": "thick"}),
    ("tissue_section", 26, {"relief": "bumpy", "dirt": Dirt(dust=3, hairs=1)}),
    ("pond_life", 29, {"planes": 20, "eyepiece": _DISC}),
    ("feather", 10, {}),
    ("living_cells", 32, {}),
    ("crystals", 13, {}),
)


def demo() -> list[Recipe]:
    """List the specimens that ship with mmlib.

    Returns:
        Their recipes, in the order to show them.
    """
    recipes = []
    for order, (family, seed, changes) in enumerate(_DEMO):
        kind = FAMILIES[family]
        usual = Recipe(
            name=family, family=family, seed=seed, split="demo", height=384, width=512, planes=16, title=kind.title,
            pixel_um=kind.pixel_um, aperture=kind.na, coherence=0.6, contrast=1.15, grey=False, relief=None,
            camera=_CLEAN, eyepiece=None, dirt=Dirt(),
        )  # fmt: skip
        recipes.append(replace(usual, order=order, **changes))
    return recipes
