"""A timeline as spotting sees it: shots with captions and energy, spoken lines, stretches of music, scenes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any

from streamtags.core.answers import face_expressions
from streamtags.core.model import clock_of, is_measured
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.timebase import Clock, Time

__all__ = ["Film", "Line", "Scene", "Shot", "Span", "film_of"]

_SPEECH_SHARE = 0.4  # of a window or segment from which it counts as spoken, where there is no transcript
_MUSIC_SHARE = 0.5
_MIN_MUSIC_SECONDS = 3.0  # a jingle or a ring tone is no source music
_MUSIC_GAP_SECONDS = 2.0
_MAX_EXPRESSIONS = 3
_LEAST_EXPRESSION = 0.05  # weaker expressions of a span are not worth a word


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """The length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Line:
    """A spoken line; `text` is "" where speech was only heard."""

    start: float
    end: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shot:
    """A segment: what it shows, and how driving it is (0..1, None if unknown).

    Attributes:
        is_cut: a shot begins with it.
        is_described: the caption says what is shown, not what was measured.
        expressions: apparent expressions of the faces in it, with confidence 0..1; empty without faces.
    """

    start: float
    end: float
    is_cut: bool
    caption: str = ""
    is_described: bool = False
    energy: float | None = None
    tags: Mapping[str, float] | None = None
    expressions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """Consecutive segments that belong together, with their mean tags; `is_split` if a person says that it begins where it does."""

    start: float
    end: float
    tags: Mapping[str, float]
    is_split: bool = False


@dataclass(frozen=True, slots=True)
class Film:
    """What spotting works on, everything in order of time.

    Attributes:
        shots: the segments without gaps of a live source.
        scenes: they cover the shots.
        lines: spoken lines.
        music: stretches in which music is heard already.
        moments: exact times of the seconds at which segments and lines begin and end.
        clock: for all other times.
    """

    shots: Sequence[Shot]
    scenes: Sequence[Scene]
    lines: Sequence[Line]
    music: Sequence[Span]
    moments: Mapping[float, Time]
    clock: Clock

    def time(self, seconds: float) -> Time:
        """Return the moment, exact where a segment or a line begins or ends."""
        known = self.moments.get(seconds)
        if known is not None:
            return known
        pts = self.clock.ticks(Fraction(seconds))
        elapsed = (pts - self.clock.start_pts) * self.clock.time_base * self.clock.rate
        return self.clock.at(pts, max(0, floor(elapsed + Fraction(1, 2))))

    def shots_in(self, start: float, end: float) -> list[Shot]:
        """Return the shots that overlap a span."""
        return [shot for shot in self.shots if shot.start < end and shot.end > start]

    def lines_in(self, start: float, end: float) -> list[Line]:
        """Return the lines that overlap a span."""
        return [line for line in self.lines if line.start < end and line.end > start]

    @property
    def seconds(self) -> float:
        """The length."""
        return self.shots[-1].end - self.shots[0].start

    def expressions(self, start: float, end: float) -> list[tuple[str, float]]:
        """Return the strongest apparent expressions in a span, at most three, weighted by the length of their shots; strongest first."""
        weights: dict[str, float] = {}
        shots = self.shots_in(start, end)
        total = sum(shot.end - shot.start for shot in shots) or 1.0
        for shot in shots:
            for label, confidence in shot.expressions.items():
                weights[label] = weights.get(label, 0.0) + confidence * (shot.end - shot.start) / total
        best = sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_EXPRESSIONS]
        return [(label, min(1.0, weight)) for label, weight in best if weight >= _LEAST_EXPRESSION]

    def dialogue_share(self, start: float, end: float) -> float:
        """Return the share of a span in which people speak."""
        spoken = sum(min(end, line.end) - max(start, line.start) for line in self.lines_in(start, end))
        return min(1.0, spoken / max(end - start, 1e-6))


