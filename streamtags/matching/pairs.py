"""Pairs to train on: a file of rows, each with a scene or the cue of a timeline, and the track that was chosen for it.

| column | what it is |
| --- | --- |
| `track` | id of the track in the library |
| `timeline`, `cue` | a cue of an analyzed film |
| `scene` | instead of them: what is shown, in words; in JSONL also a list of segments with `caption`, `tags`, `energy`, `seconds` |
| `tags`, `energy` | of the scene: `Calm:0.8, Night`, or in JSON a list or an object; 0 still to 1 driving |
| `text` | what a person wished of the music; may be missing |

The file comes from outside. A row that cannot be used is reported with its line and left out; the others are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamtags.core.errors import UsageError
from streamtags.music.columns import parse_list, parse_number
from streamtags.music.rows import ROW_SUFFIXES, Problem, read_rows, unreadable
from streamtags.music.wanted import Wanted, WantedSegment

__all__ = ["Pair", "Pairs", "read_pairs"]

COLUMNS = ("track", "timeline", "cue", "scene", "tags", "energy", "text")
MAX_PAIRS = 1_000_000
_MAX_PROBLEMS = 1000  # kept with their text; further ones are counted
_MAX_TEXT, _MAX_TAGS, _MAX_SEGMENTS = 4000, 50, 1000
_HINT = "columns: track; scene or timeline and cue; tags, energy and text if known"


@dataclass(frozen=True, slots=True)
class Pair:
    """A row.

    Attributes:
        line: in the file.
        track: id of the track.
        cue: timeline and name of the cue; None if the scene is in the row.
        scene: what the row says of the scene; None if it names a cue.
        text: what a person wished of the music; "" if the row does not say.
    """

    line: int
    track: str
    cue: tuple[str, str] | None
    scene: Wanted | None
    text: str = ""


@dataclass(slots=True)
class Pairs:
    """What a file contains.

    Attributes:
        path: the file.
        pairs: in the order of the file.
        problems: the first mistakes.
        problem_count: all mistakes.
        skipped: rows that were left out.
        columns: those of `COLUMNS` that it has.
    """

    path: Path
    pairs: list[Pair] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    skipped: int = 0
    columns: set[str] = field(default_factory=set)

    def name_columns(self, headings: Iterable[str]) -> None:
        """Note which columns there are."""
        self.columns |= {heading.casefold() for heading in headings} & set(COLUMNS)

    def report(self, line: int, message: str, *, is_skipped: bool = False) -> None:
        """Note a mistake."""
        self.problem_count += 1
        self.skipped += is_skipped
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(line, message, is_skipped))


def read_pairs(path: Path) -> Pairs:
    """Read a file of pairs.

    Raises:
        UsageError: it cannot be read, is of another kind, or lacks the columns of pairs.
    """
    suffix = path.suffix.lower()
    if suffix not in ROW_SUFFIXES:
        raise UsageError(f"{suffix or 'no suffix'} is no kind of file for pairs", where=str(path), hint="use a .csv, .tsv or .jsonl file")
    pairs = Pairs(path)
    try:
        for line, row in read_rows(path, pairs):
            try:
                pairs.pairs.append(_pair(line, {heading.casefold(): value for heading, value in row.items()}))
            except ValueError as error:
                pairs.report(line, str(error), is_skipped=True)
            if len(pairs.pairs) >= MAX_PAIRS:
                pairs.report(line, f"only the first {MAX_PAIRS} pairs are used")
                break
    except (OSError, UnicodeError) as error:
        raise unreadable(error, path) from error
    if "track" not in pairs.columns or not pairs.columns & {"scene", "cue", "tags"}:
        raise UsageError("has no pairs", where=str(path), hint=_HINT)
    return pairs


def _pair(line: int, row: Mapping[str, object]) -> Pair:
    """Return the pair of a row.

    Raises:
        ValueError: it is wrong; says how.
    """
    track = _text(row, "track")
    if not track:
        raise ValueError("names no track")
    timeline, cue = _text(row, "timeline"), _text(row, "cue")
    if bool(timeline) != bool(cue):
        raise ValueError("names a timeline without a cue" if timeline else "names a cue without a timeline")
    if cue:
        if row.get("scene"):
            raise ValueError("has both a scene and a cue")
        return Pair(line, track, (timeline, cue), None, _text(row, "text"))
    scene = _scene(row)
    if not any(segment.words or segment.tags for segment in scene.in_segments()):
        raise ValueError("has neither a scene nor tags nor a cue")
    return Pair(line, track, None, scene, _text(row, "text"))


def _scene(row: Mapping[str, object]) -> Wanted:
    tags, energy = _tags(row.get("tags")), _energy(row.get("energy"))
    listed = row.get("scene")
    if not isinstance(listed, list):
        return Wanted(words=_text(row, "scene"), tags=tags, energy=energy)
    if len(listed) > _MAX_SEGMENTS:
        raise ValueError(f"scene: {len(listed)} segments, more than {_MAX_SEGMENTS}")
    given = [_segment(number, each) for number, each in enumerate(listed, 1)]
    segments = tuple(replace(each, tags=each.tags or tags, energy=energy if each.energy is None else each.energy) for each in given)
    words = " ".join(dict.fromkeys(segment.words for segment in segments if segment.words))[:_MAX_TEXT]
    return Wanted(words=words, tags=tags, energy=energy, segments=segments)


def _segment(number: int, value: object) -> WantedSegment:
    if not isinstance(value, dict):
        raise ValueError(f"scene: segment {number} is no object")
    try:
        seconds = _optional(value.get("seconds"))
        if seconds is not None and seconds <= 0:
            raise ValueError("seconds are above 0")
        return WantedSegment(_text(value, "caption"), _tags(value.get("tags")), _energy(value.get("energy")), seconds)
    except ValueError as error:
        raise ValueError(f"scene: segment {number}: {error}") from None


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{name} is no text")
    return " ".join(str(value).split())[:_MAX_TEXT]


def _tags(value: object) -> tuple[tuple[str, float], ...]:
    """Return tags with confidences: from an object, or from a list or text whose items may end with `:0.8`."""
    if value is None or value == "":
        return ()
    if isinstance(value, dict):
        items = [(str(tag), _share(confidence, "the confidence of a tag")) for tag, confidence in value.items()]
    else:
        items = [_tag(word) for word in parse_list(value)]
    return tuple((" ".join(tag.split())[:200], confidence) for tag, confidence in items[:_MAX_TAGS] if tag.strip())


def _tag(word: str) -> tuple[str, float]:
    match = re.fullmatch(r"(.+?)\s*:\s*([0-9.]+)", word)
    return (match[1], _share(match[2], "the confidence of a tag")) if match else (word, 1.0)


def _energy(value: object) -> float | None:
    return None if value is None or value == "" else _share(value, "energy")


def _optional(value: object) -> float | None:
    return None if value is None or value == "" else parse_number(value)


def _share(value: object, name: str) -> float:
    number = parse_number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} is {number:g}, not 0 to 1")
    return number
