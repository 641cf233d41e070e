"""The survey as voters meet it: two browsers at once, keys, reloads, and a server that is killed in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import START_S, Tab, chromium, free_port, open_tab  # noqa: F401

from mmlib.pages.votes import VoteStore

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).resolve().parents[1] / "artefacts"


class Server:
    """A dashboard that can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        names = {"VOTES": "votes.sqlite", "CACHE": "cache", "RESULTS": "results", "DATA": "data"}
        self.settings = {f"MMLIB_{name}": str(folder / place) for name, place in names.items()}
        (folder / "data").mkdir()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def store(self) -> VoteStore:
        return VoteStore(self.folder / "votes.sqlite")

    def start(self) -> None:
        command = [sys.executable, "-m", "mmlib", "serve", "--no-browser", "--port", str(self.port)]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **self.settings}, start_new_session=True
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}voila/templates/mmlib/static/pages.css", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError((self.folder / "log.txt").read_text()[-2000:])

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, how)
            self.process.wait(15)
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.end(signal.SIGTERM)


def at_pair(tab: Tab, number: int) -> None:
    tab.page.wait_for_selector(f"text=Pair {number} of 14", timeout=60_000)
    tab.page.wait_for_selector(".mmb-choices button:enabled >> nth=2", timeout=60_000)


def voter_of(tab: Tab) -> str:
    return str(tab.page.evaluate("localStorage.getItem('mmlib-voter')"))


def chosen(server: Server, voter: str) -> list[str]:
    return [vote.choice for vote in server.store.votes(voter)]


def serious(tab: Tab) -> list[str]:
    found = Axe().run(tab.page).response["violations"]
    return [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")]


def test_two_voters_at_once_reloads_and_a_killed_server(open_tab, server):  # noqa: F811
    one, other = open_tab(f"{server.url}blind_test"), open_tab(f"{server.url}blind_test")
    at_pair(one, 1)
    at_pair(other, 1)
    voters = [voter_of(one), voter_of(other)]
    assert voters[0] != voters[1]
    for name in ("blend", "pyramid", "wavelet"):
        assert name not in one.page.inner_text("main").lower()
    SHOTS.mkdir(exist_ok=True)
    one.page.wait_for_selector('.mm-view[data-badge="exact"]', timeout=30_000)
    one.page.screenshot(path=SHOTS / "blind_test.png")
    assert serious(one) == []

    one.page.focus(".mm-stage")
    for number, keys in [(2, ("1", "2")), (3, (" ", "1"))]:
        one.page.keyboard.press(keys[0])
        other.page.keyboard.press(keys[1])
        at_pair(one, number)
        at_pair(other, number)
    assert chosen(server, voters[0]) == ["left", "tie"]
    assert chosen(server, voters[1]) == ["right", "left"]
    assert one.page.locator(".mm-pane:visible").count() == 2  # the view did not take the keys for its own

    one.page.reload()
    at_pair(one, 3)
    assert voter_of(one) == voters[0]
    one.page.get_by_role("button", name="Right is better (2)").click()
    at_pair(one, 4)

    server.end(signal.SIGKILL)
    assert chosen(server, voters[0]) == ["left", "tie", "right"]
    server.start()
    for tab, number in [(one, 4), (other, 3)]:
        tab.page.goto(f"{server.url}blind_test", timeout=60_000)
        at_pair(tab, number)
    assert [voter_of(one), voter_of(other)] == voters

    for pair in server.store.waiting(voters[0])[:-1]:
        server.store.vote(voters[0], pair.place, "left")
    one.page.reload()
    at_pair(one, 14)
    one.page.keyboard.press("2")
    one.page.wait_for_selector("text=Thank you", timeout=20_000)
    one.page.wait_for_selector(".mmb-chart")
    assert "by 2 voters" in one.page.inner_text(".mmb-thanks")
    assert chosen(server, voters[0]) == ["left", "tie", "right", *["left"] * 10, "right"]
    other.page.keyboard.press("1")
    one.page.wait_for_selector("text=15 votes by 2 voters", timeout=15_000)  # 12 and 3: repeats do not count here
    with one.page.expect_download(timeout=20_000) as download:
        one.page.get_by_role("button", name="All votes, CSV").click()
    assert Path(download.value.path()).read_text() == server.store.export_csv()
    assert serious(one) == []
    one.page.screenshot(path=SHOTS / "blind_test_thanks.png", full_page=True)
