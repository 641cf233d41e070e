"""The survey: a vote that was taken is on disk whatever happens next, and what votes say is counted fairly."""

import csv
import io
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.pages.blind_test_ballot import draw_ballot, outcome
from mmlib.pages.blind_test_state import BlindTestState
from mmlib.pages.blind_test_words import outcome_words, own_words, preference_svg
from mmlib.pages.votes import COLUMNS, Pair, Vote, VoteStore, is_voter, new_voter

METHODS = ("blend", "mean", "pyramid", "wavelet")
SPECIMENS = ("onion", "blood", "pollen")


def pairs(count: int = 4) -> list[Pair]:
    return [Pair(i, "onion", "mean", "blend") for i in range(count)]


def picture(specimen: str, method: str, progress: object) -> np.ndarray:
    rng = np.random.default_rng([SPECIMENS.index(specimen), METHODS.index(method)])
    return rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)


def state_of(store: VoteStore, seed: int = 0) -> BlindTestState:
    rng = np.random.default_rng(seed)
    return BlindTestState(store, pictures=picture, names=SPECIMENS, methods=METHODS, generator=rng)


def vote_much(path: str, voter: str, count: int) -> None:
    store = VoteStore(Path(path))
    store.begin(voter, lambda: pairs(count), version="0")
    for place in range(count):
        if not store.vote(voter, place, "left"):
            raise RuntimeError(f"vote {place} of {voter} was there before")


