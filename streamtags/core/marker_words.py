"""How tags are written in the name and the note of a marker, and how a marker that streamtags wrote is distinguished from a person's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamtags.core.model import TagScore

__all__ = ["marker_name", "marker_tags", "segment_name", "written_by_streamtags"]

_NAME_TAGS = 3  # in the name of a marker; a list of markers has room for a few words
_TAGS = re.compile(r"[^,]+ [01]\.\d\d(?:, [^,]+ [01]\.\d\d)*")
_SEGMENT = re.compile(r"(?:.*, )?Segment [0-9]+(?:: .*)?")
_LINES = re.compile(r"\r\n|\n|\r| \| |: ")  # between the lines of a note, or the parts of a marker that has one line


def marker_name(tags: Sequence[TagScore]) -> str:
    """Return the first tags, as they stand in the name of a marker."""
    return ", ".join(score.tag for score in tags[:_NAME_TAGS])


def segment_name(number: int) -> str:
    """Return the name of a marker whose segment has no tags; `number` counts from 1."""
    return f"Segment {number}"


def marker_tags(tags: Sequence[TagScore]) -> str:
    """Return the tags with their confidences, as they stand in the note of a marker."""
    return ", ".join(f"{score.tag} {score.confidence:.2f}" for score in tags)


def written_by_streamtags(name: str, note: str) -> bool:
    """Whether a marker is named as our exports do: by a segment, or by the first of the tags in its note.

    A person who has renamed a marker wrote it. So did, as far as this can be known, the author of a note that lists other numbers.
    """
    if _SEGMENT.fullmatch(name):
        return True
    for line in _LINES.split(f"{name}\n{note}"):
        if _TAGS.fullmatch(line):
            names = [part.rsplit(" ", 1)[0] for part in line.split(", ")]
            if ", ".join(names[:_NAME_TAGS]) in name:
                return True
    return False
