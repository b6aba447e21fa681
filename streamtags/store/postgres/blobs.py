"""Thumbnails, waveforms and fingerprints of segments."""

from __future__ import annotations

from collections.abc import Mapping

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.records import Candidate, Fingerprint, Waveform
from streamtags.store.postgres.database import Connection
from streamtags.store.postgres.port import PostgresPort, is_text

__all__ = ["MAX_BLOB_BYTES", "PostgresBlobs", "check_sizes", "write_blobs"]

MAX_BLOB_BYTES = 4 << 20
"""The largest thumbnail or waveform that the database takes; a thumbnail has some 20 kB."""

_THUMBNAIL = "INSERT INTO streamtags.thumbnails VALUES (%s, %s, %s) ON CONFLICT (timeline, segment) DO UPDATE SET jpeg = excluded.jpeg"
_FINGERPRINT = (
    "INSERT INTO streamtags.fingerprints VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (timeline, segment) DO UPDATE SET frames = excluded.frames, fingerprint = excluded.fingerprint"
)
_WAVEFORM = (
    "INSERT INTO streamtags.waveforms (timeline, segment, peaks) VALUES (%s, %s, %s)"
    " ON CONFLICT (timeline, segment) DO UPDATE SET number = excluded.number, peaks = excluded.peaks"
)
_THUMBNAIL_OF = "SELECT jpeg FROM streamtags.timelines LEFT JOIN streamtags.thumbnails ON timeline = n AND segment = %s WHERE id = %s"
_WAVEFORMS_OF = (
    "SELECT number, segment, peaks FROM streamtags.timelines LEFT JOIN streamtags.waveforms ON timeline = n AND number > %s"
    " WHERE id = %s ORDER BY number LIMIT %s"
)
_FINGERPRINTS_OF = (
    "SELECT segment, frames, fingerprint FROM streamtags.timelines LEFT JOIN streamtags.fingerprints ON timeline = n WHERE id = %s"
)
_CANDIDATES = (
    "SELECT id, segment, frames, fingerprint FROM streamtags.fingerprints JOIN streamtags.timelines ON n = timeline"
    " WHERE frames BETWEEN %s AND %s AND id != %s ORDER BY opened DESC, segment"
)


class PostgresBlobs(PostgresPort):
    """The port `Blobs`."""

    def thumbnail(self, timeline: str, segment: str) -> bytes:
        """Return the JPEG of a segment."""
        self._check_id(timeline)
        rows = self._database.read(_THUMBNAIL_OF, (segment if is_text(segment) else "", timeline))
        jpeg = self._required(rows[0] if rows else None, timeline)[0]
        if jpeg is None:
            raise NotInStore(f"no thumbnail of segment {segment!r}", where=timeline)
        return bytes(jpeg) if jpeg or self._objects is None else self._objects.read(timeline, segment)

    def waveforms(self, timeline: str, after: int = 0, limit: int = 2000) -> list[Waveform]:
        """Return the waveforms with `number > after`, in the order in which they were written, at most `limit`."""
        self._check_id(timeline)
        rows = self._database.read(_WAVEFORMS_OF, (after, timeline, max(1, limit)))
        self._required(rows[0] if rows else None, timeline)
        return [Waveform(number, segment, bytes(peaks)) for number, segment, peaks in rows if number is not None][:limit]

    def fingerprints(self, timeline: str) -> dict[str, Fingerprint]:
        """Return the fingerprints of a timeline, by segment."""
        self._check_id(timeline)
        rows = self._database.read(_FINGERPRINTS_OF, (timeline,))
        self._required(rows[0] if rows else None, timeline)
        return {segment: Fingerprint(frames, bytes(data)) for segment, frames, data in rows if segment is not None}

    def candidates(self, frames: int, *, slack: int = 0, exclude: str = "") -> list[Candidate]:
        """Return segments that have a fingerprint and about `frames` frames, without those of the timeline `exclude`."""
        rows = self._database.read(_CANDIDATES, (frames - slack, frames + slack, exclude))
        return [Candidate(timeline, segment, Fingerprint(length, bytes(data))) for timeline, segment, length, data in rows]


def check_sizes(timeline: str, *blobs: Mapping[str, bytes]) -> None:
    """Check that no blob is larger than `MAX_BLOB_BYTES`.

    Raises:
        StoreError: one is (code `store.limit`).
    """
    for segment, data in (item for some in blobs for item in some.items()):
        if len(data) > MAX_BLOB_BYTES:
            what = f"the thumbnail or waveform of {segment} has {len(data)} bytes, more than {MAX_BLOB_BYTES}"
            raise StoreError(what, where=timeline, hint="make it smaller", code="store.limit")


def write_blobs(
    connection: Connection,
    n: int,
    thumbnails: Mapping[str, bytes],
    fingerprints: Mapping[str, Fingerprint],
    waveforms: Mapping[str, bytes],
) -> None:
    """Write blobs of the timeline in row `n`, in place of earlier ones of the same segments."""
    for segment, jpeg in thumbnails.items():
        connection.execute(_THUMBNAIL, (n, segment, jpeg))
    for segment, fingerprint in fingerprints.items():
        connection.execute(_FINGERPRINT, (n, segment, fingerprint.frames, fingerprint.data))
    for segment, peaks in waveforms.items():
        connection.execute(_WAVEFORM, (n, segment, peaks))
