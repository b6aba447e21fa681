"""The subtitle file beside a film."""

from __future__ import annotations

import os
import re
from pathlib import Path

from streamtags.core.model import Subtitle
from streamtags.sources.file.subtitles import parse_subtitles

__all__ = ["read_sidecar"]

_MAX_BYTES = 16 << 20  # a film's subtitles are some 100 KB
_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")  # the most common first
_ENGLISH = ("en", "eng", "english")  # captions and tags are in English
_LANGUAGES = (
    "arabic|bulgarian|chinese|croatian|czech|danish|deutsch|dutch|english|espanol|estonian|finnish|francais|french|german|greek|hebrew|hindi|"
    "hungarian|indonesian|italian|italiano|japanese|korean|norwegian|persian|polish|portuguese|romanian|russian|serbian|slovak|slovenian|"
    "spanish|swedish|thai|turkish|ukrainian|vietnamese"
)
_NAME = re.compile(
    rf"(?:(?:[a-z]{{2,3}}(?:[-_][a-z0-9]{{2,8}}){{0,3}}|{_LANGUAGES}|forced|signs|songs|commentary|sdh|full|default|auto)\.)*"
    r"(?:srt|vtt|ass|ssa)",
    re.ASCII | re.IGNORECASE,
)
_PARTIAL = frozenset({"forced", "signs", "songs", "commentary"})  # words in the name of a file that leaves most of the speech out


def read_sidecar(film: Path) -> list[Subtitle]:
    """Read the subtitles beside `film`, in order: `film.srt` or `film.mp4.srt`, else one with a language such as `film.en.srt`.

    Of several languages English is preferred, else the first by name; `.srt` before `.vtt`, `.ass` and `.ssa`. Links are not followed.
    Returns an empty list if there is no such file, or no cue in it.
    """
    for name in sorted(_names_beside(film), key=lambda name: _preference(film, name)):
        path = film.with_name(name)
        try:
            if not path.is_file() or path.is_symlink() or path.stat().st_size > _MAX_BYTES:
                continue
            subtitles = parse_subtitles(path.read_bytes())
        except OSError:  # a file that cannot be read is as good as none
            continue
        if subtitles:
            return subtitles
    return []


def _names_beside(film: Path) -> list[str]:
    prefixes = (f"{film.name}.", f"{film.stem}.")
    try:
        names = os.listdir(film.parent)  # noqa: PTH208 - names that are not text must not fail
    except OSError:
        return []
    return [name for name in names if any(name.startswith(prefix) and _NAME.fullmatch(name[len(prefix) :]) for prefix in prefixes)]


def _preference(film: Path, name: str) -> tuple[int, int, int, str]:
    """Sorts the names of subtitle files, the best one first."""
    *middle, suffix = name.removeprefix(film.stem).removeprefix(film.suffix)[1:].lower().split(".")
    words = {word for part in middle for word in part.replace("-", "_").split("_")}
    language = 0 if not middle else 1 if words & set(_ENGLISH) else 2
    return int(bool(words & _PARTIAL)), language, _SUFFIXES.index(f".{suffix}"), name
