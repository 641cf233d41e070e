"""The About page: what this is and is not, its trained nets, its licences, its settings and what it keeps on disk."""

from __future__ import annotations

import os
import platform
from html import escape
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import ipywidgets as widgets
import psutil

from mmlib import jobs, zoo
from mmlib.errors import InputError
from mmlib.io import Cache
from mmlib.pages.layout import classed, facts, html, notice, page, panel
from mmlib.pages.sources import data_folder
from mmlib.pages.votes import votes_file
from mmlib.version import __version__

PACKAGES = {
    "numpy": "numbers",
    "opencv-python-headless": "pictures",
    "scipy": "mathematics",
    "PyWavelets": "wavelets",
    "torch": "training nets, and running them on a GPU",
    "onnxruntime": "running nets on a processor",
    "scikit-image": "checks",
    "scikit-learn": "support vector machines",
    "piq": "measures of quality",
    "av": "videos",
    "tifffile": "TIFF",
    "dask": "jobs",
    "voila": "the dashboard",
    "anywidget": "the viewer",
    "jupyterlab": "the lessons",
}
"""What mmlib stands on, and for what."""
SETTINGS = {
    "MMLIB_DATA": "folder of your own stacks",
    "MMLIB_CACHE": "folder of decoded stacks and of what training keeps",
    "MMLIB_CACHE_BYTES": "how large the decoded stacks may grow",
    "MMLIB_RESULTS": "folder of results",
    "MMLIB_RESULTS_BYTES": "how large the results may grow",
    "MMLIB_WEIGHTS": "folder of trained nets",
    "MMLIB_VOTES": "file for the votes of the blind test, or a folder for it",
    "MMLIB_TABLES": "folder of what making the tables keeps",
    "MMLIB_SCHEDULER": "address of a Dask cluster that does the work",
}


def show() -> widgets.Widget:
    """Build the page.

    Returns:
        The page, ready to be the last line of a cell.
    """
    parts = [
        panel("What it is", html(purpose_html())),
        panel("Trained nets", html(nets_html())),
        panel("Where things lie", html(storage_html())),
        panel("Settings", html(settings_html())),
        panel("Versions and licences", html(versions_html())),
    ]
    return classed(page(*parts), "mma-page")


def purpose_html() -> str:
    """Say what mmlib is and what it is not: HTML."""
    return (
        f"<p>mmlib {escape(__version__)} tells which parts of a scan through focus are sharp, restores what a fast "
        "scan smeared, and fuses the scan into one sharp picture with its depth map. It runs on this computer alone: "
        "nothing is sent anywhere.</p>"
        "<p><strong>It is not a medical device.</strong> Do not diagnose with it. A trained net can be wrong: it can "
        "leave out what is there and, where it is allowed to restore, draw what is not. Each result keeps the name of "
        "its method and its choices inside the file, so that anyone can make it again.</p>"
        "<p>Free software under the BSD 3-clause licence, the trained nets and the built-in specimens included.</p>"
    )


def nets_html() -> str:
    """Show the card of every trained net: HTML."""
    try:
        cards = list(zoo.cards().values())
    except InputError as error:
        return notice(str(error), error=True)
    if not cards:
        return notice(f"there are no trained nets in {zoo.weights_folder()}")
    return "".join(_card_html(card) for card in cards)


def _card_html(card: zoo.Card) -> str:
    scores = "".join(
        f"<tr><th scope=row>{escape(score.name)}</th><td>{score.value:.3f}<span>{score.low:.3f} to {score.high:.3f}"
        f"</span></td><td>{escape(score.direction())}</td></tr>"
        for score in card.scores
    )
    scored = sorted({score.command for score in card.scores})
    pairs = {
        "Learned from": card.trained_on,
        "Training": f"{card.command}; {card.seconds:.0f} s on {card.device}, {card.date}",
        "Scored by": "; ".join(scored),
        "Licence": card.licence,
        "File": f"{card.file}, {card.bytes / 1e6:.2f} MB, sha256 {card.sha256[:16]}…",
    }
    table = f'<div class="mmp-words" tabindex="0"><table><tbody>{scores}</tbody></table></div>' if scores else ""
    return (
        f"<details><summary><strong>{escape(card.title)}</strong> <code>{escape(card.name)}</code></summary>"
        f"<p>{escape(card.task)}</p>{table}{facts(pairs)}</details>"
    )


def storage_html() -> str:
    """Say which folders mmlib uses and how full they are: HTML."""
    cache = Cache()
    places = {
        "Your stacks": data_folder(),
        "Decoded stacks": cache.folder,
        "Results": jobs.results_root(),
        "Trained nets": zoo.weights_folder(),
        "Votes": votes_file(),
    }
    rows = {name: f"{path} ({_size_words(path)})" for name, path in places.items()}
    rows["Memory"] = memory_words()
    rows["Limits"] = f"decoded stacks {_bytes_words(cache.max_bytes)}; what was used longest ago goes first"
    return facts(rows)


def memory_words() -> str:
    """Say how much memory this page's Python takes and how much the computer has free."""
    mine, whole = psutil.Process().memory_info().rss, psutil.virtual_memory()
    return (
        f"this page's Python takes {_bytes_words(mine)}; {_bytes_words(whole.available)} of "
        f"{_bytes_words(whole.total)} are free"
    )


def settings_html() -> str:
    """List the settings and their values: HTML."""
    rows = {
        f"{name}": f"{words}: {value}" if (value := os.environ.get(name)) else f"{words} (not set)"
        for name, words in SETTINGS.items()
    }
    return "<p>Settings are environment variables; set one before <code>mmlib serve</code> starts.</p>" + facts(rows)


def versions_html() -> str:
    """List what mmlib stands on, with versions and licences: HTML."""
    rows = []
    for package, words in PACKAGES.items():
        try:
            about = metadata(package)
        except PackageNotFoundError:
            rows.append(f"<tr><th scope=row>{escape(package)}</th><td>not installed</td><td></td><td>{words}</td></tr>")
            continue
        said = [about[name] if name in about else None for name in ("License-Expression", "License")]  # noqa: SIM401
        licence = licence_of(said[0], said[1], about.get_all("Classifier"))
        rows.append(
            f"<tr><th scope=row>{escape(package)}</th><td>{escape(about['Version'])}</td><td>{escape(licence)}</td>"
            f"<td>{escape(words)}</td></tr>"
        )
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return (
        f'<p>{escape(python)}</p><div class="mmp-words" tabindex="0" role="region" aria-label="Versions and licences">'
        "<table><thead><tr><th scope=col>Package</th><th scope=col>Version</th><th scope=col>Licence</th>"
        f"<th scope=col>For</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def licence_of(expression: str | None, text: str | None, classifiers: list[str] | None) -> str:
    """Find the short name of a package's licence in what it says of itself.

    Args:
        expression: its SPDX expression, if it gives one.
        text: its licence field, which may hold the whole text.
        classifiers: its trove classifiers.

    Returns:
        The name; "see the package" where it gives none.
    """
    if expression:
        return expression
    named = [one.rsplit(" :: ", 1)[-1] for one in classifiers or [] if one.startswith("License ::")]
    if named:
        return ", ".join(named)
    short = (text or "").strip().splitlines()
    return short[0][:60] if short else "see the package"


def _size_words(path: Path) -> str:
    if not path.exists():
        return "not there yet"
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    total = 0
    for file in files:
        try:
            total += file.stat().st_size
        except OSError:  # gone meanwhile
            continue
    return _bytes_words(total)


def _bytes_words(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
