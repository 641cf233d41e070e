"""Make the benchmark set or the demo: ``python -m mmlib.experiments.benchmark_set FOLDER``, or with ``--demo``."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer

from mmlib.errors import InputError
from mmlib.experiments.recipes import SPEEDS, Recipe, benchmark, demo
from mmlib.simulation import Simulated
from mmlib.simulation.families import FAMILIES
from mmlib.specimens.catalogue import DEMO, NOTES
from mmlib.specimens.writing import write_simulated

MANIFEST = "manifest.json"


def content_hash(scans: list[Simulated]) -> str:
    """Hash what scans show: frames, truth, depth, heights.

    Args:
        scans: of one specimen.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for scan in scans:
        digest.update(json.dumps(scan.stack.z_um).encode())
        for frame in scan.stack:
            digest.update(np.ascontiguousarray(frame).data)
        digest.update(np.ascontiguousarray(scan.truth).data)
        digest.update(np.ascontiguousarray(scan.depth_um).data)
    return digest.hexdigest()[:32]


def make_one(recipe: Recipe, folder: Path) -> dict[str, object]:
    """Make a specimen at every speed and write it; a folder that is whole appears at once or not at all.

    Args:
        recipe: how.
        folder: of the set.

    Returns:
        Its row of the manifest: name, split, content hash, seconds, bytes.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    started = time.perf_counter()
    scans = [recipe.make(speed) for speed in SPEEDS]
    hashed = content_hash(scans)
    home = folder / recipe.name
    making = folder / f".{recipe.name}.making"
    shutil.rmtree(making, ignore_errors=True)
    about = {
        "title": recipe.title,
        "description": FAMILIES[recipe.family].sentence,
        "family": recipe.family,
        "split": recipe.split,
        "order": recipe.order,
        "content": hashed,
    }
    if recipe.split == "demo":  # heights in sixteenths of a depth of field: a third of the bytes
        step = np.float32(scans[0].depth_of_field_um / 16)
        for scan in scans:
            np.multiply(np.round(scan.depth_um / step), step, out=scan.depth_um)
    quality = 23 if recipe.split == "demo" else 16
    write_simulated(scans, making, kind="mp4", about=about, extras=False, quality=quality)
    row = {
        "name": recipe.name,
        "split": recipe.split,
        "content": hashed,
        "planes": [len(scan.stack) for scan in scans],
        "seconds": round(time.perf_counter() - started, 2),
        "bytes": sum(file.stat().st_size for file in making.iterdir()),
    }
    shutil.rmtree(home, ignore_errors=True)
    making.rename(home)
    return row


def make_set(
    recipes: list[Recipe], folder: Path, *, processes: int = 2, budget_s: float | None = None, say: bool = False
) -> list[dict[str, object]]:
    """Make every specimen that is not there yet, with a manifest of their hashes.

    Args:
        recipes: what to make.
        folder: where to.
        processes: how many work at once.
        budget_s: begin no more specimens after this many seconds; None goes on to the end.
        say: print a line for each.

    Returns:
        The manifest's rows, in the order of the recipes, of those that are there.

    Raises:
        InputError: if the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}; choose another") from None
    manifest = folder / MANIFEST
    rows: dict[str, dict[str, object]] = {}
    if manifest.is_file():
        rows = {row["name"]: row for row in json.loads(manifest.read_text())}
    waiting = [recipe for recipe in recipes if recipe.name not in rows or not (folder / recipe.name / NOTES).is_file()]
    started = time.perf_counter()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, processes), mp_context=context) as pool:
        running: set[Future[dict[str, object]]] = set()
        while waiting or running:
            late = budget_s is not None and time.perf_counter() - started > budget_s
            while waiting and len(running) < max(1, processes) and not late:
                running.add(pool.submit(make_one, waiting.pop(0), folder))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                row = future.result()
                rows[str(row["name"])] = row
                _write(manifest, [rows[name] for name in sorted(rows)])
                if say:
                    typer.echo(f"{row['name']}: {row['planes']} frames, {row['seconds']} s, {row['content']}")
    return [rows[recipe.name] for recipe in recipes if recipe.name in rows]


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    """Replace the manifest by a whole new one."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(rows, indent=1) + "\n")
    part.replace(path)


def main(
    folder: Annotated[Path | None, typer.Argument(help="where the set goes")] = None,
    demo_only: Annotated[bool, typer.Option("--demo", help="make the specimens that ship, in their place")] = False,
    only: Annotated[str, typer.Option(help="names or families, separated by commas")] = "",
    every: Annotated[int, typer.Option(help="make every n-th specimen only")] = 1,
    size: Annotated[int, typer.Option(help="edge of a frame, pixels")] = 256,
    processes: Annotated[int, typer.Option(help="how many work at once")] = 2,
    budget_s: Annotated[float | None, typer.Option(help="begin nothing after this many seconds")] = None,
) -> None:
    """Make 150 specimens at four speeds from seeds, with truth and a manifest of hashes; goes on where it stopped."""
    recipes = demo() if demo_only else benchmark(size, size)
    wanted = {name.strip() for name in only.split(",") if name.strip()}
    if wanted:
        recipes = [recipe for recipe in recipes if {recipe.name, recipe.family} & wanted]
    recipes = recipes[:: max(every, 1)]
    home = folder or (DEMO if demo_only else Path("benchmark_set"))
    started = time.perf_counter()
    try:
        rows = make_set(recipes, home, processes=processes, budget_s=budget_s, say=True)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    everything = hashlib.sha256("".join(str(row["content"]) for row in rows).encode()).hexdigest()[:32]
    size_mb = sum(int(str(row["bytes"])) for row in rows) / 1e6
    typer.echo(
        f"{len(rows)} of {len(recipes)} specimens, {size_mb:.1f} MB, "
        f"{time.perf_counter() - started:.0f} s; hash of all: {everything}"
    )


if __name__ == "__main__":
    typer.run(main)
