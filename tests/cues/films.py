"""Constructed films with known truth: scenes of dialogue, of source music, and of moods without words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from streamtags.core.answers import HeardShares, HeardWindow, SegmentHeard, SegmentTranscribed, TranscriptLine
from streamtags.core.events import (
    Payload,
    SceneDetected,
    SegmentCaptioned,
    SegmentDetected,
    SegmentMeasured,
    SegmentTagged,
    TimelineCompleted,
    TimelineOpened,
    VocabularyRef,
)
from streamtags.core.fold import fold
from streamtags.core.model import SourceInfo, TagScore, VideoInfo, clock_of
from streamtags.core.state import TimelineState
from streamtags.core.timebase import Clock, Time
from streamtags.testing import make_events

VOCABULARY = VocabularyRef(id="test", version="1")


@dataclass
class Part:
    """A scene: shots of equal length; lines and music in seconds from its start."""

    seconds: float
    shots: int = 1
    tags: dict[str, float] = field(default_factory=dict)
    energies: Sequence[float] = (0.3,)
    lines: Sequence[tuple[float, float]] = ()
    has_music: bool = False


def talk(seconds: float) -> list[tuple[float, float]]:
    """Lines of 2 s with pauses of 1 s, from the start to the end of a scene."""
    return [(at, at + 2.0) for at in range(0, int(seconds) - 1, 3)]


def film_payloads(parts: Sequence[Part], rate: Fraction = Fraction(25), start_timecode: str = "00:00:00:00") -> list[Payload]:
    base = 1 / rate
    video = VideoInfo(
        codec="raw", width=160, height=90, rate=rate, time_base=base, start_timecode=start_timecode, duration=None, rotation=0
    )
    clock = clock_of(video, 0)
    source = SourceInfo(uri="film.mov", name="film.mov", size=1, container="mov", video=video, audio=None)
    payloads: list[Payload] = [TimelineOpened(source=source, vocabulary=VOCABULARY, profile="test")]
    begin = index = 0
    for number, part in enumerate(parts):
        frames = round(Fraction(part.seconds) * rate)
        edges = [begin + frames * shot // part.shots for shot in range(part.shots + 1)]
        first = index
        for shot, (start, end) in enumerate(pairwise(edges)):
            payloads += _segment(clock, part, index, start, end, begin, part.energies[shot % len(part.energies)])
            index += 1
        scores = [TagScore(tag=tag, confidence=confidence) for tag, confidence in part.tags.items()]
        span = {"start": clock.at(begin, begin), "end": clock.at(edges[-1], edges[-1])}
        payloads.append(
            SceneDetected(scene=f"sc{number}", index=number, first=f"s{first:04}", last=f"s{index - 1:04}", tags=scores, **span)
        )
        begin = edges[-1]
    return [*payloads, TimelineCompleted(summary={})]


def _segment(clock: Clock, part: Part, index: int, start: int, end: int, begin: int, energy: float) -> list[Payload]:
    name = f"s{index:04}"

    def at(seconds: float) -> Time:
        pts = begin + clock.ticks(seconds)
        return clock.at(pts, pts)

    lines = [(at(one), at(two)) for one, two in part.lines]
    inside = [pair for pair in lines if start <= (pair[0].pts + pair[1].pts) / 2 < end]
    music = 1.0 if part.has_music else 0.0
    content = HeardShares(speech=0.5 if inside else 0.0, singing=0, music=music, other=1 - music)
    return [
        SegmentDetected(
            segment=name, index=index, shot=index, start=clock.at(start, start), end=clock.at(end, end), kind="shot", transition="cut"
        ),
        SegmentMeasured(segment=name, evidence={"arousal_estimate": energy}),
        SegmentTranscribed(
            segment=name, rev=1, model="t", lines=[TranscriptLine(start=a, end=b, text=f"Line at {a.seconds:g}") for a, b in inside]
        ),
        SegmentHeard(segment=name, rev=1, content=content, windows=[HeardWindow(start=start, end=end, content=content)], model="h"),
        SegmentCaptioned(segment=name, rev=1, caption=f"Shot {index} of something.", model="c"),
        SegmentTagged(
            segment=name,
            rev=1,
            tags=[TagScore(tag=tag, confidence=confidence) for tag, confidence in part.tags.items()],
            model="m",
            vocabulary=VOCABULARY,
        ),
    ]


def make_film(*parts: Part, rate: Fraction = Fraction(25), start_timecode: str = "00:00:00:00") -> TimelineState:
    return fold(make_events(film_payloads(parts, rate, start_timecode)))
