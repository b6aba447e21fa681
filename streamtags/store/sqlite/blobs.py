"""Thumbnails, waveforms and fingerprints of segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamtags.core.errors import NotInStore
from streamtags.core.records import Candidate, Fingerprint, Waveform
from streamtags.store.sqlite.port import SqlitePort

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
            rows = connection.execute("SELECT segment, frames, fingerprint FROM fingerprints WHERE timeline = ?", (n,)).fetchall()
        return {segment: Fingerprint(frames, data) for segment, frames, data in rows}

    def candidates(self, frames: int, *, slack: int = 0, exclude: str = "") -> list[Candidate]:
        """Return segments that have a fingerprint and about `frames` frames, without those of the timeline `exclude`."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT timelines.id, segment, frames, fingerprint FROM fingerprints JOIN timelines ON timelines.n = fingerprints.timeline"
                " WHERE frames BETWEEN ? AND ? AND timelines.id != ? ORDER BY opened DESC, segment",
                (frames - slack, frames + slack, exclude),
            ).fetchall()
        return [Candidate(timeline, segment, Fingerprint(length, data)) for timeline, segment, length, data in rows]


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
        connection.execute("REPLACE INTO fingerprints VALUES (?, ?, ?, ?)", (n, segment, fingerprint.frames, fingerprint.data))
    for segment, peaks in waveforms.items():
        connection.execute("REPLACE INTO waveforms (timeline, segment, peaks) VALUES (?, ?, ?)", (n, segment, peaks))
