"""Every error streamtags raises on purpose.

```
StreamtagsError
├── UsageError            exit status 2: the command, a setting or a vocabulary is wrong
│   ├── ConfigError
│   ├── VocabularyError   carries every mistake with its line
│   └── NotInStore        no timeline or segment of that name
├── SourceError           exit status 3: the source cannot be read
│   └── SourceRefused     readable perhaps, but not allowed (a scheme, a protocol, a limit)
└── BackendError          exit status 4: something the run leans on cannot be reached or refuses
    ├── StoreError        the event store: locked, read-only, full, corrupt
    └── ModelError        a captioner or classifier; `retryable` says whether waiting may help
```

An error says what happened, where, and what to do; it carries the parts as attributes so that a log, an event and a terminal can
each show them their own way.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamtags.core.model import Usage

__all__ = [
    "BackendError",
    "ConfigError",
    "ModelError",
    "NotInStore",
    "SourceError",
    "SourceRefused",
    "StoreError",
    "StreamtagsError",
    "UsageError",
    "VocabularyError",
]


class StreamtagsError(Exception):
    """Root of all errors raised on purpose.

    Args:
        what: what happened, in plain words.
        where: the file, setting, URL or segment concerned.
        hint: what a person can do about it.
        code: a stable, dotted name for programs; the class's own unless given.
    """

    exit_status = 1
    code = "error"

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it, so that it can leave a worker process; the default would call the constructor without its keywords."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined] # not in typeshed

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"; {self.hint}" if self.hint else ""
        return " ".join(f"{place}{self.what}{advice}".split())


class UsageError(StreamtagsError):
    """The command, its arguments or its input files are wrong."""

    exit_status = 2
    code = "usage"


class ConfigError(UsageError):
    """A setting is unknown or has a value it cannot have."""

    code = "config"


class VocabularyError(UsageError):
    """A vocabulary file has mistakes; `mistakes` holds (line, text) pairs, lines from 1."""

    code = "vocabulary"

    def __init__(self, what: str, *, mistakes: tuple[tuple[int, str], ...] = (), where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.mistakes = mistakes


class NotInStore(UsageError):
    """No timeline, or no segment, of that name is in the store."""

    code = "not_found"


class SourceError(StreamtagsError):
    """The source cannot be opened, or nothing in it can be decoded."""

    exit_status = 3
    code = "source.unreadable"


class SourceRefused(SourceError):
    """The source is not allowed: its scheme, a protocol it points to, or a limit it breaks."""

    code = "source.refused"


class BackendError(StreamtagsError):
    """Something the run depends on cannot be reached or refuses to work."""

    exit_status = 4
    code = "backend"


class StoreError(BackendError):
    """The event store cannot be opened, read or written."""

    code = "store"


class ModelError(BackendError):
    """A captioner or classifier failed.

    Args:
        retryable: a retry may help (a timeout, 429, 503).
        retry_after: seconds after which the server allows a retry, if it said so.
        usage: tokens of answers that came and could not be used, if the server counted them.
    """

    code = "model"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        code: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint, code=code)
        self.retryable = retryable
        self.retry_after = retry_after
        self.usage = usage
