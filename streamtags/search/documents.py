"""Segments as documents for search."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from streamtags.core.answers import face_words, music_words, screen_text, transcript_text
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
    texts = {
        "caption": segment.caption or "",
        "tags": ", ".join(score.tag for score in segment.tags),
        "text": segment.text,
        "transcript": transcript_text(segment.answers),
        "screen": screen_text(segment.answers),
        "notes": ". ".join(
            filter(None, [*segment.key_information, segment.reasoning, face_words(segment.answers), music_words(segment.answers)])
        ),
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


def meaning_of(document: SearchDocument) -> str:
    """Return the text whose embedding stands for the document: what is shown and said, then its tags."""
    parts = (document.texts.get(name, "") for name in ("caption", "transcript", "text", "screen", "tags"))
    return " ".join(part for part in parts if part)[:MAX_FIELD_CHARACTERS]
