"""What was heard and said, on the page: lanes, words under the picture, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamtags.core.answers import HeardMusic, HeardShares, HeardTag, HeardWindow, SegmentHeard, SegmentTranscribed, TranscriptLine, Word
from streamtags.store.sqlite.store import SqliteStore
from tests.page.test_page import opened, shows

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(180)


def heard(segment: Any, **shares: float) -> SegmentHeard:
    content = HeardShares(**{"speech": 0.0, "singing": 0.0, "music": 0.0, "other": 0.0, **shares})
    music = HeardMusic(instruments=[HeardTag(label="harp", confidence=0.4)], model="m") if content.music else None
    middle = (segment.start.pts + segment.end.pts) // 2
    windows = [
        HeardWindow(start=segment.start.pts, end=middle, content=content),
        HeardWindow(start=middle, end=segment.end.pts, content=content),
    ]
    return SegmentHeard(segment=segment.segment, rev=1, content=content, windows=windows, music=music, model="m")


def transcribed(segment: Any) -> SegmentTranscribed:
    first, last = segment.start.pts, segment.end.pts
    edges = [first, first + (last - first) // 4, first + (last - first) // 2]
    words = [
        Word(start=start, end=start + (last - first) // 4, text=text) for start, text in zip(edges, ("Hold", "my", "heart"), strict=True)
    ]
    line = TranscriptLine(start=segment.start, end=segment.end, text="Hold my heart", words=words)
    return SegmentTranscribed(segment=segment.segment, rev=1, language="en", lines=[line], model="m")


def test_speech_and_music_have_lanes_filters_and_words_to_click(server: Any, page: Page) -> None:
    timeline = server.fill("tl_heard", 6)
    with SqliteStore(server.path) as store:
        segments = store.state(timeline).segments
        store.append(timeline, [heard(segments[0], speech=0.9), transcribed(segments[0]), heard(segments[1], music=1.0)])
    server.start()
    opened(page, server, timeline)
    shows(page, "#spoken", "Holdmyheart")
    page.locator("#spoken button", has_text="heart").click()
    page.wait_for_selector("#spoken .now:has-text('heart')")
    seconds = float(page.get_attribute("#timeline", "aria-valuenow") or 0)
    length = segments[0].end.seconds - segments[0].start.seconds
    assert seconds == pytest.approx(length / 2, abs=0.1)
    page.select_option("#heard", "music")
    shows(page, "#matching", "1 of 6")
    page.select_option("#heard", "dialogue")
    shows(page, "#matching", "1 of 6")
    page.select_option("#heard", "")
    page.keyboard.press("ArrowDown")
    shows(page, "#inspector .lead b", "Segment 2")
    assert page.is_hidden("#spoken")
    assert "music 100 %; harp" in page.inner_text("#inspector")
