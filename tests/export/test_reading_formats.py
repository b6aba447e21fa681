"""Tables, subtitles, chapters, the log and the report, read back by other programs' readers: nothing is lost that the format can carry."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import pytest

from streamtags.core.events import Payload, SegmentCaptioned, SegmentDetected, SegmentTagged, TimelineOpened
from streamtags.core.fold import fold
from streamtags.core.model import TagScore
from streamtags.core.state import TimelineState
from streamtags.core.timecode import parse_timecode
from streamtags.export import ExportOptions, Marker, TimelineView, find_format
from tests.export.nasty import RATES, SEGMENTS, VOCABULARY, film
from tests.export.test_editing_formats import Film, plain, unguarded
from tests.payloads import VOCABULARY as VOCABULARY_REF
from tests.payloads import Make


@pytest.fixture(scope="module", params=["23.976", "29.97 drop"])
def nasty(request: pytest.FixtureRequest) -> Film:
    rate, start = RATES[request.param]
    return film(rate, start), rate, start


def render(name: str, state: TimelineState) -> bytes:
    return find_format(name).render(TimelineView.of(state, (), None, VOCABULARY), ExportOptions())


def markers_of(state: TimelineState) -> Sequence[Marker]:
    markers = TimelineView.of(state, (), None, VOCABULARY).markers
    assert len(markers) == SEGMENTS
    return markers


def listed(tags: Sequence[TagScore], separator: str = ", ") -> str:
    return separator.join(f"{score.tag} {score.confidence:.2f}" for score in tags)


def cue_of(marker: Marker) -> list[str]:
    tags = listed(marker.tags)
    return [line for line in (plain(marker.comment), f"[{tags}]" if tags else "") if line] or [plain(marker.name)]


def test_csv_has_a_row_for_each_segment_with_every_word_and_number(nasty: Film) -> None:
    state, rate, start = nasty
    first = parse_timecode(start, rate)[0]
    rows = list(csv.DictReader(io.StringIO(render("csv", state).decode(), newline="")))
    for row, segment in zip(rows, state.segments, strict=True):
        assert (row["segment"], int(row["index"]), int(row["start_frame"])) == (segment.segment, segment.index, segment.start.frame)
        assert parse_timecode(row["start_timecode"], rate)[0] - first == segment.start.frame
        assert parse_timecode(row["end_timecode"], rate)[0] - first == segment.end.frame
        assert float(row["end_seconds"]) == pytest.approx(segment.end.seconds, abs=1e-6)
        # A cell cannot have NUL, signs that start a formula get an apostrophe, and what controls a terminal or turns the direction of
        # writing becomes a space. Line breaks and everything else stay.
        for column, text in (("caption", segment.caption or ""), ("reasoning", segment.reasoning), ("tags", listed(segment.tags, "; "))):
            assert unguarded(row[column]) == unguarded(as_cell(text))


def as_cell(text: str) -> str:
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    becomes_space = {char for char in text if (unicodedata.category(char) == "Cc" and char not in "\0\t\r\n") or char in turning}
    return "".join(" " if char in becomes_space else char for char in text.replace("\0", ""))


def subtitles(data: bytes, path: Path) -> list[tuple[int, int, str]]:
    """(start, length, text) of each cue in milliseconds, as FFmpeg's demuxer reads them."""
    path.write_bytes(data)
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        ticks = 1000 * (stream.time_base or Fraction(1, 1000))
        return [
            (int((packet.pts or 0) * ticks), int((packet.duration or 0) * ticks), bytes(packet).decode())
            for packet in container.demux(stream)
            if packet.size
        ]


