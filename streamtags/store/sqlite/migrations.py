"""The shape of the store, as steps from empty to now. Append only: a step that has shipped is never changed."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["MIGRATIONS", "Execute"]

Execute = Callable[[str], object]
"""Runs one SQL statement inside the transaction that carries the whole migration."""


def _begin(execute: Execute) -> None:
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


MIGRATIONS: tuple[Callable[[Execute], None], ...] = (_begin,)
