"""Where results may go: asked before the work begins, so that no long run ends in front of a closed door."""

from __future__ import annotations

import os
from pathlib import Path

from mmlib import io
from mmlib.errors import InputError
from mmlib.stacks import ZStack


def check_targets(
    stack: ZStack,
    *,
    picture: Path | None = None,
    depth: Path | None = None,
    table: Path | None = None,
    frames: Path | None = None,
) -> None:
    """Raise unless results can be written where they are wanted, and nothing of the stack is lost by it.

    Args:
        stack: what they are made from.
        picture: where a picture is to go.
        depth: where a map is to go.
        table: where a CSV is to go.
        frames: where a stack is to go.

    Raises:
        InputError: if an ending is wrong, a folder is missing or closed, two results are to go to one file, or a
            result would replace the stack or lie among its frames.
    """
    wanted = {"picture": picture, "map": depth, "table": table, "stack": frames}
    targets = {kind: path for kind, path in wanted.items() if path is not None}
    for kind, path in targets.items():
        io.check_target(path, kind)
        _check_apart(path, stack)
    if len({path.resolve() for path in targets.values()}) < len(targets):
        raise InputError(f"{' and '.join(targets)} are to go to one file, {path}; name two files")


def _check_apart(path: Path, stack: ZStack) -> None:
    """Raise if a result would replace the stack, or be taken for one of its frames the next time."""
    source = Path(stack.source)
    if not source.exists():  # a built-in specimen
        return
    if path.exists() and path.samefile(source) and not path.is_dir():
        raise InputError(f"{path} is the source itself, which would be lost; name another file")
    if io.in_picture_files(stack) and path.parent.samefile(source) and io.looks_like_picture(path.name):
        raise InputError(
            f"{path} lies among the frames of the stack and would be taken for one of them; "
            f"name a file outside of {os.fspath(source)}"
        )
