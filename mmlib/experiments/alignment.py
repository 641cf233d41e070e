"""How well frames are laid on each other: simulated scans whose drift is known, and stacks shaken by known steps.

python -m mmlib.experiments.alignment [--limit 14] [--split test] [--shake 0,2,6] [--stacks FOLDER] [--json]
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from mmlib.edition import code_hash
from mmlib.errors import InputError, unknown
from mmlib.experiments.fusion_real import stacks_of
from mmlib.experiments.recipes import SPEEDS
from mmlib.experiments.tables import MADE_BY, keeping
from mmlib.experiments.tables.scans import choose, open_scans
from mmlib.field import find_field
from mmlib.metrics.intervals import bootstrap
from mmlib.registration import align
from mmlib.stacks import ZStack, from_array

WORSE_PX = 0.1
"""A stack that alignment leaves further apart by more than this has lost."""
FARTHEST = 3
"""No step of a shaking hand is longer than so many times the root mean square."""


@dataclass(frozen=True)
class Aligned:
    """How far the frames of a stack lie from each other, before and after alignment.

    Attributes:
        kind: ``speed 1`` to ``speed 4`` of a simulated scan, or ``real``.
        source: name of the specimen or stack.
        shake_px: root mean square of the steps by which its frames were moved, right and down alike.
        before_px: root mean square distance of the frames from where they would lie on each other.
        after_px: the same, once aligned as ``auto`` decides.
        decided: whether it moved any.
    """

    kind: str
    source: str
    shake_px: float
    before_px: float
    after_px: float
    decided: bool


def shaken(stack: ZStack, shake_px: float, seed: int) -> tuple[ZStack, NDArray[np.float64]]:
    """Move each frame but the first by steps of its own, and cut off the border that is missing then.

    Args:
        stack: to shake.
        shake_px: root mean square of a step, right and down alike.
        seed: of the steps.

    Returns:
        The stack, and how far right and down each frame has moved, (K, 2) pixels.
    """
    if shake_px == 0:
        return stack, np.zeros((len(stack), 2))
    steps = np.random.default_rng(seed).normal(0, shake_px, (len(stack), 2))
    steps = np.clip(steps, -FARTHEST * shake_px, FARTHEST * shake_px)
    steps[0] = 0
    edge = math.ceil(FARTHEST * shake_px) + 2
    height, width = stack.shape[:2]
    frames = []
    for frame, (right, down) in zip(stack, steps, strict=True):
        matrix = np.array([[1, 0, right], [0, 1, down]])
        moved = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        frames.append(moved[edge : height - edge, edge : width - edge])
    return from_array(np.stack(frames), source=stack.source), steps


def measure(kind: str, source: str, stack: ZStack, own_px: NDArray[np.float64], shake_px: float, seed: int) -> Aligned:
    """Shake a stack, align it, and say how far its frames still lie from each other.

    Args:
        kind: see `Aligned`.
        source: its name.
        stack: any.
        own_px: (K, 2) how far right and down its frames have moved by themselves.
        shake_px: see `shaken`.
        seed: see `shaken`.

    Returns:
        Both distances.
    """
    moved, steps = shaken(stack, shake_px, seed)
    found = align(moved, field=find_field(moved))
    true = own_px + steps
    left = true - (found.drift_px if found.decided else 0)
    before, after = (float(np.sqrt(np.mean(np.sum((at - at.mean(axis=0)) ** 2, axis=1)))) for at in (true, left))
    return Aligned(kind, source, shake_px, before, after, found.decided)


def measure_scans(limit: int, split: str, folder: Path, shakes_px: Sequence[float]) -> Iterator[Aligned]:
    """Align simulated scans, as they drift and shaken more.

    Args:
        limit: how many specimens.
        split: of the benchmark set.
        folder: of the set; what is missing is made.
        shakes_px: see `shaken`.
    """
    for seed, recipe in enumerate(choose(split, limit)):
        for scan in open_scans(recipe, folder, SPEEDS):
            outcome = scan.notes["speeds"][str(scan.speed)]["parameters"]["outcome"]
            own_px = np.asarray(outcome["shift_px"], float)[:, ::-1]
            for shake_px in shakes_px:
                yield measure(f"speed {scan.speed}", scan.specimen, scan.stack, own_px, shake_px, seed)


def measure_stacks(folder: Path, shakes_px: Sequence[float]) -> Iterator[Aligned]:
    """Align real stacks, still and shaken. What is not left alone unshaken drifts by itself, nobody knows how far.

    Args:
        folder: see `mmlib.experiments.fusion_real.stacks_of`.
        shakes_px: see `shaken`.
    """
    for seed, (name, (stack, _)) in enumerate(sorted(stacks_of(folder).items())):
        still = np.zeros((len(stack), 2))
        if measure("real", name, stack, still, 0.0, seed).decided:
            continue
        for shake_px in shakes_px:
            yield measure("real", name, stack, still, shake_px, seed)


def table(rows: Sequence[Aligned]) -> str:
    """Sum up by kind and shake.

    Args:
        rows: of `measure`.

    Returns:
        Lines to print.
    """
    lines = [
        "Distance of frames from where they lie on each other, px, root mean square (lower is better), with its 95 % "
        "interval over stacks",
        f"{'kind':<10}{'shaken by':>10}{'as it came':>12}{'aligned':>10}  {'95 % interval':<16}moved, and left worse",
    ]
    for kind, shake_px in dict.fromkeys((row.kind, row.shake_px) for row in rows):
        some = [row for row in rows if (row.kind, row.shake_px) == (kind, shake_px)]
        after = bootstrap([row.after_px for row in some], generator=np.random.default_rng(0))
        before = float(np.mean([row.before_px for row in some]))
        moved = sum(row.decided for row in some)
        worse = sum(row.after_px > row.before_px + WORSE_PX for row in some)
        spread = f"[{after.low:.2f}, {after.high:.2f}]"
        lines.append(
            f"{kind:<10}{shake_px:>10g}{before:>12.2f}{after.estimate:>10.2f}  {spread:<16}"
            f"{moved} of {len(some)}, {worse}"
        )
    return "\n".join(lines)


def main(
    limit: Annotated[int, typer.Option(help="how many specimens of the benchmark set")] = 14,
    split: Annotated[str, typer.Option(help="test, validation or train")] = "test",
    shake: Annotated[str, typer.Option(help="pixels, separated by commas")] = "0,2,6",
    folder: Annotated[Path | None, typer.Option("--set", help="where the benchmark set lies or goes")] = None,
    stacks: Annotated[Path | None, typer.Option(help="folder of folders of pictures: real stacks to shake")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say how far frames lie from each other before and after alignment."""
    home = folder or keeping.home() / "set" / code_hash(MADE_BY)
    try:
        if split not in ("test", "validation", "train"):
            raise unknown("split", split, ("test", "validation", "train"))
        try:
            shakes_px = [float(word) for word in shake.split(",")]
        except ValueError:
            raise InputError(f"--shake names pixels, such as 0,2,6; it is {shake}") from None
        home.mkdir(parents=True, exist_ok=True)
        rows = list(measure_scans(limit, split, home, shakes_px))
        if stacks is not None:
            rows += measure_stacks(stacks, shakes_px)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps([asdict(row) for row in rows], indent=1) if as_json else table(rows))


if __name__ == "__main__":
    typer.run(main)
