"""Reading a music catalog: a CSV, TSV or JSONL file, row by row, with the line number of each mistake.

A catalog comes from outside. A row that cannot be used is reported and left out; the others are used. Memory is bounded by the limits below
and by the tracks themselves.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TextIO

from streamtags.core.errors import UsageError
from streamtags.core.music import Track
from streamtags.music.columns import LISTS, NUMBERS, TEXTS, field_of, parse_duration, parse_list, parse_number

__all__ = ["CATALOG_SUFFIXES", "Catalog", "Problem", "add_row", "read_catalog"]

MAX_LINE = 1 << 20  # characters
MAX_TRACKS = 2_000_000
MAX_PROBLEMS = 1000  # kept with their text; further ones are counted
_MAX_TEXT = 4000
_BPM = (20, 400)
_JSON_SUFFIXES = frozenset({".jsonl", ".ndjson"})
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
CATALOG_SUFFIXES = _JSON_SUFFIXES | _TABLE_SUFFIXES
"""Endings of files that are catalogs."""
_GROUPS = {"genre": "genres", "mood/theme": "moods", "mood": "moods", "instrument": "instruments"}  # of MTG-Jamendo's tags


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a line, and whether its row is left out."""

    line: int
    message: str
    is_skipped: bool


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
    if suffix not in CATALOG_SUFFIXES:
        raise UsageError(f"{suffix or 'no suffix'} is no kind of catalog", where=str(path), hint="use a .csv, .tsv or .jsonl file")
    try:
        with path.open(encoding=_encoding(path), errors="surrogateescape", newline="") as file:
            lines = _Lines(file, catalog)
            rows = _json_rows(lines, catalog) if suffix in _JSON_SUFFIXES else _table_rows(lines, catalog, suffix)
            for line, row in rows:
                add_row(catalog, line, row)
                if len(catalog.tracks) >= MAX_TRACKS:
                    catalog.report(line, f"only the first {MAX_TRACKS} tracks are used")
                    break
    except (OSError, UnicodeError) as error:
        raise UsageError(f"cannot read the catalog: {error}", where=str(path), hint="save it as UTF-8") from error
    known = {name for name in catalog.columns.values() if name}
    if not known & {"title", "description", *LISTS}:
        headings = ", ".join(list(catalog.columns)[:8]) or "none"
        hint = f"name a column title, description or tags; the columns are {headings}"
        raise UsageError("no column describes a track", where=str(path), hint=hint)
    return catalog


def _encoding(path: Path) -> str:
    """Return UTF-16 if the file begins with its mark, else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


class _Lines:
    """The lines of a file, each of bounded length; `number` is that of the last one."""

    def __init__(self, file: TextIO, catalog: Catalog) -> None:
        self._file, self._catalog = file, catalog
        self._is_reported = False
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(MAX_LINE):
            self.number += 1
            if len(line) >= MAX_LINE and not line.endswith(("\n", "\r")):
                self._catalog.report(self.number, f"the line is longer than {MAX_LINE} characters", is_skipped=True)
                while (rest := self._file.readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
                    pass
                continue
            yield self._decoded(line).replace("\0", "")

    def _decoded(self, line: str) -> str:
        """Read a line that is not UTF-8 as Windows-1252, which most spreadsheets write."""
        try:
            line.encode()
        except UnicodeEncodeError:
            if not self._is_reported:
                self._catalog.report(self.number, "not UTF-8: read as Windows-1252, here and below where needed")
                self._is_reported = True
            return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        return line


def _table_rows(lines: _Lines, catalog: Catalog, suffix: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the rows of a table. Further cells of a row belong to the last column, as in the tables of MTG-Jamendo."""
    source = iter(lines)
    head = next((line for line in source if line.strip()), "")
    delimiter = "\t" if suffix == ".tsv" else max(",;\t", key=head.count)
    csv.field_size_limit(MAX_LINE)
    reader = csv.reader(chain([head], source), delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
    headings = [heading.strip() for heading in next(reader, [])]
    catalog.columns = {heading: field_of(heading) for heading in headings}
    while True:
        line = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            catalog.report(line, f"not a row of a table: {error}", is_skipped=True)
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < len(headings):
            catalog.report(line, f"{len(cells)} cells, but there are {len(headings)} columns")
        last = len(headings) - 1
        values: list[object] = [*cells[:last], ",".join(cells[last:]) if len(cells) > len(headings) else "".join(cells[last:])]
        yield line, dict(zip(headings, values, strict=False))


def _json_rows(lines: _Lines, catalog: Catalog) -> Iterator[tuple[int, dict[str, object]]]:
    for text in lines:
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            catalog.report(lines.number, f"not JSON: {error}", is_skipped=True)
            continue
        if not isinstance(row, dict):
            catalog.report(lines.number, "not a JSON object", is_skipped=True)
            continue
        for heading in row:
            if len(catalog.columns) < _MAX_TEXT:
                catalog.columns.setdefault(heading, field_of(heading))
        yield lines.number, row


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
