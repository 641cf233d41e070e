"""What the Pipeline page says: how far each stack and the whole queue is, what each stage did, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from mmlib.pages.address import on_dashboard
from mmlib.pages.focus_words import counted_from_one
from mmlib.pages.fuse_choices import FuseChoices
from mmlib.pages.fuse_frames import frames_text
from mmlib.pages.layout import notice, progress_bar
from mmlib.pages.links import to_query
from mmlib.pages.pipeline_state import WORKING, Entry, time_words
from mmlib.pages.scores import MISSING

STAGE_TITLES = {
    "field": "Field of view",
    "focus": "Focus",
    "select": "Selection",
    "deblur": "Deblurring",
    "align": "Alignment",
    "fuse": "Fusion",
    "measure": "Measures",
}
"""What each stage is called."""
STAGE_PAGES = {"field": "explore", "focus": "focus", "select": "focus", "deblur": "deblur", "fuse": "fuse"}
"""The page on which each stage can be looked at."""


def entry_html(entry: Entry, *, stale: bool, now_s: float, title: str = "") -> str:
    """Say how far a stack of the queue is.

    Args:
        entry: of the queue.
        stale: whether its result was made with other choices.
        now_s: the monotonic clock.
        title: what the catalogue calls it, if that is not its name.

    Returns:
        HTML.
    """
    name = _name(entry.source, title)
    if entry.phase == "failed":
        return name + notice(entry.message, error=True)
    if entry.phase in WORKING:
        left = time_words(entry.seconds_left(now_s))
        bar = progress_bar(entry.share, "waiting for its turn" if entry.phase == "waiting" else entry.stage)
        return f'{name}{bar}<p class="mmp-muted">{left}</p>' if left else name + bar
    if entry.phase == "done":
        summary = entry.summary
        seconds = sum(summary["seconds"].values())
        words = f"Done: {len(summary['frames'])} of {summary['of']} frames, {seconds:.1f} s of work."
        return f"{name}<p>{words}{' Made with other choices; Run makes it anew.' if stale else ''}</p>"
    words = {"ready": "In the queue; Run begins.", "cancelled": "Cancelled; nothing was kept."}[entry.phase]
    return f'{name}<p class="mmp-muted">{words}</p>'


def batch_html(ended: int, count: int, seconds: float | None) -> str:
    """Say how far a queue of several stacks is.

    Args:
        ended: how many are done, failed or cancelled.
        count: how many were begun together.
        seconds: how long the rest takes, if that can be said.

    Returns:
        HTML; empty for one stack alone and for a queue that has ended.
    """
    if count < 2 or ended == count:
        return ""
    left = time_words(seconds)
    return f"<strong>{ended} of {count}</strong> stacks are through{', ' + left if left else ''}"


def story_html(entry: Entry, title: str = "") -> str:
    """Tell what each stage did, and what the numbers are.

    Args:
        entry: that is done.
        title: what the catalogue calls it, if that is not its name.

    Returns:
        HTML.
    """
    summary = entry.summary
    rows = "".join(
        f"<tr><th scope=row>{_stage(entry, stage)}</th><td>{escape(counted_from_one(said))}</td>"
        f"<td>{summary['seconds'].get(stage, 0):.1f} s</td></tr>"
        for stage, said in summary["stages"].items()
    )
    warnings = "".join(notice(str(warning)) for warning in summary["warnings"])
    return (
        f"{_name(entry.source, title)}{warnings}{numbers_html(summary)}"
        '<div class="mmp-words" tabindex="0" role="region" aria-label="What each stage did"><table><thead><tr>'
        f"<th scope=col>Stage</th><th scope=col>What it did</th><th scope=col>Time</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def numbers_html(summary: Mapping[str, Any]) -> str:
    """Put the numbers of the sharp picture beside those of the sharpest single frame.

    Args:
        summary: of a run.

    Returns:
        HTML; empty where nothing was measured.
    """
    measured = [one for one in summary["measures"] if one["value"] is not None]
    if not measured:
        return ""
    single = {one["name"]: one for one in summary.get("single", [])}  # older results have none
    rows = "".join(_number_row(one, single.get(one["name"])) for one in measured)
    return (
        '<div class="mmp-words mmq-numbers" tabindex="0" role="region" aria-label="Numbers of the fused picture">'
        "<table><thead><tr><th scope=col>Measure</th><th scope=col>Sharpest frame</th><th scope=col>Fused</th>"
        f"<th scope=col>Better</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _number_row(one: Mapping[str, Any], alone: Mapping[str, Any] | None) -> str:
    before = None if alone is None else alone["value"]
    better = {"higher": "higher ↑", "lower": "lower ↓"}.get(one["direction"], "")
    ahead = before is not None and better and (one["value"] > before) == (one["direction"] == "higher")
    unit = f" {escape(one['unit'])}" if one["unit"] else ""
    cell = f"<strong>{one['value']:.4g}{unit}</strong>" if ahead else f"{one['value']:.4g}{unit}"
    other = MISSING if before is None else f"{before:.4g}{unit}"
    return (
        f'<tr><th scope=row title="{escape(one["note"], quote=True)}">{escape(one["title"])}</th>'
        f"<td>{other}</td><td>{cell}</td><td>{better}</td></tr>"
    )


def _name(source: str, title: str) -> str:
    name = f' <span class="mmp-muted">{escape(source)}</span>' if title and title != source else ""
    return f"<h3>{escape(title or source)}{name}</h3>"


def _stage(entry: Entry, stage: str) -> str:
    words = escape(STAGE_TITLES.get(stage, stage))
    if not on_dashboard() or stage not in STAGE_PAGES:
        return words
    plan, summary = entry.made_with, entry.summary
    query = urlencode({"s": entry.source} | ({"v": plan["speed"]} if plan.get("speed") else {}))
    if stage == "fuse":
        chosen = FuseChoices(
            source=entry.source,
            speed=plan.get("speed"),
            method=plan["fuse"],
            frames=frames_text(summary["frames"], summary["of"]),
            align=plan["align"],
            ran=True,
        )
        query = to_query(chosen)
    return f'<a href="{STAGE_PAGES[stage]}?{escape(query)}">{words}</a>'
