"""What results are made by: the version, the code and the weights. What was kept of another edition does not count."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from mmlib.version import __version__
from mmlib.zoo import REGISTRY, weights_folder

PACKAGE = Path(__file__).resolve().parent


@cache
def code_hash(rooms: tuple[str, ...]) -> str:
    """Name the version of the code in some rooms: when one line changes, nothing that was kept counts any more.

    Args:
        rooms: files and folders of the package, such as ``("fusing", "filters.py")``; one that is not there is empty.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for room in rooms:
        place = PACKAGE / room
        for file in [place] if place.suffix == ".py" else sorted(place.rglob("*.py")):
            if file.is_file():
                digest.update(file.relative_to(PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def edition() -> str:
    """Name what a result is made by: a new line of code, or new weights, may make another one of the same stack.

    Returns:
        The version, and hashes of all code and of the registry of weights.
    """
    registry = weights_folder() / REGISTRY
    weights = hashlib.sha256(registry.read_bytes() if registry.is_file() else b"").hexdigest()[:16]
    return f"{__version__}-{code_hash(('.',))}-{weights}"
