"""The preferences of a blind test as a chart and in words."""

from __future__ import annotations

from html import escape

from mmlib.pages.blind_test_ballot import Outcome

WIDTH, LINE, LEFT, TOP = 560, 34, 110, 12


def preference_svg(found: Outcome) -> str:
    """Draw how much each method is preferred, with 95 % intervals; the best on top.

    Args:
        found: of `mmlib.pages.blind_test_ballot.outcome`.

    Returns:
        SVG, or a sentence where there are no votes.
    """
    if not found.votes:
        return '<p class="mmp-muted">Nobody has voted yet.</p>'
    ends = [end for one in found.preferences for end in (one.score.low, one.score.high)]
    low, high = min(*ends, -0.5), max(*ends, 0.5)
    height = TOP + LINE * len(found.preferences) + 26

    def x(score: float) -> float:
        return LEFT + (score - low) / (high - low) * (WIDTH - LEFT - 16)

    marks = []
    for i, one in enumerate(found.preferences):
        y = TOP + LINE * (i + 0.5)
        marks.append(
            f'<text x="{LEFT - 12}" y="{y + 5:.1f}" text-anchor="end">{escape(one.name)}</text>'
            f'<line class="mmb-range" x1="{x(one.score.low):.1f}" x2="{x(one.score.high):.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/>'
            f'<circle cx="{x(one.score.estimate):.1f}" cy="{y:.1f}" r="6"/>'
        )
    bottom = TOP + LINE * len(found.preferences)
    words = "; ".join(
        f"{one.name} {one.score.estimate:+.2f} ({one.score.low:+.2f} to {one.score.high:+.2f})"
        for one in found.preferences
    )
    return (
        f'<svg class="mmb-chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Preference, best first: '
        f'{escape(words)}"><line class="mmb-middle" x1="{x(0):.1f}" y1="{TOP}" x2="{x(0):.1f}" y2="{bottom}"/>'
        f'{"".join(marks)}<text class="mmb-axis" x="{LEFT}" y="{height - 8}">less preferred</text>'
        f'<text class="mmb-axis" x="{WIDTH - 16}" y="{height - 8}" text-anchor="end">more preferred</text></svg>'
    )


def outcome_words(found: Outcome) -> str:
    """Say how many voted and how consistent they were.

    Args:
        found: of `mmlib.pages.blind_test_ballot.outcome`.

    Returns:
        HTML.
    """
    who = f"{found.voters} voter{'' if found.voters == 1 else 's'}"
    words = f"{found.votes} votes by {who}; repeated pairs are left out of the scores."
    if found.consistency is not None:
        sure = found.consistency
        words += (
            f" Repeated pairs answered alike: {found.same} of {found.repeated} "
            f"({sure.estimate:.0%}, 95 % interval {sure.low:.0%} to {sure.high:.0%})."
        )
    note = (
        "Bradley-Terry scores with 95 % intervals, which take votes for independent of each other: a difference of 1.1 "
        "means that the better one wins three votes in four. With few votes the intervals are wide: read them first."
    )
    return f'<p>{escape(words)}</p><p class="mmp-muted">{note}</p>'


def own_words(found: Outcome) -> str:
    """Tell a voter what was preferred, now that the methods may be named.

    Args:
        found: of the voter's own votes.

    Returns:
        HTML.
    """
    ranked = sorted((one for one in found.preferences if one.votes), key=lambda one: (-one.wins / one.votes, one.name))
    rows = "".join(
        f"<tr><th scope=row>{escape(one.name)}</th><td>{one.wins:g} of {one.votes:g}</td></tr>" for one in ranked
    )
    again = (
        f"<p>You saw {found.repeated} pairs twice, with the sides changed, and answered {found.same} of them alike.</p>"
        if found.repeated
        else ""
    )
    return (
        f'<table class="mmb-table"><thead><tr><th scope=col>Method</th><th scope=col>You preferred it</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{again}"
    )
