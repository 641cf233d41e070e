"""Every family by name: what it is, how large its world is, and who paints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmlib.simulation.families.blood import paint_blood
from mmlib.simulation.families.onion import paint_onion
from mmlib.simulation.families.plants import paint_root, paint_stem
from mmlib.simulation.families.scene import Scene


@dataclass(frozen=True)
class Family:
    """A kind of specimen.

    Attributes:
        name: what commands call it.
        title: what a page calls it.
        sentence: what it is, for a reader of fifteen.
        paint: lays one layer of it onto a scene.
        pixel_um: a pixel at which it looks well, micrometres.
        na: numerical aperture of the objective one would take.
        depth_um: least and greatest height of its relief, micrometres.
        reliefs: the kinds of relief it is found with.
        headroom_um: how far its parts rise above their surface.
        slices: into how many slices it is cut.
    """

    name: str
    title: str
    sentence: str
    paint: Callable[[Scene], None]
    pixel_um: float
    na: float
    depth_um: tuple[float, float]
    reliefs: tuple[str, ...]
    headroom_um: float = 3.0
    slices: int = 7


_ALL = (
    Family(
        "blood_smear",
        "Blood smear",
        "A drop of blood spread thin and stained: red cells like dented discs, violet white cells, tiny platelets.",
        paint_blood,
        pixel_um=0.2,
        na=0.65,
        depth_um=(3.0, 12.0),
        reliefs=("flat", "tilted", "bumpy"),
    ),
    Family(
        "onion_skin",
        "Onion skin",
        "The thin skin between two onion layers: one sheet of long cells, each with a wall and a round nucleus.",
        paint_onion,
        pixel_um=0.55,
        na=0.3,
        depth_um=(15.0, 60.0),
        reliefs=("tilted", "bumpy", "thick"),
        headroom_um=6.0,
    ),
    Family(
        "stem_section",
        "Plant stem, cross-section",
        "A slice across a stem: large thin-walled cells and bundles of red-stained pipes that carried the water.",
        paint_stem,
        pixel_um=0.6,
        na=0.3,
        depth_um=(15.0, 60.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=4.0,
    ),
    Family(
        "root_section",
        "Plant root, cross-section",
        "A slice across a root: cells full of starch around a ring, and a star of water pipes in the middle.",
        paint_root,
        pixel_um=0.6,
        na=0.3,
        depth_um=(15.0, 60.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=4.0,
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
"""Every family by its name."""
