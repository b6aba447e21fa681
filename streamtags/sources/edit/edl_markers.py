"""Write markers into a CMX 3600 list, as `* LOC:` lines below the events in which they lie."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from streamtags.core.timecode import format_timecode
from streamtags.sources.edit.edl_lines import Event, parse_lines
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Edit, Marker

__all__ = ["mark_edl"]

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")


def mark_edl(text: str, name: str, markers: Sequence[Marker], edit: Edit) -> str:
    """Return the list with `markers`.

    Args:
        text: the list.
        name: its file name, for errors.
        markers: at record frames from timecode zero.
        edit: what was read of the list: how its timecode counts, and where its clips lie.

    Raises:
        SourceError: the list is malformed, or has no event with a picture.
    """
    places = _places(parse_lines(text, name).events, edit)
    if not places:
        raise malformed("there is no event with a picture", name)
    starts = [start for start, _ in places]
    below: dict[int, list[str]] = defaultdict(list)
    for marker in sorted(markers, key=lambda marker: marker.frame):
        _, line = places[max(0, bisect_right(starts, marker.frame) - 1)]
        label = format_timecode(marker.frame, edit.rate, drop=edit.drop)
        words = ": ".join(filter(None, (marker.name, marker.note)))
        below[line].append(f"* LOC: {label} {(marker.color or 'WHITE').upper():7} {words}")
    parts = []
    for number, (line_text, ending) in enumerate(_LINE.findall(text), start=1):
        parts.append(line_text + ending)
        if number in below:
            new_line = ending or "\n"
            lines = "".join(f"{line}{new_line}" for line in below[number])
            parts.append(lines if ending else f"{new_line}{lines}")
    return "".join(parts)


def _places(events: Sequence[Event], edit: Edit) -> list[tuple[int, int]]:
    """(first record frame, last line) of each event with a picture, by record frame."""
    last_lines = {line.line: _last_line(event) for event in events for line in event.lines}
    clips = (clip for track in edit.sequence.tracks for clip in track.clips)
    return sorted((clip.record_in, last_lines[clip.line]) for clip in clips if clip.line in last_lines)


def _last_line(event: Event) -> int:
    """The last line of an event that says something: the end of old lists is padded with ^Z and NUL."""
    remarks = (number for number, text in event.remarks if text.strip("\0\x1a \t"))
    return max([*(line.line for line in event.lines), *remarks, *(speed[0] for speed in event.speeds)])
