"""Rows of a table of text that comes from outside: CSV, TSV or JSONL, row by row, with the line number of each mistake.

A row that cannot be read is reported and left out. A line is bounded in length, so that memory is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol, TextIO

from streamtags.core.errors import UsageError

__all__ = ["MAX_LINE", "ROW_SUFFIXES", "Problem", "RowReader", "read_rows", "unreadable"]

MAX_LINE = 1 << 20  # characters
_JSON_SUFFIXES = frozenset({".jsonl", ".ndjson"})
ROW_SUFFIXES = _JSON_SUFFIXES | {".csv", ".tsv", ".txt"}
"""Endings of files that have rows."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a line, and whether its row is left out."""

    line: int
    message: str
    is_skipped: bool


class RowReader(Protocol):
    """Takes what reading rows brings up."""

    def name_columns(self, headings: Iterable[str]) -> None:
        """Take the headings of a table once, or those of each line of JSON."""
        ...

    def report(self, line: int, message: str, *, is_skipped: bool = False) -> None:
        """Take a mistake."""
        ...


def read_rows(path: Path, reader: RowReader) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the line and the cells by heading of each row; the suffix of `path` says what it is.

    Raises:
        OSError: the file cannot be read.
        UnicodeError: it begins as UTF-16 and is none.
    """
    with path.open(encoding=_encoding(path), errors="surrogateescape", newline="") as file:
        lines = _Lines(file, reader)
        suffix = path.suffix.lower()
        yield from _json_rows(lines, reader) if suffix in _JSON_SUFFIXES else _table_rows(lines, reader, suffix)


def unreadable(error: OSError | UnicodeError, path: Path) -> UsageError:
    """Return what to raise instead of an error of `read_rows`."""
    if isinstance(error, OSError):
        return UsageError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path and its permissions")
    return UsageError("cannot be read: it is no text", where=str(path), hint="save it as UTF-8")


def _encoding(path: Path) -> str:
    """Return UTF-16 if the file begins with its mark, else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


class _Lines:
    """The lines of a file, each of bounded length; `number` is that of the last one."""

    def __init__(self, file: TextIO, reader: RowReader) -> None:
        self._file, self._reader = file, reader
        self._is_reported = False
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(MAX_LINE):
            self.number += 1
            if len(line) >= MAX_LINE and not line.endswith(("\n", "\r")):
                self._reader.report(self.number, f"the line is longer than {MAX_LINE} characters", is_skipped=True)
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
                self._reader.report(self.number, "not UTF-8: read as Windows-1252, here and below where needed")
                self._is_reported = True
            return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        return line


def _table_rows(lines: _Lines, reader: RowReader, suffix: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the rows of a table. Further cells of a row belong to the last column, as in the tables of MTG-Jamendo."""
    source = iter(lines)
    head = next((line for line in source if line.strip()), "")
    delimiter = "\t" if suffix == ".tsv" else max(",;\t", key=head.count)
    csv.field_size_limit(MAX_LINE)
    table = csv.reader(chain([head], source), delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
    headings = [heading.strip() for heading in next(table, [])]
    reader.name_columns(headings)
    while True:
        line = lines.number + 1
        try:
            cells = next(table, None)
        except csv.Error as error:
            reader.report(line, f"not a row of a table: {error}", is_skipped=True)
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < len(headings):
            reader.report(line, f"{len(cells)} cells, but there are {len(headings)} columns")
        last = len(headings) - 1
        values: list[object] = [*cells[:last], ",".join(cells[last:]) if len(cells) > len(headings) else "".join(cells[last:])]
        yield line, dict(zip(headings, values, strict=False))


def _json_rows(lines: _Lines, reader: RowReader) -> Iterator[tuple[int, dict[str, object]]]:
    for text in lines:
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            reader.report(lines.number, f"not JSON: {error}", is_skipped=True)
            continue
        if not isinstance(row, dict):
            reader.report(lines.number, "not a JSON object", is_skipped=True)
            continue
        reader.name_columns(row)
        yield lines.number, row
