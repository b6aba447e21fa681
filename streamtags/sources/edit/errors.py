"""The one error of a malformed edit: it names the file and the line or element."""

from __future__ import annotations

from streamtags.core.errors import SourceError

__all__ = ["malformed"]


def malformed(what: str, name: str, *, line: int | None = None, element: str | None = None, hint: str | None = None) -> SourceError:
    """A `SourceError` with code `source.malformed`.

    Args:
        what: what is wrong, in plain words.
        name: the file's name.
        line: the line number, from 1, if the format has lines.
        element: the path of the element, if the format has none.
        hint: what to do.
    """
    place = name if line is None else f"{name}:{line}"
    return SourceError(what if element is None else f"{what} (at {element})", where=place, hint=hint, code="source.malformed")
