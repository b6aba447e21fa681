"""One analysis of one source: the pass over the source, the scheduler, and the events of the run as a whole.

Everything known is in the log. A run does only what the log still lacks, so the same code analyzes a new source, resumes
after a crash, and retries failed segments.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from streamtags.config.settings import Settings
from streamtags.core.errors import SourceError, StoreError, StreamtagsError
from streamtags.core.events import ErrorInfo, Event, SegmentDetected, SegmentMeasured, TimelineCancelled, TimelineFailed
from streamtags.core.model import Measured, Recorded, Segment
from streamtags.core.ports import FrameSource, GivesClips
from streamtags.core.stores import Store
from streamtags.run.feed import Feed
from streamtags.run.ledger import Ledger
from streamtags.run.outcome import Outcome
from streamtags.run.policies import FilePolicy, LivePolicy, Policy
from streamtags.run.report import RunReport
from streamtags.run.reuse import Reuse
from streamtags.run.runners import Runners
from streamtags.run.scheduler import Scheduler
from streamtags.run.source_pass import Decoded, PassItem, read_source
from streamtags.run.stop import Stop
from streamtags.run.usage import TokenCount
from streamtags.run.writer import Publish, Writer
from streamtags.stages.tag.stage import untagged

__all__ = ["Pipeline"]

# Progress events, in seconds of wall time.
_PROGRESS_SECONDS = 1.0
# Items that the decoding thread may be ahead of the event loop: the stills of a segment or two.
_FEED_ITEMS = 4


class Pipeline:
    """Runs one analysis to its end.

    Args:
        store: where the timeline is; its log may be anything between empty and complete.
        timeline: an opened timeline of `store`.
        source: read once.
        settings: how it is read.
        runners: the stages.
        publish: called with every event of this run, in order, once it is durable.
        recorded: how far the log of a live source goes that an earlier run recorded; None for a new one.
    """

    def __init__(
        self,
        store: Store,
        timeline: str,
        source: FrameSource,
        settings: Settings,
        runners: Runners,
        publish: Publish,
        recorded: Recorded | None = None,
    ) -> None:
        self._source = source
        self._settings = settings
        self._runners = runners
        self._publish = publish
        self._recorded = recorded
        concurrency = runners.tools.profile.concurrency
        self._policy: Policy = LivePolicy(concurrency) if source.info.live else FilePolicy(concurrency)
        tokens = TokenCount(runners.tools.profile)
        self._timeline = timeline
        self._ledger = Ledger.of(store, timeline, runners.segment_stages, also=tokens.add)
        self._report = RunReport(self._ledger, source, runners.segment_stages, tokens)
        self._writer = Writer(store, timeline, self._ledger, self._count_and_publish, wait_seconds=runners.commit_wait_seconds)
        self._reuse = Reuse(store, timeline, runners)
        self._progress_due = 0.0

    @property
    def outcome(self) -> Outcome:
        """The timeline as it is now."""
        ledger = self._ledger
        return Outcome(self._timeline, ledger.state, self._source.info, ledger.segments, ledger.scenes, ledger.summary)

    async def run(self, stop: asyncio.Event) -> Outcome:
        """Analyze to the end, or until `stop` is set; then the work in flight is given up and the timeline is cancelled.

        A live source that is stopped ends: its last segment is closed, and what was received has a few seconds to be finished.

        Raises:
            SourceError: nothing can be decoded; the timeline has failed.
            StoreError: the store cannot be written.
        """
        work = asyncio.create_task(self._work())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await self._policy.stop(self._source, work)
        finally:
            stopped.cancel()
            if not work.done():
                work.cancel()
            await asyncio.wait({work})
        if work.cancelled():
            reason = {"reason": stop.reason} if isinstance(stop, Stop) and stop.reason else {}
            await self._writer.write(self._report.progress(), TimelineCancelled(summary={**self._report.summary(), **reason}))
        elif (error := work.exception()) is not None:
            raise await self._record_failure(error)
        return self.outcome

    async def _work(self) -> None:
        source_error: SourceError | None = None
        items = read_source(self._source, self._settings, self._recorded, keeps_sound=self._runners.need_sound)
        async with Feed(items, _FEED_ITEMS) as feed:
            try:
                async with asyncio.TaskGroup() as group:
                    scheduler = Scheduler(self._ledger, self._writer, self._runners, self._policy, self._reuse, group)
                    self._resume(scheduler)
                    try:
                        async for item in feed:
                            await self._take(item, scheduler)
                    except SourceError as error:
                        source_error = error  # what was read before is finished first
            finally:
                self._policy.leave(self._source)
        if source_error is not None:
            raise source_error
        await self._writer.flush()  # so that the summary counts the last events
        await self._writer.write(*scheduler.finish(), self._report.progress(), self._policy.end(summary=self._report.summary()))

    def _resume(self, scheduler: Scheduler) -> None:
        """Prepare for the segments of earlier runs: a file gives them again, a live source does not."""
        if self._recorded is None:
            scheduler.expect(self._ledger.segments.names)
            return
        unfinished = list(self._ledger.unfinished)
        scheduler.expect(unfinished)
        for name in unfinished:
            scheduler.resume(name)

    async def _take(self, item: PassItem, scheduler: Scheduler) -> None:
        match item:
            case Decoded():
                self._report.decoded_seconds = item.seconds
                if time.monotonic() >= self._progress_due:
                    self._progress_due = time.monotonic() + _PROGRESS_SECONDS
                    self._writer.put(self._report.progress())
            case Segment():
                self._detect(item, scheduler)
            case Measured():
                await scheduler.take(item)
            case _:
                self._writer.put(item)

    def _detect(self, segment: Segment, scheduler: Scheduler) -> None:
        known = self._ledger.segment(segment.id)
        if known is None:
            source = self._source
            clip = source.clip(segment.start.frame, segment.end.frame) if isinstance(source, GivesClips) else None
            self._writer.put(
                SegmentDetected(
                    segment=segment.id,
                    index=segment.index,
                    shot=segment.shot,
                    start=segment.start,
                    end=segment.end,
                    kind=segment.kind,
                    transition=segment.transition,
                    clip=clip,
                )
            )
            if segment.kind == "gap":
                self._writer.put(SegmentMeasured(segment=segment.id, evidence={}), untagged(segment.id, self._runners.tools.vocabulary))
            else:
                scheduler.detected(segment.id)
        elif (known.start, known.end) != (segment.start, segment.end):
            raise SourceError(
                f"segment {segment.id} now ends at {segment.end.timecode}, and ended at {known.end.timecode} when the analysis began",
                where=self._source.info.uri,
                hint="the source or streamtags has changed since; analyze it again with --fresh",
                code="source.changed",
            )

    def _count_and_publish(self, events: Sequence[Event]) -> None:
        self._report.tokens.add(events)
        self._publish(events)

    async def _record_failure(self, error: BaseException) -> BaseException:
        """Write why the run ended, if the store can be written; return the error to raise."""
        while isinstance(error, BaseExceptionGroup):
            error = next((one for one in error.exceptions if isinstance(one, StreamtagsError)), error.exceptions[0])
        if not isinstance(error, StoreError):
            code = error.code if isinstance(error, StreamtagsError) else "internal"
            with suppress(StoreError):  # the first error is the one to raise
                await self._writer.write(TimelineFailed(error=ErrorInfo(code=code, message=str(error))))
        return error
