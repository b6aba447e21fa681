"""The vocabularies to tag under: those that ship, the server's own, files under a media root, and texts that clients send."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any

from streamtags.config.vocabulary_file import load_vocabulary, shipped_vocabularies
from streamtags.core.errors import StreamtagsError, VocabularyError
from streamtags_server.access.sources import Sources

__all__ = ["Vocabularies"]


class Vocabularies:
    """Finds the vocabulary a client asks for.

    Args:
        own: the one to tag under where none is asked for, by the name or path of the settings.
        folder: where texts that were sent are kept.
        sources: tells which files may be read.
    """

    def __init__(self, own: str, folder: Path, sources: Sources) -> None:
        self._own, self._folder, self._sources = own, folder, sources

    def chosen(self, wanted: str | None) -> str:
        """The name or path of the vocabulary `wanted`: a name, a file under a media root, or a text, which has line breaks.

        Raises:
            VocabularyError: there is none of that name, or the text has mistakes.
        """
        if wanted is None or wanted in shipped_vocabularies() or wanted == self._own:
            return wanted or self._own
        if "\n" in wanted:
            return str(self._kept(wanted.encode()))
        try:
            return self._sources.allowed(wanted)
        except StreamtagsError as error:
            known = ", ".join(shipped_vocabularies())
            raise VocabularyError("no such vocabulary here", where=wanted[:200], hint=f"choose one of {known}, or send its text") from error

    def named(self) -> list[dict[str, Any]]:
        """Those that can be asked for by name, each with its axes and tags."""
        names = list(shipped_vocabularies())
        if self._own not in names:
            names.insert(0, self._own)
        return [_told(name) for name in names]

    def _kept(self, text: bytes) -> Path:
        """The file of a vocabulary that was sent, named by what it says; one with mistakes is not kept.

        Raises:
            VocabularyError: it has mistakes.
        """
        path = self._folder / f"{hashlib.sha256(text).hexdigest()[:32]}.yaml"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{secrets.token_hex(8)}.yaml")
            try:
                partial.write_bytes(text)
                load_vocabulary(partial)
                partial.replace(path)
            except VocabularyError as error:
                raise VocabularyError(error.what, mistakes=error.mistakes, where="the vocabulary that was sent") from error
            finally:
                partial.unlink(missing_ok=True)
        return path


def _told(name: str) -> dict[str, Any]:
    vocabulary = load_vocabulary(name)
    return {
        "name": name,
        "id": vocabulary.id,
        "version": vocabulary.version,
        "axes": [axis.name for axis in vocabulary.axes],
        "tags": [{"name": tag.name, "axis": tag.axis, "description": tag.description} for tag in vocabulary.tags],
    }
