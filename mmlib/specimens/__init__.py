"""The catalogue: specimens that come with mmlib, stacks in the user's data folder, and the truth beside them."""

from mmlib.specimens.cards import SpecimenCard, Truth
from mmlib.specimens.catalogue import built_in, catalogue, open_source, truth_of
from mmlib.specimens.making import make_simulated
from mmlib.specimens.pictures_in import specimens_of
from mmlib.specimens.writing import write_simulated

__all__ = [
    "SpecimenCard",
    "Truth",
    "built_in",
    "catalogue",
    "make_simulated",
    "open_source",
    "specimens_of",
    "truth_of",
    "write_simulated",
]
