"""The whole pipeline for one stack or many: a folder of results each, a report, and a zip of everything."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlib.edition import edition
from mmlib.errors import Cancelled, InputError
from mmlib.pipeline.plan import Plan
from mmlib.pipeline.report import write_report
from mmlib.pipeline.sources import depth_unit
from mmlib.pipeline.stages import Bench, go_through, lay_out
from mmlib.progress import Progress, part, silent

SUMMARY, REPORT, EVERYTHING = "summary.json", "report.html", "everything.zip"


@dataclass(frozen=True)
class Outcome:
    """What became of one stack.

    Attributes:
        source: as it was named.
        folder: where its results lie.
        state: ``"done"``, ``"kept"`` (it had been done before) or ``"failed"``.
        message: one sentence if it failed.
        summary: what was done, and numbers, if it did not.
    """

    source: str
    folder: Path
    state: str
    message: str = ""
    summary: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {"source": self.source, "folder": str(self.folder), "state": self.state, "message": self.message,
                **{name: self.summary[name] for name in ("stages", "frames") if name in self.summary}}  # fmt: skip


def run(
    sources: str | Sequence[str], folder: str | Path, *, plan: Plan | None = None, progress: Progress = silent
) -> list[Outcome]:
    """Take stacks all the way: field, focus, selection, deblurring, fusion, measures, report.

    Each stack has a folder of its own. What is there already, from equal frames and an equal plan, is kept; a stack
    that fails is reported and the others go on. Stopped half-way, the next run goes on with the stack it stopped at.

    Args:
        sources: paths, names of built-in specimens, or names in the data folder.
        folder: where the results go; made if it is not there.
        plan: the choices of every stage; the recommended ones if None.
        progress: told how far it is; may raise `Cancelled`.

    Returns:
        What became of each, in order.

    Raises:
        InputError: if the folder cannot be made, or no source is given.
    """
    named = [sources] if isinstance(sources, str) else list(sources)
    if not named:
        raise InputError("run needs at least one stack: a path or the name of a specimen")
    home, plan = Path(folder), plan or Plan()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {home}: {error.strerror}; choose another") from None
    outcomes = []
    for number, (source, place) in enumerate(zip(named, _folders(named, home), strict=True)):
        told = part(progress, number / len(named), (number + 1) / len(named))
        outcomes.append(_one(source, place, plan, told))
    return outcomes


def run_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Take one stack all the way, into a folder that is there.

    Args:
        source: see `open_frames`.
        folder: where the results go.
        progress: told how far it is; may raise `Cancelled`.
        **choices: any of `Plan`.

    Returns:
        What a page shows: stages with what they did, numbers, names of the files.

    Raises:
        InputError: if the source or a choice is wrong.
    """
    if "data" in choices and choices["data"] is not None:
        choices["data"] = str(choices["data"])
    bench = lay_out(source, Plan(**choices), folder, progress=part(progress, 0, 0.1))
    return _work(bench, progress=part(progress, 0.1, 1.0))


def _one(source: str, folder: Path, plan: Plan, progress: Progress) -> Outcome:
    try:
        bench = lay_out(source, plan, folder, progress=part(progress, 0, 0.1))
        folder.mkdir(exist_ok=True)
        key = _key(bench)
        before = _before(folder, key)
        if before is not None:
            progress(1.0, "kept")
            return Outcome(source, folder, "kept", summary=before)
        (folder / SUMMARY).unlink(missing_ok=True)
        return Outcome(source, folder, "done", summary=_work(bench, progress=part(progress, 0.1, 1.0)))
    except Cancelled:
        raise
    except InputError as error:
        return Outcome(source, folder, "failed", str(error))
    except OSError as error:
        return Outcome(source, folder, "failed", f"cannot write to {folder}: {error.strerror or error}")


def _work(bench: Bench, *, progress: Progress) -> dict[str, Any]:
    go_through(bench, progress=part(progress, 0, 0.93))
    progress(0.93, "report")
    write_report(bench, bench.folder / REPORT)
    summary = _summary(bench)
    pack(bench.folder, bench.folder / EVERYTHING)
    part_file = bench.folder / f"{SUMMARY}.part"
    part_file.write_text(json.dumps(summary, indent=1), encoding="utf-8")
    part_file.replace(bench.folder / SUMMARY)  # last of all: where it lies, everything lies
    progress(1.0, "done")
    return summary


def _summary(bench: Bench) -> dict[str, Any]:
    return {
        "key": _key(bench),
        "source": bench.name,
        "content": bench.whole.content_hash,
        "plan": bench.plan.to_dict(),
        "stages": dict(bench.said),
        "seconds": {name: round(value, 3) for name, value in bench.seconds.items()},
        "frames": bench.numbers,
        "of": len(bench.whole),
        "depth_unit": depth_unit(bench.stack),
        "method": None if bench.fused is None else bench.fused.method,
        "means": [found.to_dict() for found in bench.means],
        "measures": [found.to_dict() for found in bench.measurements],
        "single": [found.to_dict() for found in bench.single],
        "warnings": list(bench.whole.warnings),
        "files": sorted(file.name for file in bench.folder.iterdir() if file.suffix != ".part"),
    }


def _key(bench: Bench) -> str:
    about = [edition(), bench.whole.content_hash, bench.plan.to_dict()]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


def _before(folder: Path, key: str) -> dict[str, Any] | None:
    """Give the summary of an earlier run, if it is whole and of the same frames and plan."""
    try:
        summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = summary.get("key") == key and all((folder / name).is_file() for name in summary.get("files", [REPORT]))
    return summary if whole else None


def _folders(sources: Sequence[str], home: Path) -> list[Path]:
    """Give each stack a folder named after it, with a number where names are equal."""
    names: list[str] = []
    for source in sources:
        path = Path(source)
        stem = path.name if path.is_dir() else path.name.split(".")[0]
        name = wanted = re.sub(r"[^\w.-]+", "_", stem).strip("._") or "stack"
        number = 2
        while name in names:
            name, number = f"{wanted}-{number}", number + 1
        names.append(name)
    return [home / name for name in names]


def pack(folder: Path, path: Path) -> None:
    """Zip every result in a folder; pictures are packed already and only stored.

    Args:
        folder: of the results.
        path: of the zip, which does not contain itself.
    """
    making = path.with_suffix(".zip.part")
    with zipfile.ZipFile(making, "w") as zipped:
        for file in sorted(folder.iterdir()):
            if file.is_file() and file not in (path, making) and file.suffix != ".part":
                how = zipfile.ZIP_DEFLATED if file.suffix in (".csv", ".json", ".html") else zipfile.ZIP_STORED
                zipped.write(file, file.name, compress_type=how)
    shutil.move(making, path)
