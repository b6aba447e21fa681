"""The stages of one pass over a source: frames to shots to segments, each measured and with the pictures that stand for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from streamtags.config import Settings
from streamtags.events import ErrorInfo, SourceDropped, SourceLost, SourceResumed
from streamtags.evidence.affect import affect
from streamtags.evidence.motion import MotionMeter
from streamtags.evidence.pace import PaceMeter
from streamtags.evidence.picture import PictureMeter
from streamtags.evidence.sound import SoundMeter
from streamtags.ingest.fingerprint import fingerprint
from streamtags.ingest.sample import Sampler
from streamtags.ingest.shots import create_detector
from streamtags.ingest.thumbnail import thumbnail
from streamtags.model import (
    Dropped,
    EvidenceValue,
    Frame,
    Lost,
    Measured,
    Recorded,
    Segment,
    Sound,
    Subtitle,
    clock_of,
)
from streamtags.pipeline.segment import Segmenter
from streamtags.ports import FrameSource
from streamtags.timebase import Time

__all__ = ["Decoded", "Told", "measure"]

# Sound is interleaved with picture: wait for it this long (seconds of source) before a segment is measured without.
_SOUND_PATIENCE = 1.5
# Of a live source's slices: what is left may be shorter, so that a slice is told of within two seconds of its end.
_LIVE_REST = Fraction(3, 10)

Told = SourceDropped | SourceLost | SourceResumed
"""What befell a live source, for the log."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """How far the source has been read, in seconds from its first frame."""

    seconds: float


@dataclass(slots=True)
class _Meters:
    picture: PictureMeter = field(default_factory=PictureMeter)
    motion: MotionMeter = field(default_factory=MotionMeter)
    pace: PaceMeter = field(default_factory=PaceMeter)
    sound: SoundMeter = field(default_factory=SoundMeter)

    def evidence(self, segment: Segment) -> dict[str, EvidenceValue]:
        start, end = segment.start.seconds, segment.end.seconds
        found: dict[str, EvidenceValue] = {
            **self.picture.measure(start, end),
            **self.motion.measure(start, end),
            **self.pace.measure(segment),
            **self.sound.measure(start, end),
        }
        return {**found, **affect(found)}


def measure(
    source: FrameSource, settings: Settings, recorded: Recorded | None = None
) -> Generator[Segment | Measured | Decoded | Told, None, None]:
    """Read `source` once and yield each segment twice: its bounds as soon as they are certain, then what was measured of it.

    Between them come `Decoded` marks, about one a second of source. One thread, no queue: the source is read only as fast as the
    caller asks. What is kept: the frames a segment may still need (see `Sampler`), never the segment itself.

    When a live source is lost, its last segment is closed. When it is back, the gap is a segment that is not measured, and everything is
    found and measured afresh: nothing is compared across a gap.

    Args:
        source: read to its end.
        settings: what to look for.
        recorded: what an earlier run found of this live source, which goes on with a gap.

    Raises:
        SourceError: nothing can be decoded.
    """
    video = source.info.video
    time_base = video.time_base
    live = source.info.live
    longest = min(settings.segments.max_seconds, settings.ingest.live.slice_seconds) if live else settings.segments.max_seconds
    detector = create_detector(settings.shots, time_base, video.rate)
    sampler: Sampler[Frame] = Sampler(settings.segments.frames, lookahead=detector.lookahead)
    meters = _Meters()
    subtitles: list[Subtitle] = []
    waiting: deque[tuple[Segment, tuple[Frame, ...]]] = deque()
    segmenter: Segmenter | None = None
    last: Frame | None = None  # None where no segment is open
    end = Time(pts=0, time_base=time_base, seconds=0.0, frame=0, timecode="")  # of the last segment that was closed by a loss
    back = False
    dropped = 0
    start = now = told = 0.0

    def begin(start_pts: int) -> Segmenter:
        clock = clock_of(video, start_pts)
        if live:
            return Segmenter(clock, longest, detector.lookahead, rest=_LIVE_REST, recorded=recorded)
        return Segmenter(clock, longest, detector.lookahead)

    def settle(closed: list[Segment]) -> Iterator[Segment]:
        for segment in closed:
            waiting.append((segment, sampler.pick(segment.start.pts, segment.end.pts)))
            sampler.split(segment.end.pts)
            yield segment

    def ready(*, ended: bool) -> Iterator[Measured]:
        while waiting:
            end = waiting[0][0].end.seconds
            if not ended and source.info.audio is not None and meters.sound.heard_until < end and now < end + _SOUND_PATIENCE:
                return
            segment, frames = waiting.popleft()
            yield _measured(segment, frames, meters.evidence(segment), subtitles, settings)
            subtitles[:] = [line for line in subtitles if line.end > end]

    def finish() -> Iterator[Segment | Measured | Decoded]:
        nonlocal last, now, end
        if segmenter is not None and last is not None:
            end_pts = last.pts + last.duration
            now = float(end_pts * time_base)
            closed = segmenter.finish(end_pts, detector.finish())
            last, end = None, closed[-1].end
            yield from settle(closed)
            yield Decoded(now - start)
        yield from ready(ended=True)

    if recorded is not None:
        segmenter = begin(recorded.start_pts)
        start = float(recorded.start_pts * time_base)
        end = segmenter.clock.at(recorded.end_pts, recorded.frames)
    for item in source.read():
        if isinstance(item, Sound):
            meters.sound.push(item)
        elif isinstance(item, Subtitle):
            subtitles.append(item)
        elif isinstance(item, Frame):
            now = float(item.pts * time_base)
            if segmenter is None:
                segmenter = begin(item.pts)
                start = told = now
            if back:
                back = False
                for gap in segmenter.resume(item.pts):
                    yield gap
                    yield SourceResumed(start=gap.start, end=gap.end, seconds=gap.seconds)
            last = item
            sampler.push(item)
            meters.picture.push(item, now)
            meters.motion.push(item, now)
            yield from settle(segmenter.push(item.index, item.pts, detector.push(item)))
            if now - told >= 1.0:
                told = now
                yield Decoded(now - start)
        elif isinstance(item, Dropped):
            if segmenter is None:
                segmenter = begin(item.first[1])
                start = told = float(item.first[1] * time_base)
            dropped += item.frames
            index, pts = item.first
            yield SourceDropped(
                frames=item.frames,
                start=segmenter.clock.at(pts, index),
                end=segmenter.clock.at(item.end[1], item.end[0]),
                total=dropped,
            )
        else:
            yield from finish()
            if isinstance(item, Lost):
                error = ErrorInfo(code=item.code, message=item.message)
                yield SourceLost(at=end, error=error, attempt=item.attempt, retry_seconds=item.retry_seconds)
            else:
                back = True
                detector = create_detector(settings.shots, time_base, video.rate)
                sampler = Sampler(settings.segments.frames, lookahead=detector.lookahead)
                meters = _Meters()
                subtitles.clear()
        yield from ready(ended=False)
    yield from finish()


def _measured(
    segment: Segment, frames: tuple[Frame, ...], evidence: dict[str, EvidenceValue], subtitles: list[Subtitle], settings: Settings
) -> Measured:
    start, end = segment.start.seconds, segment.end.seconds
    return Measured(
        segment=segment,
        evidence=evidence,
        text="\n".join(line.text for line in subtitles if line.start < end and line.end > start),
        stills=tuple(frame.still for frame in frames),
        thumbnail=thumbnail(frames[len(frames) // 2].still, settings.segments.thumbnail_width),
        fingerprint=fingerprint([frame.bgr for frame in frames]),
    )
