"""Browsing below the media roots, in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.test_page import shows

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
pytestmark = pytest.mark.timeout(180)


def test_a_film_of_the_server_is_chosen_by_keyboard_and_analyzed(server: Server, page: Page, film: Path) -> None:
    (server.folder / "Reel 1").mkdir()
    shutil.copy(film, server.folder / "Reel 1" / "take 1.mp4")
    (server.folder / "Reel 1" / ".hidden.mp4").write_bytes(b"x")
    (server.folder / "Reel 1" / "notes.txt").write_bytes(b"x")
    server.start()
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.click("#media-open")
    page.wait_for_selector("#media-entries button:has-text('Reel 1')")
    page.keyboard.type("reel")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#media-entries label")
    assert [text.split("\n")[0] for text in page.locator("#media-entries li").all_inner_texts()] == ["take 1.mp4"]
    page.select_option("#media-vocabulary", "seed-eight")
    page.select_option("#media-profile", "embedded")
    assert page.is_disabled("#media-go")
    page.check("#media-entries label input")
    page.click("#media-go")
    page.wait_for_selector('#state[data-state="completed"]', timeout=60_000)
    assert page.inner_text("#title") == "take 1.mp4"
    assert "embedded" in page.inner_text("#counts")
    assert "seed-eight" in page.inner_text("#counts")
    (server.folder / "Reel 1" / "take 1.mp4").unlink()
    page.reload()
    page.wait_for_selector("#no-picture:has-text('--media-root FOLDER')")


def test_a_film_that_is_refused_keeps_its_name_and_the_dialog(server: Server, page: Page) -> None:
    (server.folder / "empty.mp4").touch()
    server.start()
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.click("#media-open")
    page.check("#media-entries label:has-text('empty.mp4') input")
    page.click("#media-go")
    page.wait_for_selector("#media-error:has-text('empty.mp4: ')")
    assert page.is_visible("#media")
    page.click("#media-path button:has-text('Media')")
    shows(page, "#media-path code", str(server.folder))
