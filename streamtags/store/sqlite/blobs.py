"""Thumbnails, waveforms and fingerprints of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamtags.core.errors import NotInStore
from streamtags.core.records import Candidate, Fingerprint, Trait, Waveform
from streamtags.store.sqlite.port import SqlitePort
from streamtags.store.trait_columns import TRAITS, excluding, fingerprint_of, trait_values

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteBlobs", "write_blobs"]


class SqliteBlobs(SqlitePort):
    """The port `Blobs`."""

    def thumbnail(self, timeline: str, segment: str) -> bytes:
        """Return the JPEG of a segment."""
        with self._database.read() as connection:
            n = self._row(connection, timeline)[0]
            row = connection.execute("SELECT jpeg FROM thumbnails WHERE timeline = ? AND segment = ?", (n, segment)).fetchone()
        if row is None:
            raise NotInStore(f"no thumbnail of segment {segment!r}", where=timeline)
        return bytes(row[0])

    def waveforms(self, timeline: str, after: int = 0, limit: int = 2000) -> list[Waveform]:
        """Return the waveforms with `number > after`, in the order in which they were written, at most `limit`."""
        with self._database.read() as connection:
            n = self._row(connection, timeline)[0]
            rows = connection.execute(
                "SELECT number, segment, peaks FROM waveforms WHERE timeline = ? AND number > ? ORDER BY number LIMIT ?", (n, after, limit)
            ).fetchall()
        return [Waveform(*row) for row in rows]

    def fingerprints(self, timeline: str) -> dict[str, Fingerprint]:
        """Return the fingerprints of a timeline, by segment."""
        with self._database.read() as connection:
            n = self._row(connection, timeline)[0]
            rows = connection.execute(
                f"SELECT segment, frames, fingerprint, {TRAITS} FROM fingerprints WHERE timeline = ?",  # noqa: S608 - a constant
                (n,),
            ).fetchall()
        return {segment: fingerprint_of(frames, data, traits) for segment, frames, data, *traits in rows}

    def candidates(self, frames: int, *, traits: Sequence[Trait] = (), slack: int = 0, exclude: str = "") -> list[Candidate]:
        """Return segments whose fingerprint may be of the same pictures; those of the timeline opened last come first."""
        conditions, bounds = excluding(traits, "?")
        statement = (
            f"SELECT timelines.id, segment, frames, fingerprint, {TRAITS}"  # noqa: S608 - constants and parameters only
            " FROM fingerprints JOIN timelines ON timelines.n = fingerprints.timeline"
            f" WHERE frames BETWEEN ? AND ?{conditions} AND timelines.id != ? ORDER BY opened DESC, segment"
        )
        with self._database.read() as connection:
            rows = connection.execute(statement, (frames - slack, frames + slack, *bounds, exclude)).fetchall()
        return [Candidate(timeline, segment, fingerprint_of(length, data, own)) for timeline, segment, length, data, *own in rows]


def write_blobs(
    connection: Connection,
    n: int,
    thumbnails: Mapping[str, bytes],
    fingerprints: Mapping[str, Fingerprint],
    waveforms: Mapping[str, bytes],
) -> None:
    """Write blobs of the timeline in row `n`, in place of earlier ones of the same segments."""
    for segment, jpeg in thumbnails.items():
        connection.execute("REPLACE INTO thumbnails VALUES (?, ?, ?)", (n, segment, jpeg))
    for segment, fingerprint in fingerprints.items():
        traits = trait_values(fingerprint.traits)
        connection.execute(
            f"REPLACE INTO fingerprints (timeline, segment, frames, fingerprint, {TRAITS})"  # noqa: S608 - a constant
            f" VALUES (?, ?, ?, ?{', ?' * len(traits)})",
            (n, segment, fingerprint.frames, fingerprint.data, *traits),
        )
    for segment, peaks in waveforms.items():
        connection.execute("REPLACE INTO waveforms (timeline, segment, peaks) VALUES (?, ?, ?)", (n, segment, peaks))
