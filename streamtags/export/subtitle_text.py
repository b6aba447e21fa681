"""Text for subtitle formats: captions and tags as short lines."""

from __future__ import annotations

from fractions import Fraction

from streamtags.export.markers import Marker

__all__ = ["TAG_OPTIONS", "clock_time", "cue_lines", "one_line"]

TAG_OPTIONS = frozenset({"axes", "tags", "min_confidence"})


def cue_lines(marker: Marker) -> list[str]:
    """Return the spoken words, the caption and the tags of a marker. No line is empty: an empty line would end the cue."""
    tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in marker.tags)
    lines = (
        one_line(text) for text in (f"\u201c{marker.words}\u201d" if marker.words else "", marker.comment, f"[{tags}]" if tags else "")
    )
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
