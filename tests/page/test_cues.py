"""Music on the page: from a film to an accepted track, heard under the picture; and scenes edited by hand."""

from __future__ import annotations

import wave
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamtags.core.cue_events import Cue, CuesSuggested
from streamtags.core.events import SceneDetected
from streamtags.core.music import StoredTrack, Track, TrackSound
from streamtags.core.records import TimelineIdentity
from streamtags.store.opening import open_music_libraries
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video
from tests.cues.films import Part, film_payloads
from tests.page.test_page import opened, shows

if TYPE_CHECKING:
    from playwright.sync_api import Page

Server = Any  # of tests/page/conftest.py
pytestmark = pytest.mark.timeout(180)

SECONDS = 24
HITS = (2.5, 5.0, 7.5)


def add_library(server: Server) -> None:
    """Add three tracks; the first two can be heard."""
    folder = server.folder / "music"
    folder.mkdir()
    times = np.arange(SECONDS * 8000) / 8000
    for name, hertz in (("dawn.wav", 220), ("chase.wav", 880)):
        samples = (np.sin(2 * np.pi * hertz * times) * 9000).astype("<i2")
        with wave.open(str(folder / name), "wb") as made:
            made.setparams((1, 2, 8000, 0, "NONE", ""))
            made.writeframes(samples.tobytes())
    sound = TrackSound(seconds=SECONDS, tempo_bpm=80, energy=0.3, curve=(40, 80) * SECONDS, hits=HITS, sections=(5.0,))
    tracks = [
        Track("dawn.wav", 0, title="Dawn", description="calm hopeful piano", texts={"artist": "Anon"}, sound=sound),
        Track("chase.wav", 0, title="Chase", description="tense driving drums", sound=sound),
        Track("row", 0, title="Only a row", description="ukulele"),
    ]
    with SqliteStore(server.path) as store, closing(open_music_libraries(store)) as libraries:
        libraries.save("house", str(folder), "folder", [StoredTrack(track) for track in tracks])


def cue(server: Server, timeline: str, place: int = 0) -> Any:
    with SqliteStore(server.path) as store:
        return store.state(timeline).spotting[place]


@pytest.mark.slow
def test_from_a_film_to_an_accepted_track_that_was_heard_in_sync(server: Server, page: Page) -> None:
    film = server.folder / "two shots.mp4"
    make_video(film, [ShotSpec(72), ShotSpec(72, look="gradient")], rate=12, size=(160, 90))
    add_library(server)
    server.start()
    page.goto(server.url)
    page.wait_for_selector('#connection[data-state="open"]')
    page.set_input_files("#file", film)
    page.wait_for_selector('#state[data-state="completed"]', timeout=60_000)
    timeline = page.url.rpartition("#/")[2].partition("/")[0]
    page.click("#tab-cues")
    page.select_option("#cue-library", "house")
    page.fill("#cue-guide", "hopeful, +piano")
    page.press("#cue-guide", "Enter")
    first = page.locator('.cue[data-cue="1M1"] .track').first
    first.wait_for()
    assert "Dawn by Anon" in first.inner_text()
    assert "hopeful, piano" in first.locator(".why").inner_text()
    page.fill("#cue-tempo", "-2")
    assert page.input_value("#cue-guide") == "hopeful, +piano, slower"
    shows(page, '.cue[data-cue="1M1"] .guide', "Guide: hopeful, +piano, slower")

    page.wait_for_function("!document.querySelector('#monitor').classList.contains('no-media')")
    first.locator(".hear").click()
    page.wait_for_function("document.querySelector('#track').currentTime > 1.2 && !document.querySelector('#track').paused")
    spotted = cue(server, timeline)
    with SqliteStore(server.path) as store:
        fit = next(one.cues[0].fit for one in store.state(timeline).cues)
    assert fit is not None
    apart = "document.querySelector('#track').currentTime - document.querySelector('video').currentTime"
    page.wait_for_function(f"expected => Math.abs({apart} - expected) < 0.15", arg=fit.offset_seconds - spotted.start.seconds)
    page.keyboard.press("a")
    page.wait_for_function("document.querySelector('#track').paused && document.querySelector('video').paused")

    page.locator('.cue[data-cue="1M1"] .track').first.locator("button", has_text="Accept").click()
    page.wait_for_selector('.cue[data-cue="1M1"] .decided.accepted')
    assert cue(server, timeline).chosen.title == "Dawn"
    page.locator('.cue[data-cue="1M1"] .track', has_text="Chase").locator("button", has_text="Swap").click()
    page.wait_for_selector(".track.chosen:has-text('Chase')")
    page.wait_for_selector(".track.rejected:has-text('Dawn')")
    page.focus("#timeline")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".track.chosen:has-text('Dawn')")
    page.click(".reopen")
    page.wait_for_selector(".decided", state="detached")
    assert (cue(server, timeline).decision, cue(server, timeline).rejected) == (None, ())


def fill(server: Server, timeline: str, payloads: list[Any]) -> None:
    with SqliteStore(server.path) as store:
        store.open_timeline(timeline, TimelineIdentity(f"key of {timeline}"))
        store.append(timeline, payloads)


