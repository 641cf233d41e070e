"""What the operating system refused, in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from mmlib.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a disk without room says."""


@contextmanager
def reading(source: object) -> Iterator[None]:
    """Turn what goes wrong while a file is read into one sentence.

    Args:
        source: the file, as the user knows it.

    Yields:
        Nothing.

    Raises:
        InputError: instead of an `OSError`.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{source} does not exist; check the name") from None
    except PermissionError:
        raise InputError(f"{source} may not be read by this user; change its permissions or copy it") from None
    except OSError as error:
        raise InputError(f"{source} could not be read ({error.strerror or error}); check the disk") from None


@contextmanager
def writing(target: object) -> Iterator[None]:
    """Turn what goes wrong while a file is written into one sentence.

    Args:
        target: the file, as the user knows it.

    Yields:
        Nothing.

    Raises:
        InputError: instead of an `OSError`.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{target} cannot be written, its folder does not exist; make it first") from None
    except IsADirectoryError:
        raise InputError(f"{target} is a folder; name a file") from None
    except PermissionError:
        raise InputError(f"{target} may not be written by this user; choose another folder") from None
    except OSError as error:
        if error.errno in FULL or (error.errno is None and "written" in str(error)):  # NumPy says no number
            raise InputError(f"no room on the disk for {target}; nothing was written, free some space") from None
        if error.errno == errno.EROFS:
            raise InputError(f"{target} lies on a disk that is read-only; choose another folder") from None
        raise InputError(f"{target} could not be written ({error.strerror or error}); check the disk") from None
