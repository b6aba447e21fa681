"""The page in a real browser, against a real server."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.export import formats
from streamtags.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
pytestmark = pytest.mark.timeout(180)


def opened(page: Page, server: Server, timeline: str) -> None:
    page.goto(f"{server.url}#/{timeline}")
    page.wait_for_selector("#inspector .lead")


def segment(page: Page) -> str:
    return page.inner_text("#inspector .lead b")


def shows(page: Page, selector: str, text: str | re.Pattern[str]) -> None:
    """Wait until the element has the text."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(text, timeout=60_000)


def test_a_dropped_film_is_uploaded_and_its_segments_arrive(server: Server, page: Page, film: Path) -> None:
    server.start()
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.wait_for_selector("#welcome")
    data = page.evaluate_handle(
        """async ([name, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, {type: "video/mp4"}));
            return transfer;
        }""",
        [film.name, base64.b64encode(film.read_bytes()).decode()],
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": data})
    assert page.is_visible("#drop")
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    assert page.is_hidden("#drop")
    page.wait_for_selector("#inspector .lead", timeout=60_000)
    page.wait_for_selector('#state[data-state="completed"]', timeout=60_000)
    assert page.inner_text("#title") == film.name
    assert "3 segments" in page.inner_text("#counts")
    page.wait_for_selector(f"#timelines a:has-text('{film.name}')")
    page.wait_for_selector("#monitor:not(.no-media)")
    page.keyboard.press("End")
    shows(page, "#inspector .lead b", "Segment 3")
    assert page.evaluate("document.querySelector('video').videoWidth") == 320


def test_keys_move_the_playhead_and_the_details_follow(server: Server, page: Page) -> None:
    timeline = server.fill("tl_keys", 20)
    server.start()
    opened(page, server, timeline)
    assert segment(page) == "Segment 1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    shows(page, "#inspector .lead b", "Segment 3")
    with SqliteStore(server.path) as store:
        third = store.state(timeline).segments[2]
    assert page.inner_text("#timecode") == third.start.timecode
    assert third.caption in page.inner_text("#inspector")
    page.keyboard.press("ArrowLeft")
    shows(page, "#inspector .lead b", "Segment 2")
    page.keyboard.press("End")
    shows(page, "#inspector .lead b", "Segment 20")
    assert "segment 20 of 20" in (page.get_attribute("#timeline", "aria-valuetext") or "")


def test_a_click_on_the_tracks_seeks(server: Server, page: Page) -> None:
    server.fill("tl_click", 20)
    server.start()
    opened(page, server, "tl_click")
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + 60)
    shows(page, "#inspector .lead b", re.compile(r"Segment (1\d|20)"))


def test_the_list_shows_the_segments_that_match_the_filter(server: Server, page: Page) -> None:
    timeline = server.fill("tl_filter", 300)
    server.start()
    opened(page, server, timeline)
    with SqliteStore(server.path) as store:
        segments = store.state(timeline).segments
    wanted = segments[7].tags[0].tag
    count = sum(
        any(wanted.lower() in score.tag.lower() for score in one.tags) or wanted.lower() in (one.caption or "").lower() for one in segments
    )
    page.keyboard.press("/")
    page.keyboard.type(wanted)
    shows(page, "#matching", f"{count} of 300")
    page.click("#list-toggle")
    assert page.get_attribute("#list table", "aria-rowcount") == str(count + 1)
    rows = page.locator("#list tbody tr[aria-rowindex]")
    rows.first.wait_for(state="attached")  # they are drawn with the next frame
    assert rows.count() <= min(count, 60), "only the rows in view exist"
    rows.first.click()
    first = next(one for one in segments if wanted in [score.tag for score in one.tags] or wanted.lower() in (one.caption or "").lower())
    shows(page, "#inspector .lead b", f"Segment {first.index + 1}")
    page.focus("#filter")
    page.keyboard.press("Escape")
    shows(page, "#matching", "")


def test_the_filter_can_be_narrowed_to_one_axis(server: Server, page: Page) -> None:
    timeline = server.fill("tl_axis", 120)
    server.start()
    opened(page, server, timeline)
    vocabulary = load_vocabulary("music-library")
    page.wait_for_selector("#axis option[value='genre']", state="attached")
    offered = page.eval_on_selector_all("#axis option", "(all) => all.map((one) => one.value)")
    assert offered == ["", *(axis.name for axis in vocabulary.axes), "other"]
    with SqliteStore(server.path) as store:
        segments = store.state(timeline).segments
    scores = [[score for score in one.tags if vocabulary.by_name[score.tag].axis == "genre"] for one in segments]
    page.select_option("#axis", "genre")
    count = sum(map(bool, scores))
    assert 0 < count < 120
    shows(page, "#matching", f"{count} of 120")
    page.locator("#confidence").fill("0.5")
    shows(page, "#matching", f"{sum(any(score.confidence >= 0.5 for score in of) for of in scores)} of 120")
    page.locator("#confidence").fill("0")
    wanted = next(of[0].tag for of in scores if of)
    page.fill("#filter", wanted)
    shows(page, "#matching", f"{sum(any(wanted in score.tag for score in of) for of in scores)} of 120")
    page.fill("#filter", "")
    page.select_option("#axis", "")
    shows(page, "#matching", "")


