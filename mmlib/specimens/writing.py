"""Write simulated scans with their truth beside them, the way the catalogue reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmlib import io
from mmlib.errors import InputError
from mmlib.pictures import to_uint8

if TYPE_CHECKING:
    from mmlib.simulation import Simulated

LICENCE = "CC0: drawn by mmlib from a seed; nobody else's picture is in it"


def write_simulated(
    made: Simulated | Sequence[Simulated],
    folder: str | os.PathLike[str],
    *,
    kind: Literal["tiff", "mp4"] = "tiff",
    about: Mapping[str, Any] | None = None,
    extras: bool = True,
    quality: int = 16,
) -> list[Path]:
    """Write a scan, or scans of one specimen at several speeds, with the truth.

    Args:
        made: what `mmlib.simulation.simulate` gave; several must show the same specimen.
        folder: made if it is not there.
        kind: ``"tiff"`` keeps every bit and the heights; ``"mp4"`` is what a phone keeps (H.264).
        about: title, description and the like, noted for the catalogue.
        extras: also write the frames without movement and noise, and the masks of dirt.
        quality: of an mp4: constant rate factor, 0 (best) to 51.

    Returns:
        The files: the stack of each speed, truth, depth.tif (float32, micrometres), parameters.json, extras.

    Raises:
        InputError: if there is nothing to write, the scans differ in their truth, an mp4 cannot have their size, or a
            file cannot be written.
    """
    scans = list(made) if isinstance(made, Sequence) else [made]
    if not scans:
        raise InputError("there is no scan to write; give at least one")
    first = scans[0]
    if any(not np.array_equal(scan.depth_um, first.depth_um) for scan in scans[1:]):
        raise InputError("scans that are written together must show the same specimen; these have other depths")
    if kind == "mp4" and (first.stack.height % 2 or first.stack.width % 2):
        raise InputError(
            f"an mp4 has even sizes, and its truth must fit it; the frames are {first.stack.height} x "
            f"{first.stack.width}: make them even or write a TIFF"
        )
    home = Path(folder)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {home}: {error.strerror}; choose another") from None
    ending = "ome.tif" if kind == "tiff" else "mp4"
    alone = len(scans) == 1
    files: list[Path] = []
    speeds: dict[str, Any] = {}
    for scan in scans:
        speed = scan.stack.speed or 1
        name = f"stack.{ending}" if alone else f"speed{speed}.{ending}"
        io.write_stack(home / name, scan.stack, quality=quality)
        files.append(home / name)
        speeds[str(speed)] = {
            "file": name,
            "z_um": list(scan.stack.z_um or ()),
            "times_s": list(scan.stack.times_s or ()),
            "pixel_um": scan.stack.pixel_um,
            "parameters": scan.parameters,
        }
        if extras:
            still = home / name.replace(f".{ending}", ".static.ome.tif")
            io.write_stack(still, scan.static)
            files.append(still)
    picture = home / "truth.png"
    io.write_picture(picture, to_uint8(first.truth))
    io.write_map(home / "depth.tif", first.depth_um, provenance={"unit": "um"})
    files += [picture, home / "depth.tif"]
    if extras:
        for mask_name, mask in first.masks.items():
            files.append(home / f"mask_{mask_name}.png")
            io.write_picture(files[-1], mask.astype(np.uint8) * np.uint8(255))
    notes = {
        "family": first.parameters["specimen"],
        "licence": LICENCE,
        "height": first.stack.height,
        "width": first.stack.width,
        "depth_of_field_um": first.depth_of_field_um,
        **(about or {}),
        "speeds": speeds,
    }
    whole = home / "parameters.json"
    whole.write_text(json.dumps(notes, indent=1) + "\n")
    return [*files, whole]
