"""Subtitles in text files: SubRip, WebVTT and ASS, as people really write them."""

from __future__ import annotations

import html
import re

from streamtags.core.model import Subtitle
from streamtags.sources.file.encodings import decode_text

__all__ = ["TEXT_CODECS", "from_ass", "parse_subtitles"]

TEXT_CODECS = frozenset({"ass", "ssa", "subrip", "srt", "mov_text", "text", "webvtt"})
"""FFmpeg's names of text tracks; other subtitle tracks are pictures of text."""

_MAX_CUE_CHARACTERS = 2_000  # longer text is not meant to be read
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[ ]?[.,:][ ]?(\d{1,3}))?"
_ARROW = r"(?:-{1,3}|[–—])(?:>|&gt;)"  # noqa: RUF001 - editors turn two hyphens into a dash
_SPAN = re.compile(rf"^\s*{_TIME}\s*{_ARROW}\s*{_TIME}", re.ASCII)
_ANY_SPAN = re.compile(_SPAN.pattern, re.ASCII | re.MULTILINE)
_ASS_TIME = re.compile(_TIME, re.ASCII)
_ASS_FIELDS = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
_ASS_MARK = re.compile(r"^\s*(\[script info\]|dialogue:)", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(r"<[^<>]{0,200}>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,500}\}")
_CONTROL = re.compile(r"\{[A-Za-z]:[^{}]{0,100}\}")  # of MicroDVD
_READING = re.compile(r"<rt\b[^<>]{0,100}>[^<>]{0,200}</rt>", re.IGNORECASE)
_DRAWING = re.compile(r"\{[^{}]{0,500}\\p[1-9]")
_SPACE = re.compile(r"[ \t\f\v\xa0\u200b]+")
# Marks between the parts of joined files, zeros, and controls of the writing direction.
_INVISIBLE = dict.fromkeys((0, 0xFEFF, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def parse_subtitles(data: bytes, encoding: str | None = None, language: str | None = None) -> list[Subtitle]:
    """Parse SubRip, WebVTT or ASS; return the cues in order of their start.

    Accepts any line end and encoding (the arguments are those of `decode_text`), a missing number or blank line, `,`, `.` or `:` before
    the milliseconds, and damaged arrows. Anything that is not a cue is skipped; markup, entities and positions are removed. Never raises.
    """
    text = decode_text(data, encoding, language).translate(_INVISIBLE)
    cues = _parse_ass(text) if _ASS_MARK.search(text) and not _ANY_SPAN.search(text) else _parse_spans(text)
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def from_ass(dialogue: str) -> str:
    """Return the words of one ASS dialogue text, without overrides, drawings and markup."""
    return plain(dialogue.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))


def plain(text: str) -> str:
    """Return `text` without markup and drawings, with lines trimmed and empty ones dropped."""
    if _DRAWING.search(text):
        return ""
    text = html.unescape(_TAG.sub("", _READING.sub("", _CONTROL.sub("", _OVERRIDE.sub("", text)))))
    lines = (_SPACE.sub(" ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)[:_MAX_CUE_CHARACTERS]


def _parse_spans(text: str) -> list[Subtitle]:
    """The cues of SubRip or WebVTT."""
    cues: list[Subtitle] = []
    span: tuple[float, float] | None = None
    lines: list[str] = []

    def finish() -> None:
        if span is not None and (words := plain("\n".join(lines))):
            cues.append(Subtitle(*span, words))

    for row in text.splitlines():
        match = _SPAN.match(row)
        if match is None:
            if not row.strip():
                finish()
                span, lines = None, []
            elif span is not None:
                lines.append(row)
            continue
        if lines and lines[-1].strip().isdigit():  # the number of this cue, where the blank line before it is missing
            lines.pop()
        finish()
        start, end = _seconds(match, 1), _seconds(match, 5)
        span, lines = ((start, end) if end > start else None), []
    finish()
    return cues


def _parse_ass(text: str) -> list[Subtitle]:
    """The dialogue lines of ASS or SSA; comments and drawings are skipped."""
    cues: list[Subtitle] = []
    fields = _ASS_FIELDS
    for row in text.splitlines():
        kind, _, values = row.strip().partition(":")
        if kind.lower() == "format":
            stated = [field.strip().lower() for field in values.split(",")]
            fields = stated if {"start", "end", "text"} <= set(stated) else fields
        elif kind.lower() == "dialogue":
            parts = dict(zip(fields, values.split(",", len(fields) - 1), strict=False))
            start, end = (_ASS_TIME.match(parts.get(name, "").strip()) for name in ("start", "end"))
            words = from_ass(parts.get("text", ""))
            if start and end and words and _seconds(start, 1) < _seconds(end, 1):
                cues.append(Subtitle(_seconds(start, 1), _seconds(end, 1), words))
    return cues


def _seconds(match: re.Match[str], group: int) -> float:
    hours, minutes, seconds, fraction = (match[group + i] for i in range(4))
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((fraction or "0").ljust(3, "0")) / 1000
