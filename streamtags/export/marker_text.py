"""The words of markers for editing systems, and markers that share a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from streamtags.core.marker_words import marker_name, marker_tags
from streamtags.export.markers import Marker
from streamtags.export.subtitle_text import one_line

__all__ = ["clipped", "comment_lines", "comment_text", "merge_same_frame", "xml_safe"]


def comment_lines(marker: Marker) -> list[str]:
    """Return the caption of a marker, its tags with confidences, and the reasoning: one line each, those that there are."""
    texts = [*marker.comment.splitlines(), marker_tags(marker.tags), *marker.reasoning.splitlines()]
    return [line for line in (one_line(text) for text in texts) if line]


def comment_text(marker: Marker, separator: str = " | ") -> str:
    """Return `comment_lines` as one line."""
    return separator.join(comment_lines(marker))


def clipped(text: str, limit: int) -> str:
    """Return `text` with at most `limit` characters; where it is cut, it ends with an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}\u2026"


def xml_safe(text: str) -> str:
    """Return `text` without the characters that XML 1.0 does not have, not even escaped (https://www.w3.org/TR/xml/#charsets)."""
    return "".join(
        char for char in text if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff")
    )


def merge_same_frame(markers: Iterable[Marker]) -> list[Marker]:
    """Return `markers` with one for each frame: editing systems keep one marker a frame, and drop the others without a word.

    A merged marker has the words and tags of all, the axis of the strongest tag, and ends with the last of them; where there are segments,
    cues do not make it longer.
    """
    return [_merged(list(group)) for _, group in groupby(markers, key=lambda marker: marker.start_frame)]


def _merged(group: Sequence[Marker]) -> Marker:
    if len(group) == 1:
        return group[0]
    strongest = max(group, key=lambda marker: marker.tags[0].confidence if marker.tags else -1.0)
    last = max([marker for marker in group if not marker.cue] or group, key=lambda marker: marker.end_frame)
    tags = {score.tag: score for marker in reversed(group) for score in marker.tags}
    cues = [marker.name for marker in group if marker.cue]
    ordered = tuple(sorted(tags.values(), key=lambda score: -score.confidence))
    return replace(
        group[0],
        end=last.end,
        end_frame=last.end_frame,
        end_timecode=last.end_timecode,
        name=", ".join(filter(None, (*cues, marker_name(ordered)))) or group[0].name,
        comment="\n".join(marker.comment for marker in group if marker.comment),
        tags=ordered,
        axis=strongest.axis,
        color=strongest.color,
        reasoning="\n".join(marker.reasoning for marker in group if marker.reasoning),
    )
