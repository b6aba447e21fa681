"""Vocabularies, each with its content at the time when something was tagged under it."""

from __future__ import annotations

import hashlib

from streamtags.core.errors import NotInStore
from streamtags.core.events import VocabularyRef
from streamtags.core.vocabulary import Vocabulary
from streamtags.store.postgres.database import Connection
from streamtags.store.postgres.port import PostgresPort

__all__ = ["PostgresVocabularies"]

_BODY = "SELECT body FROM streamtags.vocabularies WHERE id = %s AND version = %s AND digest = coalesce(%s, digest) ORDER BY n DESC LIMIT 1"


class PostgresVocabularies(PostgresPort):
    """The port `Vocabularies`."""

    def save_vocabulary(self, vocabulary: Vocabulary) -> str:
        """Save `vocabulary` under its id and version; return the digest that finds this very content again."""
        body = vocabulary.model_dump_json()
        digest = hashlib.sha256(body.encode()).hexdigest()
        key = (vocabulary.id, vocabulary.version, digest)

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM streamtags.vocabularies WHERE id = %s AND version = %s AND digest = %s", key)
            connection.execute(
                "INSERT INTO streamtags.vocabularies (id, version, digest, body) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (*key, body),
            )

        self._database.write(work)
        return digest

    def vocabulary(self, ref: VocabularyRef, digest: str | None = None) -> Vocabulary:
        """Return the vocabulary with that id and version: the one with `digest`, or the one saved last."""
        rows = self._database.read(_BODY, (ref.id, ref.version, digest))
        if not rows:
            raise NotInStore(f"no vocabulary {ref.id} {ref.version}", where=self.where, hint="give the file with --tags")
        return Vocabulary.model_validate_json(rows[0][0])

    def vocabularies(self) -> list[Vocabulary]:
        """Return every vocabulary, with all its contents, the one saved last at the end."""
        return [
            Vocabulary.model_validate_json(body) for (body,) in self._database.read("SELECT body FROM streamtags.vocabularies ORDER BY n")
        ]
