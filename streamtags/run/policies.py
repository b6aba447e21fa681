"""What differs between a file and a live source: what waits, what is skipped, and what happens at a stop.

A file waits for its stages. A live source does not: a segment that would make it wait is skipped at the stage that is too slow.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from streamtags.core.errors import ModelError
from streamtags.core.events import TimelineCancelled, TimelineCompleted
from streamtags.core.ports import FrameSource
from streamtags.stages.stage import SOUND, STILLS, Stage

__all__ = ["FilePolicy", "LivePolicy", "Policy", "skipped"]

# Segments of a file with their stills in memory, more than those in the lanes: decoding must not make a free model wait.
_FILE_LOOKAHEAD = 4
# Segments of a file whose sound is in memory. More than two stretches have (`stages.measure.stretches`), or one would never be complete.
_FILE_SOUNDS = 240
# After a stop, segments of a live source that are in the lanes get so long to finish.
_STOP_SECONDS = 3.0


class Policy(Protocol):
    """How the scheduler treats a kind of source."""

    async def admit(self, what: str) -> None:
        """Wait until there is room for the stills or the sound (`what`) of one more segment."""
        ...

    def release(self, what: str) -> None:
        """Give back the room of one segment."""
        ...

    def refusal(self, stage: Stage, waiting: int) -> ModelError | None:
        """Return why a segment must skip `stage`, where `waiting` segments wait or are being worked on, itself included; None to wait."""
        ...

    async def stop(self, source: FrameSource, work: asyncio.Task[None]) -> None:
        """End the run early: return when `work` may be cancelled."""
        ...

    def leave(self, source: FrameSource) -> None:
        """End the reading of `source`: no item of it is taken any more."""
        ...

    @property
    def end(self) -> type[TimelineCompleted | TimelineCancelled]:
        """The event that ends a run in which everything received was finished."""
        ...


class FilePolicy:
    """Every segment waits for every stage; a stop cancels the work.

    Bounds the segments with stills in memory to the models' concurrency and a few more, and those with sound to 240: at 20 s each,
    150 MB.
    """

    end = TimelineCompleted

    def __init__(self, concurrency: int) -> None:
        stills = concurrency + min(concurrency, _FILE_LOOKAHEAD)
        self._room = {STILLS: asyncio.Semaphore(stills), SOUND: asyncio.Semaphore(_FILE_SOUNDS)}

    async def admit(self, what: str) -> None:
        """Wait until there is room."""
        await self._room[what].acquire()

    def release(self, what: str) -> None:
        """Give back the room of one segment."""
        self._room[what].release()

    def refusal(self, stage: Stage, waiting: int) -> ModelError | None:
        """Refuse nothing."""
        return None

    async def stop(self, source: FrameSource, work: asyncio.Task[None]) -> None:
        """Return at once: the same command resumes the work."""

    def leave(self, source: FrameSource) -> None:
        """Do nothing: reading a file ends when the next item would be taken."""


class LivePolicy:
    """No segment waits for a stage that has more than its backlog; a stop ends the source and finishes what was received."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._stopping = False

    async def admit(self, what: str) -> None:
        """Return at once: `refusal` bounds the segments in memory."""

    def release(self, what: str) -> None:
        """Do nothing."""

    def refusal(self, stage: Stage, waiting: int) -> ModelError | None:
        """Refuse a segment beyond the backlog of `stage`."""
        concurrency = stage.limits.concurrency if stage.limits else self._concurrency
        if waiting <= concurrency + stage.live_backlog:
            return None
        return skipped(f"the stage {stage.name} has {stage.live_backlog} segments waiting, and a live source does not wait")

    async def stop(self, source: FrameSource, work: asyncio.Task[None]) -> None:
        """Close the source, and wait a few seconds for what was received."""
        self._stopping = True
        source.close()
        await asyncio.wait({work}, timeout=_STOP_SECONDS)

    def leave(self, source: FrameSource) -> None:
        """Close the source; its thread would otherwise wait until the source sends something."""
        source.close()

    @property
    def end(self) -> type[TimelineCompleted | TimelineCancelled]:
        """The event that ends a run: a live source that was stopped is cancelled."""
        return TimelineCancelled if self._stopping else TimelineCompleted


def skipped(why: str) -> ModelError:
    """Return the error of a segment that was skipped at a stage."""
    return ModelError(why, hint="what was measured of it is kept", code="live.skipped")
