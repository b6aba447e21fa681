"""Thumbnails, waveforms and fingerprints of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.records import MAX_TRAITS, Candidate, Fingerprint, Trait, Waveform
from streamtags.store.postgres.database import Connection
from streamtags.store.postgres.port import PostgresPort, is_text
from streamtags.store.trait_columns import TRAITS, excluding, fingerprint_of, trait_values

__all__ = ["MAX_BLOB_BYTES", "PostgresBlobs", "check_sizes", "write_blobs"]

MAX_BLOB_BYTES = 4 << 20
"""The largest thumbnail or waveform that the database takes; a thumbnail has some 20 kB."""

_THUMBNAIL = "INSERT INTO streamtags.thumbnails VALUES (%s, %s, %s) ON CONFLICT (timeline, segment) DO UPDATE SET jpeg = excluded.jpeg"
_EXCLUDED = ", ".join(f"excluded.{column}" for column in TRAITS.split(", "))
_FINGERPRINT = (
    f"INSERT INTO streamtags.fingerprints (timeline, segment, frames, fingerprint, {TRAITS})"  # noqa: S608 - constants
    f" VALUES (%s, %s, %s, %s{', %s' * 2 * MAX_TRAITS}) ON CONFLICT (timeline, segment) DO UPDATE"
    f" SET (frames, fingerprint, {TRAITS}) = (excluded.frames, excluded.fingerprint, {_EXCLUDED})"
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
    f"SELECT segment, frames, fingerprint, {TRAITS} FROM streamtags.timelines"  # noqa: S608 - a constant
    " LEFT JOIN streamtags.fingerprints ON timeline = n WHERE id = %s"
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
        return {segment: fingerprint_of(frames, bytes(data), own) for segment, frames, data, *own in rows if segment is not None}

    def candidates(self, frames: int, *, traits: Sequence[Trait] = (), slack: int = 0, exclude: str = "") -> list[Candidate]:
        """Return segments whose fingerprint may be of the same pictures; those of the timeline opened last come first."""
        conditions, bounds = excluding(traits, "%s")
        statement = (
            f"SELECT id, segment, frames, fingerprint, {TRAITS}"  # noqa: S608 - constants and parameters only
            " FROM streamtags.fingerprints JOIN streamtags.timelines ON n = timeline"
            f" WHERE frames BETWEEN %s AND %s{conditions} AND id != %s ORDER BY opened DESC, segment"
        )
        rows = self._database.read(statement, (frames - slack, frames + slack, *bounds, exclude))
        return [Candidate(timeline, segment, fingerprint_of(length, bytes(data), own)) for timeline, segment, length, data, *own in rows]


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
        connection.execute(_FINGERPRINT, (n, segment, fingerprint.frames, fingerprint.data, *trait_values(fingerprint.traits)))
    for segment, peaks in waveforms.items():
        connection.execute(_WAVEFORM, (n, segment, peaks))