def test_cues_grow_while_the_analysis_runs_and_only_cards_that_change_are_drawn(server: Server, page: Page) -> None:
    payloads = film_payloads([Part(20, 4, {"Calm": 0.9}), Part(20, 4, {"Tense": 0.9}, energies=[0.2, 0.8])])
    middle = next(at for at, one in enumerate(payloads) if isinstance(one, SceneDetected)) + 1
    add_library(server)
    fill(server, "tl_growing", payloads[:middle])
    server.start()
    opened(page, server, "tl_growing")
    page.keyboard.press("q")
    page.click("#cue-go")
    page.wait_for_selector('.cue[data-cue="1M1"] .track')
    shows(page, "#cue-status", "1 cue so far")
    with SqliteStore(server.path) as store:
        store.append("tl_growing", payloads[middle:])
    page.wait_for_selector('.cue[data-cue="1M2"] .first')
    page.wait_for_selector('#state[data-state="completed"]')
    page.wait_for_selector("#cue-go:enabled")  # no further request follows
    shows(page, "#cue-status", "2 cues")
    page.evaluate("""document.querySelector('.cue[data-cue="1M2"]').isTheSame = true""")
    page.click('.cue[data-cue="1M1"] .track >> nth=1 >> button:has-text("Reject")')
    page.wait_for_selector(".track.rejected")
    page.click(".track.rejected button:has-text('Take back')")
    page.wait_for_selector(".track.rejected", state="detached")
    assert page.evaluate("""document.querySelector('.cue[data-cue="1M2"]').isTheSame""")

    page.click('.cue[data-cue="1M2"] .cue-head')
    page.click('.cue[data-cue="1M2"] .hits button')
    hit = cue(server, "tl_growing", 1).hits[0].at.seconds
    page.wait_for_function("hit => Math.abs(document.querySelector('#timeline').ariaValueNow - hit) < 0.001", arg=hit)
    for width, height in ((900, 700), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("(() => { const box = document.querySelector('#cues'); return box.scrollWidth - box.clientWidth; })()") <= 0
        for name in ("#cue-go", "#cue-guide", "#cue-energy", ".cue-head"):
            box = page.locator(name).first.bounding_box()
            assert box is not None, name
            assert box["x"] + box["width"] <= width, name


def test_an_accepted_track_is_heard_from_its_library_and_the_choices_survive_a_reload(server: Server, page: Page) -> None:
    add_library(server)
    fill(server, "tl_mix", film_payloads([Part(20, 4, {"Calm": 0.9}), Part(20, 4, {"Tense": 0.9}, has_music=True)]))
    server.start()
    opened(page, server, "tl_mix")
    page.keyboard.press("q")
    page.click("#cue-go")
    page.click('.cue[data-cue="1M1"] .track:has-text("Dawn") >> button:has-text("Accept")')
    page.wait_for_selector(".track.chosen:has-text('Dawn')")
    page.check("#cue-over-music")
    page.wait_for_selector('.cue[data-cue="1M2"]')
    with SqliteStore(server.path) as store:
        other = Cue(track="dawn.wav", title="Another dawn", artist="", score=0.9, why="calm")
        store.append("tl_mix", [CuesSuggested(cue="1M1", library="attic", cues=[other])])
    page.wait_for_selector(".track:has-text('Another dawn')")
    page.click(".track.chosen .hear")
    shows(page, ".track.heard .name", "Dawn by Anon")
    assert page.locator(".track.heard").count() == 1
    assert "libraries/house/audio?track=dawn.wav" in page.locator("#track").get_attribute("src")
    page.reload()
    page.wait_for_selector('.cue[data-cue="1M2"]', state="attached")
    page.get_by_role("tab", name="Cues").click()
    page.wait_for_selector('.cue[data-cue="1M2"]')
    assert page.is_checked("#cue-over-music")


def test_a_scene_is_split_merged_and_undone_by_hand_and_the_cues_follow(server: Server, page: Page) -> None:
    fill(server, "tl_scenes", film_payloads([Part(20, 4, {"Calm": 0.9}), Part(20, 4, {"Tense": 0.9})]))
    server.start()
    opened(page, server, "tl_scenes")
    page.keyboard.press("q")
    page.select_option("#cue-library", "")
    page.click("#cue-go")
    page.wait_for_selector('.cue[data-cue="1M2"]')
    page.focus("#timeline")
    page.keyboard.press("q")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    shows(page, ".scene-line span", "Scene 1 of 2")
    page.keyboard.press("g")
    shows(page, ".scene-line span", "Scene 2 of 3, split here by page")
    page.click("#tab-cues")
    page.wait_for_selector('.cue[data-cue="1M3"]')
    page.click("#tab-segment")
    page.click(".scene-change")
    shows(page, ".scene-line span", "Scene 1 of 2, merged here by page")
    page.focus("#timeline")
    page.keyboard.press("Control+z")
    shows(page, ".scene-line span", "Scene 2 of 3, split here by page")
    page.click(".scene-reset")
    shows(page, ".scene-line span", "Scene 1 of 2")
    page.wait_for_selector('.cue[data-cue="1M3"]', state="detached")  # the cues follow the scenes
    with SqliteStore(server.path) as store:
        state = store.state("tl_scenes")
    assert (len(state.scenes), state.scene_edits, len(state.spotting)) == (2, (), 2)
