"""What all pages share, without a browser: undo, what may be opened, work beside the page."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from page_stacks import visitors_folder

from mmlib.errors import Cancelled, InputError
from mmlib.pages import background
from mmlib.pages.sources import check_allowed
from mmlib.pages.state import PageState


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return visitors_folder(tmp_path, monkeypatch)


# the state of any page


@dataclass(frozen=True)
class Two:
    number: int = 0
    plane: int = field(default=0, metadata={"link": "z"})


def test_undo_goes_back_choice_by_choice_and_leaves_the_plane() -> None:
    state = PageState(Two())
    told: list[frozenset[str]] = []
    state.on_change(told.append)
    state.change(number=1)
    state.change(number=1)
    state.drift(plane=7)
    state.change(number=2)
    state.undo()
    assert state.choices == Two(1, 7)
    state.undo()
    assert state.choices == Two(0, 7)
    assert not state.can_undo
    state.undo()
    assert [sorted(names) for names in told] == [["number"], ["plane"], ["number"], ["number"], ["number"]]


# what may be opened


@pytest.mark.parametrize("source", ["../secret.npy", "/etc/passwd", "nothing", "", "a\0b", "leaf.npy/../../secret.npy"])
def test_a_visitor_reaches_nothing_beside_the_data_folder(
    data: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0")
    with pytest.raises(InputError, match="there is no stack named"):
        check_allowed(source, ["onion"])


def test_a_visitor_reaches_the_catalogue_and_the_data_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0")
    check_allowed("onion", ["onion"])
    check_allowed("leaf.npy", [])


# beside the page


def test_newer_work_stops_the_older_whose_result_is_not_heard() -> None:
    latest = background.Latest()
    gate, heard, stopped = threading.Event(), [], threading.Event()

    def slow(progress):
        gate.wait(10)
        try:
            progress(0.5, "late")
        except Cancelled:
            stopped.set()
            raise
        return "slow"

    latest(slow, heard.append, heard.append, lambda share, stage: None)
    done = threading.Event()
    latest(lambda progress: "fast", lambda result: (heard.append(result), done.set()), heard.append, lambda s, t: None)
    assert done.wait(10)
    gate.set()
    assert stopped.wait(10)
    assert heard == ["fast"]


def test_whatever_goes_wrong_ends_as_one_sentence() -> None:
    heard: list[str] = []

    def broken(progress):
        raise ZeroDivisionError("by nothing")

    background.at_once(broken, heard.append, heard.append, lambda share, stage: None)
    assert heard == ["this went wrong inside mmlib: ZeroDivisionError: by nothing"]


def test_news_from_two_threads_is_heard_one_at_a_time() -> None:
    heard: list[str] = []
    inside, free = threading.Event(), threading.Event()

    def first() -> None:
        inside.set()
        free.wait(10)
        heard.append("first")

    threads = [threading.Thread(target=background.here, args=(first,))]
    threads[0].start()
    assert inside.wait(10)
    threads.append(threading.Thread(target=background.here, args=(lambda: heard.append("second"),)))
    threads[1].start()
    threads[1].join(0.2)
    assert heard == []
    free.set()
    for thread in threads:
        thread.join(10)
    assert heard == ["first", "second"]
