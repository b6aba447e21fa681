"""The index of a library: vectors, terms and numbers of its tracks as arrays, in files that are mapped into memory.

It holds nothing that the library does not hold: a folder for each revision of a library, deleted when the next one is built.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import StoreError
from streamtags.core.music import Library, MusicLibraries, Track
from streamtags.core.search import TextEmbedder
from streamtags.music.words import has_vocals, terms, text_of, words_energy

__all__ = ["TrackIndex", "build_index", "open_index"]

_VERSION = 2  # of the files; part of their folder's name
_EMBEDDED_AT_ONCE = 1_000
# BM25 with its usual constants: S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, section 3.
_K1, _B = 1.2, 0.75

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrackIndex:
    """The tracks of one library, in the order of their ids.

    Attributes:
        ids: of the tracks, in ascending order.
        vectors: float32 [tracks, dimensions], rows of length 1, or 0 for a track without known words.
        center: their mean.
        bpm: float32 [tracks]; NaN if unknown, as in all numbers.
        seconds: lengths.
        energy: 0..1; measured, else as the words say.
        vocals: 1 with, 0 without, NaN unknown.
        artists: int32 [tracks], the same number for the same artist; -1 unknown.
        licenses: int32 [tracks], places in `license_names`.
        license_names: rights as the catalog states them.
        postings: place of the first posting of each term, and of the end, int64 [terms + 1].
        places: int32, tracks of the postings.
        weights: float32, BM25 weights of the postings.
        lexicon: number of each term.
    """

    ids: Sequence[str]
    vectors: Floats
    center: Floats
    bpm: Floats
    seconds: Floats
    energy: Floats
    vocals: Floats
    artists: NDArray[np.int32]
    licenses: NDArray[np.int32]
    license_names: Sequence[str]
    postings: NDArray[np.int64]
    places: NDArray[np.int32]
    weights: Floats
    lexicon: Mapping[str, int]

    def __len__(self) -> int:
        """Return the number of tracks."""
        return len(self.ids)

    def place(self, track: str) -> int | None:
        """Return the place of a track; None if it is not in the library."""
        place = bisect_left(self.ids, track)
        return place if place < len(self.ids) and self.ids[place] == track else None

    def similarities(self, vectors: Floats) -> Floats:
        """Return the cosine of each of these vectors and each track, float32 [vectors, tracks].

        All in one product: the vectors of the library are read from memory once.
        """
        cosines: Floats = np.asarray(vectors, np.float32) @ np.asarray(self.vectors).T
        return cosines

    def matches(self, weighted: Mapping[str, float]) -> Floats:
        """Return the BM25 score of each track for weighted terms, float32 [tracks]."""
        scores = np.zeros(len(self.ids), np.float32)
        for term, weight in weighted.items():
            if (number := self.lexicon.get(term)) is not None:
                first, last = self.postings[number], self.postings[number + 1]
                scores[self.places[first:last]] += np.float32(weight) * self.weights[first:last]  # a track is in a posting once
        return scores


def build_index(tracks: Iterable[Track], embedder: TextEmbedder) -> TrackIndex:
    """Return the index of tracks, which must be in the order of their ids."""
    columns = _Columns()
    vectors: list[Floats] = []
    rest = iter(tracks)
    while batch := list(islice(rest, _EMBEDDED_AT_ONCE)):
        vectors.append(embedder.embed([text_of(track) for track in batch]))
        for track in batch:
            columns.add(track)
    return columns.index(np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float32))


class _Columns:
    """Gathers what is known of tracks, column by column."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._numbers: list[tuple[float, float, float, float]] = []
        self._artists: dict[str, int] = {}
        self._licenses: dict[str, int] = {}
        self._codes: list[tuple[int, int]] = []
        self._lexicon: dict[str, int] = {}
        self._occurrences: list[NDArray[np.int32]] = []  # [distinct terms, (track, term, count)] of each track
        self._lengths: list[int] = []

    def add(self, track: Track) -> None:
        """Take the next track."""
        words, vocals = terms(text_of(track)), has_vocals(track)
        energy = track.sound.energy if track.sound is not None else words_energy(words)
        known = (track.tempo, track.seconds, energy, vocals)
        self._numbers.append(tuple(nan if value is None else float(value) for value in known))  # type: ignore[arg-type]
        artist = track.artist.casefold()
        code = self._artists.setdefault(artist, len(self._artists)) if artist else -1
        self._codes.append((code, self._licenses.setdefault(track.texts.get("license", ""), len(self._licenses))))
        counts: dict[int, int] = {}
        for word in words:
            number = self._lexicon.setdefault(word, len(self._lexicon))
            counts[number] = counts.get(number, 0) + 1
        place = len(self._ids)
        self._occurrences.append(np.array([(place, number, count) for number, count in counts.items()], np.int32).reshape(-1, 3))
        self._lengths.append(len(words))
        self._ids.append(track.track)

    def index(self, vectors: Floats) -> TrackIndex:
        """Return the index of all tracks taken."""
        numbers = np.array(self._numbers, np.float32).reshape(-1, 4)
        codes = np.array(self._codes, np.int32).reshape(-1, 2)
        postings, places, weights = self._postings()
        return TrackIndex(
            ids=self._ids,
            vectors=vectors,
            center=vectors.mean(axis=0, dtype=np.float64).astype(np.float32) if len(vectors) else np.zeros(vectors.shape[1], np.float32),
            **{name: numbers[:, column].copy() for column, name in enumerate(("bpm", "seconds", "energy", "vocals"))},
            artists=codes[:, 0].copy(),
            licenses=codes[:, 1].copy(),
            license_names=list(self._licenses),
            postings=postings,
            places=places,
            weights=weights,
            lexicon=self._lexicon,
        )

    def _postings(self) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
        rows = np.concatenate([np.zeros((0, 3), np.int32), *self._occurrences])
        rows = rows[np.argsort(rows[:, 1], kind="stable")]
        postings = np.searchsorted(rows[:, 1], np.arange(len(self._lexicon) + 1)).astype(np.int64)
        lengths = np.array(self._lengths, np.float64)
        mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
        holding = np.diff(postings).astype(np.float64)
        rarity = np.log(1 + (len(lengths) - holding + 0.5) / (holding + 0.5))
        count = rows[:, 2].astype(np.float64)
        weight = count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * lengths[rows[:, 0]] / mean))
        return postings, rows[:, 0].copy(), (weight * rarity[rows[:, 1]]).astype(np.float32)


