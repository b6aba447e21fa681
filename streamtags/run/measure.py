"""The stages of one pass over a source: frames to shots to segments, each measured and with the pictures that stand for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

from streamtags.config.settings import Settings
from streamtags.core.events import ErrorInfo, SourceDropped, SourceLost, SourceResumed
from streamtags.core.model import (
    Dropped,
    EvidenceValue,
    Frame,
    Lost,
    Measured,
    Recorded,
    Resumed,
    Segment,
    Sound,
    Subtitle,
    VideoInfo,
    clock_of,
)
from streamtags.core.ports import FrameSource
from streamtags.core.timebase import Time, seconds_of
from streamtags.run.segment import Segmenter
from streamtags.shots.detectors import create_detector
from streamtags.stages.measure.affect import affect
from streamtags.stages.measure.fingerprint import fingerprint
from streamtags.stages.measure.motion import MotionMeter
from streamtags.stages.measure.pace import PaceMeter
from streamtags.stages.measure.picture import PictureMeter
from streamtags.stages.measure.sample import Sampler
from streamtags.stages.measure.sound import SoundMeter
from streamtags.stages.measure.thumbnail import thumbnail

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


Found = Segment | Measured | Decoded | Told


def measure(source: FrameSource, settings: Settings, recorded: Recorded | None = None) -> Generator[Found, None, None]:
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
    return _Pass(source, settings, recorded).found()


class _Instruments:
    """What looks at frames: the same from one end of a source to the other, or from gap to gap."""

    def __init__(self, settings: Settings, video: VideoInfo) -> None:
        self.detector = create_detector(settings.shots, video.time_base, video.rate)
        self.sampler: Sampler[Frame] = Sampler(settings.segments.frames, lookahead=self.detector.lookahead)
        self.picture = PictureMeter()
        self.motion = MotionMeter()
        self.pace = PaceMeter()
        self.sound = SoundMeter()
        self.subtitles: list[Subtitle] = []

    def evidence(self, segment: Segment) -> dict[str, EvidenceValue]:
        start, end = segment.start.seconds, segment.end.seconds
        found: dict[str, EvidenceValue] = {
            **self.picture.measure(start, end),
            **self.motion.measure(start, end),
            **self.pace.measure(segment),
            **self.sound.measure(start, end),
        }
        return {**found, **affect(found)}


class _Pass:
    """One pass over a source."""

    def __init__(self, source: FrameSource, settings: Settings, recorded: Recorded | None) -> None:
        self._source = source
        self._settings = settings
        self._recorded = recorded
        self._video = source.info.video
        self._time_base = self._video.time_base
        self._at_hand = _Instruments(settings, self._video)
        self._waiting: deque[tuple[Segment, tuple[Frame, ...]]] = deque()  # closed, and not measured yet
        self._segmenter: Segmenter | None = None
        self._last: Frame | None = None  # None where no segment is open
        self._now = self._start = self._told = 0.0  # seconds of source
        self._lost_at: Time | None = None
        self._back = False  # after a gap, and no frame has come yet
        self._dropped = 0

    def found(self) -> Generator[Found, None, None]:
        if self._recorded is not None:
            self._segmenter = self._begin(self._recorded.start_pts)
            self._lost_at = self._segmenter.clock.at(self._recorded.end_pts, self._recorded.frames)
        for item in self._source.read():
            if isinstance(item, Sound):
                self._at_hand.sound.push(item)
            elif isinstance(item, Subtitle):
                self._at_hand.subtitles.append(item)
            elif isinstance(item, Frame):
                yield from self._look(item)
            else:
                yield from self._befell(item)
            if self._waiting:
                yield from self._ready(ended=False)
        yield from self._finish()

    def _begin(self, start_pts: int) -> Segmenter:
        clock, lookahead = clock_of(self._video, start_pts), self._at_hand.detector.lookahead
        longest = self._settings.segments.max_seconds
        self._start = self._told = seconds_of(start_pts, self._time_base)
        if not self._source.info.live:
            return Segmenter(clock, longest, lookahead)
        return Segmenter(clock, min(longest, self._settings.ingest.live.slice_seconds), lookahead, rest=_LIVE_REST, recorded=self._recorded)

    def _look(self, frame: Frame) -> Iterator[Found]:
        now = self._now = seconds_of(frame.pts, self._time_base)
        segmenter = self._segmenter
        if segmenter is None:
            segmenter = self._segmenter = self._begin(frame.pts)
        if self._back:
            self._back = False
            for gap in segmenter.resume(frame.pts):
                yield gap
                yield SourceResumed(start=gap.start, end=gap.end, seconds=gap.seconds)
        self._last = frame
        at_hand = self._at_hand
        at_hand.sampler.push(frame)
        at_hand.picture.push(frame, now)
        at_hand.motion.push(frame, now)
        closed = segmenter.push(frame.index, frame.pts, at_hand.detector.push(frame))
        if closed:
            yield from self._settle(closed)
        if now - self._told >= 1.0:
            self._told = now
            yield Decoded(now - self._start)

    def _befell(self, item: Dropped | Lost | Resumed) -> Iterator[Found]:
        if isinstance(item, Dropped):
            if self._segmenter is None:
                self._segmenter = self._begin(item.first[1])
            self._dropped += item.frames
            start, end = (self._segmenter.clock.at(pts, index) for index, pts in (item.first, item.end))
            yield SourceDropped(frames=item.frames, start=start, end=end, total=self._dropped)
            return
        yield from self._finish()
        if isinstance(item, Resumed):
            self._back = True
            self._at_hand = _Instruments(self._settings, self._video)
        elif self._lost_at is not None:
            error = ErrorInfo(code=item.code, message=item.message)
            yield SourceLost(at=self._lost_at, error=error, attempt=item.attempt, retry_seconds=item.retry_seconds)

    def _settle(self, closed: list[Segment]) -> Iterator[Segment]:
        sampler = self._at_hand.sampler
        for segment in closed:
            self._waiting.append((segment, sampler.pick(segment.start.pts, segment.end.pts)))
            sampler.split(segment.end.pts)
            yield segment

    def _ready(self, *, ended: bool) -> Iterator[Measured]:
        at_hand, hears = self._at_hand, self._source.info.audio is not None
        while self._waiting:
            end = self._waiting[0][0].end.seconds
            if not ended and hears and at_hand.sound.heard_until < end and self._now < end + _SOUND_PATIENCE:
                return
            segment, frames = self._waiting.popleft()
            yield _measured(segment, frames, at_hand.evidence(segment), at_hand.subtitles, self._settings)
            at_hand.subtitles[:] = [line for line in at_hand.subtitles if line.end > end]

    def _finish(self) -> Iterator[Found]:
        """Close and measure what is open: the source has ended, or is lost."""
        if self._segmenter is not None and self._last is not None:
            end_pts = self._last.pts + self._last.duration
            self._now = seconds_of(end_pts, self._time_base)
            closed = self._segmenter.finish(end_pts, self._at_hand.detector.finish())
            self._last, self._lost_at = None, closed[-1].end
            yield from self._settle(closed)
            yield Decoded(self._now - self._start)
        yield from self._ready(ended=True)


def _measured(
    segment: Segment, frames: tuple[Frame, ...], evidence: dict[str, EvidenceValue], subtitles: list[Subtitle], settings: Settings
) -> Measured:
    start, end = segment.start.seconds, segment.end.seconds
    return Measured(
        segment=segment,
        evidence=evidence,
        text="\n".join(line.text for line in subtitles if line.start < end and line.end > start),
        stills=tuple(dict.fromkeys(frame.still for frame in frames)),  # frames that were not decoded share one
        thumbnail=thumbnail(frames[len(frames) // 2].still, settings.segments.thumbnail_width),
        fingerprint=fingerprint([frame.bgr for frame in frames], [frame.between for frame in frames]),
    )
