"""What the log says of a run as a whole: progress, and the summary at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamtags.core.events import TimelineProgress
from streamtags.core.ports import FrameSource, ReportsDamage
from streamtags.run.ledger import Ledger, Reception
from streamtags.run.usage import TokenCount
from streamtags.stages.stage import Stage

__all__ = ["RunReport"]


class RunReport:
    """Counts what a timeline has.

    Attributes:
        decoded_seconds: how far the source has been read.
        tokens: what the models counted.
    """

    def __init__(self, ledger: Ledger, source: FrameSource, stages: Sequence[Stage], tokens: TokenCount) -> None:
        self.decoded_seconds = 0.0
        self.tokens = tokens
        self._ledger = ledger
        self._source = source
        self._counted = [stage for stage in stages if stage.is_answered is None]

    def progress(self) -> TimelineProgress:
        """Return how far the run has come."""
        counts = self._ledger.counts
        return TimelineProgress(
            decoded_seconds=round(self.decoded_seconds, 3),
            duration_seconds=self._source.info.video.duration,
            segments=len(self._ledger.segments),
            captioned=counts.captioned,
            tagged=counts.tagged,
            failed=counts.failed,
            stages={stage.name: counts.stages[stage.name] for stage in self._counted},
        )

    def summary(self) -> dict[str, Any]:
        """Return the counts at the end of a run."""
        counts = self._ledger.counts
        warnings = list(self._source.warnings) if isinstance(self._source, ReportsDamage) else []
        return {
            "shots": counts.shots,
            "segments": len(self._ledger.segments),
            "tagged": counts.finished,
            "failed": counts.failed,
            "reused": counts.reused,
            "seconds": round(self.decoded_seconds, 3),
            **(self._reception() if self._source.info.live else {}),
            **({"warnings": warnings} if warnings else {}),
            **self.tokens.summary(),
        }

    def _reception(self) -> dict[str, Any]:
        """Return how a live source was received: its gaps, its dropped frames, and why it ended if it broke off."""
        live = self._ledger.reception or Reception()
        ended = {} if live.lost is None or live.lost.retry_seconds is not None else {"ended": live.lost.error.message}
        return {"gaps": live.gaps, "dropped": live.dropped, **ended}
