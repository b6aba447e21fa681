"""What is written in a sound file: ID3, MP4, Vorbis and RIFF tags by tinytag, and the chunks of Broadcast Wave."""

from __future__ import annotations

from pathlib import Path

from tinytag import TinyTag, TinyTagException

from streamtags.sources.audio.broadcast_wave import read_broadcast_wave

__all__ = ["AUDIO_SUFFIXES", "read_tags"]

AUDIO_SUFFIXES = frozenset(
    {".aac", ".aif", ".aifc", ".aiff", ".caf", ".flac", ".m4a", ".mka", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma", ".wv"}
)
"""Endings of files that are taken from a folder of music."""

# Names of tinytag, and the names that catalogs use.
_FIELDS = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "genre": "genre",
    "composer": "composer",
    "comment": "description",
}
_OTHERS = {
    "bpm": "bpm",
    "publisher": "publisher",
    "initial_key": "key",
    "license": "license",
    "copyright": "copyright",
    "description": "description",
    "isrc": "isrc",
    "mood": "mood",
}
_MAX_TEXT = 4000


def read_tags(path: Path) -> tuple[dict[str, str], str | None]:
    """Return the texts of a file's tags by the headings of catalogs, and why its tags could not be read (None if they could).

    The chunks of Broadcast Wave win over other tags: they are written by the library that made the file.
    """
    texts: dict[str, str] = {}
    problem = None
    try:
        tag = TinyTag.get(path)
    except (TinyTagException, OSError, ValueError, LookupError, ArithmeticError) as error:
        problem = f"its tags cannot be read: {error or type(error).__name__}"
    else:
        for name, heading in _FIELDS.items():
            if value := getattr(tag, name, None):
                texts[heading] = _cleaned(value)
        for name, heading in _OTHERS.items():
            if values := tag.other.get(name):
                texts.setdefault(heading, _cleaned(", ".join(str(value) for value in values)))
    chunks, damage = read_broadcast_wave(path)
    return {**texts, **{name: _cleaned(value) for name, value in chunks.items()}}, problem or damage


def _cleaned(value: object) -> str:
    """Return a value in one line, without what no database stores."""
    text = str(value).encode("utf-8", "replace").decode()
    return " ".join(text.replace("\0", " ").split())[:_MAX_TEXT]
