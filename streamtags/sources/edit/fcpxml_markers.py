"""Write markers into an FCPXML document. A project has no markers of its own: they stand in the clips of its primary storyline."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.sax.saxutils import quoteattr

from streamtags.core.timecode import rational_seconds
from streamtags.sources.edit.fcpxml import first_sequence
from streamtags.sources.edit.fcpxml_clips import STORY, Placement, active_clip, duration_of
from streamtags.sources.edit.fcpxml_resources import Resources, conform_scale, time_of
from streamtags.sources.edit.insert import XmlInserter
from streamtags.sources.edit.model import Marker
from streamtags.sources.edit.xmltree import Element, parse_xml

__all__ = ["mark_fcpxml"]

# The DTD wants markers before these children of a clip, and after all others.
_FOLLOWERS = (
    "audio-channel-source",
    "audio-role-source",
    "sync-source",
    "filter-video",
    "filter-video-mask",
    "filter-audio",
    "metadata",
    "reserved",
)
_KINDS = {"to-do": ' completed="0"', "done": ' completed="1"'}


@dataclass(frozen=True, slots=True)
class _Place:
    """A clip of the primary storyline, and how its own time runs."""

    element: Element
    placement: Placement


def mark_fcpxml(data: bytes, name: str, markers: Sequence[Marker], rate: Fraction) -> bytes:
    """Return the document with `markers` in the clips of its first project.

    Args:
        data: the document.
        name: its file name, for errors.
        markers: at record frames from timecode zero.
        rate: frames a second of the project.

    Raises:
        SourceError: the document is malformed, or its primary storyline is empty.
    """
    root = parse_xml(data, name)
    sequence, _, _ = first_sequence(root)
    places = _places(sequence, Resources(root), rate)
    if not places:
        raise sequence.fail("there is no clip that could carry a marker")
    starts = [place.placement.record_start for place in places]
    below: dict[int, list[str]] = defaultdict(list)
    for marker in sorted(markers, key=lambda marker: marker.frame):
        seconds = marker.frame / rate
        index = max(0, bisect_right(starts, seconds) - 1)
        below[index].append(_marker(marker, seconds, places[index].placement))
    inserter = XmlInserter(data)
    for index, items in below.items():
        element = places[index].element
        inserter.insert(element, items, next((child for child in element.children if child.tag in _FOLLOWERS), None))
    return inserter.result()


def _places(sequence: Element, resources: Resources, rate: Fraction) -> list[_Place]:
    """The clips of the primary storyline in order."""
    spine = sequence.child("spine")
    position = time_of(sequence, "tcStart", Fraction(0))
    places: list[_Place] = []
    for child in spine.children if spine is not None else []:
        if child.tag not in STORY:
            continue
        offset = time_of(child, "offset", position)
        position = offset + duration_of(child, resources)
        element = active_clip(child) if child.tag == "audition" else child
        if element is not None and position > offset:
            start = time_of(element, "start", Fraction(0))
            places.append(_Place(element, Placement(start, offset, rate, conform_scale(element, rate))))
    return sorted(places, key=lambda place: place.placement.record_start)


def _marker(marker: Marker, seconds: Fraction, placement: Placement) -> str:
    start = placement.local_start + (seconds - placement.record_start) / placement.scale
    tag = "chapter-marker" if marker.kind == "chapter" else "marker"
    note = f" note={_quoted(marker.note)}" if marker.note else ""
    times = f'start="{rational_seconds(start)}" duration="{rational_seconds(1 / placement.rate)}"'
    return f"<{tag} {times} value={_quoted(marker.name)}{_KINDS.get(marker.kind, '')}{note}/>"


def _quoted(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
