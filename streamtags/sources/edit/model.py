"""A format-neutral, immutable model of an edit.

Frames of the record side (`record_in`, `record_out`, markers) count at the edit's rate from timecode 00:00:00:00, the start timecode
included. Frames of the source side count at `source_rate` from timecode 00:00:00:00 of the media. An `_out` is always exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor
from typing import Literal

__all__ = ["Clip", "Edit", "Kind", "Marker", "Media", "Sequence", "Timing", "Track", "Transition"]

Kind = Literal["clip", "gap", "generator", "title", "compound"]


@dataclass(frozen=True, slots=True)
class Media:
    """Where the pictures of a clip come from.

    Args:
        path: file path or URL as the edit states it.
        name: the name of the media file or of the clip in the editing system.
        reel: tape or camera roll name.
        start: first frame of the media file, counted from timecode zero at `source_rate`, if the edit states it.
    """

    path: str | None = None
    name: str | None = None
    reel: str | None = None
    start: int | None = None

    @property
    def label(self) -> str | None:
        """The most specific statement: path, else name, else reel."""
        return self.path or self.name or self.reel


@dataclass(frozen=True, slots=True)
class Transition:
    """The transition at the head of a clip.

    Args:
        kind: `dissolve`, `wipe`, `key`, or the name the editing system gives it.
        frames: its length in record frames; None if the edit does not state it.
        record_in: its first record frame; None if the edit does not state it.
        alignment: where the cut lies: `start`, `center`, `end` or `custom`.
    """

    kind: str
    frames: int | None
    record_in: int | None = None
    alignment: Literal["start", "center", "end", "custom"] = "start"


@dataclass(frozen=True, slots=True)
class Timing:
    """Which source frame is shown at a record frame.

    At record frame `anchor` the source stands at `first` and then advances by `advance` source frames per record frame. A speed curve is
    a chain of straight pieces instead: `points` are (record frames after `anchor`, source frame) with rising first values.
    """

    anchor: int
    first: Fraction
    advance: Fraction = Fraction(1)
    points: tuple[tuple[Fraction, Fraction], ...] = ()

    def at(self, record: Fraction | int) -> Fraction:
        """The source position shown at `record`, not rounded."""
        offset = Fraction(record) - self.anchor
        if len(self.points) < 2:
            return self.first + offset * self.advance
        pairs = list(zip(self.points, self.points[1:], strict=False))
        (x0, y0), (x1, y1) = next((pair for pair in pairs if offset < pair[1][0]), pairs[-1])
        return y0 + (offset - x0) * (y1 - y0) / (x1 - x0)


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip on a track.

    Args:
        name: the clip's name, possibly empty.
        kind: `clip` has media; `compound` has a `nested` sequence; `gap`, `generator` and `title` have neither.
        record_in: first record frame, at the edit point inside a transition.
        record_out: record frame after the last one.
        media: where the pictures come from.
        source_in: first source frame as the edit states it.
        source_out: source frame after the last one, as the edit states it.
        source_rate: the rate at which source frames count; None where there is no source.
        speed: 1 normal, 0 freeze, negative reverse, None where it changes within the clip.
        timing: which source frame is shown at which record frame.
        transition: the transition at the head.
        enabled: False if the editor switched the clip or its track off.
        inside: the names of the compound clips, multicam clips and storylines around it, outermost first.
        nested: the sequence that a compound clip shows.
        text: the words of a title.
        notes: what the reader had to assume or approximate.
        line: the line of the file that states it, in a format of lines.
    """

    name: str
    kind: Kind
    record_in: int
    record_out: int
    media: Media = Media()
    source_in: int | None = None
    source_out: int | None = None
    source_rate: Fraction | None = None
    speed: Fraction | None = Fraction(1)
    timing: Timing | None = None
    transition: Transition | None = None
    enabled: bool = True
    inside: tuple[str, ...] = ()
    nested: Sequence | None = None
    text: str = ""
    notes: tuple[str, ...] = ()
    line: int | None = None

    @property
    def frames(self) -> int:
        """Length in record frames."""
        return self.record_out - self.record_in

    def piece(self, record_in: int, record_out: int) -> Clip:
        """The part of this clip from `record_in` to `record_out`, its source frames moved along."""
        if (record_in, record_out) == (self.record_in, self.record_out):
            return self
        transition = self.transition if record_in == self.record_in else None
        part = replace(self, record_in=record_in, record_out=record_out, transition=transition)
        if self.timing is None or self.source_in is None:
            return part
        return part.with_consumed_frames()

    def with_consumed_frames(self) -> Clip:
        """This clip with source frames from its timing: forward, OUT is IN plus what the speed consumes; else what is shown."""
        if self.timing is None:
            return self
        if self.timing.points or self.timing.advance < 0:
            source_in, source_out = self.used_frames()
        else:
            source_in = floor(self.timing.at(self.record_in))
            source_out = source_in + max(1, floor(self.frames * self.timing.advance + Fraction(1, 2)))
        return replace(self, source_in=source_in, source_out=source_out)

    def used_frames(self) -> tuple[int, int]:
        """The source frames that are shown, as (lowest, one past the highest).

        Raises:
            ValueError: the clip has no timing.
        """
        if self.timing is None:
            raise ValueError("a clip without source has no source frames")
        ends = [self.timing.at(self.record_in), self.timing.at(max(self.record_in, self.record_out - 1))]
        for offset, source in self.timing.points:
            if self.record_in < self.timing.anchor + offset < self.record_out - 1:
                ends.append(source)
        return floor(min(ends)), floor(max(ends)) + 1


@dataclass(frozen=True, slots=True)
class Track:
    """Clips of one track, lane or storyline, ordered by record frame.

    Args:
        name: as the editing system calls it, or `V1`, `primary`, `lane 1`.
        clips: its clips, gaps included where the format states them.
        enabled: False if the editor switched the track off.
    """

    name: str
    clips: tuple[Clip, ...]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker, locator or chapter.

    Args:
        frame: record frame from timecode zero.
        name: its short text.
        note: its long text.
        color: as the editing system names it, or None.
        frames: its duration in record frames, at least 1.
        kind: `standard`, `to-do`, `done`, `chapter` or `caption`.
        on: the name of the clip that carries it, if a clip does.
        visible: False if the clip that carries it is trimmed so that the marker is hidden.
    """

    frame: int
    name: str
    note: str = ""
    color: str | None = None
    frames: int = 1
    kind: str = "standard"
    on: str | None = None
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Sequence:
    """A timeline: tracks from bottom to top.

    Args:
        name: the sequence's name.
        rate: record frames a second.
        start_frame: the start timecode as a frame number.
        tracks: from bottom to top.
    """

    name: str
    rate: Fraction
    start_frame: int
    tracks: tuple[Track, ...]

    @property
    def end_frame(self) -> int:
        """The frame after the last clip."""
        return max((clip.record_out for track in self.tracks for clip in track.clips), default=self.start_frame)


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit as one file states it.

    Args:
        format: `edl`, `fcpxml`, `xmeml`, `otio` or `aaf`.
        sequence: the timeline.
        drop: its timecode is drop-frame.
        markers: ordered by frame.
        captions: captions of the edit, as markers with a duration.
        warnings: what the reader had to assume, one sentence each.
    """

    format: str
    sequence: Sequence
    drop: bool = False
    markers: tuple[Marker, ...] = ()
    captions: tuple[Marker, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def rate(self) -> Fraction:
        """Record frames a second."""
        return self.sequence.rate
