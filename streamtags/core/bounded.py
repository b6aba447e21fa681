"""Text of bounded length: whatever comes from a source or a model is cut before it enters a log, and the text says so.

A log is sent to every reader, so one title of 15 MB would be sent, stored and shown again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

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


class _CutTo:
    """A pydantic annotation that cuts strings to `most` characters.

    Strings that are short enough, which is nearly all, are validated without a call into Python.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        short = core_schema.str_schema(max_length=self._most)
        cut = core_schema.no_info_after_validator_function(lambda text: cut_text(text, self._most), core_schema.str_schema())
        return core_schema.union_schema(
            [short, cut],
            mode="left_to_right",
            custom_error_type="string_type",
            serialization=core_schema.simple_ser_schema("str"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string"}


Label = Annotated[str, _CutTo(300)]
"""A name of something: a file, a codec, a model."""

Title = Annotated[str, _CutTo(500)]
"""A title or a short phrase."""

Message = Annotated[str, _CutTo(4000)]
"""An error message."""

LongText = Annotated[str, _CutTo(MAX_TEXT_CHARACTERS)]
"""A caption, the subtitles of a segment, or the reasoning of a model."""