def test_an_editor_removes_a_timeline_after_a_confirmation(server: Server, page: Page) -> None:
    for name in ("tl_gone", "tl_kept"):
        server.fill(name, 3)
    server.start()
    opened(page, server, "tl_gone")
    page.click("#remove-open")
    assert page.inner_text("#remove-name") == page.inner_text("#title")
    page.click("#remove-close")
    assert page.is_hidden("#remove")
    assert page.is_visible("#inspector .lead")
    page.click("#remove-open")
    page.click("#remove-go")
    page.wait_for_selector("#welcome")
    shows(page, ".notice span", "This timeline was removed.")
    page.wait_for_selector("#timelines a[href='#/tl_gone']", state="detached")
    assert page.locator("#timelines a").count() == 1
    with SqliteStore(server.path) as store:
        assert [one.id for one in store.timelines()] == ["tl_kept"]


def test_tags_and_captions_are_corrected_in_place_and_kept(server: Server, page: Page) -> None:
    timeline = server.fill("tl_correct", 5)
    server.start()
    opened(page, server, timeline)
    with SqliteStore(server.path) as store:
        before = store.state(timeline).segments[0]
    page.keyboard.press("e")
    page.fill("#inspector textarea", "A lighthouse in the fog.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#inspector .caption:has-text('A lighthouse in the fog.')")
    page.click(f"#inspector button[aria-label='Remove {before.tags[0].tag}']")
    page.wait_for_selector(f"#inspector button[aria-label='Remove {before.tags[0].tag}']", state="detached")
    page.fill("#inspector .add input", "Nostalgic")
    page.keyboard.press("Enter")
    page.wait_for_selector("#inspector .tags .person .name:has-text('Nostalgic')")
    with SqliteStore(server.path) as store:
        after = store.state(timeline).segments[0]
    assert after.caption == "A lighthouse in the fog."
    assert before.tags[0].tag not in [score.tag for score in after.tags]
    assert ("Nostalgic", 1.0) in [(score.tag, score.confidence) for score in after.tags]


def test_retagging_under_another_vocabulary_updates_the_page(server: Server, page: Page) -> None:
    server.fill("tl_retag", 5)
    server.start()
    opened(page, server, "tl_retag")
    page.click("#retag-open")
    page.select_option("#vocabulary", "seed-eight")
    page.click("#retag-go")
    shows(page, "#counts", re.compile("seed-eight"))
    page.wait_for_selector("#retag", state="hidden")  # the events may come before the answer


def test_dialogs_that_offer_what_the_server_has_wait_for_its_description(server: Server, page: Page) -> None:
    server.fill("tl_early", 5)
    server.start()
    waiting: list[Any] = []
    page.route("**/v1/info", lambda route: waiting.append(route))
    opened(page, server, "tl_early")
    page.wait_for_selector('#connection[data-state="open"]')
    assert page.is_disabled("#retag-open")
    assert page.is_disabled("#export")
    page.click("#tab-cues")
    assert page.is_disabled("#cue-go")
    page.press("#cue-guide", "Enter")
    shows(page, "#cue-status", "Finding music…")
    page.click("#tab-segment")
    page.fill("#inspector .add input", "nostalgik")
    page.keyboard.press("Enter")  # is answered when the vocabulary is known
    for route in waiting:
        route.continue_()
    shows(page, "#inspector .question", re.compile("Did you mean Nostalgic"))
    page.click("#export")  # waits until it can be clicked
    assert page.locator("#export-format option").count() > 5
    page.click("#export-close")
    page.click("#retag-open")
    assert "music-library" in page.locator("#vocabulary").inner_text()
    page.click("#retag-close")
    shows(page, "#cue-status", re.compile("cue"))


