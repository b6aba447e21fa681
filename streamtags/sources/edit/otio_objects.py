"""Objects of an OTIO file, read with care: every value may be missing or of another type; and its clips."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from streamtags.core.errors import SourceError
from streamtags.core.timecode import frame_at
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Clip, Kind, Media, Sequence, Timing

__all__ = ["Node", "Range", "RationalTime", "clip_of"]

_NTSC = tuple(Fraction(base * 1000, 1001) for base in (24, 30, 48, 60, 120))
_LIMIT = 10**15


@dataclass(frozen=True, slots=True)
class RationalTime:
    """A count of frames at a rate."""

    value: Fraction
    rate: Fraction

    @property
    def seconds(self) -> Fraction:
        """The time in seconds; 0 where the rate is 0."""
        return self.value / self.rate if self.rate else Fraction(0)


@dataclass(frozen=True, slots=True)
class Range:
    """A start and a duration."""

    start: RationalTime
    duration: RationalTime


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON value that should be an OTIO object, and its path in the file."""

    data: Any
    file: str
    path: str

    @property
    def schema(self) -> str:
        """The schema name without its version; empty if it is no OTIO object."""
        schema = self.data.get("OTIO_SCHEMA") if isinstance(self.data, dict) else None
        return schema.partition(".")[0] if isinstance(schema, str) else ""

    def fail(self, what: str, hint: str | None = None) -> SourceError:
        """The error that something about this object is malformed."""
        return malformed(what, self.file, element=self.path or "the root", hint=hint)

    def _value(self, name: str) -> Any:
        return self.data.get(name) if isinstance(self.data, dict) else None

    def child(self, name: str) -> Node:
        """The object under `name`, whether it exists or not."""
        return Node(self._value(name), self.file, f"{self.path}.{name}" if self.path else name)

    def items(self, name: str) -> list[Node]:
        """The objects of the list under `name`; empty if there is none.

        Raises:
            SourceError: the value is not a list.
        """
        value = self._value(name)
        if value is None:
            return []
        path = f"{self.path}.{name}" if self.path else name
        if not isinstance(value, list):
            raise malformed("a list is expected", self.file, element=path)
        return [Node(item, self.file, f"{path}[{index}]") for index, item in enumerate(value)]

    def children(self) -> list[Node]:
        """The children of a composition."""
        return self.items("children")

    def text(self, name: str) -> str | None:
        """Text under `name`, or None if it is missing or no text."""
        value = self._value(name)
        return value if isinstance(value, str) and value else None

    def words(self, *names: str) -> str:
        """Text at a path of names; empty if there is none."""
        value = self.data
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        """Whether `name` is not switched off."""
        return self._value(name) is not False

    def number(self, name: str) -> Fraction | None:
        """A finite number under `name`, or None if it is missing.

        Raises:
            SourceError: it is no number, not finite, or too large.
        """
        value = self._value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > _LIMIT:
            raise self.child(name).fail(f"{str(value)[:40]} is not a usable number")
        return Fraction(value)

    def time(self, name: str) -> RationalTime | None:
        """A RationalTime under `name`, or None if it is null."""
        node = self.child(name)
        if node.data is None:
            return None
        value, rate = node.number("value"), node.number("rate")
        if value is None or rate is None or rate < 0 or rate > 10**6:
            raise node.fail("a RationalTime needs a value and a positive rate")
        return RationalTime(value, _exact_rate(rate))

    def range(self, name: str) -> Range | None:
        """A TimeRange under `name`, or None if it is null."""
        node = self.child(name)
        if node.data is None:
            return None
        start, duration = node.time("start_time"), node.time("duration")
        if start is None or duration is None:
            raise node.fail("a TimeRange needs a start time and a duration")
        return Range(start, duration)

    def media(self) -> Node:
        """The active media reference of a clip, of either version of the schema."""
        references = self.child("media_references")
        if isinstance(references.data, dict):
            key = self.text("active_media_reference_key") or "DEFAULT_MEDIA"
            return references.child(key)
        return self.child("media_reference")

    def available_range(self) -> Range | None:
        """The range of a clip's media."""
        return self.media().range("available_range")

    def color(self) -> str | None:
        """A marker's color: text, or a Color object with a name."""
        color = self.child("color")
        return color.data if isinstance(color.data, str) else color.text("name")


