"""Read xmeml 4 and 5, the XML of Final Cut Pro 7, which Premiere Pro, Resolve and Hiero export."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from streamtags.core.errors import UsageError
from streamtags.core.timecode import has_drop_frame, parse_timecode
from streamtags.sources.edit.model import Clip, Edit, Marker, Sequence, Track, Transition
from streamtags.sources.edit.xmeml_clips import ClipFrames, clip_of, rate_of
from streamtags.sources.edit.xmltree import Element, whole

__all__ = ["read_xmeml", "top_sequences"]

MAX_NESTING = 16


def read_xmeml(root: Element) -> Edit:
    """Read the first sequence of a document.

    Raises:
        SourceError: malformed, or without a sequence; with the line.
    """
    document = _Document(root)
    tops = top_sequences(root)
    if not tops:
        raise root.fail("there is no sequence in this document", "export the sequence, not only its clips")
    warnings = []
    if len(tops) > 1:
        warnings.append(f"the document has {len(tops)} sequences; the first one, {tops[0].value('name')!r}, is read")
    reader = _SequenceReader(document, tops[0])
    sequence = reader.read()
    drop = tops[0].value("timecode", "displayformat").upper() == "DF" and has_drop_frame(sequence.rate)
    markers = tuple(sorted([*reader.markers, *_markers(tops[0], sequence)], key=lambda marker: marker.frame))
    return Edit("xmeml", sequence, drop, markers, (), tuple(warnings))


def top_sequences(root: Element) -> list[Element]:
    """The sequences that are not nested in another, in document order."""
    tops = []
    stack = list(reversed(root.children))
    while stack:
        element = stack.pop()
        if element.tag == "sequence" and element.children:
            tops.append(element)
        elif element.tag in ("project", "children", "bin"):
            stack.extend(reversed(element.children))
    return tops


class _Document:
    """Looks up files and sequences that are defined once and referred to by id; reads every nested sequence once."""

    def __init__(self, root: Element) -> None:
        self.defined: dict[tuple[str, str], Element] = {}
        for element in root.walk("file", "sequence", "multiclip"):
            id_ = element.get("id")
            if id_ and element.children:
                self.defined.setdefault((element.tag, id_), element)
        self.sequences: dict[int, Sequence] = {}

    def resolve(self, element: Element | None) -> Element | None:
        """The definition of `element`, which may be only a reference."""
        if element is None or element.children:
            return element
        return self.defined.get((element.tag, element.get("id") or ""), element)


@dataclass(frozen=True, slots=True)
class _TransitionItem:
    """A transition between two clips, in frames of the sequence; the cut lies where its alignment says."""

    start: int
    end: int
    model: Transition

    @property
    def cut(self) -> int:
        if self.model.alignment == "center":
            return (self.start + self.end) // 2
        return self.end if self.model.alignment == "end" else self.start


class _SequenceReader:
    """Reads one sequence: its tracks, and the markers of its clips."""

    def __init__(self, document: _Document, element: Element, depth: int = 0) -> None:
        self.document = document
        self.element = element
        self.depth = depth
        if depth > MAX_NESTING:
            raise element.fail(f"sequences are nested more than {MAX_NESTING} deep")
        rate = rate_of(element)
        if rate is None:
            raise element.fail("the sequence has no rate")
        self.rate = rate
        self.start_frame = _start_frame(element, rate)
        self.markers: list[Marker] = []

    def read(self) -> Sequence:
        """The whole sequence, tracks from bottom to top."""
        video = self.element.path("media", "video")
        tracks = []
        for number, track in enumerate(video.all("track") if video is not None else [], start=1):
            clips = self._track(track)
            enabled = track.value("enabled").upper() != "FALSE"
            tracks.append(Track(f"V{number}", tuple(sorted(clips, key=lambda clip: clip.record_in)), enabled))
        return Sequence(self.element.value("name"), self.rate, self.start_frame, tuple(tracks))

    def _track(self, track: Element) -> list[Clip]:
        items = track.all("clipitem", "generatoritem", "transitionitem")
        transitions = {index: _transition(item) for index, item in enumerate(items) if item.tag == "transitionitem"}
        clips = []
        for index, item in enumerate(items):
            if index in transitions:
                continue
            before, after = transitions.get(index - 1), transitions.get(index + 1)
            frames = _clip_frames(item, before, after, self.start_frame)
            nested = self.document.resolve(item.child("sequence"))
            file = self.document.resolve(item.child("file") or item.path("multiclip", "angle", "clip", "file"))
            clip_rate = rate_of(item) or self.rate
            clip = clip_of(item, file, frames, self.rate, clip_rate, self._nested(nested))
            if clip.frames > 0:
                clips.append(clip)
                self._clip_markers(item, frames, clip, clip_rate)
        return clips

    def _nested(self, element: Element | None) -> Sequence | None:
        if element is None or not element.children:
            return None
        known = self.document.sequences.get(id(element))
        if known is None:
            known = _SequenceReader(self.document, element, self.depth + 1).read()
            self.document.sequences[id(element)] = known
        return known

    def _clip_markers(self, item: Element, frames: ClipFrames, clip: Clip, clip_rate: Fraction) -> None:
        """Markers of a clip count like its in and out."""
        for marker in item.all("marker"):
            offset = (whole(marker, marker.value("in") or "0") - frames.clip_in) * self.rate / clip_rate
            frame = frames.visible_in + round(offset)
            visible = clip.record_in <= frame < clip.record_out
            self.markers.append(_marker(marker, frame, clip.name, visible=visible))


def _start_frame(element: Element, rate: Fraction) -> int:
    timecode = element.child("timecode")
    if timecode is None:
        return 0
    if timecode.value("frame"):
        return whole(timecode, timecode.value("frame"))
    if not timecode.value("string"):
        return 0
    try:
        return parse_timecode(timecode.value("string"), rate)[0]
    except UsageError as error:
        raise timecode.fail(f"{timecode.value('string')[:40]!r} is not a timecode") from error


def _transition(item: Element) -> _TransitionItem:
    start, end = (whole(item, item.value(tag) or "0") for tag in ("start", "end"))
    name = item.value("effect", "name") or item.value("name") or "transition"
    alignment = item.value("alignment").lower()
    side: Literal["start", "center", "end"] = "start"
    if alignment.startswith("center"):
        side = "center"
    elif alignment.startswith("end"):
        side = "end"
    kind = "dissolve" if name == "Cross Dissolve" else name
    return _TransitionItem(start, end, Transition(kind, end - start, start, side))


def _clip_frames(item: Element, before: _TransitionItem | None, after: _TransitionItem | None, origin: int) -> ClipFrames:
    """Where a clip lies. An edge of -1 lies inside the neighboring transition.

    Raises:
        SourceError: an edge of -1 has no neighboring transition.
    """
    start, end, clip_in, clip_out = (whole(item, item.value(tag) or "0") for tag in ("start", "end", "in", "out"))
    record_in, visible_in, record_out = start, start, end
    transition = None
    if start == -1:
        if before is None:
            raise item.fail("the clip starts inside a transition, and there is none before it")
        record_in, visible_in = before.cut, before.start
    if end == -1:
        if after is None:
            raise item.fail("the clip ends inside a transition, and there is none after it")
        record_out = after.cut
    if before is not None and before.start <= record_in <= before.end:
        transition = before.model
        if transition.record_in is not None:
            transition = Transition(transition.kind, transition.frames, transition.record_in + origin, transition.alignment)
    return ClipFrames(record_in + origin, record_out + origin, visible_in + origin, clip_in, clip_out, transition)


def _markers(element: Element, sequence: Sequence) -> list[Marker]:
    """The markers of a sequence, which count from its first frame."""
    return [
        _marker(marker, sequence.start_frame + whole(marker, marker.value("in") or "0"), None, visible=True)
        for marker in element.all("marker")
    ]


def _marker(element: Element, frame: int, on: str | None, *, visible: bool) -> Marker:
    first, last = (whole(element, element.value(tag) or "-1") for tag in ("in", "out"))
    frames = last - first if last > first else 1
    return Marker(frame, element.value("name"), element.value("comment"), frames=frames, on=on, visible=visible)
