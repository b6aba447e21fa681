"""Read OpenTimelineIO files (`.otio`) and bundles (`.otioz`).

The JSON is read directly: the OpenTimelineIO library refuses files whose schemas are newer than itself.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from streamtags.core.timecode import frame_at
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Clip, Edit, Marker, Sequence, Track, Transition
from streamtags.sources.edit.otio_objects import Node, Range, clip_of

__all__ = ["read_json", "read_otio", "read_otioz"]

MAX_CONTENT = 64 << 20
MAX_NESTING = 32
_CONTENT = "content.otio"
# OTIO writes numbers that JSON does not have; strings are matched first so that they stay as they are.
_NUMBERS = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w"])(-?)Inf(?:inity)?\b')


def read_otioz(path: Path) -> Edit:
    """Read a bundle. Its media stays inside: unpack it to analyze it.

    Raises:
        SourceError: the bundle is damaged, too large, or holds no edit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if _CONTENT not in archive.namelist():
                raise malformed(f"there is no {_CONTENT} in this bundle", path.name, hint="pass a .otioz file")
            with archive.open(_CONTENT) as content:
                data = content.read(MAX_CONTENT + 1)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise malformed(f"the bundle cannot be unpacked: {error}", path.name, hint="export it again") from error
    if len(data) > MAX_CONTENT:
        raise malformed(f"{_CONTENT} is larger than {MAX_CONTENT >> 20} MiB", path.name)
    edit = read_otio(data.decode("utf-8", errors="replace"), path.name)
    return replace(edit, warnings=(*edit.warnings, "media inside the bundle is not read: unpack the .otioz beside it"))


def read_otio(text: str, name: str) -> Edit:
    """Read the first timeline of a file.

    Raises:
        SourceError: malformed; with the line, or the path of the object.
    """
    root = Node(read_json(text, name), name, "")
    timeline = _first_timeline(root)
    tracks = timeline.child("tracks")
    start = timeline.time("global_start_time")
    rate = start.rate if start is not None and start.rate > 1 else _most_common_rate(tracks)
    warnings = []
    if rate is None:
        rate = Fraction(24)
        warnings.append("no clip states a rate: 24 frames a second assumed")
    start_frame = frame_at(start.seconds, rate) if start is not None else 0
    reader = _StackReader(rate, start_frame)
    sequence = reader.read(tracks, timeline.text("name") or "")
    markers = tuple(sorted(reader.markers, key=lambda marker: marker.frame))
    return Edit("otio", sequence, False, markers, (), tuple(warnings))


