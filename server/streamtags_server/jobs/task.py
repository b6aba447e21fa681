"""What a server hands to the process of an analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

__all__ = ["Task"]


class Task(BaseModel):
    """What to analyze, and the limits. With `quote`, the source is only read for what its analysis would cost.

    `traceparent` is the span of the request, in the form of W3C Trace Context.
    """

    uri: str
    timeline: str
    settings: dict[str, Any]
    store: str
    schemes: frozenset[str]
    allow_private: bool
    roots: tuple[Path, ...]
    max_seconds: float
    memory_bytes: int
    quote: bool = False
    traceparent: str | None = None
