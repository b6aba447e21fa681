"""Reading a music catalog: a CSV, TSV or JSONL file, row by row, with the line number of each mistake.

A catalog comes from outside. A row that cannot be used is reported and left out; the others are used. Memory is bounded by the limits below
and by the tracks themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streamtags.core.errors import UsageError
from streamtags.core.music import Track
from streamtags.music.columns import LISTS, NUMBERS, TEXTS, field_of, parse_duration, parse_list, parse_number
from streamtags.music.rows import ROW_SUFFIXES, Problem, read_rows, unreadable

__all__ = ["CATALOG_SUFFIXES", "Catalog", "Problem", "add_row", "read_catalog"]

MAX_TRACKS = 2_000_000
MAX_COLUMNS = 4000
MAX_PROBLEMS = 1000  # kept with their text; further ones are counted
_MAX_TEXT = 4000
_BPM = (20, 400)
CATALOG_SUFFIXES = ROW_SUFFIXES
"""Endings of files that are catalogs."""
_GROUPS = {"genre": "genres", "mood/theme": "moods", "mood": "moods", "instrument": "instruments"}  # of MTG-Jamendo's tags


@dataclass(slots=True)
class Catalog:
    """What a file contains.

    Attributes:
        path: the file.
        columns: the field that each heading means; None for headings that are not used.
        tracks: by id, in the order of the file.
        problems: the first mistakes.
        problem_count: all mistakes.
        skipped: rows that were left out.
    """

    path: Path
    columns: dict[str, str | None] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    skipped: int = 0

    def name_columns(self, headings: Iterable[str]) -> None:
        """Note what the headings of the file, or of a line of it, mean."""
        for heading in headings:
            if len(self.columns) < MAX_COLUMNS:
                self.columns.setdefault(heading, field_of(heading))

    def report(self, line: int, message: str, *, is_skipped: bool = False) -> None:
        """Note a mistake."""
        self.problem_count += 1
        self.skipped += is_skipped
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, message, is_skipped))


def read_catalog(path: Path) -> Catalog:
    """Read a catalog.

    Raises:
        UsageError: the file cannot be read, is of another kind, or has no column that describes a track.
    """
    catalog = Catalog(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        raise UsageError("is a folder, not a catalog", where=str(path), hint="`streamtags library add` reads folders")
    if suffix not in CATALOG_SUFFIXES:
        raise UsageError(f"{suffix or 'no suffix'} is no kind of catalog", where=str(path), hint="use a .csv, .tsv or .jsonl file")
    try:
        for line, row in read_rows(path, catalog):
            add_row(catalog, line, row)
            if len(catalog.tracks) >= MAX_TRACKS:
                catalog.report(line, f"only the first {MAX_TRACKS} tracks are used")
                break
    except (OSError, UnicodeError) as error:
        raise unreadable(error, path) from error
    known = {name for name in catalog.columns.values() if name}
    if not known & {"title", "description", *LISTS}:
        headings = ", ".join(list(catalog.columns)[:8])
        hint = "name a column title, description or tags; " + (f"the columns are {headings}" if headings else "it has no columns")
        raise UsageError("no column describes a track", where=str(path), hint=hint)
    return catalog


def add_row(catalog: Catalog, line: int, row: Mapping[str, object]) -> None:
    """Add the track of a row, or report why it is not used; `catalog.columns` says what its headings mean."""
    texts: dict[str, str] = {}
    numbers: dict[str, float] = {}
    lists: dict[str, list[str]] = {name: [] for name in LISTS}
    for heading, value in row.items():
        name = catalog.columns.get(heading)
        if name is None or value is None or value == "":
            continue
        if name in LISTS:
            for word in parse_list(value):
                group, dashes, rest = word.partition("---")
                lists[_GROUPS.get(group, name) if dashes else name].append(rest if dashes else word)
        elif name in TEXTS:
            texts.setdefault(name, " ".join(str(value).split())[:_MAX_TEXT])
        elif (number := _number(catalog, line, name, heading, value)) is not None:
            numbers.setdefault(name, number)
    identity = texts.pop("track", "") or texts.get("path", "") or f"line {line}"
    if identity in catalog.tracks:
        where = catalog.tracks[identity].line
        catalog.report(line, f"the track {identity[:60]!r} is in line {where} already", is_skipped=True)
        return
    title, description = texts.pop("title", ""), texts.pop("description", "")
    if not (title or description or any(lists.values())):
        catalog.report(line, "nothing describes the track", is_skipped=True)
        return
    unique = {name: tuple(dict.fromkeys(words)) for name, words in lists.items()}
    catalog.tracks[identity] = Track(
        identity,
        line,
        title,
        description,
        tags=unique["tags"],
        genres=unique["genres"],
        moods=unique["moods"],
        instruments=unique["instruments"],
        bpm=numbers.get("bpm"),
        duration_seconds=numbers.get("duration"),
        texts=texts,
    )


def _number(catalog: Catalog, line: int, name: str, heading: str, value: object) -> float | None:
    """Return the number in a cell; report one that is none, and use the row without it."""
    assert name in NUMBERS  # noqa: S101 - the only fields that are left
    try:
        number = parse_duration(value) if name == "duration" else parse_number(value)
        if name == "bpm" and not _BPM[0] <= number <= _BPM[1]:
            raise ValueError(f"{number:g} is not between {_BPM[0]} and {_BPM[1]}")
    except ValueError as error:
        catalog.report(line, f"{heading}: {error}")
        return None
    return number
