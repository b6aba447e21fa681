"""Segments as documents for search."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from streamtags.core.search import DocumentTag, SearchDocument
from streamtags.core.state import SegmentState

__all__ = ["MAX_FIELD_CHARACTERS", "document_of", "meaning_of"]

MAX_FIELD_CHARACTERS = 4000
"""Text of one field beyond this is not indexed: what a source says is not bounded, an index entry must be."""


def document_of(timeline: str, segment: SegmentState, at: datetime, axes: Mapping[str, str]) -> SearchDocument:
    """Return the document of a segment.

    Args:
        timeline: the id of its timeline.
        segment: its state.
        at: when it last changed.
        axes: axis by tag name, of the vocabulary it was tagged under; may be empty.
    """
    transcript = segment_transcript(segment)
    texts = {
        "caption": segment.caption or "",
        "tags": ", ".join(score.tag for score in segment.tags),
        "text": segment.text,
        "transcript": transcript,
        "notes": ". ".join([*segment.key_information, segment.reasoning]) if segment.reasoning else ". ".join(segment.key_information),
    }
    return SearchDocument(
        timeline=timeline,
        segment=segment.segment,
        start=segment.start,
        end=segment.end,
        at=at,
        texts={name: text[:MAX_FIELD_CHARACTERS] for name, text in texts.items() if text},
        tags=tuple(DocumentTag(score.tag, axes.get(score.tag, ""), score.confidence) for score in segment.tags),
    )


def segment_transcript(segment: SegmentState) -> str:
    """Return the words spoken in a segment, "" if no stage has transcribed it."""
    answers: Mapping[str, object] = getattr(segment, "answers", {}) or {}
    transcribed = answers.get("transcribed")
    lines = transcribed.get("lines") if isinstance(transcribed, Mapping) else None
    if not isinstance(lines, list):
        return ""
    return " ".join(str(line["text"]) for line in lines if isinstance(line, Mapping) and "text" in line)


def meaning_of(document: SearchDocument) -> str:
    """Return the text whose embedding stands for the document: what is shown and said, then its tags."""
    parts = (document.texts.get(name, "") for name in ("caption", "transcript", "text", "tags"))
    return " ".join(part for part in parts if part)[:MAX_FIELD_CHARACTERS]
