"""Vocabularies, each with its content at the time when something was tagged under it."""

from __future__ import annotations

import hashlib

from streamtags.core.errors import NotInStore
from streamtags.core.events import VocabularyRef
from streamtags.core.vocabulary import Vocabulary
from streamtags.store.sqlite.port import SqlitePort

__all__ = ["SqliteVocabularies"]


class SqliteVocabularies(SqlitePort):
    """The port `Vocabularies`."""

    def save_vocabulary(self, vocabulary: Vocabulary) -> str:
        """Save `vocabulary` under its id and version; return the digest that finds this very content again."""
        body = vocabulary.model_dump_json()
        digest = hashlib.sha256(body.encode()).hexdigest()
        key = (vocabulary.id, vocabulary.version, digest)
        with self._database.write() as connection:
            connection.execute("DELETE FROM vocabularies WHERE id = ? AND version = ? AND digest = ?", key)
            connection.execute("INSERT INTO vocabularies (id, version, digest, body) VALUES (?, ?, ?, ?)", (*key, body))
        return digest

    def vocabulary(self, ref: VocabularyRef, digest: str | None = None) -> Vocabulary:
        """Return the vocabulary with that id and version: the one with `digest`, or the one saved last."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT body FROM vocabularies WHERE id = ? AND version = ? AND digest = coalesce(?, digest) ORDER BY n DESC LIMIT 1",
                (ref.id, ref.version, digest),
            ).fetchone()
        if row is None:
            raise NotInStore(f"no vocabulary {ref.id} {ref.version}", where=str(self.path), hint="give the file with --tags")
        return Vocabulary.model_validate_json(row[0])

    def vocabularies(self) -> list[Vocabulary]:
        """Return every vocabulary, with all its contents, the one saved last at the end."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT body FROM vocabularies ORDER BY n").fetchall()
        return [Vocabulary.model_validate_json(body) for (body,) in rows]
