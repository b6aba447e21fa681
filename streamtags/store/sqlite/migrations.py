"""The schema of the store, as steps from an empty file to the present."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from streamtags.store.sqlite.schema import Schema

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["STORE_SCHEMA"]

_RECORDING = re.compile(r"(.*)#recording-([0-9a-f]{8})", re.DOTALL)


def _create_tables(connection: Connection) -> None:
    _create_log_tables(connection)
    _create_blob_tables(connection)


def _create_log_tables(connection: Connection) -> None:
    execute = connection.execute
    execute(
        """
        CREATE TABLE timelines (
            n INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            key TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            epoch TEXT NOT NULL,
            seq INTEGER NOT NULL,
            state TEXT NOT NULL,
            segments INTEGER NOT NULL,
            seconds REAL,
            opened INTEGER NOT NULL,  -- rises with each opening: clocks may stand still
            opened_at TEXT NOT NULL,
            owner TEXT, host TEXT, pid INTEGER, started TEXT, claimed_until REAL  -- who is analyzing it
        )
        """
    )
    execute(
        """
        CREATE TABLE events (
            timeline INTEGER NOT NULL REFERENCES timelines (n) ON DELETE CASCADE,
            seq INTEGER NOT NULL,
            type TEXT NOT NULL,
            at TEXT NOT NULL,
            data TEXT NOT NULL,
            UNIQUE (timeline, seq)
        )
        """
    )


def _create_blob_tables(connection: Connection) -> None:
    execute = connection.execute
    execute(
        """
        CREATE TABLE thumbnails (
            timeline INTEGER NOT NULL REFERENCES timelines (n) ON DELETE CASCADE,
            segment TEXT NOT NULL,
            jpeg BLOB NOT NULL,
            UNIQUE (timeline, segment)
        )
        """
    )
    execute(
        """
        CREATE TABLE fingerprints (
            timeline INTEGER NOT NULL REFERENCES timelines (n) ON DELETE CASCADE,
            segment TEXT NOT NULL,
            frames INTEGER NOT NULL,
            fingerprint BLOB NOT NULL,
            UNIQUE (timeline, segment)
        )
        """
    )
    execute("CREATE INDEX fingerprints_by_frames ON fingerprints (frames)")
    execute(
        """
        CREATE TABLE vocabularies (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL,
            version TEXT NOT NULL,
            digest TEXT NOT NULL,
            body TEXT NOT NULL,
            UNIQUE (id, version, digest)
        )
        """
    )


def _identity_columns(connection: Connection) -> None:
    """Replace the JSON text `key` by a column for each part of a timeline's identity."""
    rows = connection.execute("SELECT n, key FROM timelines").fetchall()
    connection.execute(
        """
        CREATE TABLE new_timelines (
            n INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            recording TEXT NOT NULL,  -- '' for a file and for the first recording of a live source
            profile TEXT NOT NULL,
            captioner TEXT NOT NULL,
            classifier TEXT NOT NULL,
            vocabulary TEXT NOT NULL,
            settings TEXT NOT NULL,
            name TEXT NOT NULL,
            epoch TEXT NOT NULL,
            seq INTEGER NOT NULL,
            state TEXT NOT NULL,
            segments INTEGER NOT NULL,
            seconds REAL,
            opened INTEGER NOT NULL,  -- rises with each opening: clocks may stand still
            opened_at TEXT NOT NULL,
            owner TEXT, host TEXT, pid INTEGER, started TEXT, claimed_until REAL,  -- the claim
            UNIQUE (source, recording, profile, captioner, classifier, vocabulary, settings)
        )
        """
    )
    kept = "name, epoch, seq, state, segments, seconds, opened, opened_at, owner, host, pid, started, claimed_until"
    for n, key in rows:
        connection.execute(
            f"INSERT INTO new_timelines SELECT n, id, ?, ?, ?, ?, ?, ?, ?, {kept} FROM timelines WHERE n = ?",  # noqa: S608 - a constant
            (*_identity_of_key(key), n),
        )
    connection.execute("DROP TABLE timelines")
    connection.execute("ALTER TABLE new_timelines RENAME TO timelines")