def test_the_page_reconnects_to_a_restarted_server_and_misses_nothing(server: Server, page: Page) -> None:
    timeline = server.fill("tl_kill", 4)
    server.start()
    opened(page, server, timeline)
    server.kill()
    page.wait_for_selector('#connection[data-state="connecting"]')
    assert page.inner_text("#connection") == "Reconnecting"
    with SqliteStore(server.path) as store:
        from streamtags.run.correct import correct

        first = store.state(timeline).segments[0].segment
        correct(store, timeline, first, caption="Written while the server was away.", by="test")
    server.start()
    page.wait_for_selector('#connection[data-state="open"]', timeout=30_000)
    page.wait_for_selector("#inspector .caption:has-text('Written while the server was away.')")


def test_script_in_a_caption_is_text(server: Server, page: Page) -> None:
    timeline = server.fill("tl_hostile", 2)
    hostile = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    with SqliteStore(server.path) as store:
        from streamtags.run.correct import correct

        correct(store, timeline, "s0000", tags=[(hostile, 0.9)], caption=hostile, by=hostile)
    server.start()
    opened(page, server, timeline)
    assert page.inner_text("#inspector .caption") == hostile
    page.click("#list-toggle")
    page.wait_for_selector("#list tbody tr[aria-rowindex]")
    assert page.locator("#inspector img, #list img, #inspector script").count() == 0
    assert "taken" not in page.title()


def test_an_export_is_downloaded(server: Server, page: Page) -> None:
    server.fill("tl_export", 3)
    server.start()
    opened(page, server, "tl_export")
    page.wait_for_selector("#axis option[value='genre']", state="attached")  # the server has described itself
    page.click("#export")
    offered = page.eval_on_selector_all("#export-format option", "(all) => all.map((one) => one.value)")
    assert offered == list(formats())
    page.select_option("#export-format", "json")
    with page.expect_download() as waiting:
        page.click("#export-go")
    download = waiting.value
    assert download.suggested_filename == "made-to-order.json"
    assert len(json.loads(Path(download.path()).read_text())["segments"]) == 3
    page.wait_for_selector("#export-dialog", state="hidden")


def test_an_export_takes_the_options_of_its_format(server: Server, page: Page) -> None:
    server.fill("tl_export", 12)
    server.start()
    opened(page, server, "tl_export")
    page.wait_for_selector("#axis option[value='genre']", state="attached")
    page.click("#export")
    page.select_option("#export-format", "json")
    assert page.is_hidden("#export-rate") == ("rate" not in formats()["json"].options)
    page.select_option("#export-format", "csv")
    shown = page.eval_on_selector_all("[data-option]", "(all) => all.filter((one) => !one.hidden).map((one) => one.dataset.option)")
    assert set(shown) == formats()["csv"].options
    assert page.is_hidden("#export-goal")
    page.fill("#export-tags", "Calmm")
    page.click("#export-go")
    shows(page, "#export-error", re.compile("no tag 'Calmm'.*did you mean 'Calm'"))
    page.fill("#export-tags", "")
    page.fill("#export-confidence", "2")
    page.click("#export-go")
    shows(page, "#export-error", re.compile("min_confidence"))
    page.fill("#export-confidence", "0.99")
    with page.expect_download() as waiting:
        page.click("#export-go")
    rows = Path(waiting.value.path()).read_text().splitlines()
    assert 1 <= len(rows) < 13  # segments without such a tag are left out


def test_an_edit_is_exported_with_markers_or_as_a_new_timeline(server: Server, page: Page) -> None:
    server.fill("tl_edit", 2, container="otio")
    server.start()
    opened(page, server, "tl_edit")
    page.wait_for_selector("#axis option[value='genre']", state="attached")
    page.click("#export")
    page.select_option("#export-format", "otio")
    assert page.is_visible("#export-goal")
    assert page.is_hidden("#export-rate")
    page.click("#export-go")
    shows(page, "#export-error", re.compile(r"\S"))  # that edit is not on this server
    page.check("text=A new timeline")
    page.fill("#export-rate", "50")
    page.fill("#export-tags", "Calm, Tense")
    with page.expect_request("**/export?*") as requested, page.expect_download() as waiting:
        page.click("#export-go")
    assert requested.value.url.endswith("format=otio&rate=50&tag=Calm&tag=Tense&new_timeline=1")
    assert json.loads(Path(waiting.value.path()).read_text())["OTIO_SCHEMA"].startswith("Timeline")


