"""Calling a backend, so that its mistakes name the backend."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TypeVar

from streamtags.core.errors import ModelError, StreamtagsError

__all__ = ["answer_of"]

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


async def answer_of(call: Awaitable[Answer], kind: type[Answer], backend: str) -> Answer:
    """Return what `call` returns.

    Args:
        call: the call of a captioner or classifier.
        kind: what it must return.
        backend: names it in messages, as in "captioner eye-1".

    Raises:
        TimeoutError: the call raised it.
        StreamtagsError: the call raised it.
        ModelError: the call raised another exception (code `backend.error`) or returned something else (code `backend.answer`).
    """
    try:
        answer = await call
    except (StreamtagsError, TimeoutError):
        raise
    except Exception as error:
        _log.info("%s raised an error", backend, exc_info=True)
        raise ModelError(f"raised {type(error).__name__}: {error}", where=backend, hint=_hint(backend), code="backend.error") from error
    if not isinstance(answer, kind):
        raise ModelError(
            f"returned {type(answer).__name__}, not {kind.__name__}", where=backend, hint=_hint(backend), code="backend.answer"
        )
    return answer


def _hint(backend: str) -> str:
    return f"report this to the author of the {backend.partition(' ')[0]}"
