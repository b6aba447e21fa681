"""The page for someone who uses the keyboard, alone or beside the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.page.test_editing import open_timeline, shows, tags_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
pytestmark = pytest.mark.timeout(180)


def is_focused(page: Page, name: str) -> None:
    """Wait until an element has the focus."""
    page.wait_for_function("name => document.activeElement.id === name", arg=name)


def test_the_keys_stay_with_the_timeline_after_buttons_fields_and_the_skip_link(server: Server, page: Page) -> None:
    server.fill("tl_focus", 5)
    server.start()
    open_timeline(page, server, "tl_focus")
    page.click("#next")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label='Pause']")  # Space plays, and does not press the button again
    page.keyboard.press("Space")
    page.click("#follow")
    is_focused(page, "timeline")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label='Pause']")
    page.keyboard.press("Space")
    page.click("#tab-cues")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#cues"), "the arrow moves the playhead, and not to the other tab"
    page.click("#tab-segment")
    page.click("#help-open")
    page.keyboard.press("Escape")
    is_focused(page, "timeline")
    page.focus("#axis")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    shows(page, "#inspector .lead b", "Segment 2")
    page.focus("#skip")
    page.keyboard.press("Enter")
    is_focused(page, "timeline")
    assert page.is_visible("#inspector .lead"), "the skip link closes nothing"


def test_rows_of_the_list_are_reached_selected_and_tagged_by_keyboard(server: Server, page: Page) -> None:
    server.fill("tl_rows", 120)
    server.start()
    open_timeline(page, server, "tl_rows")
    page.keyboard.press("End")
    shows(page, "#inspector .lead b", "Segment 120")
    page.keyboard.press("t")
    page.wait_for_function("() => document.activeElement.textContent.startsWith('s0119')")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Shift+ArrowUp")
    shows(page, "#selection [role=status]", "3 segments selected")
    page.keyboard.press("d")
    page.keyboard.type("nostalgic")
    page.keyboard.press("Enter")
    shows(page, ".notice.good span", "3 segments changed.")
    assert [at for at, tags in enumerate(tags_of(server, "tl_rows")) if "Nostalgic" in tags] == [117, 118, 119]
    page.keyboard.press("Control+z")
    page.wait_for_selector(".notice.good span:text-is('Undone: Nostalgic was added to 3 segments.')")
    page.fill("#filter", "s0010")
    shows(page, "#matching", "1 of 120")
    page.fill("#filter", "s001")
    page.press("#filter", "Enter")
    shows(page, "#inspector .lead code", "s0010")
    page.evaluate("document.querySelector('#list').focus()")
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    shows(page, "#inspector .lead code", "s0019")


def test_what_is_typed_while_the_film_plays_stays_with_its_segment(server: Server, page: Page) -> None:
    server.fill("tl_typing", 12)
    server.start()
    open_timeline(page, server, "tl_typing")
    for _ in range(4):
        page.keyboard.press("l")
    page.keyboard.press("d")
    page.keyboard.type("nostalgic")
    page.wait_for_selector("#play[aria-label='Play']")  # it has played to the end
    assert page.input_value("#inspector .add input") == "nostalgic"
    begun = page.inner_text("#inspector .lead code")
    page.keyboard.press("Enter")
    shows(page, "#inspector .lead code", "s0011")
    assert begun != "s0011"
    for _ in range(int(begun[1:]), 12):  # the first press leads to the start of the last segment
        page.keyboard.press("ArrowUp")
    shows(page, "#inspector .lead code", begun)
    page.wait_for_selector("#inspector .tags .person .name:has-text('Nostalgic')")
