"""Links to pages: they say all that was chosen, and whatever they say, the page stands."""

import threading
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_stacks import visitors_folder
from page_stacks import wait_for as until

from mmlib.jobs import results_root
from mmlib.pages import deblur, explore, focus, fuse, links, pipeline
from mmlib.pages.deblur_state import DeblurChoices, DeblurState
from mmlib.pages.explore_state import ExploreChoices, ExploreState
from mmlib.pages.focus_choices import FocusChoices, made_whole
from mmlib.pages.focus_state import FocusState
from mmlib.pages.fuse_state import FuseChoices, FuseState
from mmlib.pages.pipeline_state import PipelineChoices, PipelineState
from mmlib.pages.sources import named
from mmlib.sharpness import MEASURES


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return visitors_folder(tmp_path, monkeypatch)


@given(
    st.builds(
        ExploreChoices,
        source=st.text(max_size=30).map(str.strip),
        speed=st.none() | st.integers(1, 4),
        plane=st.none() | st.integers(0, 10_000),
        measures=st.lists(st.sampled_from(list(MEASURES)), max_size=4).map(tuple),
        overlay=st.sampled_from(["none", "field", "planes"]),
        line=st.none() | st.tuples(*[st.integers(0, 9999).map(lambda n: n / 10)] * 4),
    )
)
def test_a_link_says_all_that_was_chosen(choices: ExploreChoices) -> None:
    assert links.from_query(ExploreChoices, links.to_query(choices)) == (choices, "")


def test_what_is_as_in_the_beginning_is_not_in_the_link() -> None:
    assert links.to_query(ExploreChoices()) == ""
    assert links.to_query(FuseChoices(source="onion", frames="3:20:2")) == "s=onion&f=3:20:2"


@pytest.mark.parametrize("query", ["z=high", "line=1,2,3", "line=1,2,3,nan", "v=", "z=1.5"])
def test_a_broken_link_is_one_sentence_and_the_rest_stands(query: str) -> None:
    choices, trouble = links.from_query(ExploreChoices, f"?s=leaf&{query}")
    assert choices == ExploreChoices(source="leaf")
    assert "was ignored" in trouble


@pytest.mark.parametrize("junk", ["nonsense", "-7", "1,2", "99999", "", "best,best"])
@pytest.mark.parametrize("page", [explore, focus, deblur, fuse, pipeline], ids=lambda page: page.__name__[12:])
def test_whatever_a_link_says_its_page_stands(data: Path, page: ModuleType, junk: str) -> None:
    begun = {
        explore: (ExploreChoices, ExploreState, explore.ExploreView),
        focus: (FocusChoices, FocusState, focus.FocusView),
        deblur: (DeblurChoices, DeblurState, deblur.DeblurView),
        fuse: (FuseChoices, FuseState, fuse.FuseView),
        pipeline: (PipelineChoices, PipelineState, pipeline.PipelineView),
    }
    choose, begin, draw = begun[page]
    for one in fields(choose):
        key = one.metadata.get("link", one.name)
        choices, trouble = links.from_query(choose, f"{key}={junk}")
        if page is focus:
            choices, wrong = made_whole(choices)
            trouble = trouble or wrong
        if "known" in one.metadata:
            known, several = one.metadata["known"], isinstance(one.default, tuple)
            words = junk.split(",") if several and junk else [] if several else [junk]
            assert (f"{key}={junk}" in trouble) != (set(words) <= set(known)), key
        state = begin(choices)
        assert draw(state).widget.children
        if page is pipeline:
            state.add("leaf.npy")
        else:
            state.open("leaf.npy")
            assert state.stack is not None, key


@pytest.mark.parametrize(("page", "rest"), [(fuse, "m=nonsense"), (deblur, "o=nonsense")])
def test_a_link_to_a_result_that_is_partly_understood_says_so_and_waits(
    data: Path, monkeypatch: pytest.MonkeyPatch, page: ModuleType, rest: str
) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0")
    monkeypatch.setenv("QUERY_STRING", f"s=leaf.npy&r=1&{rest}")
    message = page.show().children[0]
    until(lambda: not any(one.name == "mmlib page work" for one in threading.enumerate()))
    assert f"The link says {rest}" in message.value
    assert not list(results_root().glob("*"))


def test_a_name_or_a_whole_link_may_be_pasted() -> None:
    assert named("  onion ") == "onion"
    assert named("http://127.0.0.1:8866/explore?s=my%20leaf.mp4&z=3") == "my leaf.mp4"
