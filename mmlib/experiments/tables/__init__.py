"""The paper's tables on our benchmark set: ``mmlib table 1``; ours beside the paper's printed numbers."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlib import zoo
from mmlib.edition import code_hash
from mmlib.errors import InputError
from mmlib.experiments.tables.table import Table, from_dict
from mmlib.progress import Progress, part, silent
from mmlib.version import __version__

__all__ = ["NUMBERS", "RESULTS", "Table", "make_table", "read_table", "write_table"]

NUMBERS = (1, 2, 3)

MADE_BY = ("simulation", "optics.py", "experiments/recipes.py", "experiments/tables/scans.py")
"""The code that the benchmark set hangs on: another version, another set."""

RESULTS = Path(__file__).resolve().parents[1] / "results"
"""The tables as they were last made and committed."""


def make_table(
    number: int,
    *,
    folder: Path | None = None,
    limit: int | None = None,
    real: Path | None = None,
    cnniqa: Path | None = None,
    processes: int = 2,
    recipes: Sequence[Any] | None = None,
    progress: Progress = silent,
) -> Table:
    """Make one of the paper's tables on the benchmark set; what was scored before is not scored again.

    Args:
        number: 1 focus, 2 deblurring, 3 fusion.
        folder: of the benchmark set; specimens that are not there are made; None takes the user's cache.
        limit: how many test specimens; None takes all of the test split.
        real: folder of real stacks for the last column, see `mmlib.experiments.tables.real`.
        cnniqa: the weights of CNNIQA for Table 3; None takes ours.
        processes: how many specimens are worked on at once.
        recipes: other specimens than those of the benchmark set.
        progress: told how far it is; what it raises stops the work, and what is done stays done.

    Returns:
        The table.

    Raises:
        InputError: if there is no such table, or a folder cannot be used.
    """
    from mmlib.experiments.tables import deblur_table, focus_table, fusion_table, keeping
    from mmlib.experiments.tables.real import real_cases
    from mmlib.experiments.tables.scans import choose
    from mmlib.experiments.tables.working import Task, score_all

    if number not in NUMBERS:
        raise InputError(f"there are tables 1, 2 and 3; {number} was asked for")
    if cnniqa is not None and not cnniqa.is_file():
        raise InputError(f"there is no file {cnniqa}; give the weights of CNNIQA, or leave them out")
    if cnniqa is None:
        with contextlib.suppress(InputError):  # the row says that they are missing
            cnniqa = zoo.weights_path("cnniqa")
    cases = real_cases(real)
    chosen = list(recipes) if recipes is not None else choose("test", limit)
    if recipes is None and number == 1:
        chosen = [*choose("train", limit), *chosen]
    home = keeping.home() / "set" / code_hash(MADE_BY) if folder is None else folder
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {home}: {error.strerror}; name another with --set") from None
    tasks = [Task(number, recipe, home, cnniqa=cnniqa) for recipe in chosen]
    scored = score_all(tasks, processes=processes, progress=part(progress, 0, 0.97))
    test = [scan for scan in scored if scan["split"] != "train"]
    words = [
        "mmlib",
        "table",
        str(number),
        *(["--limit", str(limit)] if limit else []),
        *(["--real", "FOLDER"] if real else []),
    ]
    made = {
        "command": " ".join(words),
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "specimens": len({scan["specimen"] for scan in test}),
        "scans": len(test),
        "content": hashlib.sha256("".join(sorted({scan["content"] for scan in test})).encode()).hexdigest()[:16],
    }
    progress(0.97, "summing up")
    if number == 1:
        table = focus_table.focus_table(scored, cases, made)
    elif number == 2:
        table = deblur_table.deblur_table(test, cases, made)
    else:
        table = fusion_table.fusion_table(test, cases, made, cnniqa=cnniqa)
    progress(1.0, "done")
    return table


def write_table(table: Table, folder: Path) -> list[Path]:
    """Write a table as text, Markdown, CSV, JSON, PNG and SVG.

    Args:
        table: what to write.
        folder: made if it is not there.

    Returns:
        The files.

    Raises:
        InputError: if they cannot be written.
    """
    from mmlib.experiments.tables.drawing import draw

    name = f"table{table.number}"
    texts = {
        "txt": table.to_text(),
        "md": table.to_markdown(),
        "csv": table.to_csv(),
        "json": json.dumps(table.to_dict(), indent=1, ensure_ascii=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for ending, words in texts.items():
            (folder / f"{name}.{ending}").write_text(words, encoding="utf-8")
        pictures = [folder / f"{name}.png", folder / f"{name}.svg"]
        draw(table, pictures)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}; choose another folder") from None
    return [*(folder / f"{name}.{ending}" for ending in texts), *pictures]


def read_table(number: int, folder: Path | None = None) -> Table | None:
    """Read a table as it was last made.

    Args:
        number: 1, 2 or 3.
        folder: where it was written; None takes the one that came with mmlib.

    Returns:
        The table, or None where there is none.
    """
    try:
        kept = json.loads(((folder or RESULTS) / f"table{number}.json").read_text(encoding="utf-8"))
        return from_dict(kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None
