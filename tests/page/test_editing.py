"""Finding and correcting segments on the page: keys, filter, suggestions, many segments at once, panels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamtags.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
pytestmark = pytest.mark.timeout(180)


def open_timeline(page: Page, server: Server, timeline: str) -> None:
    page.goto(f"{server.url}#/{timeline}")
    page.wait_for_selector("#inspector .lead")


def shows(page: Page, selector: str, text: str | re.Pattern[str]) -> None:
    """Wait until the element has the text."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(text, timeout=60_000)


def tags_of(server: Server, timeline: str) -> list[set[str]]:
    with SqliteStore(server.path) as store:
        return [{score.tag for score in segment.tags} for segment in store.state(timeline).segments]


def test_keys_reach_a_timeline_that_was_opened_from_the_list(server: Server, page: Page) -> None:
    server.fill("tl_keys", 5)
    server.start()
    page.goto(server.url)
    page.click("#timelines a")
    page.wait_for_selector("#inspector .lead")
    page.keyboard.press("ArrowDown")
    shows(page, "#inspector .lead b", "Segment 2")
    shows(page, "#inspector .lead code", "s0001")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label='Pause']")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label='Play']")


def test_all_words_of_the_filter_must_match_and_enter_goes_to_the_next_match(server: Server, page: Page) -> None:
    server.fill("tl_words", 60)
    server.start()
    open_timeline(page, server, "tl_words")
    with SqliteStore(server.path) as store:
        segments = store.state("tl_words").segments
    word = next(one.caption for one in segments if one.caption).split()[1].lower().strip(".,")
    tag = next(score.tag for one in segments for score in one.tags if " " not in score.tag).lower()
    matching = [
        one.index for one in segments if word in (one.caption or "").lower() and any(tag in score.tag.lower() for score in one.tags)
    ]
    assert matching
    page.fill("#filter", f"{tag} {word}")
    shows(page, "#matching", f"{len(matching)} of 60")
    page.press("#filter", "Enter")
    after = next((at for at in matching if at > 0), matching[0])
    shows(page, "#inspector .lead b", f"Segment {after + 1}")
    page.press("#filter", "Shift+Enter")
    before = ([at for at in matching if at < after] or [matching[-1]])[-1]
    shows(page, "#inspector .lead b", f"Segment {before + 1}")


def test_an_unknown_tag_is_answered_with_a_suggestion(server: Server, page: Page) -> None:
    server.fill("tl_near", 2)
    server.start()
    open_timeline(page, server, "tl_near")
    page.wait_for_selector("#tag-names option", state="attached")
    page.fill("#inspector .add input", "nostalgik")
    page.keyboard.press("Enter")
    shows(page, "#inspector .question", re.compile("no tag “nostalgik”. Did you mean Nostalgic"))
    page.click("#inspector .question .primary")
    page.wait_for_selector("#inspector .tags .person .name:has-text('Nostalgic')")
    page.fill("#inspector .add input", "Zither solo")
    page.keyboard.press("Enter")
    page.click("#inspector .question button:has-text('Add “Zither solo”')")
    page.wait_for_selector("#inspector .tags .person .name:has-text('Zither solo')")
    assert {"Nostalgic", "Zither solo"} <= tags_of(server, "tl_near")[0]


def test_many_segments_are_tagged_at_once(server: Server, page: Page) -> None:
    server.fill("tl_many", 8)
    server.start()
    open_timeline(page, server, "tl_many")
    page.click("#list-toggle")
    rows = page.locator("#list tbody tr[aria-rowindex]")
    rows.nth(1).click(modifiers=["Control"])
    rows.nth(4).click(modifiers=["Shift"])
    shows(page, "#selection [role=status]", "4 segments selected")
    page.fill("#selection .add input", "nostalgic")
    page.keyboard.press("Enter")
    shows(page, ".notice.good span", "4 segments changed.")
    assert [at for at, tags in enumerate(tags_of(server, "tl_many")) if "Nostalgic" in tags] == [1, 2, 3, 4]
    page.select_option("#selection select", "Nostalgic")
    page.wait_for_selector("#selection select option[value='Nostalgic']", state="detached")
    assert not any("Nostalgic" in tags for tags in tags_of(server, "tl_many"))
    page.click("#selection > button:has-text('Clear')")
    assert page.is_hidden("#selection")


def test_a_film_that_was_refused_keeps_its_name_and_the_reason(server: Server, page: Page, film: Path) -> None:
    server.start("--set", "server.upload_bytes=1000")
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    other = server.folder / "another film.mp4"
    other.write_bytes(film.read_bytes())
    page.set_input_files("#file", [film, other])
    page.wait_for_selector("#uploads .upload:nth-child(2) .failure p")
    page.wait_for_selector("#uploads .upload:nth-child(1) .failure p")
    assert page.locator("#uploads .name").all_inner_texts() == [film.name, other.name]
    page.click("#uploads .upload:nth-child(2) button:has-text('Dismiss')")
    shows(page, "#uploads .name", film.name)