def _identity_of_key(key: str) -> tuple[str, str, str, str, str, str, str]:
    """Return source, recording, profile, captioner, classifier, vocabulary and settings of a `key`, as the first release wrote it."""
    try:
        parts = json.loads(key)
        source, profile, captioner, classifier, vocabulary = (
            str(parts[name]) for name in ("source", "profile", "captioner", "classifier", "vocabulary")
        )
        settings = json.dumps(parts["settings"], sort_keys=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        return key, "", "", "", "", "", "{}"  # written by a program of someone else
    recording = _RECORDING.fullmatch(source)
    source, number = recording.groups() if recording else (source, "")
    return source, number, profile, captioner, classifier, vocabulary, settings


def _job_table(connection: Connection) -> None:
    connection.execute(
        """
        CREATE TABLE jobs (
            timeline TEXT PRIMARY KEY,
            request TEXT NOT NULL,
            submitted_at REAL NOT NULL,
            starts INTEGER NOT NULL,
            started_seq INTEGER NOT NULL,
            running INTEGER NOT NULL,
            owner TEXT, host TEXT, pid INTEGER, started TEXT, leased_until REAL  -- the lease
        )
        """
    )


def _waveform_table(connection: Connection) -> None:
    connection.execute(
        """
        CREATE TABLE waveforms (
            number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: readers keep it as a cursor
            timeline INTEGER NOT NULL REFERENCES timelines (n) ON DELETE CASCADE,
            segment TEXT NOT NULL,
            peaks BLOB NOT NULL,
            UNIQUE (timeline, segment)
        )
        """
    )
    connection.execute("CREATE INDEX waveforms_by_number ON waveforms (timeline, number)")


def _job_columns(connection: Connection) -> None:
    connection.execute("ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE jobs ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0")


def _submission_table(connection: Connection) -> None:
    connection.execute("CREATE TABLE submissions (user TEXT NOT NULL, timeline TEXT NOT NULL, at REAL NOT NULL)")
    connection.execute("CREATE INDEX submissions_by_user ON submissions (user, at)")


def _index_by_opened(connection: Connection) -> None:
    connection.execute("CREATE INDEX timelines_by_opened ON timelines (opened)")


def _traits_of_fingerprints(connection: Connection) -> None:
    """Add what distinguishes fingerprints; -32768 to 32767 in those that are there excludes nothing."""
    columns = [f"{bound}{number}" for number in range(1, 5) for bound in ("low", "high")]
    for column in columns:
        default = -32_768 if column.startswith("low") else 32_767
        connection.execute(f"ALTER TABLE fingerprints ADD COLUMN {column} INTEGER NOT NULL DEFAULT {default}")
    connection.execute("DROP INDEX fingerprints_by_frames")
    connection.execute(f"CREATE INDEX fingerprints_by_frames ON fingerprints (frames, {', '.join(columns)})")


def _change_numbers(connection: Connection) -> None:
    """Number the changes of logs. Triggers do it, because a server of an earlier release may go on writing to this file."""
    connection.execute("CREATE TABLE changes (timeline TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
    connection.execute("CREATE INDEX changes_by_number ON changes (number)")
    for event, row in (("INSERT", "new"), ("DELETE", "old"), ("UPDATE OF epoch, seq", "new")):
        connection.execute(
            f"CREATE TRIGGER changes_{event.split()[0].lower()} AFTER {event} ON timelines BEGIN"  # noqa: S608 - from the line above
            f" INSERT INTO changes VALUES ({row}.id, (SELECT coalesce(max(number), 0) + 1 FROM changes))"
            " ON CONFLICT (timeline) DO UPDATE SET number = excluded.number; END"
        )


STORE_SCHEMA = Schema(
    application=0x73747467,  # "sttg"
    migrations=(
        _create_tables,
        _identity_columns,
        _job_table,
        _waveform_table,
        _job_columns,
        _submission_table,
        _index_by_opened,
        _traits_of_fingerprints,
        _change_numbers,
    ),
)
