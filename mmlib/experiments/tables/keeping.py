"""Where tables keep what they worked out: one small file a piece of work, named by what it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import platformdirs

from mmlib.edition import code_hash
from mmlib.io.replacing import replacing


def home() -> Path:
    """Say where tables keep their work: MMLIB_TABLES, else a folder in the user's cache."""
    return Path(os.environ.get("MMLIB_TABLES") or Path(platformdirs.user_cache_dir("mmlib")) / "tables")


def key_of(rooms: tuple[str, ...], *made_from: Any) -> str:
    """Name a piece of work by what it is made from, the code included.

    Args:
        rooms: whose code it depends on, see `mmlib.edition.code_hash`.
        *made_from: anything that JSON can hold.

    Returns:
        32 hexadecimal digits.
    """
    words = json.dumps([code_hash(rooms), *made_from], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def find(key: str) -> Any:
    """Read what was kept.

    Args:
        key: from `key_of`.

    Returns:
        What was kept, or None where there is nothing, or nothing whole.
    """
    try:
        return json.loads(_file(key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep(key: str, answer: Any) -> Any:
    """Keep an answer; a file that is read is whole.

    Args:
        key: from `key_of`.
        answer: anything that JSON can hold.

    Returns:
        The answer.
    """
    path = _file(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(json.dumps(answer).encode())
    return answer


def _file(key: str) -> Path:
    return home() / "scores" / key[:2] / f"{key}.json"
