"""What can go wrong because of what a user gave, and how a run is stopped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user can mend: the message is one sentence saying what was expected, what came and what to do."""


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Raised by a progress callback, and let through by every room, to stop a long run."""


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """Say that a name is not known, which names are, and which was probably meant.

    Args:
        kind: what is named, such as ``"method"``.
        name: what came.
        known: every name that would have been right.

    Returns:
        The error, ready to raise.
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return InputError(f"unknown {kind} {str(name)!r}; known: {', '.join(names)}{hint}")
