"""The About page, and what greets a newcomer on Home."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest

from mmlib import zoo
from mmlib.pages import about
from mmlib.pages.about import licence_of
from mmlib.pages.welcome import TOUR, phone_html, tour_html
from mmlib.specimens import built_in


def test_the_about_page_says_what_it_is_not_and_shows_every_net(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATA", "CACHE", "RESULTS", "VOTES"):
        monkeypatch.setenv(f"MMLIB_{name}", str(tmp_path / name))
    assert "not a medical device" in about.purpose_html()
    nets = about.nets_html()
    for card in zoo.cards().values():
        assert escape(card.title) in nets
        assert card.sha256[:16] in nets
        for score in card.scores:
            assert f"{score.low:.3f} to {score.high:.3f}</span></td><td>{score.direction()}</td>" in nets
    assert "lower is better" in nets
    assert str(tmp_path / "RESULTS") in about.storage_html()
    assert str(tmp_path / "CACHE") in about.settings_html()
    assert "this page's Python takes" in about.storage_html().replace("&#x27;", "'")
    assert "BSD" in about.versions_html()
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    assert "no trained nets" in about.nets_html()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("MIT", "a text", None), "MIT"),
        ((None, "The MIT License\nlong text", ["License :: OSI Approved :: BSD License"]), "BSD License"),
        ((None, "Apache 2.0\nlong text", ["Topic :: Any"]), "Apache 2.0"),
        ((None, None, None), "see the package"),
    ],
)
def test_licences_are_named_shortly(said: tuple[str | None, str | None, list[str] | None], words: str) -> None:
    assert licence_of(*said) == words


def test_the_tour_leads_to_pages_and_specimens_that_are_there() -> None:
    notebooks = {path.stem for path in (Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb")}
    names = {card.name for card in built_in()}
    for address, title, _ in TOUR:
        page, _, query = address.partition("?")
        assert page in notebooks
        assert set(query.split("&")[0].removeprefix("s=").split(",")) <= names
        assert title in tour_html()


def test_a_phone_is_shown_the_way_in_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMLIB_ADDRESS", raising=False)
    assert phone_html() == ""
    monkeypatch.setenv("MMLIB_ADDRESS", "http://192.168.1.20:8866/")
    shown = phone_html()
    assert "http://192.168.1.20:8866/" in shown
    assert "<svg" in shown
    assert 'src="' not in shown
