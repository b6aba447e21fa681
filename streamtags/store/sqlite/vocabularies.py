"""The vocabularies of a store: each kept as it was when something was tagged under it, also where two bear one id and version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from streamtags.core.events import VocabularyRef
from streamtags.core.vocabulary import Vocabulary

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["find", "save"]


def save(connection: Connection, vocabulary: Vocabulary) -> str:
    """Keep what `vocabulary` says, as the one saved last under its id and version; returns its digest."""
    body = vocabulary.model_dump_json()
    digest = hashlib.sha256(body.encode()).hexdigest()
    connection.execute("DELETE FROM vocabularies WHERE id = ? AND version = ? AND digest = ?", (vocabulary.id, vocabulary.version, digest))
    connection.execute(
        "INSERT INTO vocabularies (id, version, digest, body) VALUES (?, ?, ?, ?)", (vocabulary.id, vocabulary.version, digest, body)
    )
    return digest


def find(connection: Connection, ref: VocabularyRef, digest: str | None) -> Vocabulary | None:
    """The vocabulary of that id and version: of that digest, or the one saved last."""
    row = connection.execute(
        "SELECT body FROM vocabularies WHERE id = ? AND version = ? AND digest = coalesce(?, digest) ORDER BY n DESC LIMIT 1",
        (ref.id, ref.version, digest),
    ).fetchone()
    return None if row is None else Vocabulary.model_validate_json(row[0])
