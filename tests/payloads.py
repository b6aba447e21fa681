"""Makes payloads and events for the tests of the log and its fold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from streamtags.core.events import (
    ErrorInfo,
    Event,
    Payload,
    SegmentCaptioned,
    SegmentCorrected,
    SegmentDetected,
    SegmentFailed,
    SegmentMeasured,
    SegmentTagged,
    TimelineCompleted,
    TimelineOpened,
    TimelineProgress,
    VocabularyRef,
)
from streamtags.core.model import SourceInfo, VideoInfo, tag_scores
from streamtags.core.timebase import Clock, Time

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
VOCABULARY = VocabularyRef(id="moods", version="1")


class Make:
    """A source of 23.976 frames a second, cut every 2.002 s: segment `i` lasts 48 frames."""

    clock = Clock(time_base=Fraction(1, 24000), rate=Fraction(24000, 1001), start_frame=86400)

    def time(self, i: int) -> Time:
        return self.clock.at(i * 48048, i * 48)

    def opened(self, name: str = "edit.mp4", **settings: Any) -> TimelineOpened:
        video = VideoInfo(
            codec="h264",
            width=1280,
            height=720,
            rate=self.clock.rate,
            time_base=self.clock.time_base,
            start_timecode="01:00:00:00",
            duration=20.02,
        )
        source = SourceInfo(uri=f"/edits/{name}", name=name, size=1000, container="mov", video=video)
        return TimelineOpened(source=source, vocabulary=VOCABULARY, profile="embedded", settings=settings)

    def detected(self, i: int, **fields: Any) -> SegmentDetected:
        values = {"shot": i, "kind": "shot", "transition": "cut" if i else "start"} | fields
        return SegmentDetected(segment=f"s{i:04d}", index=i, start=self.time(i), end=self.time(i + 1), **values)

    def measured(self, i: int, **evidence: Any) -> SegmentMeasured:
        name = f"s{i:04d}"
        return SegmentMeasured(segment=name, evidence=evidence or {"brightness_percent": 40.5}, thumbnail=f"thumbnails/{name}.jpg")

    def captioned(self, i: int, rev: int, caption: str = "A boat.", **fields: Any) -> SegmentCaptioned:
        return SegmentCaptioned(segment=f"s{i:04d}", rev=rev, caption=caption, model="eye-1", frames=[i * 48048], **fields)

    def tagged(self, i: int, rev: int, /, **tags: float) -> SegmentTagged:
        return SegmentTagged(
            segment=f"s{i:04d}",
            rev=rev,
            tags=list(tag_scores(list(tags.items()))),
            reasoning="as seen",
            model="mind-1",
            vocabulary=VOCABULARY,
        )

    def corrected(self, i: int, rev: int, /, *untag: str, caption: str | None = None, by: str = "ana", **tags: float) -> SegmentCorrected:
        return SegmentCorrected(
            segment=f"s{i:04d}", rev=rev, tags=list(tag_scores(list(tags.items()))), untag=list(untag), caption=caption, by=by
        )

    def reset(self, i: int, rev: int, **tags: float) -> SegmentCorrected:
        return SegmentCorrected(segment=f"s{i:04d}", rev=rev, tags=list(tag_scores(list(tags.items()))), by="ana", reset=True)

    def failed(self, i: int, stage: Any, message: str = "no answer", *, will_retry: bool = False) -> SegmentFailed:
        return SegmentFailed(segment=f"s{i:04d}", stage=stage, error=ErrorInfo(code="model", message=message), will_retry=will_retry)

    def progress(self, segments: int) -> TimelineProgress:
        return TimelineProgress(
            decoded_seconds=segments * 2.002, duration_seconds=20.02, segments=segments, captioned=0, tagged=0, failed=0
        )

    def completed(self, **summary: Any) -> TimelineCompleted:
        return TimelineCompleted(summary=summary)

    def events(self, payloads: Iterable[Payload], *, timeline: str = "tl_test", epoch: str = "e1") -> list[Event]:
        return [
            Event.of(payload, timeline=timeline, epoch=epoch, seq=seq, at=BEGAN + timedelta(milliseconds=40 * seq))
            for seq, payload in enumerate(payloads, 1)
        ]
