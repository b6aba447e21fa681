"""What the log says of a run as a whole: progress, and the summary at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamtags.core.events import TimelineProgress
from streamtags.core.fold import Fold
from streamtags.core.ports import FrameSource, ReportsDamage
from streamtags.core.state import LiveState
from streamtags.run.usage import TokenCount
from streamtags.stages.stage import Stage

__all__ = ["RunReport"]


class RunReport:
    """Counts what a timeline has.

    Attributes:
        decoded_seconds: how far the source has been read.
        tokens: what the models counted.
    """

    def __init__(self, fold: Fold, source: FrameSource, stages: Sequence[Stage], tokens: TokenCount) -> None:
        self.decoded_seconds = 0.0
        self.tokens = tokens
        self._fold = fold
        self._source = source
        self._counted = [stage for stage in stages if stage.is_answered is None]

    def progress(self) -> TimelineProgress:
        """Return how far the run has come."""
        segments = self._fold.segments
        return TimelineProgress(
            decoded_seconds=round(self.decoded_seconds, 3),
            duration_seconds=self._source.info.video.duration,
            segments=len(segments),
            captioned=sum(segment.caption is not None for segment in segments),
            tagged=sum(bool(segment.tags_rev) for segment in segments),
            failed=sum(segment.status == "failed" for segment in segments),
            stages={stage.name: sum(stage.has_answer(segment) for segment in segments) for stage in self._counted},
        )

    def summary(self) -> dict[str, Any]:
        """Return the counts at the end of a run."""
        segments = self._fold.segments
        warnings = list(self._source.warnings) if isinstance(self._source, ReportsDamage) else []
        return {
            "shots": len({segment.shot for segment in segments}),
            "segments": len(segments),
            "tagged": sum(segment.status == "tagged" for segment in segments),
            "failed": sum(segment.status == "failed" for segment in segments),
            "reused": sum(segment.reused_from is not None for segment in segments),
            "seconds": round(self.decoded_seconds, 3),
            **(self._reception() if self._source.info.live else {}),
            **({"warnings": warnings} if warnings else {}),
            **self.tokens.summary(),
        }

    def _reception(self) -> dict[str, Any]:
        """Return how a live source was received: its gaps, its dropped frames, and why it ended if it broke off."""
        live = self._fold.live or LiveState()
        ended = {} if live.lost is None or live.lost.retry_seconds is not None else {"ended": live.lost.error.message}
        return {"gaps": len(live.gaps), "dropped": live.dropped, **ended}