@pytest.mark.parametrize("name", ["vtt", "srt"])
def test_subtitles_have_a_cue_for_each_segment_with_its_caption_and_tags(name: str, nasty: Film, tmp_path: Path) -> None:
    def shown(line: str) -> list[str]:
        if name == "vtt":
            return [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")]
        # SubRip has no escapes: what players take for markup or times is written in other characters. Long lines are broken.
        line = line.replace("-->", "->").replace("<", "\u2039").replace(">", "\u203a").replace("{", "(").replace("}", ")")
        return [line] if len(line) < 1000 else re.findall(r".{1,1000}(?: |$)", line)

    markers = markers_of(nasty[0])
    read = subtitles(render(name, nasty[0]), tmp_path / f"film.{name}")
    expected = [
        (
            round(marker.start * 1000),
            round(marker.end * 1000) - round(marker.start * 1000),
            [part.rstrip() for line in cue_of(marker) for part in shown(line)],
        )
        for marker in markers
    ]
    assert [(start, length, text.splitlines()) for start, length, text in read] == expected


def test_chapters_are_read_by_ffmpeg_with_every_title(nasty: Film, tmp_path: Path) -> None:
    path = tmp_path / "film.ffmetadata"
    path.write_bytes(render("chapters", nasty[0]))
    with av.open(str(path), format="ffmetadata") as container:
        chapters = container.chapters()
        assert container.metadata["title"] == "Käse & Brot <1>.mov"
    read = [(chapter["start"], chapter["end"], chapter["metadata"]["title"]) for chapter in chapters]
    assert {chapter["time_base"] for chapter in chapters} == {Fraction(1, 1_000_000)}
    assert read == [
        (round(marker.start * 1_000_000), round(marker.end * 1_000_000), plain(": ".join(filter(None, [marker.name, marker.comment]))))
        for marker in markers_of(nasty[0])
    ]


def log_of(state: TimelineState) -> list[Payload]:
    assert state.source is not None
    payloads: list[Payload] = [TimelineOpened(source=state.source, vocabulary=VOCABULARY_REF, profile="embedded", settings={})]
    for segment in state.segments:
        fields = segment.model_dump(include={"segment", "index", "shot", "start", "end", "kind", "transition"})
        payloads += [
            SegmentDetected.model_validate(fields),
            SegmentCaptioned(segment=segment.segment, rev=1, caption=segment.caption or "", model="eye-1", frames=[]),
            SegmentTagged(
                segment=segment.segment,
                rev=2,
                tags=segment.tags,
                reasoning=segment.reasoning,
                model="mind-1",
                vocabulary=VOCABULARY_REF,
            ),
        ]
    return payloads


def is_cut(read: str, text: str) -> bool:
    """Whether `read` is the beginning of a long text and says so."""
    note = f"… [cut, {len(text)} characters in all]"
    return len(text) > 10_000 and read.endswith(note) and text.startswith(read.removesuffix(note))


def test_every_line_of_the_log_is_an_event_and_together_they_are_the_film(nasty: Film) -> None:
    state = nasty[0]
    events = Make().events(log_of(state))
    data = find_format("jsonl").render(TimelineView.of(fold(events), events), ExportOptions())
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    read = [json.loads(line) for line in lines]
    assert [event["seq"] for event in read] == list(range(1, len(events) + 1))
    by_type: dict[str, list[Any]] = {}
    for event in read:
        by_type.setdefault(event["type"], []).append(event["data"])
    for segment, detected, captioned, tagged in zip(
        state.segments, *(by_type[f"segment.{name}"] for name in ("detected", "captioned", "tagged")), strict=True
    ):
        assert (detected["start"]["pts"], detected["end"]["pts"]) == (segment.start.pts, segment.end.pts)
        assert captioned["caption"] == segment.caption or is_cut(captioned["caption"], segment.caption or "")
        assert tagged["reasoning"] == segment.reasoning or is_cut(tagged["reasoning"], segment.reasoning)
        assert [(tag["tag"], tag["confidence"]) for tag in tagged["tags"]] == [(score.tag, score.confidence) for score in segment.tags]


class Articles(HTMLParser):
    """The heading, paragraphs and tags of each article of a report."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.articles: list[dict[str, list[str]]] = []
        self._texts: list[str] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            self.articles.append({"h3": [], "p": [], "li": []})
        elif self.articles and tag in self.articles[-1]:
            self._texts = self.articles[-1][tag]
            self._texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h3", "p", "li"):
            self._texts = None

    def handle_data(self, data: str) -> None:
        if self._texts is not None:
            self._texts[-1] += data


def test_the_report_has_an_article_for_each_segment_with_every_word_and_number(nasty: Film) -> None:
    articles = Articles(render("html", nasty[0]).decode()).articles
    for article, marker in zip(articles, markers_of(nasty[0]), strict=True):
        assert article["h3"] == [f"{marker.number} {marker.start_timecode} to {marker.end_timecode}"]
        assert article["p"] == [plain(text) for text in (marker.comment, marker.reasoning) if text]
        assert [plain(item) for item in article["li"]] == [f"{score.tag} {score.confidence:.2f}" for score in marker.tags]
