"""The schema of the store, as numbered steps from an empty database to the present."""

from __future__ import annotations

from typing import Any

import psycopg

from streamtags.core.errors import StoreError

__all__ = ["MIGRATIONS", "migrate"]

Connection = psycopg.Connection[tuple[Any, ...]]

# Two processes that open a new database at the same time take this lock in turn; the number is the project's name in ASCII.
_LOCK = 0x73747467

_FIRST = """
CREATE TABLE streamtags.timelines (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    source text NOT NULL,
    recording text NOT NULL,  -- '' for a file and for the first recording of a live source
    profile text NOT NULL,
    captioner text NOT NULL,
    classifier text NOT NULL,
    vocabulary text NOT NULL,
    settings text NOT NULL,
    identity bytea NOT NULL UNIQUE,  -- digest of the seven columns above, which may be too long for an index
    name text NOT NULL,
    epoch text NOT NULL,
    seq bigint NOT NULL,
    state text NOT NULL,
    segments bigint NOT NULL,
    seconds double precision,
    opened bigint NOT NULL,  -- rises with each opening: clocks may stand still
    opened_at text NOT NULL,
    owner text, host text, pid bigint, started text, claimed_until timestamptz  -- the claim
);
CREATE INDEX timelines_by_opened ON streamtags.timelines (opened DESC);
CREATE INDEX timelines_by_source ON streamtags.timelines USING hash (source);
CREATE SEQUENCE streamtags.openings;

CREATE TABLE streamtags.events (
    timeline bigint NOT NULL REFERENCES streamtags.timelines (n) ON DELETE CASCADE,
    seq bigint NOT NULL,
    type text NOT NULL,
    at text NOT NULL,
    data text NOT NULL,  -- text, not jsonb: readers get the bytes that were written
    PRIMARY KEY (timeline, seq)
);

CREATE TABLE streamtags.thumbnails (
    timeline bigint NOT NULL REFERENCES streamtags.timelines (n) ON DELETE CASCADE,
    segment text NOT NULL,
    jpeg bytea NOT NULL,
    PRIMARY KEY (timeline, segment)
);
ALTER TABLE streamtags.thumbnails ALTER COLUMN jpeg SET STORAGE EXTERNAL;  -- JPEG does not compress further

CREATE TABLE streamtags.fingerprints (
    timeline bigint NOT NULL REFERENCES streamtags.timelines (n) ON DELETE CASCADE,
    segment text NOT NULL,
    frames bigint NOT NULL,
    fingerprint bytea NOT NULL,
    PRIMARY KEY (timeline, segment)
);
CREATE INDEX fingerprints_by_frames ON streamtags.fingerprints (frames);

CREATE SEQUENCE streamtags.waveform_numbers;
CREATE TABLE streamtags.waveforms (
    timeline bigint NOT NULL REFERENCES streamtags.timelines (n) ON DELETE CASCADE,
    number bigint NOT NULL DEFAULT nextval('streamtags.waveform_numbers'),  -- never used twice: readers keep it as a cursor
    segment text NOT NULL,
    peaks bytea NOT NULL,
    PRIMARY KEY (timeline, segment)
);
CREATE INDEX waveforms_by_number ON streamtags.waveforms (timeline, number);

CREATE TABLE streamtags.vocabularies (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    version text NOT NULL,
    digest text NOT NULL,
    body text NOT NULL,
    UNIQUE (id, version, digest)
);

CREATE TABLE streamtags.jobs (
    timeline text PRIMARY KEY,
    request text NOT NULL,
    submitted_at double precision NOT NULL,
    starts bigint NOT NULL,
    started_seq bigint NOT NULL,
    running boolean NOT NULL,
    priority bigint NOT NULL,
    cancelled boolean NOT NULL,
    owner text, host text, pid bigint, started text, leased_until timestamptz,  -- the lease
    call text  -- the call that leased it, so that a call whose answer was lost finds its jobs again
);
CREATE INDEX jobs_in_order ON streamtags.jobs (priority DESC, submitted_at, timeline);
"""

_SUBMISSIONS = """
CREATE TABLE streamtags.submissions (
    username text NOT NULL,
    timeline text NOT NULL,
    at double precision NOT NULL
);
CREATE INDEX submissions_by_user ON streamtags.submissions (username, at);
"""

