"""The columns of a timeline's row that follow from its log, kept up to date as events are appended."""

from __future__ import annotations

from dataclasses import dataclass

from streamtags.core.events import Payload, SegmentDetected, TimelineOpened
from streamtags.core.fold import run_state_after
from streamtags.core.state import RunState

__all__ = ["LogColumns"]


@dataclass(slots=True)
class LogColumns:
    """Name, state, number of segments and duration, as `TimelineSummary` has them."""

    name: str
    state: RunState
    segments: int
    seconds: float | None

    def apply(self, payload: Payload) -> None:
        """Take in the next event of the log."""
        self.state = run_state_after(self.state, payload)
        match payload:
            case TimelineOpened():
                self.name, self.seconds = payload.source.name, payload.source.video.duration
            case SegmentDetected():
                self.segments = max(self.segments, payload.index + 1)