def _exact_rate(rate: Fraction) -> Fraction:
    """The rational that a decimal rate means: 23.976 is 24000/1001."""
    for ntsc in _NTSC:
        if abs(rate - ntsc) < Fraction(1, 200):
            return ntsc
    return rate if rate.denominator == 1 else rate.limit_denominator(1001)


def clip_of(node: Node, record_in: int, record_out: int, rate: Fraction, nested: Sequence | None) -> Clip:
    """The clip of a child of a track.

    Args:
        node: a Clip, Gap, Stack or Track.
        record_in: its first record frame.
        record_out: the frame after it.
        rate: the edit's rate.
        nested: the sequence of a Stack or Track.
    """
    clip = Clip(node.text("name") or "", "gap", record_in, record_out, enabled=node.flag("enabled"))
    if node.schema == "Gap":
        return clip
    reference = node.media() if nested is None else node.child("no media")
    available = reference.range("available_range")
    span = node.range("source_range") or available
    source = span.start if span is not None else RationalTime(Fraction(0), rate)
    source_rate = source.rate if nested is None and source.rate else rate
    first = source.seconds * source_rate
    scalar, notes = _time_scalar(node)
    advance = scalar * source_rate / rate
    start = frame_at(available.start.seconds, source_rate) if available is not None else None
    source_in = frame_at(first, Fraction(1))
    return replace(
        clip,
        kind=_kind(reference, nested),
        media=_media(node, reference, start) if nested is None else Media(),
        source_rate=source_rate,
        source_in=source_in,
        source_out=source_in + max(1, frame_at(clip.frames * abs(advance), Fraction(1))),
        speed=scalar,
        timing=Timing(record_in, first, advance),
        nested=nested,
        notes=notes,
    )


def _kind(reference: Node, nested: Sequence | None) -> Kind:
    if nested is not None:
        return "compound"
    if reference.schema == "GeneratorReference":
        # Premiere states titles as slugs with an alpha channel; a generator that names no color bars or black may be one.
        is_title = "title" in (reference.words("name") + reference.words("generator_kind")).lower()
        return "title" if is_title or reference.words("generator_kind") in ("Slug", "Text", "GraphicAndType") else "generator"
    return "clip"


def _media(clip: Node, reference: Node, start: int | None) -> Media:
    path = reference.text("target_url")
    if reference.schema == "ImageSequenceReference":
        padding = int(reference.number("frame_zero_padding") or 0)
        number = f"%0{min(padding, 20)}d"
        path = f"{reference.words('target_url_base')}{reference.words('name_prefix')}{number}{reference.words('name_suffix')}"
    name = reference.text("name") or (None if path else clip.text("name"))
    return Media(path=path, name=name, reel=clip.words("metadata", "cmx_3600", "reel") or None, start=start)


def _time_scalar(node: Node) -> tuple[Fraction, tuple[str, ...]]:
    """The speed of a clip from its time effects, and notes about those that are not understood."""
    scalar = Fraction(1)
    notes = []
    for effect in node.items("effects"):
        if effect.schema == "FreezeFrame":
            scalar = Fraction(0)
        elif effect.schema == "LinearTimeWarp":
            value = effect.number("time_scalar")
            scalar *= (value if value is not None else Fraction(1)).limit_denominator(10**9)
        elif "Time" in effect.schema:
            notes.append(f"the time effect {effect.schema[:40]} is read as normal speed")
    return scalar, tuple(notes)
