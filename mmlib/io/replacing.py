"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mmlib.io.reasons import writing
from mmlib.io.targets import check_free


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its place and move it there once it is whole; an older file stays until then.

    Args:
        path: where it is to be.

    Yields:
        The file to write, which can seek.

    Raises:
        InputError: if it cannot be written; then nothing is left of it.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError
        file = beside.open("xb")
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Fill a folder beside its place and move it there once it is whole.

    Args:
        path: where it is to be: nothing, or an empty folder, may be there.

    Yields:
        The folder to fill.

    Raises:
        InputError: if something is there, or it cannot be written; then nothing is left of it.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with writing(path):
        check_free(path)
        beside.mkdir()
        try:
            yield beside
            beside.rename(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
