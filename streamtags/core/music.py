"""Music libraries: tracks, what was measured of their sound, and the port under which libraries are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

__all__ = ["Library", "LibraryProblem", "MusicLibraries", "StoredTrack", "Track", "TrackSound"]

LibraryKind = Literal["folder", "catalog"]


@dataclass(frozen=True, slots=True)
class TrackSound:
    """What was measured of a track's sound. Times are seconds from its first sample.

    Attributes:
        seconds: its length.
        loudness_lufs: integrated loudness; None for silence.
        tempo_bpm: None without a clear pulse.
        tempo_confidence: how clear the pulse is, 0..1.
        onsets_per_second: notes and hits.
        brightness_hz: spectral centroid.
        energy: how driving it is, 0..1, from loudness, onsets and tempo.
        curve: loudness over time, 0..100, one for each `curve_seconds`.
        curve_seconds: length of a step of `curve`.
        hits: times of the strongest onsets, in order.
        sections: times at which the level changes for good.
        content: shares of speech, singing and music; empty if nothing listened.
    """

    seconds: float
    loudness_lufs: float | None = None
    tempo_bpm: float | None = None
    tempo_confidence: float = 0.0
    onsets_per_second: float = 0.0
    brightness_hz: float | None = None
    energy: float = 0.0
    curve: tuple[int, ...] = ()
    curve_seconds: float = 0.5
    hits: tuple[float, ...] = ()
    sections: tuple[float, ...] = ()
    content: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Track:
    """One track. Lists are in the order of the catalog; `texts` has the other fields that the catalog gives, such as `composer`.

    Attributes:
        track: its id, unique in the library.
        line: its line in the catalog; 0 for a file of a folder.
        sound: what was measured; None for a track without a file.
    """

    track: str
    line: int
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    bpm: float | None = None
    duration_seconds: float | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    sound: TrackSound | None = None

    @property
    def artist(self) -> str:
        """The artist, else the composer; "" if unknown."""
        return self.texts.get("artist") or self.texts.get("composer") or ""

    @property
    def tempo(self) -> float | None:
        """The tempo that the catalog gives, else the measured one."""
        return self.bpm if self.bpm is not None else self.sound.tempo_bpm if self.sound else None

    @property
    def seconds(self) -> float | None:
        """The measured length, else the one that the catalog gives."""
        return self.sound.seconds if self.sound else self.duration_seconds


@dataclass(frozen=True, slots=True)
class StoredTrack:
    """A track and the stamp of its file: size and modification time; "" without a file."""

    track: Track
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """One library.

    Attributes:
        name: how commands name it.
        path: the folder or catalog that it was read from.
        kind: which of the two.
        tracks: how many it has.
        revision: rises with every change.
    """

    name: str
    path: str
    kind: LibraryKind
    tracks: int
    revision: int


@dataclass(frozen=True, slots=True)
class LibraryProblem:
    """What is wrong at `place`, a file or a line, and whether the track is left out."""

    place: str
    message: str
    is_skipped: bool


class MusicLibraries(Protocol):
    """Where libraries are kept. Every method raises `StoreError` if they cannot be read or written."""

    def libraries(self) -> list[Library]:
        """Return all libraries, by name."""
        ...

    def library(self, name: str) -> Library:
        """Return one library.

        Raises:
            NotInStore: there is none of that name.
        """
        ...

    def stored(self, name: str) -> dict[str, StoredTrack]:
        """Return the tracks of a library by id; empty if there is no such library."""
        ...

    def tracks(self, name: str) -> Iterator[Track]:
        """Yield the tracks of a library in the order of their ids."""
        ...

    def some(self, name: str, ids: Sequence[str]) -> list[Track]:
        """Return these tracks, in this order; missing ones are left out."""
        ...

    def save(self, name: str, path: str, kind: LibraryKind, tracks: Iterable[StoredTrack], removed: Iterable[str] = ()) -> None:
        """Add or replace tracks of a library and remove others, in one transaction; the library is made if there is none."""
        ...

    def remove(self, name: str) -> None:
        """Delete a library.

        Raises:
            NotInStore: there is none of that name.
        """
        ...

    def close(self) -> None:
        """Release the file; safe to call twice."""
        ...
