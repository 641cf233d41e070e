"""Find what runs below a process, while processes begin and end."""

import contextlib

import psutil


def below(process: psutil.Process, word: str = "") -> list[psutil.Process]:
    """List the processes below one, at any depth, whose command has a word; one that has just ended has none."""
    found = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie too
            if word in " ".join(child.cmdline()):
                found.append(child)
    return found
