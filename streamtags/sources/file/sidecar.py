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
# Languages by their codes of two letters, from those of three letters (ISO 639-2) and their names.
_CODES = {
    name: row.split()[0]
    for row in """ar ara arabic
bg bul bulgarian
cs cze ces czech
da dan danish
de ger deu german deutsch
el gre ell greek
es spa spanish espanol
et est estonian
fa per fas persian
fi fin finnish
fr fre fra french francais
he heb hebrew
hr hrv croatian
hu hun hungarian
is ice isl icelandic
it ita italian italiano
lt lit lithuanian
lv lav latvian
mk mac mkd macedonian
nl dut nld dutch
no nor norwegian
pl pol polish
pt por portuguese
ro rum ron romanian
ru rus russian
sk slo slk slovak
sl slv slovenian
sr srp serbian
sv swe swedish
th tha thai
tr tur turkish
uk ukr ukrainian
vi vie vietnamese""".splitlines()
    for name in row.split()
}
_PARTIAL = frozenset({"forced", "signs", "songs", "commentary"})  # words in the name of a file that leaves most of the speech out


def read_sidecar(film: Path, encoding: str | None = None) -> list[Subtitle]:
    """Read the subtitles beside `film`, in order: `film.srt` or `film.mp4.srt`, else one with a language such as `film.en.srt`.

    Of several languages English is preferred, else the first by name; `.srt` before `.vtt`, `.ass` and `.ssa`. Links are not followed.
    Returns an empty list if there is no such file, or no cue in it.

    Args:
        film: the film.
        encoding: of a file without a byte order mark; recognized by default.
    """
    for name in sorted(_names_beside(film), key=lambda name: _preference(film, name)):
        path = film.with_name(name)
        try:
            if not path.is_file() or path.is_symlink() or path.stat().st_size > _MAX_BYTES:
                continue
            subtitles = parse_subtitles(path.read_bytes(), encoding, _language(film, name))
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


def _words(film: Path, name: str) -> list[str]:
    """The parts of a subtitle file's name after that of the film, without the ending."""
    return name.removeprefix(film.stem).removeprefix(film.suffix)[1:].lower().split(".")[:-1]


def _language(film: Path, name: str) -> str | None:
    """The language that a subtitle file's name states, as two letters."""
    codes = (_CODES.get(part, part[:2] if re.match(r"[a-z]{2}(?![a-z])", part) else None) for part in _words(film, name))
    return next((code for code in codes if code is not None), None)


def _preference(film: Path, name: str) -> tuple[int, int, int, str]:
    """Sorts the names of subtitle files, the best one first."""
    middle, suffix = _words(film, name), name.rpartition(".")[2].lower()
    words = {word for part in middle for word in part.replace("-", "_").split("_")}
    language = 0 if not middle else 1 if words & set(_ENGLISH) else 2
    return int(bool(words & _PARTIAL)), language, _SUFFIXES.index(f".{suffix}"), name
