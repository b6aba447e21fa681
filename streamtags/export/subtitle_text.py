"""Text for subtitle formats: captions and tags as short lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from streamtags.export.markers import Marker

__all__ = ["TAG_OPTIONS", "Cue", "clock_time", "cues_of", "one_line"]

TAG_OPTIONS = frozenset({"axes", "tags", "min_confidence"})


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle: times in seconds, lines that are not empty."""

    id: str
    start: Fraction
    end: Fraction
    lines: tuple[str, ...]


def cues_of(markers: Iterable[Marker]) -> list[Cue]:
    """Return a cue for each marker with its caption and tags, and one for each line that is spoken, in order of time."""
    cues = []
    for marker in markers:
        cues.append(Cue(marker.segment, marker.start, marker.end, tuple(_marker_lines(marker))))
        for number, line in enumerate(marker.lines, 1):
            if text := one_line(line.text):
                cues.append(Cue(f"{marker.segment}-{number}", line.start, line.end, (f"\u201c{text}\u201d",)))
    return sorted(cues, key=lambda cue: cue.start)


def _marker_lines(marker: Marker) -> list[str]:
    """Return the caption and the tags of a marker. No line is empty: an empty line would end the cue."""
    tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in marker.tags)
    untimed = f"\u201c{marker.words}\u201d" if marker.words and not marker.lines else ""
    lines = (one_line(text) for text in (untimed, marker.comment, f"[{tags}]" if tags else ""))
    return [line for line in lines if line] or [one_line(marker.name)]


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def clock_time(seconds: Fraction, separator: str) -> str:
    """Return `seconds` as HH:MM:SS and milliseconds, with `separator` before the milliseconds."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{separator}{rest % 1000:03d}"
