"""One analysis of one source: opens or resumes its timeline, runs the stages, and writes what they find.

Everything known is in the fold of the log. A run looks there for what a segment still lacks and does only that, so a killed run is
resumed, and failed segments are filled, by the same code that analyses afresh.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from streamtags.config.settings import Settings
from streamtags.core.errors import ModelError, SourceError, StoreError, StreamtagsError
from streamtags.core.events import (
    ErrorInfo,
    Event,
    SceneDetected,
    SegmentCaptioned,
    SegmentDetected,
    SegmentFailed,
    SegmentMeasured,
    SegmentTagged,
    TimelineCancelled,
    TimelineCompleted,
    TimelineFailed,
    TimelineProgress,
)
from streamtags.core.fold import Fold, after
from streamtags.core.model import Caption, CaptionRequest, Measured, Recorded, Segment, TagSet
from streamtags.core.ports import Describer, FrameSource, Readiness
from streamtags.core.records import Fingerprint
from streamtags.core.state import LiveState, SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.run.attempts import attempt
from streamtags.run.feed import Feed
from streamtags.run.load import Lane
from streamtags.run.measure import Decoded, Told, measure
from streamtags.run.reuse import Reuse
from streamtags.run.tag import Tools, tag, tag_provisionally, tagged
from streamtags.run.usage import Spent
from streamtags.run.writer import Publish, Writer
from streamtags.stages.scenes.builder import SceneBuilder

__all__ = ["Session"]

_log = logging.getLogger(__name__)

# Progress events, in seconds of wall time.
_PROGRESS_EVERY = 1.0
# Answers of a server that captions come many at once, each after a second or so, and it may need the processors itself: those of so
# many seconds share a commit.
_GATHER_SECONDS = 0.005
# Segments kept at hand, pictures and all, beyond those being captioned: decoding must not make a free model wait.
_AT_HAND = 4
# What the decoding thread has found and the event loop has not yet taken: pictures and all of a segment or two.
_AHEAD = 4
# Segments of a live source, pictures and all, that wait for the captioner; one more is not captioned.
_LIVE_QUEUE = 8
# Captioned segments of a live source that wait for the classifier; one more is not tagged.
_LIVE_UNTAGGED = 256
# What is in the hands of models when a live source is stopped has so many seconds to come back.
_FAREWELL_SECONDS = 3.0


Stage = Literal["caption", "tag"]


class Session:
    """Runs one analysis to its end.

    Args:
        timeline: an opened timeline of `store`; its log may be anywhere between empty and complete.
        publish: told of every event of this run, in order, once durable.
        recorded: how far the log goes of a live source that goes on.
    """

    def __init__(
        self,
        store: Store,
        timeline: str,
        source: FrameSource,
        settings: Settings,
        tools: Tools,
        publish: Publish,
        recorded: Recorded | None = None,
    ) -> None:
        self._source = source
        self._recorded = recorded
        self._live = source.info.live
        self._stopping = False
        self._untagged = 0
        self._settings = settings
        self._tools = tools
        self._describer = tools.captioner if isinstance(tools.captioner, Describer) else None
        self._served = isinstance(tools.captioner, Readiness)
        self._fold = Fold.from_snapshot(store.state(timeline))
        self._publish = publish
        self._spent = Spent(tools.profile)
        if self._fold.seq > 1:
            self._spent.add(store.read(timeline))
        self._writer = Writer(store, timeline, self._fold, self._tell, gather=self._gather)
        self._reuse = Reuse(store, timeline, tools)
        self._scenes = SceneBuilder()
        self._scened = 0  # segments given to it
        self._decoded = 0.0
        self._progress_due = 0.0
        self._captioning = Lane("caption", tools.profile)
        self._tagging = Lane("tag", tools.profile)
        at_hand = _LIVE_QUEUE if self._live else min(tools.profile.concurrency, _AT_HAND)
        self._room = asyncio.Semaphore(tools.profile.concurrency + at_hand)

    @property
    def state(self) -> TimelineState:
        """The timeline as it is now."""
        return self._fold.state

    async def run(self, stop: asyncio.Event) -> TimelineState:
        """Analyze to the end, or until `stop` is set; then what was in flight is given up and the timeline is cancelled.

        A live source is only stopped from sending more: its last segment is closed, and what was received has a few seconds to be finished.

        Raises:
            SourceError: nothing can be decoded; the timeline has failed.
            StoreError: what was found cannot be kept.
        """
        work = asyncio.create_task(self._work())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if self._live and not work.done():
                self._stopping = True
                self._source.close()
                await asyncio.wait({work}, timeout=_FAREWELL_SECONDS)
        finally:
            stopped.cancel()
            if not work.done():
                work.cancel()
            await asyncio.wait({work})
        if work.cancelled():
            await self._writer.write(self._progress(), TimelineCancelled(summary=self._summary()))
        elif (error := work.exception()) is not None:
            raise await self._tell_failure(error)
        return self.state

    async def _work(self) -> None:
        async with Feed(measure(self._source, self._settings, self._recorded), _AHEAD) as feed:
            broken: SourceError | None = None
            try:
                async with asyncio.TaskGroup() as group:
                    await self._pick_up(group)
                    try:
                        async for item in feed:
                            await self._take(item, group)
                    except SourceError as error:
                        broken = error  # what was read before is finished all the same
            finally:
                if self._live:
                    self._source.close()  # or its thread would be waited for until the source says something
            if broken is not None:
                raise broken
            end = TimelineCancelled if self._stopping else TimelineCompleted
            if self._live:
                await self._writer.write(self._progress())  # so that the summary knows of the last that befell it
            await self._writer.write(*self._news(self._scenes.finish()), self._progress(), end(summary=self._summary()))

    async def _pick_up(self, group: asyncio.TaskGroup) -> None:
        """What of a live source was in hand when the run before this was cut short: its pictures are gone."""
        for held in list(self._fold.segments) if self._recorded is not None else []:
            if held.caption is not None and not held.tags_rev:
                group.create_task(self._tag(held.segment))
            elif held.status in ("detected", "measured"):
                await self._fail(held.segment, "caption", _skipped("the analysis was cut short before it was captioned"))

    async def _take(self, item: Segment | Measured | Decoded | Told, group: asyncio.TaskGroup) -> None:
        if isinstance(item, Decoded):
            self._decoded = item.seconds
            if time.monotonic() >= self._progress_due:
                self._progress_due = time.monotonic() + _PROGRESS_EVERY
                self._writer.put(self._progress())
        elif isinstance(item, Segment):
            self._detect(item)
        elif not isinstance(item, Measured):
            self._writer.put(item)
        elif self._live and self._room.locked():
            await self._describe(item, group, skip=True)
        else:
            await self._room.acquire()
            task = group.create_task(self._describe(item, group))
            task.add_done_callback(lambda _: self._room.release())

    def _detect(self, segment: Segment) -> None:
        held = self._fold.segment(segment.id)
        if held is None:
            self._writer.put(
                SegmentDetected(
                    segment=segment.id,
                    index=segment.index,
                    shot=segment.shot,
                    start=segment.start,
                    end=segment.end,
                    kind=segment.kind,
                    transition=segment.transition,
                )
            )
            if segment.kind == "gap":
                self._writer.put(SegmentMeasured(segment=segment.id, evidence={}), self._untold(segment))
        elif (held.start, held.end) != (segment.start, segment.end):
            raise SourceError(
                f"segment {segment.id} now ends at {segment.end.timecode}, and ended at {held.end.timecode} when the analysis began",
                where=self._source.info.uri,
                hint="the source or streamtags has changed since; analyze it again with --fresh",
                code="source.changed",
            )

    def _untold(self, gap: Segment) -> SegmentTagged:
        """The tags of a stretch of which nothing is known: none, and why."""
        reasoning = "Nothing was received here: the source was away."
        return SegmentTagged(segment=gap.id, rev=1, tags=[], reasoning=reasoning, model="none", vocabulary=self._tools.vocabulary.ref)

    async def _describe(self, measured: Measured, group: asyncio.TaskGroup, *, skip: bool = False) -> None:
        """Bring one segment to its caption, doing only what it lacks; its tags are left to a task that keeps no pictures.

        `skip`: it may not wait for the captioner.
        """
        name = measured.segment.id
        await self._keep(measured)
        told: list[SegmentCaptioned | SegmentTagged] = []
        if self._held(name).caption is None:
            try:
                if skip:
                    raise _skipped(f"the captioner has {_LIVE_QUEUE} segments waiting, and a live source does not wait")
                told = await self._caption(measured)
            except ModelError as error:
                await self._fail(name, "caption", error)
                return
        group.create_task(self._tag(name, told))

    async def _keep(self, measured: Measured) -> None:
        """Write what was measured, what an earlier timeline knows, and provisional tags."""
        name = measured.segment.id
        held = self._fold.segment(name)  # none yet where its detection is still on its way to the log, ahead of this
        if held is None or held.evidence is None:
            await self._writer.write(
                SegmentMeasured(
                    segment=name,
                    evidence=dict(measured.evidence),
                    thumbnail=f"thumbnails/{name}.jpg" if measured.thumbnail else None,
                    text=measured.text,
                ),
                thumbnails={name: measured.thumbnail} if measured.thumbnail else {},
                fingerprints={name: Fingerprint(_frames(measured.segment), measured.fingerprint)},
            )
        if self._held(name).status in ("measured", "failed"):
            await self._writer.write(*self._reuse.of(measured, self._held(name)))
        if self._held(name).tags_rev is None:
            try:
                first = await tag_provisionally(self._held(name), self._tools)
            except ModelError as error:
                _log.info("%s has no provisional tags: %s", name, error)
            else:
                await self._writer.write(*([first] if first else []))

    async def _tag(self, name: str, told: Sequence[SegmentCaptioned | SegmentTagged] = ()) -> None:
        """Bring one segment to its tags; `told` is what the captioner answered, which goes to the log while the classifier is asked."""
        held = after(self._held(name), *told)
        self._untagged += 1
        try:
            if held.tags_rev:
                await self._writer.write(*told)
            else:
                self._writer.put(*told)
                if self._live and self._untagged > _LIVE_UNTAGGED:
                    raise _skipped(f"the classifier has {_LIVE_UNTAGGED} segments waiting, and a live source does not wait")
                await self._writer.write(await tag(held, self._tools, self._tagging))
        except ModelError as error:
            await self._fail(name, "tag", error)
        else:
            self._writer.put(*self._link_scenes())
        finally:
            self._untagged -= 1

    async def _fail(self, name: str, stage: Stage, error: ModelError) -> None:
        await self._writer.write(
            SegmentFailed(segment=name, stage=stage, error=ErrorInfo(code=error.code, message=str(error)), usage=error.usage)
        )
        self._writer.put(*self._link_scenes())

    async def _caption(self, measured: Measured) -> list[SegmentCaptioned | SegmentTagged]:
        """A caption, and the tags if the same answer brought them."""
        name, index = measured.segment.id, measured.segment.index
        before = self._fold.segment(f"s{index - 1:04d}")
        request = CaptionRequest(measured, previous=before.caption if before else None)
        began = 0.0

        async def ask() -> tuple[Caption, TagSet | None]:
            nonlocal began
            began = time.perf_counter()
            if self._describer is None:
                return await self._tools.captioner.caption(request), None
            described = await self._describer.describe(request, self._tools.vocabulary)
            return described.caption, described.tags

        caption, tags = await attempt(ask, self._captioning, where=name)
        held = self._held(name)
        captioned = SegmentCaptioned(
            segment=name,
            rev=held.rev + 1,
            caption=caption.text,
            model=caption.model,
            frames=list(caption.frames),
            ms=_since(began),
            usage=caption.usage,
        )
        return [captioned] if tags is None else [captioned, tagged(held, tags, self._tools, rev=held.rev + 2, began=began)]

    def _tell(self, events: Sequence[Event]) -> None:
        self._spent.add(events)
        self._publish(events)

    def _held(self, name: str) -> SegmentState:
        held = self._fold.segment(name)
        if held is None:
            raise AssertionError(f"{name} is measured before it is detected")
        return held

    def _gather(self) -> float:
        """Seconds the next commit may wait: no answer is to wait for where none is under way, at the beginning and at the end."""
        return _GATHER_SECONDS if self._served and self._captioning.busy else 0.0

    # What the log says of the run as a whole

    def _progress(self) -> TimelineProgress:
        segments = self._fold.segments
        return TimelineProgress(
            decoded_seconds=round(self._decoded, 3),
            duration_seconds=self._source.info.video.duration,
            segments=len(segments),
            captioned=sum(held.caption is not None for held in segments),
            tagged=sum(bool(held.tags_rev) for held in segments),
            failed=sum(held.status == "failed" for held in segments),
        )

    def _summary(self) -> dict[str, Any]:
        segments = self._fold.segments
        return {
            "shots": len({held.shot for held in segments}),
            "segments": len(segments),
            "tagged": sum(held.status == "tagged" for held in segments),
            "failed": sum(held.status == "failed" for held in segments),
            "reused": sum(held.reused_from is not None for held in segments),
            "seconds": round(self._decoded, 3),
            **(self._received() if self._live else {}),
            **self._spent.summary(),
        }

    def _received(self) -> dict[str, Any]:
        """How a live source came: gaps in it, frames dropped, and why it ended, if not by itself or by us."""
        live = self._fold.state.live or LiveState()
        ended = {} if live.lost is None or live.lost.retry_seconds is not None else {"ended": live.lost.error.message}
        return {"gaps": len(live.gaps), "dropped": live.dropped, **ended}

    def _link_scenes(self) -> list[SceneDetected]:
        """Hand the scene builder every segment that is done and whose predecessors are; return scenes not told of yet."""
        found: list[SceneDetected] = []
        while (held := self._fold.segment(f"s{self._scened:04d}")) is not None and held.status in ("tagged", "failed"):
            found += self._scenes.push(held)
            self._scened += 1
        return self._news(found)

    def _news(self, scenes: list[SceneDetected]) -> list[SceneDetected]:
        return [scene for scene in scenes if self._fold.scenes.get(scene.scene) != scene]

    async def _tell_failure(self, error: BaseException) -> BaseException:
        """Write why the run ended, where that is possible; return the one error worth raising."""
        while isinstance(error, BaseExceptionGroup):
            error = next((one for one in error.exceptions if isinstance(one, StreamtagsError)), error.exceptions[0])
        if not isinstance(error, StoreError):
            code = error.code if isinstance(error, StreamtagsError) else "internal"
            with suppress(StoreError):  # the first error is the one to raise
                await self._writer.write(TimelineFailed(error=ErrorInfo(code=code, message=str(error))))
        return error


def _frames(segment: Segment) -> int:
    return segment.end.frame - segment.start.frame


def _skipped(why: str) -> ModelError:
    return ModelError(why, hint="what was measured of it is kept", code="live.skipped")


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
