"""The stage `read`: reads the text on screen in the clearest pictures of a segment, within a budget of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from streamtags.config.stages import ReadSettings
from streamtags.core.answers import ScreenLine, SegmentRead
from streamtags.core.errors import ModelError
from streamtags.core.model import Still
from streamtags.stages.read.choice import clearest
from streamtags.stages.read.lines import merged
from streamtags.stages.read.reader import RapidOcrReader, TextReader, is_installed
from streamtags.stages.stage import STILLS, Earlier, LaneLimits, SegmentRunner, SegmentWork, Stage
from streamtags.stages.tools import Tools

__all__ = ["READ", "ReadRunner"]

# Granted at the start, so that loading the models does not use up the time of the first segments.
_FIRST_SECONDS = 30.0


class ReadRunner(SegmentRunner):
    """Reads segment by segment.

    Each segment grants `budget` seconds of reading for each of its seconds. A segment that comes when the time is used up is skipped,
    and its answer says so; a live source is therefore never slowed down.

    Args:
        reader: reads one picture.
        settings: how many pictures, and the budget.
    """

    def __init__(self, reader: TextReader, settings: ReadSettings) -> None:
        self._reader = reader
        self._settings = settings
        self._seconds_left = _FIRST_SECONDS

    async def run(self, work: SegmentWork) -> Sequence[SegmentRead]:
        """Return the text on screen.

        Raises:
            ModelError: the reader failed.
        """
        name, model = work.state.segment, self._reader.model
        stills = work.measured.stills if work.measured else ()
        self._seconds_left += self._settings.budget * work.state.seconds
        if self._seconds_left <= 0:
            return [SegmentRead(segment=name, model=model, skipped="the time for reading is used up; raise read.budget")]
        chosen = clearest(stills, work.state.seconds, self._settings.seconds_per_frame) if stills else ()
        began = time.perf_counter()
        try:
            lines = await asyncio.to_thread(self._read, chosen)
        except Exception as error:
            raise ModelError(f"the text reader failed: {error}", where=f"reader {model}", code="read.failed") from error
        seconds = time.perf_counter() - began
        self._seconds_left -= seconds
        frames = [still.pts for still in chosen]
        return [SegmentRead(segment=name, lines=lines, frames=frames, model=model, ms=round(seconds * 1000, 3))]

    def _read(self, stills: Sequence[Still]) -> list[ScreenLine]:
        pictures = [(still.pts, self._reader.read(still.rgb(max_side=self._settings.max_side))) for still in stills]
        return merged(pictures, self._settings.min_confidence)

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[SegmentRead]:
        """Return what was read in the same pictures before, by the same reader."""
        known = earlier.state.answers.get("read")
        if known is None or known.get("model") != self._reader.model or known.get("skipped"):
            return []
        return [SegmentRead.model_validate({**known, "segment": work.state.segment})]


def _is_enabled(tools: Tools) -> bool:
    enabled = tools.settings.read.enabled
    return enabled == "on" or (enabled == "auto" and is_installed())


READ = Stage(
    name="read",
    title="Text on screen",
    description="Reads titles, signs and captions in the picture.",
    needs=frozenset({STILLS}),
    emits=(SegmentRead,),
    lane="read",
    limits=LaneLimits(concurrency=1, retries=0, deadline_seconds=120.0),
    live_backlog=1024,  # the budget of the runner bounds the work
    is_enabled=_is_enabled,
    create=lambda tools: ReadRunner(RapidOcrReader(), tools.settings.read),
)
