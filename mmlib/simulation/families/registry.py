"""Every family by name: what it is, how large its world is, and who paints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmlib.simulation.families.blood import paint_blood
from mmlib.simulation.families.diatoms import paint_diatoms
from mmlib.simulation.families.insects import paint_leg, paint_scales, paint_wing
from mmlib.simulation.families.leaf import paint_leaf
from mmlib.simulation.families.microbes import paint_bacteria, paint_yeast
from mmlib.simulation.families.minerals import paint_crystals
from mmlib.simulation.families.onion import paint_onion
from mmlib.simulation.families.plants import paint_root, paint_stem
from mmlib.simulation.families.pollen import paint_pollen, paint_spores
from mmlib.simulation.families.pond import paint_pond
from mmlib.simulation.families.scene import Scene
from mmlib.simulation.families.smears import paint_epithelium, paint_living_cells
from mmlib.simulation.families.threads import paint_feather, paint_fibres
from mmlib.simulation.families.tissue import paint_tissue


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
    Family(
        "leaf_skin",
        "Leaf skin with stomata",
        "The underside of a leaf: cells that fit like a jigsaw, and small mouths through which the leaf breathes.",
        paint_leaf,
        pixel_um=0.5,
        na=0.35,
        depth_um=(12.0, 45.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=14.0,
        slices=8,
    ),
    Family(
        "tissue_section",
        "Animal tissue, section",
        "A thin slice of an organ stained pink and blue: every blue dot is the nucleus of a cell.",
        paint_tissue,
        pixel_um=0.35,
        na=0.45,
        depth_um=(5.0, 25.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=3.0,
        slices=7,
    ),
    Family(
        "epithelium_smear",
        "Cheek cells",
        "Flat cells scraped from the inside of a cheek, each with one dark nucleus, lying singly and in heaps.",
        paint_epithelium,
        pixel_um=0.35,
        na=0.45,
        depth_um=(4.0, 15.0),
        reliefs=("flat", "tilted", "bumpy"),
        headroom_um=6.0,
        slices=7,
    ),
    Family(
        "living_cells",
        "Living cells in a dish",
        "Unstained living cells: almost clear, they show only by bending the light.",
        paint_living_cells,
        pixel_um=0.25,
        na=0.5,
        depth_um=(2.0, 8.0),
        reliefs=("flat", "tilted", "bumpy"),
        headroom_um=9.0,
        slices=7,
    ),
    Family(
        "pollen",
        "Pollen",
        "Grains of pollen, round and thick, with spines, nets or furrows: one focus never shows all of a grain.",
        paint_pollen,
        pixel_um=0.22,
        na=0.5,
        depth_um=(2.0, 8.0),
        reliefs=("flat", "tilted"),
        headroom_um=42.0,
        slices=12,
    ),
    Family(
        "mould",
        "Mould and its spores",
        "Threads of a mould crossing at many heights, with clouds of small round spores.",
        paint_spores,
        pixel_um=0.2,
        na=0.5,
        depth_um=(3.0, 10.0),
        reliefs=("flat", "tilted"),
        headroom_um=18.0,
        slices=10,
    ),
    Family(
        "diatoms",
        "Diatoms",
        "Glass shells of tiny algae, with rows of holes so fine that they test a lens.",
        paint_diatoms,
        pixel_um=0.16,
        na=0.65,
        depth_um=(2.0, 6.0),
        reliefs=("flat", "tilted"),
        headroom_um=8.0,
        slices=8,
    ),
    Family(
        "insect_wing",
        "Insect wing",
        "The clear wing of a fly: brown veins, and thousands of tiny hairs that all point one way.",
        paint_wing,
        pixel_um=0.6,
        na=0.3,
        depth_um=(25.0, 80.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=14.0,
        slices=8,
    ),
    Family(
        "insect_leg",
        "Insect leg",
        "The jointed leg of an insect, thick and brown, with bristles that stick out towards you and away.",
        paint_leg,
        pixel_um=0.6,
        na=0.25,
        depth_um=(5.0, 20.0),
        reliefs=("flat", "tilted"),
        headroom_um=130.0,
        slices=12,
    ),
    Family(
        "butterfly_scales",
        "Butterfly scales",
        "The coloured dust of a butterfly wing: ribbed scales that overlap like the tiles of a roof.",
        paint_scales,
        pixel_um=0.35,
        na=0.4,
        depth_um=(8.0, 35.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=11.0,
        slices=8,
    ),
    Family(
        "feather",
        "Feather",
        "A feather close up: barbs with rows of small branches that hook into each other.",
        paint_feather,
        pixel_um=0.5,
        na=0.3,
        depth_um=(10.0, 40.0),
        reliefs=("tilted", "bumpy"),
        headroom_um=45.0,
        slices=10,
    ),
    Family(
        "fibres",
        "Hairs and textile fibres",
        "Cotton, wool and nylon threads lying across one another, some near to you and some far.",
        paint_fibres,
        pixel_um=0.6,
        na=0.25,
        depth_um=(5.0, 15.0),
        reliefs=("flat", "tilted"),
        headroom_um=110.0,
        slices=12,
    ),
    Family(
        "yeast",
        "Yeast",
        "Baker's yeast: small ovals, many with a bud that will become a new cell.",
        paint_yeast,
        pixel_um=0.12,
        na=0.7,
        depth_um=(1.5, 5.0),
        reliefs=("flat", "tilted"),
        headroom_um=7.0,
        slices=8,
    ),
    Family(
        "bacteria",
        "Bacteria",
        "Stained bacteria: tiny rods and balls, alone, in chains and in heaps.",
        paint_bacteria,
        pixel_um=0.1,
        na=0.8,
        depth_um=(1.0, 4.0),
        reliefs=("flat", "tilted", "bumpy"),
        headroom_um=2.5,
        slices=7,
    ),
    Family(
        "crystals",
        "Crystals",
        "Crystals left by a dried drop: clear blocks and needles that you see only by their edges.",
        paint_crystals,
        pixel_um=0.45,
        na=0.35,
        depth_um=(5.0, 25.0),
        reliefs=("flat", "tilted"),
        headroom_um=28.0,
        slices=9,
    ),
    Family(
        "pond_life",
        "Pond life",
        "A drop of pond water: green threads, round colonies and crumbs floating at every height.",
        paint_pond,
        pixel_um=0.45,
        na=0.3,
        depth_um=(4.0, 15.0),
        reliefs=("flat", "tilted"),
        headroom_um=55.0,
        slices=12,
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
"""Every family by its name."""
