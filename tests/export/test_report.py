"""The HTML report: whole, self-contained and harmless whatever captions and names contain."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from streamtags.core.events import Cue, CuesSuggested, Payload
from streamtags.core.fold import fold
from streamtags.core.state import TimelineState
from streamtags.export import ExportOptions, TimelineView, find_format
from tests.payloads import Make

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u202e\x00\x1b[31m</style>"


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_state() -> TimelineState:
    make = Make()
    payloads: list[Payload] = [make.opened(HOSTILE)]
    for index in range(3):
        payloads += [
            make.detected(index),
            make.measured(index, brightness_percent=30.0 * index, loudness_lufs=-20.0, camera="static").model_copy(
                update={"text": HOSTILE}
            ),
            make.captioned(index, 1, HOSTILE),
            make.tagged(index, 2, **{HOSTILE: 0.9, "Calm": 0.5}).model_copy(update={"reasoning": HOSTILE}),
        ]
    payloads += [make.failed(2, "tag", HOSTILE), make.corrected(1, 3, by=HOSTILE, Tense=1.0)]
    cue = Cue(track="t", title=HOSTILE, artist=HOSTILE, score=1, why=HOSTILE)
    payloads.append(CuesSuggested(segment=HOSTILE, guide=HOSTILE, library="l", cues=[cue]))
    return fold(make.events(payloads))


def render(state: TimelineState, options: ExportOptions | None = None) -> str:
    options = options or ExportOptions()
    view = TimelineView.of(state, (), options)
    return find_format("html").render(view, options).decode()


def test_hostile_text_stays_text() -> None:
    written = render(hostile_state())
    page = Page(written)
    names = {name for name, _ in page.elements}
    assert not names & {"script", "iframe", "object", "embed", "link", "base", "form", "a"}
    for name, attributes in page.elements:
        assert not any(key.startswith("on") or key in ("style", "href") for key in attributes), (name, attributes)
        assert (attributes.get("src") or "data:image/jpeg").startswith("data:image/jpeg"), (name, attributes)
    assert page.text.count("<script>alert(1)</script>") > 10
    assert "\x1b" not in written
    assert "\u202e" not in written


def test_the_policy_allows_the_style_of_the_page_and_nothing_else() -> None:
    written = render(hostile_state())
    policy = next(attributes["content"] for name, attributes in Page(written).elements if attributes.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", written, re.DOTALL)
    assert policy is not None
    assert style is not None
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


def test_every_selected_segment_is_in_the_report_with_its_still(state: TimelineState) -> None:
    view = TimelineView.of(state)
    stills = TimelineView(state, (), view.markers, None, lambda segment: b"\xff\xd8" if segment == view.markers[0].segment else None)
    page = Page(find_format("html").render(stills, ExportOptions()).decode())
    assert sum(name == "article" for name, _ in page.elements) == len(view.markers)
    assert sum(name == "img" for name, _ in page.elements) == 1
    for marker in view.markers:
        assert marker.start_timecode in page.text


def test_options_select_and_move_the_segments() -> None:
    options = ExportOptions(tags=("Tense",), start_timecode="10:00:00:00")
    page = Page(render(hostile_state(), options))
    assert sum(name == "article" for name, _ in page.elements) == 1
    assert "10:00:02:00" in page.text


def test_an_empty_timeline_has_a_report() -> None:
    assert "<h2>" not in render(TimelineState(id="tl_1"))
