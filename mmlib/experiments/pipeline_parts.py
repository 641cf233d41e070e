"""The whole pipeline against fusing alone, and without one stage after another.

python -m mmlib.experiments.pipeline_parts [--limit 8] [--split test] [--speeds 1,4] [--json]
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from mmlib import io
from mmlib.edition import code_hash
from mmlib.errors import InputError, unknown
from mmlib.experiments.recipes import SPEEDS, Recipe
from mmlib.experiments.tables import MADE_BY, keeping
from mmlib.experiments.tables.laying import MOST_DB, laid_on
from mmlib.experiments.tables.scans import Scan, choose, open_scans
from mmlib.fusing import fuse
from mmlib.metrics.intervals import bootstrap
from mmlib.metrics.reference import psnr
from mmlib.pictures import Picture, as_picture
from mmlib.pipeline import Plan, run
from mmlib.progress import Progress, report, silent

ALONE, WHOLE = "fusing alone", "pipeline"
WAYS: dict[str, dict[str, Any]] = {
    WHOLE: {},
    "without field": {"field": "off"},
    "without alignment": {"align": "off"},
    "without selection": {"select": "off"},
    "without deblurring": {"deblur": "off"},
}
"""The pipeline as it is, and with one stage switched off."""


@dataclass(frozen=True)
class Measured:
    """How near one way came to what a still camera records where each place is in focus.

    Attributes:
        specimen: its name in the benchmark set.
        speed: of the scan, 1 (slow) to 4 (fast).
        way: `ALONE`, or one of `WAYS`.
        psnr: in the field, dB, after the shift that fits best.
    """

    specimen: str
    speed: int
    way: str
    psnr: float


def measure_scan(scan: Scan, ways: Sequence[str] = tuple(WAYS)) -> list[Measured]:
    """Fuse a scan alone and by the pipeline.

    Args:
        scan: of the benchmark set.
        ways: of `WAYS`.

    Returns:
        A row for `ALONE`, and one for each way.

    Raises:
        InputError: if a way is not known, or the pipeline cannot do it.
    """
    rows = [Measured(scan.specimen, scan.speed, ALONE, _against(scan, fuse(scan.stack).picture))]
    for way in ways:
        if way not in WAYS:
            raise unknown("way", way, WAYS)
        with tempfile.TemporaryDirectory(prefix="mmlib-") as place:
            plan = Plan(speed=scan.speed, measure="off", **WAYS[way])
            [outcome] = run(str(scan.folder), place, plan=plan)
            if outcome.state == "failed":
                raise InputError(f"{scan.specimen}: {outcome.message}")
            picture = as_picture(io.read_picture(outcome.folder / "fused.tif"))
        rows.append(Measured(scan.specimen, scan.speed, way, _against(scan, picture)))
    return rows


def measure_parts(
    recipes: Sequence[Recipe],
    folder: Path,
    speeds: Sequence[int] = (1, 4),
    ways: Sequence[str] = tuple(WAYS),
    *,
    progress: Progress = silent,
) -> list[Measured]:
    """Measure every way on every scan.

    Args:
        recipes: of the specimens.
        folder: of the benchmark set; what is missing is made.
        speeds: of the scans.
        ways: of `WAYS`.
        progress: told how far it is.

    Returns:
        A row for each specimen, speed and way.
    """
    rows = []
    for recipe in report(recipes, len(recipes), "specimens", progress):
        for scan in open_scans(recipe, folder, tuple(speeds)):
            rows += measure_scan(scan, ways)
    return rows


def summary(rows: Sequence[Measured]) -> list[dict[str, Any]]:
    """Sum up each way by speed and over all speeds, and what it gains over fusing alone.

    Args:
        rows: see `measure_parts`.

    Returns:
        Rows of ``speed`` (None over all), ``way``, ``specimens``, ``psnr`` (mean, dB), ``gain`` (dB over fusing alone,
        paired) and its 95 % interval over specimens, ``low`` and ``high``, and ``worse`` (scans that lost).
    """
    speeds = sorted({row.speed for row in rows})
    told = []
    for speed in [*speeds, *([None] if len(speeds) > 1 else [])]:
        some = [row for row in rows if speed in (None, row.speed)]
        alone = {(row.specimen, row.speed): row.psnr for row in some if row.way == ALONE}
        for way in dict.fromkeys(row.way for row in some):
            found = {(row.specimen, row.speed): row.psnr for row in some if row.way == way}
            gains = {key: found[key] - alone[key] for key in found}
            names = sorted({name for name, _ in gains})
            each = [float(np.mean([gain for key, gain in gains.items() if key[0] == name])) for name in names]
            interval = bootstrap(each, generator=np.random.default_rng(0))
            told.append({
                "speed": speed, "way": way, "specimens": len(names), "psnr": float(np.mean(list(found.values()))),
                "gain": interval.estimate, "low": interval.low, "high": interval.high,
                "worse": sum(gain < -0.005 for gain in gains.values()), "scans": len(gains),
            })  # fmt: skip
    return told


def table(rows: Sequence[Measured]) -> str:
    """Give the summary as lines to print."""
    lines = [
        "PSNR in the field against a still camera in focus, dB (higher is better); gain over fusing alone, dB, with "
        "its 95 % interval over specimens",
        f"{'speed':<7}{'way':<22}{'PSNR':>7}  {'gain':<26}scans that lost",
    ]
    for row in summary(rows):
        speed = "all" if row["speed"] is None else str(row["speed"])
        gain = "" if row["way"] == ALONE else f"{row['gain']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
        lost = "" if row["way"] == ALONE else f"{row['worse']} of {row['scans']}"
        lines.append(f"{speed:<7}{row['way']:<22}{row['psnr']:>7.2f}  {gain:<26}{lost}".rstrip())
    return "\n".join(lines)


def _against(scan: Scan, picture: Picture) -> float:
    moved, seen, inside, _ = laid_on(picture, scan.in_focus, scan.field)
    return min(psnr(moved, seen, field=inside), MOST_DB)


def main(
    limit: Annotated[int, typer.Option(help="how many specimens")] = 8,
    split: Annotated[str, typer.Option(help="test, validation or train")] = "test",
    speeds: Annotated[str, typer.Option(help="of the scans, separated by commas")] = "1,4",
    ways: Annotated[str, typer.Option(help="separated by commas; empty means all")] = "",
    folder: Annotated[Path | None, typer.Option("--set", help="where the benchmark set lies or goes")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Hold the pipeline's picture against that of fusing alone, and find what each stage adds."""
    names = [name.strip() for name in ways.split(",") if name.strip()] or list(WAYS)
    home = folder or keeping.home() / "set" / code_hash(MADE_BY)
    try:
        for name in names:
            if name not in WAYS:
                raise unknown("way", name, WAYS)
        if split not in ("test", "validation", "train"):
            raise unknown("split", split, ("test", "validation", "train"))
        wanted = [int(word) for word in speeds.split(",") if word.strip() in {str(speed) for speed in SPEEDS}]
        if not wanted:
            raise InputError(f"--speeds names speeds from 1 to 4, such as 1,4; it is {speeds}")
        home.mkdir(parents=True, exist_ok=True)
        rows = measure_parts(choose(split, limit), home, wanted, names)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"summary": summary(rows), "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        typer.echo(table(rows))


if __name__ == "__main__":
    typer.run(main)