# What distinguishes fingerprints; the defaults exclude nothing.
_TRAITS = """
ALTER TABLE streamtags.fingerprints
    ADD COLUMN low1 smallint NOT NULL DEFAULT -32768, ADD COLUMN high1 smallint NOT NULL DEFAULT 32767,
    ADD COLUMN low2 smallint NOT NULL DEFAULT -32768, ADD COLUMN high2 smallint NOT NULL DEFAULT 32767,
    ADD COLUMN low3 smallint NOT NULL DEFAULT -32768, ADD COLUMN high3 smallint NOT NULL DEFAULT 32767,
    ADD COLUMN low4 smallint NOT NULL DEFAULT -32768, ADD COLUMN high4 smallint NOT NULL DEFAULT 32767;
DROP INDEX streamtags.fingerprints_by_frames;
CREATE INDEX fingerprints_by_frames ON streamtags.fingerprints (frames, low1, high1, low2, high2, low3, high3, low4, high4);
"""

# The transaction that changed each log last. A trigger writes it, because a server of an earlier release may go on writing.
_CHANGES = """
CREATE TABLE streamtags.changes (
    timeline text PRIMARY KEY,
    transaction bigint NOT NULL
);
CREATE INDEX changes_by_transaction ON streamtags.changes (transaction);
CREATE FUNCTION streamtags.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO streamtags.changes VALUES (coalesce(NEW.id, OLD.id), pg_current_xact_id()::text::bigint)
    ON CONFLICT (timeline) DO UPDATE SET transaction = excluded.transaction;
    RETURN NULL;
END $$;
CREATE TRIGGER note_change AFTER INSERT OR DELETE OR UPDATE OF epoch, seq ON streamtags.timelines
    FOR EACH ROW EXECUTE FUNCTION streamtags.note_change();
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SUBMISSIONS, _TRAITS, _CHANGES)
"""The steps from an empty database to the present. Append only: a step that has shipped is never changed."""


_OF_ANOTHER_SERVER = "transaction >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_COUNT_FOREIGN = f"SELECT count(*) FROM streamtags.changes WHERE {_OF_ANOTHER_SERVER}"  # noqa: S608 - a constant
_RENUMBER = f"UPDATE streamtags.changes SET transaction = pg_current_xact_id()::text::bigint WHERE {_OF_ANOTHER_SERVER}"  # noqa: S608


def migrate(connection: Connection, where: str) -> None:
    """Run the steps that the database lacks, in one transaction, while no other process migrates.

    Args:
        connection: in autocommit mode.
        where: the URL of the store, for messages.

    Raises:
        StoreError: a newer streamtags wrote the database.
        psycopg.Error: a step failed; nothing was changed.
    """
    if _version(connection, where) < len(MIGRATIONS):
        _run_missing(connection, where)
    # A restored backup has numbers of another server's transactions, which nothing here would reach for a long time.
    if connection.execute(_COUNT_FOREIGN.encode()).fetchone() != (0,):
        connection.execute(_RENUMBER.encode())


def _run_missing(connection: Connection, where: str) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute("CREATE SCHEMA IF NOT EXISTS streamtags")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS streamtags.migrations"
            " (number int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        for number, step in enumerate(MIGRATIONS[_version(connection, where) :], _version(connection, where) + 1):
            connection.execute(step.encode())
            connection.execute("INSERT INTO streamtags.migrations (number) VALUES (%s)", (number,))


def _version(connection: Connection, where: str) -> int:
    """Return the number of the last step that the database has.

    Raises:
        StoreError: this release does not know that step.
    """
    row = connection.execute("SELECT to_regclass('streamtags.migrations')").fetchone()
    if row is None or row[0] is None:
        return 0
    row = connection.execute("SELECT coalesce(max(number), 0) FROM streamtags.migrations").fetchone()
    version = int(row[0]) if row is not None else 0
    if version > len(MIGRATIONS):
        raise StoreError(
            f"was written by a newer streamtags (store version {version}, this one knows {len(MIGRATIONS)})",
            where=where,
            hint="upgrade streamtags, or choose another --store",
            code="store.newer",
        )
    return version
