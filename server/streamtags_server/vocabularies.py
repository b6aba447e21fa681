"""The vocabularies a client may choose: those that ship, the server's own, files under a media root, and texts that clients send."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from streamtags.config.vocabulary_file import load_vocabulary, shipped_vocabularies
from streamtags.core.errors import StreamtagsError, VocabularyError
from streamtags.core.files import replacing
from streamtags.operations.services import SourcePolicy
from streamtags_server.quota import DiskQuota, disk_errors

__all__ = ["Vocabularies"]


class Vocabularies:
    """Finds the vocabulary a client chooses; implements `streamtags.operations.services.VocabularyCatalog`.

    Args:
        own: the default, by the name or path of the settings.
        folder: where texts that were sent are kept.
        sources: decides which files may be read.
        quota: bounds what is kept.
    """

    def __init__(self, own: str, folder: Path, sources: SourcePolicy, quota: DiskQuota) -> None:
        self._own, self._folder, self._sources, self._quota = own, folder, sources, quota

    def choose(self, requested: str | None) -> str:
        """Return the name or path of a vocabulary: by its name, a file under a media root, or a text, which has line breaks.

        Raises:
            VocabularyError: there is no such vocabulary, or the text has mistakes.
            NoSpaceError: the text cannot be kept: the quota is used up, or the disk is full.
        """
        if requested is None or requested in shipped_vocabularies() or requested == self._own:
            return requested or self._own
        if "\n" in requested:
            return str(self._save(requested.encode()))
        try:
            return self._sources.allowed(requested)
        except StreamtagsError as error:
            known = ", ".join(shipped_vocabularies())
            raise VocabularyError(
                "no such vocabulary here", where=requested[:200], hint=f"choose one of {known}, or send its text"
            ) from error

    def named(self) -> list[dict[str, Any]]:
        """Return the vocabularies that have a name, each with its axes and tags."""
        names = list(shipped_vocabularies())
        if self._own not in names:
            names.insert(0, self._own)
        return [_describe(name) for name in names]

    def _save(self, text: bytes) -> Path:
        """Save the text of a vocabulary under its digest; return the file. A text with mistakes is not saved.

        Raises:
            VocabularyError: it has mistakes.
            NoSpaceError: the quota is used up, or the disk is full.
        """
        path = self._folder / f"{hashlib.sha256(text).hexdigest()[:32]}.yaml"
        if path.exists():
            return path
        key = self._quota.open(len(text))
        stored_bytes = 0
        try:
            with disk_errors("the vocabulary"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as partial:
                    partial.write_bytes(text)
                    load_vocabulary(partial)
            stored_bytes = len(text)
        except VocabularyError as error:
            raise VocabularyError(error.what, mistakes=error.mistakes, where="the vocabulary that was sent") from error
        finally:
            self._quota.close(key, stored_bytes=stored_bytes)
        return path


def _describe(name: str) -> dict[str, Any]:
    vocabulary = load_vocabulary(name)
    return {
        "name": name,
        "id": vocabulary.id,
        "version": vocabulary.version,
        "digest": vocabulary.digest,
        "axes": [axis.name for axis in vocabulary.axes],
        "tags": [{"name": tag.name, "axis": tag.axis, "description": tag.description} for tag in vocabulary.tags],
    }
