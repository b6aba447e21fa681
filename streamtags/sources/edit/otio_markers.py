"""Write markers and tracks into an OTIO file: into the stack of its first timeline, where Resolve and Premiere Pro keep its markers.

The text is scanned and not parsed: OTIO has numbers that JSON does not, and what is there stays as it is, byte by byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from streamtags.core.errors import SourceError
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Marker
from streamtags.sources.edit.otio import read_json
from streamtags.sources.edit.otio_objects import Node

__all__ = ["mark_otio"]

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_SCALAR = re.compile(r"[^\s,\[\]{}]+")


def mark_otio(
    text: str, name: str, markers: Sequence[Marker], start_frame: int, rate: Fraction, tracks: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return the text of an OTIO file with `markers` and `tracks` in the stack of its first timeline.

    Args:
        text: the file.
        name: its file name, for errors.
        markers: at record frames from timecode zero.
        start_frame: the start timecode of the timeline as a frame number.
        rate: frames a second of the timeline.
        tracks: tracks as JSON, which begin with the first frame of the timeline.

    Raises:
        SourceError: the file has no timeline with a stack.
    """
    scan = _Scan(text, name)
    first = scan.first_second(scan.stack())
    text = _with_items(text, name, "markers", [_marker(marker, start_frame, rate, first) for marker in markers])
    return _with_items(text, name, "children", [_after(track, first * rate, rate) for track in tracks])


def _with_items(text: str, name: str, key: str, items: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with items at the end of a list of the stack."""
    if not items:
        return text
    scan = _Scan(text, name)
    stack = scan.stack()
    added = ", ".join(json.dumps(item, indent=4, ensure_ascii=False) for item in items)
    place = scan.member(stack, key)
    if place is None:
        start = scan.skip_space(stack + 1)
        comma = "" if text[start] == "}" else ","
        return f'{text[: stack + 1]}"{key}": [{added}]{comma}{text[stack + 1 :]}'
    if text[place] != "[":
        end = scan.end_of(place)  # null
        return f"{text[:place]}[{added}]{text[end:]}"
    end = scan.end_of(place) - 1
    content = text[place + 1 : end].rstrip()
    comma = "," if content.strip() else ""
    position = place + 1 + len(content)
    return f"{text[:position]}{comma}{added}{text[position:]}"


def _after(track: Mapping[str, Any], frames: Fraction, rate: Fraction) -> dict[str, Any]:
    """Return a track that begins with a gap: what lies before the first frame of the timeline."""
    if frames <= 0:
        return dict(track)
    gap = {
        "OTIO_SCHEMA": "Gap.1",
        "name": "",
        "metadata": {},
        "source_range": {"OTIO_SCHEMA": "TimeRange.1", "duration": _time(frames, rate), "start_time": _time(0, rate)},
        "effects": [],
        "markers": [],
        "enabled": True,
    }
    return {**track, "children": [gap, *track["children"]]}


def _time(frames: Fraction | int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(frames)}


def _marker(marker: Marker, start_frame: int, rate: Fraction, first: Fraction) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "metadata": {"Resolve_OTIO": {"Keywords": [], "Note": marker.note}},
        "name": marker.name,
        "color": marker.color,
        "marked_range": {
            "OTIO_SCHEMA": "TimeRange.1",
            "duration": _time(marker.frames, rate),
            "start_time": _time(marker.frame - start_frame + first * rate, rate),
        },
        "comment": marker.note,
    }


class _Scan:
    """Finds values in the text of a JSON document by their place, without reading numbers."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def stack(self) -> int:
        """Where the stack of the first timeline begins.

        Raises:
            SourceError: there is none.
        """
        place: int | None = self.skip_space(0)
        for _ in range(2):
            if place is None or self._schema(place) != "SerializableCollection":
                break
            children = self.member(place, "children")
            place = next((child for child in self._items(children) if self._schema(child) in ("Timeline", "Stack")), None)
        if place is not None and self._schema(place) == "Timeline":
            place = self.member(place, "tracks")
        if place is None or self._schema(place) != "Stack":
            raise malformed("there is no timeline with a stack", self._name, hint="pass the file of a timeline")
        self.end_of(place)
        return place

    def first_second(self, stack: int) -> Fraction:
        """The time in the stack's own seconds at which its picture starts: that of its source range, else 0.

        Raises:
            SourceError: the source range is malformed.
        """
        place = self.member(stack, "source_range")
        if place is None or self._text[place] != "{":
            return Fraction(0)
        span = Node({"range": read_json(self._text[place : self.end_of(place)], self._name)}, self._name, "tracks").range("range")
        return span.start.seconds if span is not None else Fraction(0)

    def member(self, place: int, key: str) -> int | None:
        """Where the value of `key` begins in the object at `place`; None if it has no such key."""
        position = self.skip_space(place + 1)
        while self._text[position : position + 1] == '"':
            match = _STRING.match(self._text, position)
            if match is None:
                raise self._broken(position)
            value = self.skip_space(self.skip_space(match.end()) + 1)
            if json.loads(match[0], strict=False) == key:
                return value
            position = self._next(self.end_of(value))
        return None

    def end_of(self, place: int) -> int:
        """The character after the value at `place`."""
        opening = self._text[place : place + 1]
        if opening == '"':
            match = _STRING.match(self._text, place)
        elif opening not in ("[", "{"):
            match = _SCALAR.match(self._text, place)
        else:
            depth = 0
            for token in _TOKEN.finditer(self._text, place):
                depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
                if depth == 0:
                    return token.end()
            match = None
        if match is None:
            raise self._broken(place)
        return match.end()

    def skip_space(self, position: int) -> int:
        """The first character from `position` on that is no space."""
        match = _SPACE.match(self._text, position)
        return match.end() if match is not None else position

    def _schema(self, place: int) -> str:
        value = self.member(place, "OTIO_SCHEMA") if self._text[place : place + 1] == "{" else None
        match = _STRING.match(self._text, value) if value is not None else None
        return str(json.loads(match[0])).partition(".")[0] if match is not None else ""

    def _items(self, place: int | None) -> list[int]:
        items = []
        position = self.skip_space(place + 1) if place is not None else len(self._text)
        while position < len(self._text) and self._text[position] != "]":
            items.append(position)
            position = self._next(self.end_of(position))
        return items

    def _next(self, position: int) -> int:
        """The next key or item after a value that ends at `position`."""
        position = self.skip_space(position)
        return self.skip_space(position + 1) if self._text[position : position + 1] == "," else position

    def _broken(self, position: int) -> SourceError:
        return malformed("not JSON", self._name, line=self._text.count("\n", 0, position) + 1, hint="export the edit again")