def film_of(state: TimelineState) -> Film | None:
    """Return what spotting needs of a timeline; None before its source was opened or anything was detected."""
    segments = [segment for segment in state.segments if segment.kind != "gap"]
    if state.source is None or not segments:
        return None
    clock = clock_of(state.source.video, segments[0].start.pts)
    moments = {time.seconds: time for segment in segments for time in (segment.start, segment.end)}
    lines: list[Line] = []
    music: list[Span] = []
    for segment in segments:
        lines += _lines(segment, moments)
        music += [span for span, content in _windows(segment) if content.get("music", 0.0) >= _MUSIC_SHARE]
    return Film(
        shots=[_shot(segment, before) for before, segment in zip([None, *segments], segments, strict=False)],
        scenes=_scenes(state, segments),
        lines=sorted(lines, key=lambda line: (line.start, line.end)),
        music=[span for span in _joined(music, _MUSIC_GAP_SECONDS) if span.seconds >= _MIN_MUSIC_SECONDS],
        moments=moments,
        clock=clock,
    )


def _shot(segment: SegmentState, before: SegmentState | None) -> Shot:
    energy = (segment.evidence or {}).get("arousal_estimate")
    return Shot(
        start=segment.start.seconds,
        end=segment.end.seconds,
        is_cut=before is None or before.shot != segment.shot,
        caption=segment.caption or "",
        is_described=not is_measured(segment.caption_model),
        energy=float(energy) if isinstance(energy, int | float) else None,
        tags={score.tag: score.confidence for score in segment.tags},
        expressions=dict(face_expressions(segment.answers)),
    )


def _scenes(state: TimelineState, segments: Sequence[SegmentState]) -> list[Scene]:
    """Return the scenes; segments after the last one, which is not closed yet, are one more."""
    split = {edit.segment for edit in state.scene_edits if edit.begins}
    scenes = [
        Scene(each.start.seconds, each.end.seconds, {tag.tag: tag.confidence for tag in each.tags}, each.first in split)
        for each in state.scenes
    ]
    covered = scenes[-1].end if scenes else segments[0].start.seconds
    rest = [segment for segment in segments if segment.start.seconds >= covered - 1e-6]
    if rest:
        total = sum(segment.seconds for segment in rest) or 1.0
        tags: dict[str, float] = {}
        for segment in rest:
            for score in segment.tags:
                tags[score.tag] = tags.get(score.tag, 0.0) + score.confidence * segment.seconds / total
        scenes.append(Scene(rest[0].start.seconds, rest[-1].end.seconds, tags))
    return scenes


def _lines(segment: SegmentState, moments: dict[float, Time]) -> list[Line]:
    """Return what is spoken in a segment: the transcript, else where speech is heard."""
    transcript = segment.answers.get("transcribed")
    if isinstance(transcript, Mapping) and isinstance(transcript.get("lines"), list):
        lines = []
        for line in transcript["lines"]:
            times = _times(line)
            if times is not None:
                moments |= {time.seconds: time for time in times}
                lines.append(Line(times[0].seconds, times[1].seconds, str(line.get("text", ""))))
        return lines
    spoken = [span for span, content in _windows(segment) if content.get("speech", 0.0) >= _SPEECH_SHARE]
    return [Line(span.start, span.end) for span in spoken]


def _times(line: object) -> tuple[Time, Time] | None:
    """Return when a line begins and ends; None if the answer is of another version, or the line has no length."""
    if not isinstance(line, Mapping) or not isinstance(line.get("start"), Mapping) or not isinstance(line.get("end"), Mapping):
        return None
    start, end = (Time.model_validate(line[name]) for name in ("start", "end"))
    return (start, end) if end.seconds > start.seconds else None


def _windows(segment: SegmentState) -> list[tuple[Span, Mapping[str, float]]]:
    """Return the parts of a segment with the shares of what is heard in them; without a listener, the measured speech of the whole."""
    start, end = segment.start, segment.end
    heard = segment.answers.get("heard")
    if not isinstance(heard, Mapping):
        speech = (segment.evidence or {}).get("speech_share")
        return [(Span(start.seconds, end.seconds), {"speech": float(speech)})] if isinstance(speech, int | float) else []
    windows: Any = heard.get("windows") or [{"start": start.pts, "end": end.pts, "content": heard.get("content")}]
    base = float(start.time_base)
    return [
        (Span(_edge(each["start"], start, base), _edge(each["end"], end, base)), each["content"])
        for each in windows
        if isinstance(each, Mapping) and isinstance(each.get("content"), Mapping)
    ]


def _edge(pts: int, known: Time, base: float) -> float:
    return known.seconds if pts == known.pts else pts * base


def _joined(spans: Iterable[Span], gap: float) -> list[Span]:
    """Return spans with those that are at most `gap` apart as one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if joined and span.start - joined[-1].end <= gap:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined
