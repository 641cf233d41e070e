"""The families of specimens: what a school slide box shows, drawn from a seed."""

from mmlib.simulation.families.build import build, from_texture
from mmlib.simulation.families.registry import FAMILIES, Family
from mmlib.simulation.families.relief import RELIEFS

__all__ = ["FAMILIES", "RELIEFS", "Family", "build", "from_texture"]
