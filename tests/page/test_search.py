"""Search over the shots of all timelines, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from streamtags.run.correct import correct
from streamtags.store.sqlite.store import SqliteStore
from tests.page.test_page import opened, shows

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
pytestmark = pytest.mark.timeout(180)


def test_a_shot_of_another_timeline_is_searched_for_and_opened_by_keyboard(server: Server, page: Page) -> None:
    for name in ("tl_one", "tl_two"):
        server.fill(name, 6)
    with SqliteStore(server.path) as store:
        correct(store, "tl_two", "s0004", caption="A zeppelin crosses the harbor.", by="test")
        start = store.state("tl_two").segments[4].start.timecode
    server.start()
    opened(page, server, "tl_one")
    page.keyboard.press("s")
    page.keyboard.type('"zeppelin"')
    option = page.locator("#search-list [role=option]")
    option.first.wait_for(timeout=60_000)  # the first search loads the embeddings
    shows(page, "#search-status", re.compile(r"^\d+ shots?$"))  # for all that was typed
    assert option.first.locator("mark").inner_text() == "zeppelin"
    assert start in option.first.inner_text()
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search", "aria-activedescendant") == "search-0"
    assert option.first.get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")
    shows(page, "#inspector .lead b", "Segment 5")
    assert page.is_hidden("#results")
    page.wait_for_url(re.compile("#/tl_two/s0004$"))
    page.keyboard.press("ArrowDown")  # the keys belong to the timeline again
    shows(page, "#inspector .lead b", "Segment 6")
    page.wait_for_url(re.compile("#/tl_two/s0005$"))
    page.reload()
    shows(page, "#inspector .lead b", "Segment 6")


def test_search_says_when_nothing_fits_and_when_it_is_refused(server: Server, page: Page) -> None:
    server.fill("tl_one", 3)
    server.start()
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.keyboard.press("s")
    page.keyboard.type('"xylophonist"')
    page.keyboard.press("Enter")
    shows(page, "#search-status", re.compile("^No shot fits"))
    page.fill("#search", "?!")
    shows(page, "#search-error", re.compile("no word to search for"))
    assert page.locator("#search-list [role=option]").count() == 0
    page.keyboard.press("Escape")
    assert page.is_hidden("#results")


def test_results_can_be_narrowed_to_a_tag_and_the_open_timeline(server: Server, page: Page) -> None:
    for name in ("tl_one", "tl_two"):
        server.fill(name, 8)
    with SqliteStore(server.path) as store:
        for segment in ("s0002", "s0005"):
            correct(store, "tl_one", segment, tags=[("Nostalgic", 0.9)], caption="A regatta.", by="test")
        correct(store, "tl_two", "s0001", tags=[("Nostalgic", 0.4)], caption="A regatta.", by="test")
    server.start()
    opened(page, server, "tl_one")
    page.fill("#search", "regatta")
    page.fill("#search-tag", "nostalgic")
    page.press("#search-tag", "Tab")
    options = page.locator("#search-list [role=option]")
    shows(page, "#search-status", re.compile(r"^\d+ shots$"))
    everywhere = options.count()
    page.fill("#search-confidence", "0.8")
    page.press("#search-confidence", "Tab")
    page.check("#search-here")
    page.wait_for_function(
        "(before) => document.querySelectorAll('#search-list [role=option]').length < before", arg=everywhere, timeout=60_000
    )
    shows(page, "#search-status", re.compile(r"^\d+ shots?$"))
    names = {text.split("\n")[2].split(" ")[0] for text in options.all_inner_texts()}
    assert {"s0002", "s0005"} <= names


def test_a_link_to_a_segment_that_does_not_exist_says_so(server: Server, page: Page) -> None:
    server.fill("tl_one", 3)
    server.start()
    page.goto(f"{server.url}#/tl_one/s0099")
    page.wait_for_selector("#inspector .lead")
    shows(page, ".notice span", "This timeline has no segment s0099.")
