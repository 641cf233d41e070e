"""Fusion of 3 to 40 frames of scenes that no model has seen: ``python -m mmlib.experiments.fusion_planes``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import typer

from mmlib.errors import InputError, unknown
from mmlib.experiments.recipes import Recipe
from mmlib.experiments.tables.laying import INNER, best_shift, laid_on, move
from mmlib.experiments.tables.scans import choose
from mmlib.fusing import METHODS, fuse
from mmlib.metrics.detail import depth_error, detail_snr
from mmlib.metrics.reference import psnr
from mmlib.pictures import Picture
from mmlib.progress import Progress, report, silent
from mmlib.simulation import Simulated
from mmlib.stacks import ZStack

COUNTS = (3, 5, 10, 20, 40)
BEST_FRAME = "best frame"
"""The single frame nearest to the truth: what nobody can know beforehand."""


@dataclass(frozen=True)
class Measured:
    """What one method made of some frames of one scene.

    Attributes:
        specimen: its name.
        count: how many frames.
        method: its name.
        focused: PSNR, dB, against what a still camera records where each place is in focus, after the shift that fits
            best.
        psnr: the same against the all-in-focus truth, which shows what absorbs and no more.
        detail: detail SNR against that truth, dB.
        depth: mean error of the depth, in planes; NaN where a method gives none.
    """

    specimen: str
    count: int
    method: str
    focused: float
    psnr: float
    detail: float
    depth: float


def measure_planes(
    recipes: Sequence[Recipe],
    methods: Sequence[str],
    counts: Sequence[int] = COUNTS,
    *,
    progress: Progress = silent,
) -> list[Measured]:
    """Scan each scene finely once, then fuse fewer and fewer frames of it, evenly spread.

    Args:
        recipes: of the scenes.
        methods: names of `mmlib.fusing.METHODS`.
        counts: of frames.
        progress: told how far it is.

    Returns:
        A row for each scene, count and method, and one for the best frame.
    """
    rows = []
    for recipe in report(recipes, len(recipes), "scenes", progress):
        scene = replace(recipe, planes=max(counts)).make(1)
        seen = scene.in_focus()
        for count in counts:
            chosen = np.round(np.linspace(0, len(scene.stack) - 1, min(count, len(scene.stack)))).astype(int)
            stack = scene.stack.select(sorted({int(number) for number in chosen}))
            rows += [_measured(scene, seen, stack, recipe.name, count, method) for method in [*methods, BEST_FRAME]]
    return rows


def table(rows: Sequence[Measured]) -> str:
    """Give the means over the scenes as lines to print."""
    counts = sorted({row.count for row in rows})
    lines = ["PSNR in focus dB / PSNR dB / detail SNR dB / depth error in planes, means over scenes"]
    lines.append("".ljust(14) + "".join(f"{f'N = {count}':>30}" for count in counts))
    for method in dict.fromkeys(row.method for row in rows):
        line = method.ljust(14)
        for count in counts:
            of = [row for row in rows if row.method == method and row.count == count]
            found = [
                float(np.mean([getattr(row, key) for row in of])) for key in ("focused", "psnr", "detail", "depth")
            ]
            line += f"{' / '.join(f'{number:.2f}' for number in found):>30}"
        lines.append(line)
    return "\n".join(lines)


def _measured(scene: Simulated, seen: Picture, stack: ZStack, name: str, count: int, method: str) -> Measured:
    if method == BEST_FRAME:
        shots = [stack.picture(number) for number in range(len(stack))]
        focused = max(_against(scene, shot, seen)[0] for shot in shots)
        return Measured(
            name, count, method, focused, *max(_against(scene, shot, scene.truth) for shot in shots), math.nan
        )
    fused = fuse(stack, method=method)
    shift = best_shift(fused.picture, scene.truth, scene.masks["field"])
    heights = stack.z_um or tuple(range(len(stack)))
    pitch = abs(heights[-1] - heights[0]) / max(len(heights) - 1, 1)
    field = np.ascontiguousarray(scene.masks["field"][INNER])
    off = depth_error(move(fused.depth, shift)[INNER], scene.depth_um[INNER], field=field) / max(pitch, 1e-9)
    focused, _ = _against(scene, fused.picture, seen)
    return Measured(name, count, method, focused, *_against(scene, fused.picture, scene.truth), off)


def _against(scene: Simulated, picture: Picture, wanted: Picture) -> tuple[float, float]:
    moved, whole, inside, _ = laid_on(picture, wanted, scene.masks["field"])
    return psnr(moved, whole, field=inside), detail_snr(moved, whole, field=inside)


def main(
    limit: Annotated[int, typer.Option(help="how many scenes of the test split")] = 6,
    methods: Annotated[str, typer.Option(help="names, separated by commas")] = "mean,pyramid,wavelet,blend,learned",
) -> None:
    """Fuse 3 to 40 frames of scenes of the test split with each method, and hold the pictures against the truth."""
    names = [name.strip() for name in methods.split(",") if name.strip()]
    try:
        for name in names:
            if name not in METHODS:
                raise unknown("method", name, METHODS)
        typer.echo(table(measure_planes(choose("test", limit), names)))
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
