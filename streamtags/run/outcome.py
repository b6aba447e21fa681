"""How an analysis ended, without every segment as a value, so that the memory of the process that ran it does not grow with the source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from streamtags.core.model import SourceInfo
from streamtags.core.state import RunState, SegmentState

__all__ = ["Analyzed", "Outcome"]


class Analyzed(Protocol):
    """What an `Outcome` and a `TimelineState` have in common."""

    @property
    def id(self) -> str:
        """The timeline."""
        ...

    @property
    def state(self) -> RunState:
        """How it ended."""
        ...

    @property
    def source(self) -> SourceInfo | None:
        """What was analyzed."""
        ...

    @property
    def segments(self) -> Collection[SegmentState]:
        """Every segment, in order."""
        ...

    @property
    def scenes(self) -> Collection[object]:
        """The scenes, or their ids."""
        ...

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the last run counted; None while it goes on, and after a failure."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an analysis ended. Iterating over the segments makes values of them one at a time."""

    id: str
    state: RunState
    source: SourceInfo | None
    segments: Collection[SegmentState]
    scenes: Collection[object]
    summary: dict[str, Any] | None

    @classmethod
    def of(cls, analyzed: Analyzed) -> Outcome:
        """Return the outcome of a timeline that was finished before."""
        return cls(analyzed.id, analyzed.state, analyzed.source, analyzed.segments, analyzed.scenes, analyzed.summary)
