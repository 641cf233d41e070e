"""The benchmark set as the tables use it: made where it is missing, each scan with all that is true of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.experiments.recipes import SPEEDS, Recipe, benchmark
from mmlib.experiments.tables import keeping
from mmlib.pictures import Picture, as_picture, to_uint8
from mmlib.specimens import open_source
from mmlib.stacks import ZStack

NOTES = "parameters.json"
STATIC_FRAMES = 4
"""Frames of a scan of which the still twin is kept, for deblurring: those with most of the specimen in focus."""
DIRT = ("dust", "hair", "slide_dust", "drop", "condensate")


@dataclass(frozen=True)
class Scan:
    """One specimen at one scan speed, and everything that is true of it.

    Attributes:
        specimen: its name in the set.
        speed: 1 (slow) to 4 (fast).
        folder: where it lies.
        content: hash of the specimen's files.
        notes: what was written beside it.
        extras: the file of still frames and masks.
    """

    specimen: str
    speed: int
    folder: Path
    content: str
    notes: dict[str, Any]
    extras: Path

    @cached_property
    def stack(self) -> ZStack:
        """The frames as a phone keeps them."""
        return open_source(self.folder, speed=self.speed)

    @cached_property
    def truth(self) -> Picture:
        """(H, W, 3) everything in focus, 0..1."""
        return as_picture(io.read_picture(self.folder / "truth.png"))

    @cached_property
    def in_focus(self) -> Picture:
        """(H, W, 3) what a still camera records where each place is in focus, 0..1."""
        with np.load(self.extras) as kept:
            return as_picture(kept["in_focus"])

    @cached_property
    def depth_um(self) -> NDArray[np.float32]:
        """(H, W) height of the surface."""
        return np.asarray(io.read_map(self.folder / "depth.tif"), np.float32)

    @property
    def depth_of_field_um(self) -> float:
        """How deep the objective sees sharply."""
        return float(self.notes["depth_of_field_um"])

    def defocus_dof(self, frame: int) -> NDArray[np.float32]:
        """Say how far each pixel of a frame is from focus, (H, W), in depths of field.

        Args:
            frame: its number.
        """
        outcome = self.notes["speeds"][str(self.speed)]["parameters"]["outcome"]
        rows = np.arange(len(self.depth_um))
        offset_um = outcome["readout_um"] * ((rows + 0.5) / len(rows) - 0.5)
        height_um = np.float32(outcome["z_um"][frame]) + offset_um.astype(np.float32)
        return np.asarray((height_um[:, None] - self.depth_um) / np.float32(self.depth_of_field_um))

    @cached_property
    def field(self) -> NDArray[np.bool_]:
        """(H, W) True within the eyepiece's disc."""
        return self._mask("field")

    @cached_property
    def dirt(self) -> NDArray[np.bool_]:
        """(H, W) True where dust, hairs, drops or condensate lie."""
        return np.asarray(self._mask("dirt"))

    def still(self) -> dict[int, NDArray[np.uint8]]:
        """Give the frames that a steady hand waiting at the same height would have taken, by frame number."""
        with np.load(self.extras) as kept:
            return dict(zip(kept[f"frames_{self.speed}"].tolist(), kept[f"still_{self.speed}"], strict=True))

    def _mask(self, name: str) -> NDArray[np.bool_]:
        with np.load(self.extras) as kept:
            count = self.depth_um.size
            return np.unpackbits(kept[name], count=count).reshape(self.depth_um.shape).astype(np.bool_)


def choose(split: str, limit: int | None = None) -> list[Recipe]:
    """Choose specimens of the benchmark set.

    Args:
        split: ``"test"`` or ``"validation"`` for all of it, ``"train"`` for the first of each family that has one.
        limit: how many, spread over the families; None for all.

    Returns:
        Their recipes.

    Raises:
        InputError: if the limit is not positive.
    """
    if limit is not None and limit < 1:
        raise InputError(f"a table needs at least one specimen; --limit was {limit}")
    found = [recipe for recipe in benchmark() if recipe.split == split]
    if split == "train":
        found = list({recipe.family: recipe for recipe in reversed(found)}.values())[::-1]
    if limit is None or limit >= len(found):
        return found
    turn: dict[str, list[Recipe]] = {}
    for recipe in found:
        turn.setdefault(recipe.family, []).append(recipe)
    order = [queue[i] for i in range(max(map(len, turn.values()))) for queue in turn.values() if i < len(queue)]
    chosen = {recipe.name for recipe in order[:limit]}
    return [recipe for recipe in found if recipe.name in chosen]


def open_scans(recipe: Recipe, folder: Path, speeds: tuple[int, ...] = SPEEDS, *, make: bool = True) -> list[Scan]:
    """Open the scans of a specimen; what is missing is made first.

    Args:
        recipe: of the specimen.
        folder: of the set.
        speeds: which scans.
        make: whether to make what is missing.

    Returns:
        A scan for each speed; none where something is missing and not to be made.

    Raises:
        InputError: if what lies there is another specimen, or cannot be written.
    """
    place = folder / recipe.name
    if not (place / NOTES).is_file():
        if not make:
            return []
        _make(recipe, place)
    notes = json.loads((place / NOTES).read_text(encoding="utf-8"))
    content = _content(place)
    extras = keeping.home() / "extras" / f"{content}.npz"
    if not extras.is_file():
        if not make:
            return []
        known = notes["speeds"][str(SPEEDS[0])]["parameters"].get("recipe", {})
        if known.get("name") != recipe.name or known.get("seed") != recipe.seed:
            raise InputError(f"{place} is not the specimen {recipe.name} of this version; name an empty folder")
        _write_extras([recipe.make(speed) for speed in SPEEDS], extras)
    return [Scan(recipe.name, speed, place, content, notes, extras) for speed in speeds]


def _make(recipe: Recipe, place: Path) -> None:
    """Make a specimen at every speed; its folder appears whole or not at all."""
    from mmlib.experiments.benchmark_set import content_hash
    from mmlib.specimens.writing import write_simulated

    scans = [recipe.make(speed) for speed in SPEEDS]
    about = {"title": recipe.title, "family": recipe.family, "split": recipe.split, "content": content_hash(scans)}
    making = place.with_name(f".{place.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    write_simulated(scans, making, kind="mp4", about=about, extras=False)
    _write_extras(scans, keeping.home() / "extras" / f"{_content(making)}.npz")
    shutil.rmtree(place, ignore_errors=True)
    making.rename(place)


def _write_extras(scans: list[Any], path: Path) -> None:
    from mmlib.io.replacing import replacing

    first = scans[0]
    empty = np.zeros(first.depth_um.shape, np.bool_)
    dirt = np.logical_or.reduce([empty, *(first.masks[name] for name in DIRT if name in first.masks)])
    kept: dict[str, NDArray[Any]] = {
        "field": np.packbits(first.masks["field"]), "dirt": np.packbits(dirt), "in_focus": to_uint8(first.in_focus()),
    }  # fmt: skip
    for speed, scan in zip(SPEEDS, scans, strict=True):
        sharp = [float((np.abs(scan.defocus_dof(i)) < 0.5).mean()) for i in range(len(scan.stack))]
        frames = np.sort(np.argsort(sharp, kind="stable")[-STATIC_FRAMES:])
        kept[f"frames_{speed}"] = frames
        kept[f"still_{speed}"] = np.stack([scan.static[int(i)] for i in frames])
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **kept)


def _content(place: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(place.iterdir()):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]