def test_profile_and_vocabulary_are_chosen_for_an_upload(server: Server, page: Page, film: Path) -> None:
    server.start()
    page.goto(server.url)
    page.wait_for_selector("#choose-vocabulary option[value='seed-eight']", state="attached")
    page.select_option("#choose-vocabulary", "seed-eight")
    page.select_option("#choose-profile", "embedded")
    page.set_input_files("#file", film)
    page.wait_for_selector('#state[data-state="completed"]', timeout=60_000)
    shows(page, "#counts", re.compile(r"embedded\s+·\s+seed-eight"))
    page.reload()
    page.wait_for_selector("#choose-vocabulary option[value='seed-eight']", state="attached")
    assert page.input_value("#choose-vocabulary") == "seed-eight"


@pytest.mark.parametrize("size", [(900, 700), (1280, 800), (1920, 1080)], ids=["900x700", "1280x800", "1920x1080"])
def test_everything_fits_on_the_screen_and_panels_can_be_resized(server: Server, page: Page, size: tuple[int, int]) -> None:
    server.fill("tl_size", 5)
    server.start()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_timeline(page, server, "tl_size")
    for name in ("#monitor", "#inspector", "#timeline", "#bin", "#export", "#zoom-fit", "#connection"):
        box = page.locator(name).bounding_box()
        assert box is not None, name
        assert box["x"] >= 0 and box["y"] >= 0, name  # noqa: PT018
        assert box["x"] + box["width"] <= size[0] + 1 and box["y"] + box["height"] <= size[1] + 1, name  # noqa: PT018
        assert box["width"] >= (8 if name == "#connection" else 30), name  # a dot where there is little room
    page.evaluate("document.body.style.cssText = '--inspector: 1500px; --tracks: 1500px; --bin: 1500px'")  # of a larger window
    picture = page.locator("#screen").bounding_box()
    assert picture is not None
    assert picture["width"] > 150
    assert picture["height"] > 60
    page.evaluate("document.body.style.cssText = ''")
    before = page.locator("#inspector").bounding_box()
    page.focus("#split-inspector")
    page.keyboard.press("ArrowLeft")
    after = page.locator("#inspector").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(before["width"] + 16, abs=1)
    page.reload()
    page.wait_for_selector("#inspector .lead")
    again = page.locator("#inspector").bounding_box()
    assert again is not None
    assert again["width"] == pytest.approx(after["width"], abs=1)


def test_a_correction_is_undone_and_reset(server: Server, page: Page) -> None:
    server.fill("tl_undo", 2)
    server.start()
    open_timeline(page, server, "tl_undo")
    with SqliteStore(server.path) as store:
        before = store.state("tl_undo").segments[0]
    page.fill("#inspector .add input", "Nostalgic")
    page.keyboard.press("Enter")
    page.wait_for_selector("#inspector .tags .person .name:has-text('Nostalgic')")
    page.keyboard.press("e")
    page.keyboard.type(" !")
    assert page.input_value("#inspector textarea").endswith(" !"), "typing goes on after what is there"
    page.fill("#inspector textarea", "A lighthouse.")
    page.keyboard.press("Control+Enter")
    shows(page, "#inspector .caption", "A lighthouse.")
    page.keyboard.press("Control+z")
    shows(page, "#inspector .caption", before.caption or "")
    assert page.locator("#inspector .tags .person .name:has-text('Nostalgic')").count() == 1
    page.click("#inspector .reset")
    page.wait_for_selector("#inspector .tags .person", state="detached")
    page.keyboard.press("Control+z")
    page.wait_for_selector("#inspector .tags .person .name:has-text('Nostalgic')")
    page.keyboard.press("Control+z")
    page.wait_for_selector("#inspector .tags .person", state="detached")
    with SqliteStore(server.path) as store:
        after = store.state("tl_undo").segments[0]
    assert (after.tags, after.caption, after.correction) == (before.tags, before.caption, None)


def test_the_dialog_lists_every_mistake_of_a_vocabulary(server: Server, page: Page, tmp_path: Path) -> None:
    server.fill("tl_mistakes", 2)
    server.start()
    open_timeline(page, server, "tl_mistakes")
    path = tmp_path / "own.yaml"
    path.write_text("id: v\nversion: '1'\naxes: [{name: mood}]\ntags:\n  - {name: A, axis: color}\n  - {axis: mood}\n")
    page.click("#retag-open")
    page.set_input_files("#vocabulary-file", path)
    page.click("#retag-go")
    page.wait_for_selector("#retag-error li >> nth=1")
    mistakes = page.locator("#retag-error li").all_inner_texts()
    assert [text.split(":")[0] for text in mistakes] == ["line 5", "line 6"]
    assert page.is_visible("#retag")
