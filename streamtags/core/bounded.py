"""Text of bounded length: whatever comes from a source or a model is cut before it enters a log, and the text says so.

A log is sent to every reader, so one title of 15 MB would be sent, stored and shown again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator

__all__ = ["MAX_TEXT_CHARACTERS", "Label", "LongText", "Message", "Title", "cut_text", "join_texts"]

MAX_TEXT_CHARACTERS = 10_000
"""The most characters of one text: a caption, or the subtitles of a segment."""


def cut_text(text: str, most: int) -> str:
    """Return `text` if it has at most `most` characters, else the start of it with a note of its full length, `most` characters in all."""
    if len(text) <= most:
        return text
    note = f"… [cut, {len(text)} characters in all]"
    return text[: most - len(note)] + note


def join_texts(texts: Iterable[str], most: int = MAX_TEXT_CHARACTERS) -> str:
    """Join `texts` by line breaks, and cut the result like `cut_text`; never holds more than is needed."""
    parts: list[str] = []
    size, full = 0, 0
    for text in texts:
        full += len(text) + 1
        if size <= most:
            parts.append(text[: most + 1])
            size += len(parts[-1]) + 1
    joined = "\n".join(parts)
    if full - 1 <= most:
        return joined
    note = f"… [cut, {full - 1} characters in all]"
    return joined[: most - len(note)] + note


def _cut_to(most: int) -> BeforeValidator:
    def cut(value: Any) -> Any:
        return cut_text(value, most) if isinstance(value, str) else value

    return BeforeValidator(cut)


Label = Annotated[str, _cut_to(300)]
"""A name of something: a file, a codec, a model."""

Title = Annotated[str, _cut_to(500)]
"""A title or a short phrase."""

Message = Annotated[str, _cut_to(4000)]
"""An error message."""

LongText = Annotated[str, _cut_to(MAX_TEXT_CHARACTERS)]
"""A caption, the subtitles of a segment, or the reasoning of a model."""
