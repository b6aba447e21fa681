"""A live source on the page: sent over a real socket, cut off and resumed, while a browser shows it."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import Encoding, Feeder, ShotSpec, make_video

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
PICTURES = os.environ.get("STREAMTAGS_PICTURES")  # a folder; read before tests lose the variable
LOOKS = ("texture", "stripes", "lights", "gradient")


@pytest.fixture(scope="session")
def edit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds, a cut every two, and a long take."""
    path = tmp_path_factory.mktemp("live-page") / "edit.mp4"
    shots = [ShotSpec(50, look=LOOKS[at % 4], sound="chords", camera="pan", seed=at) for at in range(4)]
    make_video(path, [*shots, ShotSpec(300, look="texture", camera="pan", speed=0.02)], rate=25, size=(640, 360), encoding=Encoding(gop=25))
    return path


def contains(page: Page, selector: str, text: str) -> None:
    """Wait until the element contains the text."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_contain_text(text, timeout=60_000)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def analyze_from_the_page(page: Page, server: Server, uri: str) -> str:
    """Start an analysis in the dialog; return the id of the timeline."""
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.click("#address-open")
    page.fill("#uri", uri)
    page.click("#address-go")
    page.wait_for_url(re.compile("#/tl_"))
    return page.url.rpartition("/")[2]


def settings_file(server: Server, **live: float) -> str:
    path = server.folder / "live.toml"
    path.write_text("[ingest.live]\n" + "".join(f"{name} = {value}\n" for name, value in live.items()))
    return str(path)


@pytest.mark.timeout(120, func_only=True)  # the first test also makes the film and starts the browser
def test_a_live_source_is_followed_lost_and_resumed(server: Server, page: Page, edit: Path) -> None:
    from playwright.sync_api import expect

    url = f"udp://127.0.0.1:{free_udp_port()}"
    server.start("--config", settings_file(server, silence_seconds=1.0, give_up_seconds=30), "--set", "server.allow_private=true")
    timeline = analyze_from_the_page(page, server, url)
    page.reload()
    contains(page, "#waiting", f"Waiting for a sender to connect to {url}")
    assert url in page.inner_text("#timelines")
    with Feeder(edit, url, seconds=6) as feeder:
        page.wait_for_selector('#state[data-state="live"]')
        page.wait_for_selector("#inspector .lead")
        assert page.is_visible("#no-picture") or page.is_visible("#still")
        assert page.inner_text("#cancel") == "Stop recording"
        feeder.wait()
    page.wait_for_selector('#state[data-state="lost"]')
    assert "sends nothing any more" in page.inner_text("#counts")
    with Feeder(edit, url, seconds=8):
        page.wait_for_selector('#state[data-state="live"]')
        contains(page, "#counts", "1 gap")
        newest = page.locator("#inspector .lead b")
        expect(newest).not_to_have_text(newest.inner_text(), timeout=30_000)  # it goes along
        page.click("#cancel")
    page.wait_for_selector('#state[data-state="cancelled"]')
    with SqliteStore(server.path) as store:
        state = store.state(timeline)
    assert [segment.kind for segment in state.segments].count("gap") == 1
    assert all(one.end == two.start for one, two in zip(state.segments, state.segments[1:], strict=False))
    assert {segment.status for segment in state.segments} == {"tagged"}
    gap = next(segment for segment in state.segments if segment.kind == "gap")
    page.keyboard.press("Home")
    for _ in range(gap.index):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector("#inspector .caption:has-text('the source was away')")


def test_the_dialog_says_why_an_address_is_refused(server: Server, page: Page) -> None:
    server.start()
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.click("#address-open")
    page.fill("#uri", "udp://127.0.0.1:1")
    page.keyboard.press("Enter")
    contains(page, "#address-error", "server.allow_private=true")


def test_a_timeline_is_not_removed_during_its_analysis(server: Server, page: Page) -> None:
    server.start("--config", settings_file(server, give_up_seconds=60), "--set", "server.allow_private=true")
    timeline = analyze_from_the_page(page, server, f"udp://127.0.0.1:{free_udp_port()}")
    page.click("#remove-open")
    page.click("#remove-go")
    contains(page, "#remove-error", "is being analyzed")
    page.click("#remove-close")
    assert timeline in page.url


def lateness(events: list[dict[str, Any]], began: float, until: float) -> list[float]:
    """Return the seconds from the end of each segment to its tags. The sender sent its second 0 at `began`."""
    ends = {
        event["data"]["segment"]: event["data"]["end"]["seconds"]
        for event in events
        if event["type"] == "segment.detected" and event["data"]["end"]["seconds"] < until
    }
    tagged = {
        event["data"]["segment"]: datetime.fromisoformat(event["at"]).timestamp()
        for event in events
        if event["type"] == "segment.tagged" and event["data"]["rev"]
    }
    return [tagged[name] - (began + end) for name, end in ends.items() if name in tagged]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_minutes_cut_off_and_resumed_once(server: Server, page: Page, edit: Path) -> None:
    url = f"udp://127.0.0.1:{free_udp_port()}"
    server.start("--config", settings_file(server, give_up_seconds=30), "--set", "server.allow_private=true")
    timeline = analyze_from_the_page(page, server, url)
    with Feeder(edit, url, seconds=300) as feeder:
        began = feeder.began
        time.sleep(60)
        assert page.inner_text("#state") == "live"
        feeder.cut()
    page.wait_for_selector('#state[data-state="lost"]')
    time.sleep(5)
    with Feeder(edit, url, seconds=300):
        page.wait_for_selector('#state[data-state="live"]')
        time.sleep(55)
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/page-live.png")
        page.click("#cancel")
        page.wait_for_selector('#state[data-state="cancelled"]')
    page.reload()
    contains(page, "#counts", "1 gap")
    with SqliteStore(server.path) as store:
        state = store.state(timeline)
        events = [json.loads(event.to_json()) for event in store.read(timeline)]
    assert state.live is not None
    assert (len(state.live.gaps), state.live.dropped) == (1, 0)
    assert all(one.end == two.start for one, two in zip(state.segments, state.segments[1:], strict=False))
    assert {segment.status for segment in state.segments} == {"tagged"}
    assert state.segments[-1].end.seconds > 115
    assert max(segment.seconds for segment in state.segments if segment.kind != "gap") <= 10.5  # the long take came in slices
    late = lateness(events, began, state.live.gaps[0].start.seconds - 3)
    print(
        f"{len(late)} segments tagged {max(late):.2f} s after their end at the latest, {sorted(late)[len(late) // 2]:.2f} s in the middle"
    )