_ARRAYS = ("center", "bpm", "seconds", "energy", "vocals", "artists", "licenses", "postings", "places", "weights")


def open_index(libraries: MusicLibraries, library: Library, embedder: TextEmbedder, folder: Path) -> TrackIndex:
    """Return the index of a library: from its files, or built anew where they are missing or of another revision.

    Args:
        libraries: have the tracks.
        library: its present revision.
        embedder: gives the vectors.
        folder: where the files of all indexes are.

    Raises:
        StoreError: the files cannot be written.
    """
    key = hashlib.sha256(library.name.encode()).hexdigest()[:16]
    place = folder / f"{key}-{embedder.name}-{_VERSION}-{library.revision}"
    if (place / "names.json").is_file():
        return _load(place)
    index = build_index(libraries.tracks(library.name), embedder)
    try:
        _save(index, place)
        for old in folder.glob(f"{key}-*"):
            if old != place:
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"the index of the library cannot be written: {error.strerror}", where=str(place), hint="free some space"
        ) from error
    return index


def _save(index: TrackIndex, place: Path) -> None:
    """Write the files under another name first: a folder that has its name is complete."""
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    np.save(partial / "vectors.npy", index.vectors)
    for name in _ARRAYS:
        np.save(partial / f"{name}.npy", getattr(index, name))
    names = {"ids": list(index.ids), "licenses": list(index.license_names), "lexicon": list(index.lexicon)}
    (partial / "names.json").write_text(json.dumps(names), "utf-8")
    if place.exists():  # another process was faster
        shutil.rmtree(partial)
    else:
        partial.rename(place)


def _load(place: Path) -> TrackIndex:
    names = json.loads((place / "names.json").read_text("utf-8"))
    arrays = {name: np.load(place / f"{name}.npy") for name in _ARRAYS}
    return TrackIndex(
        ids=names["ids"],
        vectors=np.load(place / "vectors.npy", mmap_mode="r"),
        license_names=names["licenses"],
        lexicon={term: number for number, term in enumerate(names["lexicon"])},
        **arrays,
    )