def test_two_processes_make_the_store_and_lose_no_vote(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "votes.sqlite"
    context = multiprocessing.get_context("spawn")
    voters = [new_voter(), new_voter()]
    working = [context.Process(target=vote_much, args=(str(path), voter, 40)) for voter in voters]
    for process in working:
        process.start()
    for process in working:
        process.join(60)
        assert process.exitcode == 0
    store = VoteStore(path)
    assert Counter(vote.voter for vote in store.votes()) == dict.fromkeys(voters, 40)
    assert store.notice == ""
    with sqlite3.connect(path) as base:
        assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_killed_voter_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    code = (
        "import sys; from pathlib import Path; from mmlib.pages.votes import VoteStore, Pair\n"
        f"store = VoteStore(Path({str(path)!r}))\n"
        "store.begin('a' * 16, lambda: [Pair(i, 'onion', 'mean', 'blend') for i in range(10000)], version='0')\n"
        "for i in range(10000):\n"
        "    store.vote('a' * 16, i, 'right'); print(i, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as voting:
        assert voting.stdout is not None
        told = [int(voting.stdout.readline()) for _ in range(25)]
        os.kill(voting.pid, signal.SIGKILL)
        told += [int(line) for line in voting.stdout.read().split("\n")[:-1] if line]
    store = VoteStore(path)
    places = [vote.pair.place for vote in store.votes()]
    assert places == list(range(len(places)))
    assert len(places) in (len(told), len(told) + 1)  # the last may be taken and not told
    assert store.waiting("a" * 16)[0].place == len(places)


def test_the_first_vote_on_a_pair_stays(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.sqlite")
    voter = new_voter()
    store.begin(voter, pairs, version="0")
    store.begin(voter, lambda: pairs(9), version="1")
    assert len(store.ballot(voter)) == 4
    assert store.vote(voter, 2, "left", seconds=1.5)
    assert not store.vote(voter, 2, "right")
    assert [pair.place for pair in store.waiting(voter)] == [0, 1, 3]
    (vote,) = store.votes(voter)
    assert (vote.choice, vote.winner, vote.seconds, vote.version) == ("left", "mean", 1.5, "0")
    with pytest.raises(InputError, match="no pair 7 in this ballot"):
        store.vote(voter, 7, "left")
    with pytest.raises(InputError, match="left, right or tie; got 'both'"):
        store.vote(voter, 0, "both")  # type: ignore[arg-type]
    assert store.count() == 1


@pytest.mark.parametrize("damage", ["text", "torn", "alien"])
def test_a_damaged_file_is_set_aside_and_never_deleted(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "votes.sqlite"
    if damage == "text":
        path.write_text("these are no votes at all " * 100)
    elif damage == "alien":
        with sqlite3.connect(path) as base:
            base.execute("CREATE TABLE ballots (other INTEGER)")
    else:
        vote_much(str(path), new_voter(), 200)
        whole = bytearray(path.read_bytes())
        whole[4096:] = b"\xff" * (len(whole) - 4096)
        path.write_bytes(whole)
    before = path.read_bytes()
    store = VoteStore(path)
    (aside,) = tmp_path.glob("votes.sqlite.damaged-*[0-9a-f]")
    if damage != "alien":
        assert aside.read_bytes() == before
    assert store.notice.count(". ") == 0
    assert aside.name in store.notice
    vote_much(str(path), new_voter(), 3)
    assert VoteStore(path).count() == 3
    assert VoteStore(path).notice == ""


def test_the_results_page_tells_of_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmlib.pages.results import survey_html

    monkeypatch.setenv("MMLIB_VOTES", str(tmp_path / "votes.sqlite"))
    (tmp_path / "votes.sqlite").write_text("these are no votes at all " * 100)
    assert "it was kept as votes.sqlite.damaged-" in survey_html()
    assert "damaged" not in survey_html()


def test_a_locked_file_is_one_sentence_and_the_vote_can_be_given_again(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.sqlite", busy_s=0.2)
    state = state_of(store)
    state.enter()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert state.pair is not None
    place = state.pair.place
    state.vote("left")
    assert "held by another program; try again in a moment" in state.error
    assert (state.phase, state.pair.place) == ("voting", place)
    other.execute("ROLLBACK")
    other.close()
    state.vote("left")
    assert (store.count(), state.error) == (1, "")


def test_a_place_where_nothing_can_be_kept_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be kept in .*; name another file"):
        VoteStore(tmp_path / "file" / "votes.sqlite")
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(InputError, match="cannot be kept in .*; name another file"):
        VoteStore(tmp_path / "folder.sqlite")


def test_the_votes_may_be_given_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMLIB_VOTES", str(tmp_path))
    assert VoteStore().path == tmp_path / "votes.sqlite"
    monkeypatch.setenv("MMLIB_VOTES", str(tmp_path / "own.sqlite"))
    assert VoteStore().path == tmp_path / "own.sqlite"


def test_a_ballot_is_fair() -> None:
    ballot = draw_ballot(SPECIMENS, METHODS, np.random.default_rng(1))
    assert [pair.place for pair in ballot] == list(range(14))
    fresh = [pair for pair in ballot if pair.repeats is None]
    meetings = Counter(frozenset((pair.left, pair.right)) for pair in fresh)
    assert set(meetings.values()) == {2}
    assert len(meetings) == 6
    assert set(Counter(pair.specimen for pair in fresh).values()) == {4}
    for pair in ballot[12:]:
        assert pair.repeats is not None
        seen = ballot[pair.repeats]
        assert (pair.specimen, pair.left, pair.right) == (seen.specimen, seen.right, seen.left)
        assert pair.place - pair.repeats > 5
    ballots = [draw_ballot(SPECIMENS, METHODS, np.random.default_rng(seed)) for seed in range(200)]
    lefts = Counter(pair.left for one in ballots for pair in one[:12])
    assert all(abs(lefts[name] / 2400 - 0.25) < 0.04 for name in METHODS)  # no method sits on one side
    with pytest.raises(InputError, match="two methods"):
        draw_ballot(SPECIMENS, ("mean",), np.random.default_rng(0))


def test_outcome_counts_repeats_only_for_consistency() -> None:
    def vote(voter: str, pair: Pair, choice: str) -> Vote:
        return Vote(voter, pair, choice, None, "0")  # type: ignore[arg-type]

    votes = []
    for i in range(30):
        votes.append(vote(f"v{i}", Pair(0, "onion", "blend", "mean"), "left"))
        votes.append(vote(f"v{i}", Pair(1, "onion", "mean", "blend", repeats=0), "right" if i < 24 else "left"))
    found = outcome(votes, METHODS)
    assert (found.votes, found.voters, found.same, found.repeated) == (30, 30, 24, 30)
    assert found.consistency is not None
    assert found.consistency.low < 0.8 == found.consistency.estimate < found.consistency.high
    assert found.preferences[0].name == "blend"
    assert found.preferences[-1].name == "mean"
    for one in found.preferences:
        assert one.score.low < one.score.estimate < one.score.high
    assert "24 of 30" in outcome_words(found)
    assert preference_svg(found).index("blend") < preference_svg(found).index("mean")
    assert "30 of 30" in own_words(found)
    nobody = outcome([], METHODS)
    assert nobody.consistency is None
    assert "Nobody has voted yet" in preference_svg(nobody)


def test_a_voter_goes_through_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    state = state_of(VoteStore(path))
    assert state.phase == "waiting"
    state.enter("not a voter's name")
    assert is_voter(state.voter)
    assert state.to_query() == ""  # the browser remembers, so a link that is passed on takes no name along
    for _ in range(5):
        assert state.pair is not None
        assert state.shown is not None
        assert np.array_equal(state.shown[0], picture(state.pair.specimen, state.pair.left, None))
        assert np.array_equal(state.shown[1], picture(state.pair.specimen, state.pair.right, None))
        state.vote("tie", state.pair.place)
        assert VoteStore(path).count() == len(VoteStore(path).votes(state.voter))
    state.vote("left", 0)  # a key that was pressed for a pair that is gone
    assert VoteStore(path).count() == 5

    again = state_of(VoteStore(path), seed=9)  # a reload: another kernel, the same voter
    again.enter(state.voter)
    assert again.pair == state.pair
    while again.phase == "voting":
        again.vote("left")
    assert again.phase == "thanks"
    assert VoteStore(path).count() == 14
    mine = again.mine()
    assert (mine.votes, mine.repeated) == (12, 2)
    rows = list(csv.DictReader(io.StringIO(again.store.export_csv())))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 14
    assert [row["repeats"] != "" for row in rows] == [False] * 12 + [True] * 2


def test_a_browser_that_remembers_nothing_has_the_name_in_the_link(tmp_path: Path) -> None:
    state = state_of(VoteStore(tmp_path / "votes.sqlite"))
    state.enter("", kept=False)
    assert state.to_query() == f"u={state.voter}"


def test_what_is_no_longer_installed_is_passed_over(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.sqlite")
    voter = new_voter()
    old = [Pair(0, "onion", "bygone", "mean"), Pair(1, "gone", "mean", "blend"), Pair(2, "onion", "mean", "blend")]
    store.begin(voter, lambda: old, version="0")
    state = state_of(store)
    state.enter(voter)
    assert state.pair == old[2]


def test_the_page_needs_no_torch_and_the_store_no_widgets() -> None:
    code = (
        "import sys, mmlib.pages.votes, mmlib.pages.blind_test_state; print('ipywidgets' in sys.modules)\n"
        "from mmlib.pages import blind_test, results; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False", "False"]
