"""Markers: the segments of a timeline as most formats need them, computed once at the target rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from streamtags.core.answers import transcript_lines, transcript_text
from streamtags.core.errors import UsageError
from streamtags.core.marker_words import marker_name, segment_name
from streamtags.core.model import TagScore
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.timebase import Time, format_timecode, nominal, parse_timecode
from streamtags.core.vocabulary import Vocabulary, did_you_mean, folded
from streamtags.export.options import ExportOptions

__all__ = ["FrameCounter", "Marker", "SpokenLine", "make_markers"]


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What is spoken between two times, exact seconds from the first frame of the timeline."""

    start: Fraction
    end: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Marker:
    """One segment, or one cue, on the exported timeline.

    Attributes:
        segment: id of the segment, "" for a cue.
        number: number of the segment, from 1; 0 for a cue.
        start: seconds from the first frame of the timeline, exact.
        end: seconds from the first frame of the timeline, exact and exclusive.
        rate: frame rate that the frames and timecodes count at.
        start_frame: frames from the first frame of the timeline, at `rate`.
        end_frame: exclusive; at least one more than `start_frame`.
        start_timecode: SMPTE timecode of `start_frame`.
        end_timecode: SMPTE timecode of the end, exclusive.
        name: a few words: the strongest tags, or the number of the segment if it has none.
        comment: the caption, "" if there is none.
        words: what is spoken, "" if it was not transcribed.
        lines: the same line by line, with times.
        tags: the tags that the options select, highest confidence first.
        axis: axis of the strongest tag; None without a tag or if the vocabulary does not have it.
        color: color that the options give to `axis`; None if they give none.
        reasoning: why the classifier chose the tags, "" if it does not say.
        cue: name of the cue that the marker stands for instead of a segment, "" for none.
    """

    segment: str
    number: int
    start: Fraction
    end: Fraction
    rate: Fraction
    start_frame: int
    end_frame: int
    start_timecode: str
    end_timecode: str
    name: str
    comment: str
    words: str = ""
    lines: tuple[SpokenLine, ...] = ()
    tags: tuple[TagScore, ...] = ()
    axis: str | None = None
    color: str | None = None
    reasoning: str = ""
    cue: str = ""

    @property
    def duration_frames(self) -> int:
        """Length in frames at `rate`, at least 1."""
        return self.end_frame - self.start_frame


def make_markers(state: TimelineState, options: ExportOptions, vocabulary: Vocabulary | None = None) -> tuple[Marker, ...]:
    """Return the segments of `state` as markers, in order.

    Gaps of a live source are left out, and segments without a tag left if the options select tags.

    Raises:
        UsageError: an axis or a tag that the vocabulary does not have, or a start timecode that does not exist at the rate.
    """
    if not state.segments or state.source is None:
        return ()
    selection = _Selection(options, vocabulary)
    if vocabulary is not None:
        _check_tags(options, vocabulary, state)
    counter = FrameCounter(state.segments[0].start, state.source.video.rate, state.source.video.start_timecode, options)
    markers = []
    for segment in state.segments:
        tags = selection.tags(segment)
        if segment.kind != "gap" and (tags or not options.selects_tags):
            markers.append(_marker(segment, tags, counter, selection))
    return tuple(markers)


def _marker(segment: SegmentState, tags: tuple[TagScore, ...], counter: FrameCounter, selection: _Selection) -> Marker:
    axis = selection.axis(tags[0].tag) if tags else None
    start_frame = counter.frame(segment.start)
    return Marker(
        segment=segment.segment,
        number=segment.index + 1,
        start=counter.seconds(segment.start),
        end=counter.seconds(segment.end),
        rate=counter.rate,
        start_frame=start_frame,
        end_frame=max(start_frame + 1, counter.frame(segment.end)),
        start_timecode=counter.timecode(segment.start),
        end_timecode=counter.timecode(segment.end),
        name=marker_name(tags) or segment_name(segment.index + 1),
        comment=segment.caption or "",
        words=transcript_text(segment.answers).replace("\n", " "),
        lines=_lines(segment, counter),
        tags=tags,
        axis=axis,
        color=selection.color(axis),
        reasoning=segment.reasoning,
    )


