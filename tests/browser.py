"""A real browser and a real Voilà for tests: fixtures that test files import.

Uses an installed Chromium or Chrome, else the one Playwright brings. Where there is none, tests skip with one line, or
fail if MMLIB_REQUIRE_BROWSER=1.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("/usr/bin/chromium", "chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_S = 60
PATIENCE_MS = 60_000
"""How long a click or a wait may take on a busy machine before it counts as failed."""


def installed_browser() -> str | None:
    """Give the path of an installed Chromium or Chrome; None leaves the choice to Playwright."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def _give_up(reason: str) -> None:
    if os.environ.get("MMLIB_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start the browser once for the tests of a file."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        _give_up("browser tests need the package playwright: pip install playwright")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=installed_browser(), args=list(FLAGS), timeout=30_000)
        except Error as error:
            _give_up(f"no browser starts (install chromium, or run: playwright install chromium): {str(error)[:200]}")
        yield browser
        browser.close()


class Tab:
    """One user's page, and every complaint that its console had."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda told: self._complain(told.text, told) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _complain(self, text: str, told: Any) -> None:
        self.complaints.append(f"{text} ({told.location.get('url', '')})")


@pytest.fixture
def open_tab(chromium: Any) -> Iterator[Callable[..., Tab]]:
    """Give a function that opens an address as a new user: a browser context of its own."""
    contexts = []

    def opened(url: str, *, width: int = 1366, height: int = 768, **options: Any) -> Tab:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.goto(url, wait_until="load", timeout=60_000)
        return tab

    yield opened
    for context in contexts:
        for page in context.pages:
            with page.expect_event("close", timeout=10_000):  # only then has it sent its goodbye
                page.close(run_before_unload=True)
        context.close()


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@contextlib.contextmanager
def serving(command: list[str], url: str, log: Path, **environment: str) -> Iterator[str]:
    """Run a web server until the block ends.

    Args:
        command: what to run.
        url: where it answers once it is ready.
        log: the file for what it says.
        **environment: variables to set for it.
    """
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environment}, start_new_session=True
        )
    try:
        end = time.monotonic() + START_S
        while True:
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):
                break
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells."""
    code = [
        {"cell_type": "code", "id": f"c{i}", "execution_count": None, "metadata": {}, "outputs": [], "source": cell}
        for i, cell in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(
        json.dumps({"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}),
        encoding="utf-8",
    )
    return path


@contextlib.contextmanager
def voila(folder: Path) -> Iterator[str]:
    """Serve a folder of notebooks with plain Voilà; gives the address under which ``name.ipynb`` is a page."""
    port = free_port()
    command = [
        sys.executable, "-m", "voila", str(folder), f"--port={port}", "--no-browser", "--ip=127.0.0.1",
        "--Voila.tornado_settings={'disable_check_xsrf': True}",
    ]  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    with serving(command, f"{base}/voila/static/voila.js", folder / "voila.log"):
        yield f"{base}/voila/render"
