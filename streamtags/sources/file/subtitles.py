"""Text that comes with a source: text tracks inside it, or a `.srt` or `.vtt` file of the same name beside it."""

from __future__ import annotations

import html
import re
from pathlib import Path

from streamtags.core.model import Subtitle

__all__ = ["TEXT_CODECS", "from_ass", "parse_subtitles", "sidecar"]

TEXT_CODECS = frozenset({"ass", "ssa", "subrip", "srt", "mov_text", "text", "webvtt"})

_LARGEST = 16 << 20  # bytes; a film's subtitles are some 100 KB
_LONGEST_LINE = 2_000  # characters of one cue; more is not meant to be read
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_SPAN = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<[^<>]{0,200}>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,500}\}")
_SPACE = re.compile(r"[ \t\f\v\xa0\u200b\ufeff]+")


def sidecar(path: Path) -> list[Subtitle]:
    """The cues of `film.srt`, or else `film.vtt`, beside `film.mp4`, in order; none if there is no such file or it has no cue."""
    for suffix in (".srt", ".vtt"):
        for name in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            try:
                if not name.is_file() or name.is_symlink() or name.stat().st_size > _LARGEST:
                    continue
                cues = parse_subtitles(name.read_bytes())
            except OSError:
                continue
            if cues:
                return cues
    return []


def parse_subtitles(data: bytes) -> list[Subtitle]:
    """SubRip or WebVTT as cues in order of their start.

    Takes any line end, a byte order mark, UTF-8, UTF-16 or Windows-1252, a missing number or blank line, and `,` or `.` before
    the milliseconds. What is not a cue is skipped; markup, entities and positions are stripped.
    """
    cues: list[Subtitle] = []
    span: tuple[float, float] | None = None
    lines: list[str] = []

    def finish() -> None:
        if span is not None and (text := plain("\n".join(lines))):
            cues.append(Subtitle(*span, text))

    rows = _decoded(data).splitlines()
    for row in rows:
        found = _SPAN.match(row)
        if found is None:
            if not row.strip():
                finish()
                span, lines = None, []
            elif span is not None:
                lines.append(row)
            continue
        if lines and lines[-1].strip().isdigit():  # the number of this cue, where the blank line before it is missing
            lines.pop()
        finish()
        start, end = _seconds(found, 1), _seconds(found, 5)
        span, lines = ((start, end) if end > start else None), []
    finish()
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def from_ass(dialogue: str) -> str:
    """The words of one ASS dialogue text: overrides, drawings and markup stripped."""
    if re.search(r"\\p[1-9]", dialogue):  # a vector drawing, not words
        return ""
    return plain(dialogue.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))


def plain(text: str) -> str:
    """`text` without markup, lines trimmed, empty ones dropped."""
    text = html.unescape(_TAG.sub("", _OVERRIDE.sub("", text)))
    lines = (_SPACE.sub(" ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)[:_LONGEST_LINE]


def _seconds(found: re.Match[str], group: int) -> float:
    hours, minutes, seconds, fraction = (found[group + i] for i in range(4))
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((fraction or "0").ljust(3, "0")) / 1000


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