def _lines(segment: SegmentState, counter: FrameCounter) -> tuple[SpokenLine, ...]:
    spoken = []
    for line in transcript_lines(segment.answers):
        start, end = (counter.seconds(time) for time in (line.start, line.end))
        if end > start:
            spoken.append(SpokenLine(start, end, line.text))
    return tuple(spoken)


class FrameCounter:
    """Counts frames at the target rate from the first frame of the timeline.

    At another rate than that of the source, the timecode is non-drop and starts at the start timecode of the source, its frames scaled:
    editors keep 01:00:00:00 when they conform.

    Raises:
        UsageError: the start timecode does not exist at the rate.
    """

    def __init__(self, first: Time, source_rate: Fraction, source_start: str, options: ExportOptions) -> None:
        self._first = first
        self.rate = options.rate or source_rate
        start = options.start_timecode or source_start
        if options.start_timecode is None and self.rate != source_rate:
            start = f"{start[:8]}:{int(start[9:]) * nominal(self.rate) // nominal(source_rate):02d}"
        self._start_frame, self._drop = parse_timecode(start, self.rate)

    def seconds(self, time: Time) -> Fraction:
        """Return the seconds from the first frame of the timeline to `time`."""
        return (time.pts - self._first.pts) * time.time_base

    def frame(self, time: Time) -> int:
        """Return the frames from the first frame of the timeline to `time`, rounded to the nearest."""
        return floor(self.seconds(time) * self.rate + Fraction(1, 2))

    def timecode(self, time: Time) -> str:
        """Return the SMPTE timecode of `time`."""
        return format_timecode(self._start_frame + self.frame(time), self.rate, drop=self._drop)


class _Selection:
    """Decides which tags an export contains, and their axes and colors."""

    def __init__(self, options: ExportOptions, vocabulary: Vocabulary | None) -> None:
        self._axes = {tag.name: tag.axis for tag in vocabulary.tags} if vocabulary else {}
        known = [axis.name for axis in vocabulary.axes] if vocabulary else []
        self._wanted_axes = {_axis(name, known) for name in options.axes}
        self._colors = {_axis(name, known): color for name, color in options.colors.items()}
        named = [vocabulary.find(name) if vocabulary else None for name in options.tags]
        self._wanted_tags = {folded(tag.name if tag else name) for tag, name in zip(named, options.tags, strict=True)}
        self._min_confidence = options.min_confidence

    def tags(self, segment: SegmentState) -> tuple[TagScore, ...]:
        return tuple(score for score in segment.tags if self._wants(score))

    def _wants(self, score: TagScore) -> bool:
        return (
            score.confidence >= self._min_confidence
            and (not self._wanted_axes or self.axis(score.tag) in self._wanted_axes)
            and (not self._wanted_tags or folded(score.tag) in self._wanted_tags)
        )

    def axis(self, tag: str) -> str | None:
        return self._axes.get(tag)

    def color(self, axis: str | None) -> str | None:
        return None if axis is None else self._colors.get(axis)


def _check_tags(options: ExportOptions, vocabulary: Vocabulary, state: TimelineState) -> None:
    """Refuse a tag that neither the vocabulary nor a segment has: its export would be empty without a reason."""
    for name in options.tags:
        if vocabulary.find(name) is None and not any(
            folded(score.tag) == folded(name) for segment in state.segments for score in segment.tags
        ):
            hint = did_you_mean(name, vocabulary.by_name)
            raise UsageError(f"the vocabulary has no tag {name!r}", where="export", hint=hint)


def _axis(name: str, known: Sequence[str]) -> str:
    """Return the axis of the vocabulary that `name` means, regardless of case."""
    match = {folded(axis): axis for axis in known}.get(folded(name))
    if match is None:
        hint = did_you_mean(name, known) if known else "the vocabulary of this timeline is not in the store; run retag to store it"
        raise UsageError(f"the vocabulary has no axis {name!r}", where="export", hint=hint)
    return match
