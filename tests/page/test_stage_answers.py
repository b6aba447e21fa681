"""Answers of stages that other packages register, on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from streamtags.core.payload import Payload
from streamtags.store.sqlite.store import SqliteStore
from tests.page.test_page import opened

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(180)


class BoatsCounted(Payload):
    """An event that nothing in the project knows."""

    type: ClassVar[str] = "segment.boat_count"
    segment: str
    rev: int
    boats: int


def test_the_answer_of_an_unknown_stage_is_a_row_and_a_paragraph(server: Any, page: Page) -> None:
    timeline = server.fill("tl_boats", 6)
    with SqliteStore(server.path) as store:
        store.append(timeline, [BoatsCounted(segment="s0000", rev=1, boats=3), BoatsCounted(segment="s0000", rev=2, boats=4)])
    server.start()
    opened(page, server, timeline)
    heading = page.locator("#inspector h3", has_text="Boat count")
    heading.wait_for()
    assert heading.locator("xpath=following-sibling::p[1]").inner_text() == "4"
    with SqliteStore(server.path) as store:
        store.append(timeline, [BoatsCounted(segment="s0000", rev=3, boats=7)])
    page.wait_for_function("() => document.querySelector('#inspector').innerText.includes('7')")