def test_a_marked_range_selects_its_segments_for_one_tag(server: Server, page: Page) -> None:
    server.fill("tl_marks", 8)
    server.start()
    opened(page, server, "tl_marks")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("i")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("o")
    shows(page, "#selection [role=status]", "3 segments selected")
    assert "in 01:" in page.inner_text("#marks")
    page.fill("#selection .add input", "Nostalgic")
    page.keyboard.press("Enter")
    shows(page, ".notice span", "3 segments changed.")
    with SqliteStore(server.path) as store:
        changed = [one.segment for one in store.state("tl_marks").segments if one.correction is not None]
    assert changed == ["s0001", "s0002", "s0003"]
    page.focus("#timeline")
    page.keyboard.press("x")
    assert page.is_hidden("#selection")
    assert page.inner_text("#marks") == ""


def test_the_timecode_is_copied(server: Server, page: Page) -> None:
    server.fill("tl_copy", 4)
    server.start()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, server, "tl_copy")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("c")
    code = page.inner_text("#timecode")
    shows(page, ".notice span", f"Copied {code}.")
    assert page.evaluate("navigator.clipboard.readText()") == code


def test_a_zoomed_in_film_shows_its_waveform_and_stills_of_its_own(server: Server, page: Page, film: Path) -> None:
    target = server.folder / film.name
    target.write_bytes(film.read_bytes())
    command = [sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())", "analyze", str(target)]
    subprocess.run([*command, "--store", f"sqlite:///{server.path}", "--profile", "embedded"], check=True, capture_output=True)
    with SqliteStore(server.path) as store:
        timeline = store.find("last")
    server.start()
    page.add_init_script(
        """globalThis.drawn = [];
        const draw = CanvasRenderingContext2D.prototype.drawImage;
        CanvasRenderingContext2D.prototype.drawImage = function (image, ...place) {
            if (this.canvas.id === "timeline-base") globalThis.drawn.push(`${image.tagName} ${image.height}`);
            draw.call(this, image, ...place);
        };
        globalThis.texts = new Set();
        const write = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
            globalThis.texts.add(text); write.call(this, text, ...place);
        };"""
    )
    opened(page, server, timeline)
    page.wait_for_selector("#monitor:not(.no-media)")
    page.wait_for_function("() => globalThis.texts.has('Sound')")
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_function("() => globalThis.drawn.filter((one) => one === 'CANVAS 49').length > 3", timeout=60_000)


def test_a_viewer_signs_in_and_cannot_change_anything(server: Server, page: Page) -> None:
    from streamtags_server.access.tokens import new_token

    server.fill("tl_viewer", 3)
    token, line = new_token("viewer")
    tokens = server.folder / "tokens"
    tokens.write_text(f"{line}\n")
    server.start("--token-file", str(tokens))
    page.goto(f"{server.url}#/tl_viewer")
    page.fill("#token", "st_wrong")
    page.click("#sign-in-go")
    shows(page, "#sign-in-error", re.compile("token"))
    page.fill("#token", token)
    page.keyboard.press("Enter")
    page.wait_for_selector("#inspector .lead")
    assert page.inner_text("#connection") == "Connected, viewing only"
    assert page.locator("#inspector .edit-caption, #inspector .tags button").count() == 0
    assert page.is_hidden("#retag-open")
    assert page.is_hidden("#remove-open")
    assert page.is_hidden("#upload")


def test_ten_thousand_segments_are_drawn_without_visiting_each(server: Server, page: Page) -> None:
    server.fill("tl_long", 10_000)
    server.start()
    page.add_init_script(
        """globalThis.boxes = 0;
        const fill = CanvasRenderingContext2D.prototype.fillRect;
        CanvasRenderingContext2D.prototype.fillRect = function (...box) { globalThis.boxes += 1; fill.apply(this, box); };"""
    )
    page.set_default_timeout(60_000)
    opened(page, server, "tl_long")
    assert "10,000 segments" in page.inner_text("#counts")
    drawn = page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            await frame(); await frame();
            const canvas = document.querySelector("#timeline-over");
            const box = canvas.getBoundingClientRect();
            const most = [];
            for (let at = 0; at < 60; at += 1) {
                globalThis.boxes = 0;
                const place = {clientX: box.left + 700, clientY: box.top + 90, cancelable: true};
                canvas.dispatchEvent(new WheelEvent("wheel", {deltaY: at < 40 ? -60 : 60, shiftKey: at >= 40, ...place}));
                await frame(); await frame();
                most.push(globalThis.boxes);
            }
            return most;
        }"""
    )
    width = page.evaluate("document.querySelector('#timeline').clientWidth")
    assert min(drawn) > 0
    assert max(drawn) < width * 10, "what is drawn is bounded by the pixels, not by the film"


def test_every_control_has_an_accessible_name(server: Server, page: Page) -> None:
    server.fill("tl_names", 3)
    server.start()
    opened(page, server, "tl_names")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=slider]")].filter((one) => one.checkVisibility() &&
            !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length)).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
