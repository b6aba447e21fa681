"""A film that is hard to export: 500 segments whose words and times go wrong where a writer escapes or rounds badly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from streamtags.core.model import TagScore
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.timecode import format_timecode, parse_timecode
from streamtags.core.vocabulary import Axis, Tag, Vocabulary

__all__ = ["RATES", "SEGMENTS", "TAGS", "VOCABULARY", "WORDS", "film"]

SEGMENTS = 500
WORDS = (
    "A boat, at dawn; \"quoted\" and 'single' & <b>bold</b> ]]> --> done",
    "Käse 🧀 und 👨‍👩‍👧, 東京の夜, שלום, Ω\u0301",
    "a|b |C:ResolveColorRed |M:none |D:9",
    "two\nlines\r\nand a\ttab",
    '=HYPERLINK("http://x")',
    "+1; =2, -3\t@4",
    "003  AX       V     C        01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00",
    "* LOC: 01:00:00:00 RED  not a locator",
    "TITLE: not a title",
    "M2   AX       025.0                01:00:00:00",
    "Heading",
    "bell \x07, form feed \x0c, escape \x1b[2J, nul \x00, \u2028 and \ufffe",
    "long " + "word " * 2_000,
    "",
    "- minus first",
)
TAGS = ("Rock & Roll", "Naïve | Café", "Calm", 'Say "no"', "=Sum", "Night, city", "🎸")
VOCABULARY = Vocabulary(
    id="nasty",
    version="1",
    axes=(Axis(name="mood"), Axis(name="genre & style"), Axis(name="Ort")),
    tags=tuple(Tag(name=name, axis=("mood", "genre & style", "Ort")[index % 3]) for index, name in enumerate(TAGS)),
)
RATES = {
    "23.976": (Fraction(24000, 1001), "01:00:00:00"),
    "25": (Fraction(25), "01:00:00:00"),
    "29.97 drop": (Fraction(30000, 1001), "01:00:00;00"),
    "59.94 drop": (Fraction(60000, 1001), "00:59:58;00"),
}


def film(rate: Fraction, start: str, *, segments: int = SEGMENTS) -> TimelineState:
    """A timeline whose every seventh segment starts on the frame of the one before it."""
    ticks = 4 * rate.numerator  # a quarter of a frame is the finest time
    step = 4 * rate.denominator
    first, drop = parse_timecode(start, rate)
    ends, position = [], 0
    for index in range(segments):
        # Lengths of 1 to 47 frames, and some of a quarter of a frame.
        position += step // 4 if index % 7 == 5 else step * (1 + (index * 13) % 47)
        ends.append(position)
    ends[-1] = -(-ends[-1] // step) * step

    def at(pts: int) -> dict[str, Any]:
        frame = round(pts / step)
        label = format_timecode(first + frame, rate, drop=drop)
        return {"pts": pts, "time_base": f"1/{ticks}", "seconds": pts / ticks, "frame": frame, "timecode": label}

    video = {
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "rate": f"{rate.numerator}/{rate.denominator}",
        "time_base": f"1/{ticks}",
        "start_timecode": start,
        "duration": ends[-1] / ticks,
    }
    audio = {"codec": "aac", "rate": 48000, "channels": 2}
    source = {
        "uri": "/films/Käse & Brot <1>.mov",
        "name": "Käse & Brot <1>.mov",
        "size": 1,
        "container": "mov",
        "video": video,
        "audio": audio,
    }
    return TimelineState.model_validate(
        {
            "source": source,
            "segments": [_segment(index, at(start), at(end)) for index, (start, end) in enumerate(zip([0, *ends], ends, strict=False))],
        }
    )


def _segment(index: int, start: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    return SegmentState.model_validate(
        {
            "segment": f"s{index:04d}",
            "index": index,
            "shot": index,
            "start": start,
            "end": end,
            "kind": "shot",
            "transition": "cut",
            "caption": WORDS[index % len(WORDS)],
            "reasoning": WORDS[(index + 4) % len(WORDS)],
            "tags": [
                TagScore(tag=TAGS[(index + offset) % len(TAGS)], confidence=round(confidence, 2)).model_dump()
                for offset, confidence in enumerate([0.9, 0.5, 0.0][: index % 4])
            ],
            "status": "tagged",
        }
    ).model_dump()
