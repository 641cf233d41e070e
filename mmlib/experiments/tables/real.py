"""Real stacks in a folder that the user names: planes whose order is known, and stacks with a software reference."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmlib import io
from mmlib.errors import InputError
from mmlib.pictures import Picture, as_picture
from mmlib.stacks import ZStack, from_array


@dataclass(frozen=True)
class RealCase:
    """A real stack: planes z0, z1, ... and perhaps a reference.

    Attributes:
        name: of its folder.
        content: hash of its files.
        stack: the planes.
        reference: all in focus by other software, or None where the middle plane is known to be in focus.
    """

    name: str
    content: str
    stack: ZStack
    reference: Picture | None


def real_cases(folder: Path | None) -> list[RealCase]:
    """Read the real stacks of a folder.

    Args:
        folder: holds ``stacks_known_z/NAME/z0.png ...`` (an odd number of planes, the middle one in focus) or
            ``stacks_ref/NAME/z0.png ... REF_edf.png``, or both; None gives no cases.

    Returns:
        The cases, by name.

    Raises:
        InputError: if the folder holds neither.
    """
    if folder is None:
        return []
    found = []
    for home, referenced in (("stacks_known_z", False), ("stacks_ref", True)):
        for place in sorted((folder / home).glob("*/")):
            planes = sorted(place.glob("z*.png"), key=lambda file: (len(file.stem), file.stem))
            marks = sorted(place.glob("REF*.png"))
            if len(planes) < 2 or (referenced and not marks) or (not referenced and len(planes) % 2 == 0):
                continue
            frames = np.stack([io.read_picture(plane) for plane in planes])
            digest = hashlib.sha256(b"".join(file.read_bytes() for file in [*planes, *marks])).hexdigest()[:32]
            reference = as_picture(io.read_picture(marks[0])) if referenced else None
            found.append(RealCase(place.name, digest, from_array(frames, source=place.name), reference))
    if not found:
        raise InputError(f"{folder} holds no real stacks; it needs folders in stacks_known_z or stacks_ref")
    return found
