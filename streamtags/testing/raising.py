"""Checking that a call raises an error with a code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from streamtags.core.errors import StreamtagsError

__all__ = ["raises"]

_Error = TypeVar("_Error", bound=StreamtagsError)


@contextmanager
def raises(kind: type[_Error], code: str) -> Iterator[None]:
    """Check that the block raises an error of `kind` with `code`.

    Raises:
        AssertionError: it does not.
    """
    try:
        yield
    except kind as error:
        if error.code != code:
            raise AssertionError(f"the code is {error.code}, not {code}") from error
    else:
        raise AssertionError(f"{kind.__name__} with code {code} was not raised")