def read_json(text: str, name: str) -> Any:
    """Read the JSON of an OTIO file, with the numbers that JSON does not have.

    Raises:
        SourceError: it is malformed; with the line.
    """

    def number(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith('"') else f"{match[1]}Infinity"

    def whole(digits: str) -> int | float:
        return int(digits) if len(digits) < 80 else float(digits)

    try:
        return json.loads(_NUMBERS.sub(number, text), parse_int=whole)
    except json.JSONDecodeError as error:
        raise malformed(f"not JSON: {error.msg}", name, line=error.lineno, hint="export the edit again") from error
    except RecursionError as error:
        raise malformed("the JSON is nested too deep", name, line=1) from error


def _first_timeline(root: Node) -> Node:
    """The timeline of a file, or the first one of a collection."""
    if root.schema == "Timeline":
        return root
    children = root.children() if root.schema == "SerializableCollection" else [root] if root.schema in ("Stack", "Track") else []
    for child in children:
        if child.schema == "Timeline":
            return child
        if child.schema in ("Stack", "Track"):
            data = {"OTIO_SCHEMA": "Timeline.1", "name": child.text("name"), "tracks": child.data}
            return Node(data, root.file, child.path)
    raise root.fail(f"{root.schema or 'this JSON'} holds no timeline", "pass the file of a timeline")


def _most_common_rate(tracks: Node) -> Fraction | None:
    """The rate at which most of the picture counts; None if no clip states one."""
    rates: Counter[Fraction] = Counter()
    stack = [tracks]
    while stack:
        node = stack.pop()
        if node.schema in ("Stack", "Track") and node.text("kind") in (None, "Video"):
            stack.extend(node.children())
        span = node.range("source_range") or (node.available_range() if node.schema == "Clip" else None)
        if span is not None and span.duration.rate > 0:
            rates[span.duration.rate] += max(1, round(span.duration.seconds))
    return rates.most_common(1)[0][0] if rates else None


class _StackReader:
    """Reads the stack of a timeline, or of a nested stack or track; gathers the markers of the outermost one."""

    def __init__(self, rate: Fraction, start_frame: int, depth: int = 0) -> None:
        self.rate = rate
        self.start_frame = start_frame
        self.depth = depth
        self.markers: list[Marker] = []

    def read(self, node: Node, name: str) -> Sequence:
        """The tracks of a stack, from bottom to top. A nested track counts as a stack of one track."""
        if self.depth > MAX_NESTING:
            raise node.fail(f"compositions are nested more than {MAX_NESTING} deep")
        if node.schema not in ("Stack", "Track"):
            raise node.fail("a Stack is expected here")
        children = [node] if node.schema == "Track" else node.children()
        pictures = [child for child in children if child.schema != "Track" or child.text("kind") in (None, "Video")]
        tracks = [self._track(child, index) for index, child in enumerate(pictures, start=1)]
        if node.schema == "Stack":
            span = node.range("source_range") if self.depth == 0 else None
            self._markers(node, -span.start.seconds if span is not None else Fraction(0), None)
            if span is not None:
                tracks = [self._trimmed(track, span) for track in tracks]
        return Sequence(name, self.rate, self.start_frame, tuple(tracks))

    def _track(self, track: Node, number: int) -> Track:
        """One track; another object in a stack is a track of one clip."""
        children = track.children() if track.schema == "Track" else [track]
        clips: list[Clip] = []
        position = Fraction(0)
        pending: Node | None = None
        for child in children:
            if child.schema == "Transition":
                pending = child
                continue
            seconds = self._duration(child)
            clip = self._clip(child, position, seconds)
            if pending is not None:
                clip = replace(clip, transition=self._transition(pending, clip.record_in))
                pending = None
            if clip.frames > 0:
                clips.append(clip)
            span = child.range("source_range") or (child.available_range() if child.schema == "Clip" else None)
            self._markers(child, position - (span.start.seconds if span is not None else 0), clip)
            position += seconds
        result = Track(track.text("name") or f"V{number}", tuple(clips), track.flag("enabled"))
        if track.schema == "Track":
            self._markers(track, Fraction(0), None)
            span = track.range("source_range")
            if span is not None and self.depth == 0:
                result = self._trimmed(result, span)
        return result

    def _duration(self, node: Node) -> Fraction:
        """Seconds that a child of a track lasts.

        Raises:
            SourceError: it states no duration, or a negative one.
        """
        span = node.range("source_range")
        if span is None and node.schema == "Clip":
            span = node.available_range()
            if span is None:
                raise node.fail("the clip states neither a source range nor an available range")
        if span is not None:
            if span.duration.seconds < 0:
                raise node.fail("the duration is negative")
            return span.duration.seconds
        if node.schema == "Gap":
            return Fraction(0)
        if node.schema == "Track":
            return sum((self._duration(child) for child in node.children() if child.schema != "Transition"), Fraction(0))
        if node.schema == "Stack":
            return max((self._duration(child) for child in node.children()), default=Fraction(0))
        raise node.fail(f"{node.schema or 'an object without schema'} cannot stand in a track")

    def _clip(self, node: Node, position: Fraction, seconds: Fraction) -> Clip:
        record_in = self.start_frame + frame_at(position, self.rate)
        record_out = self.start_frame + frame_at(position + seconds, self.rate)
        nested = None
        if node.schema in ("Stack", "Track"):
            # A nested composition counts from 0 at the rate of the edit.
            nested = _StackReader(self.rate, 0, self.depth + 1).read(node, node.text("name") or "")
        return clip_of(node, record_in, record_out, self.rate, nested)

    def _transition(self, node: Node, cut: int) -> Transition:
        before, after = (node.time(name) for name in ("in_offset", "out_offset"))
        frames_before = frame_at(before.seconds, self.rate) if before is not None else 0
        frames_after = frame_at(after.seconds, self.rate) if after is not None else 0
        kind = node.text("transition_type") or node.text("name") or "transition"
        return Transition("dissolve" if kind == "SMPTE_Dissolve" else kind, frames_before + frames_after, cut - frames_before, "custom")

    def _trimmed(self, track: Track, span: Range) -> Track:
        """`track` cut to a source range of its composition, and moved to its start."""
        first = self.start_frame + frame_at(span.start.seconds, self.rate)
        last = first + frame_at(span.duration.seconds, self.rate)
        shift = first - self.start_frame
        clips = []
        for clip in track.clips:
            record_in, record_out = max(clip.record_in, first), min(clip.record_out, last)
            if record_in < record_out:
                part = clip.piece(record_in, record_out)
                timing = replace(part.timing, anchor=part.timing.anchor - shift) if part.timing is not None else None
                clips.append(replace(part, record_in=record_in - shift, record_out=record_out - shift, timing=timing))
        return replace(track, clips=tuple(clips))

    def _markers(self, node: Node, origin: Fraction, clip: Clip | None) -> None:
        """Markers of `node`, whose own time 0 lies at `origin` seconds of the composition."""
        if self.depth:
            return
        for marker in node.items("markers"):
            span = marker.range("marked_range")
            if span is None:
                continue
            frame = self.start_frame + frame_at(origin + span.start.seconds, self.rate)
            visible = clip is None or clip.record_in <= frame < clip.record_out
            self.markers.append(
                Marker(
                    frame,
                    marker.text("name") or "",
                    marker.text("comment") or marker.words("metadata", "fcp_xml", "comment"),
                    marker.color(),
                    max(1, frame_at(span.duration.seconds, self.rate)),
                    on=clip.name if clip is not None else None,
                    visible=visible,
                )
            )
