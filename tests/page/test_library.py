"""The list of timelines in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(180)


def test_a_long_list_grows_as_it_is_scrolled(server: Any, page: Page) -> None:
    from playwright.sync_api import expect

    with SqliteStore(server.path) as store:
        for number in range(250):
            store.open_timeline(f"tl_{number:03d}", TimelineIdentity(f"film {number}"), name=f"film {number:03d}")
    server.start()
    page.goto(server.url)
    page.wait_for_selector("#timelines a[href='#/tl_249']")
    rows = page.locator("#timelines a")
    assert rows.count() == 100, "the page polls the list: it must not be all of a large store"
    for shown in (200, 250):
        page.evaluate("document.querySelector('#bin').scrollTop = 1e6")
        expect(rows).to_have_count(shown)
    assert rows.last.inner_text().startswith("film 000")
    rows.last.scroll_into_view_if_needed()
    with SqliteStore(server.path) as store:
        store.open_timeline("tl_new", TimelineIdentity("new"), name="new film")
    page.wait_for_selector("#timelines a[href='#/tl_new']", state="attached")
    assert rows.count() == 251
