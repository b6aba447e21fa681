"""Turning a pydantic validation error into text for a person."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import ValidationError

__all__ = ["Mistake", "first_mistake"]

_PREFIX = "Value error, "  # pydantic puts it before the message of a ValueError


class Mistake(NamedTuple):
    """The first mistake of a value that was validated.

    Attributes:
        path: keys and indexes that lead to the wrong value.
        kind: pydantic's name of the mistake, such as `extra_forbidden`.
        text: what is wrong; it does not contain the value.
        value: the wrong value. Do not show it where it may be a secret.
    """

    path: tuple[str, ...]
    kind: str
    text: str
    value: Any

    @property
    def place(self) -> str:
        """The path with dots; "" for the whole value."""
        return ".".join(self.path)

    @property
    def sentence(self) -> str:
        """The text with a small first letter, to follow a colon."""
        return f"{self.text[:1].lower()}{self.text[1:]}"

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.path else self.text


def first_mistake(error: ValidationError) -> Mistake:
    """Return the first mistake that `error` lists."""
    first = error.errors(include_url=False, include_context=False)[0]
    return Mistake(tuple(str(part) for part in first["loc"]), first["type"], first["msg"].removeprefix(_PREFIX), first["input"])
