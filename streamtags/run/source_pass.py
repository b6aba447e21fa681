"""The pass over a source: frames to shots to segments, each segment with its measurements and stills."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from streamtags.config.settings import Settings
from streamtags.core.bounded import join_texts
from streamtags.core.events import ErrorInfo, SourceDropped, SourceLost, SourceResumed
from streamtags.core.model import Dropped, EvidenceValue, Frame, Gap, Lost, Measured, Recorded, Resumed, Segment, Sound, Subtitle, clock_of
from streamtags.core.ports import FrameSource
from streamtags.core.timebase import Time, seconds_of
from streamtags.run.instruments import CreateInstruments, create_instruments
from streamtags.run.segmenter import Segmenter
from streamtags.stages.measure.fingerprint import fingerprint
from streamtags.stages.measure.thumbnail import thumbnail

__all__ = ["Decoded", "PassItem", "SourceReport", "read_source"]

# A segment whose sound has not come is measured without it when the picture is this far ahead, in seconds of source.
_SOUND_PATIENCE_SECONDS = 1.5
# What is left of a live source's shot after a slice may be short, so that a slice is reported within two seconds of its end.
_LIVE_REST_SECONDS = Fraction(3, 10)
_DECODED_SECONDS = 1.0

SourceReport = SourceDropped | SourceLost | SourceResumed
"""An event of a live source."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """How far the source has been read, in seconds from its first frame."""

    seconds: float


PassItem = Segment | Measured | Decoded | SourceReport


def read_source(
    source: FrameSource,
    settings: Settings,
    recorded: Recorded | None = None,
    instruments: CreateInstruments | None = None,
    *,
    keeps_sound: bool = False,
) -> Generator[PassItem, None, None]:
    """Read `source` once and yield each segment twice: when its bounds are certain, and when it is measured.

    A `Decoded` mark comes about once for each second of source. There is one thread and no queue: the source is read as fast as the
    caller takes items. Memory: the frames that a segment may still need (see `Sampler`), never a whole segment.

    When a live source is lost, its last segment is closed. When it is back, the gap is a segment without measurements, and the
    instruments start anew.

    Args:
        source: read to its end.
        settings: lengths and sizes of segments.
        recorded: what an earlier run recorded of this live source; reading continues after a gap.
        instruments: makes the detector and the meters; those of the settings unless given.
        keeps_sound: segments come with their sound, for stages that listen.

    Raises:
        SourceError: nothing can be decoded.
    """
    create = instruments or (lambda: create_instruments(source, settings, keeps_sound=keeps_sound))
    return _SourcePass(source, settings, recorded, create).items()


class _SourcePass:
    def __init__(self, source: FrameSource, settings: Settings, recorded: Recorded | None, create: CreateInstruments) -> None:
        self._source = source
        self._settings = settings
        self._recorded = recorded
        self._create = create
        self._instruments = create()
        self._time_base = source.info.video.time_base
        self._unmeasured: deque[tuple[Segment, tuple[Frame, ...]]] = deque()  # closed segments with the frames that stand for them
        self._segmenter: Segmenter | None = None
        self._last: Frame | None = None  # None if no segment is open
        self._now = self._start = self._marked = 0.0  # seconds of source: current frame, first frame, last `Decoded`
        self._lost_at: Time | None = None
        self._resumed = False  # after a gap, before its first frame
        self._dropped = 0

    def items(self) -> Generator[PassItem, None, None]:
        try:
            yield from self._items()
        finally:
            self._instruments.close()

    def _items(self) -> Generator[PassItem, None, None]:
        if self._recorded is not None:
            self._segmenter = self._begin(self._recorded.start_pts)
            self._lost_at = self._segmenter.clock.at(self._recorded.end_pts, self._recorded.frames)
        for item in self._source.read():
            match item:
                case Frame():
                    yield from self._take_frame(item)
                case Sound():
                    self._instruments.sound.push(item)
                case Subtitle():
                    self._instruments.subtitles.append(item)
                case Gap():
                    yield from self._take_gap(item)
                case _:
                    yield from self._take_report(item)
            if self._unmeasured:
                yield from self._measure(ended=False)
        yield from self._finish()

    def _begin(self, start_pts: int) -> Segmenter:
        clock, lookahead = clock_of(self._source.info.video, start_pts), self._instruments.detector.lookahead
        longest = self._settings.segments.max_seconds
        self._start = self._marked = seconds_of(start_pts, self._time_base)
        if not self._source.info.live:
            return Segmenter(clock, longest, lookahead)
        longest = min(longest, self._settings.ingest.live.slice_seconds)
        return Segmenter(clock, longest, lookahead, rest=_LIVE_REST_SECONDS, recorded=self._recorded)

    def _take_frame(self, frame: Frame) -> Iterator[PassItem]:
        now = self._now = seconds_of(frame.pts, self._time_base)
        segmenter = self._segmenter
        if segmenter is None:
            segmenter = self._segmenter = self._begin(frame.pts)
        if self._resumed:
            self._resumed = False
            for gap in segmenter.resume(frame.pts):
                yield gap
                yield SourceResumed(start=gap.start, end=gap.end, seconds=gap.seconds)
        self._last = frame
        instruments = self._instruments
        instruments.push(frame, now)
        closed = segmenter.push(frame.index, frame.pts, instruments.detector.push(frame))
        if closed:
            yield from self._close(closed)
        if now - self._marked >= _DECODED_SECONDS:
            self._marked = now
            yield Decoded(now - self._start)

    def _take_gap(self, gap: Gap) -> Iterator[PassItem]:
        """End what is open, and start anew after the gap: nothing is compared across it."""
        yield from self._finish()
        if self._segmenter is None:
            self._segmenter = self._begin(gap.pts)
        yield self._segmenter.gap(gap.index, gap.pts, gap.end_index, gap.end_pts)
        self._instruments = self._create()

    def _take_report(self, report: Dropped | Lost | Resumed) -> Iterator[PassItem]:
        if isinstance(report, Dropped):
            if self._segmenter is None:
                self._segmenter = self._begin(report.first[1])
            self._dropped += report.frames
            start, end = (self._segmenter.clock.at(pts, index) for index, pts in (report.first, report.end))
            yield SourceDropped(frames=report.frames, start=start, end=end, total=self._dropped)
            return
        yield from self._finish()
        if isinstance(report, Resumed):
            self._resumed = True
            self._instruments = self._create()
        elif self._lost_at is not None:
            error = ErrorInfo(code=report.code, message=report.message)
            yield SourceLost(at=self._lost_at, error=error, attempt=report.attempt, retry_seconds=report.retry_seconds)

    def _close(self, closed: list[Segment]) -> Iterator[Segment]:
        sampler = self._instruments.sampler
        for segment in closed:
            self._unmeasured.append((segment, sampler.pick(segment.start.pts, segment.end.pts)))
            sampler.split(segment.end.pts)
            yield segment

    def _measure(self, *, ended: bool) -> Iterator[Measured]:
        """Measure the closed segments whose sound has come."""
        instruments, has_sound = self._instruments, self._source.info.audio is not None
        while self._unmeasured:
            end = self._unmeasured[0][0].end.seconds
            if not ended and has_sound and instruments.sound.heard_until < end and self._now < end + _SOUND_PATIENCE_SECONDS:
                return
            segment, frames = self._unmeasured.popleft()
            evidence = instruments.evidence(segment)
            peaks = instruments.sound.peaks(segment.start.seconds, end)
            shown = frames if instruments.has_picture else ()
            measured = _measured(segment, shown, evidence, peaks, instruments.subtitles, self._settings)
            yield replace(measured, sound=instruments.heard(segment, self._segmenter.clock)) if self._segmenter else measured
            instruments.subtitles[:] = [line for line in instruments.subtitles if line.end > end]

    def _finish(self) -> Iterator[PassItem]:
        """Close and measure the open segment: the source has ended, or is lost."""
        if self._segmenter is not None and self._last is not None:
            end_pts = self._last.pts + self._last.duration
            self._now = seconds_of(end_pts, self._time_base)
            closed = self._segmenter.finish(end_pts, self._instruments.detector.finish())
            self._last, self._lost_at = None, closed[-1].end
            yield from self._close(closed)
            yield Decoded(self._now - self._start)
        yield from self._measure(ended=True)
        self._instruments.close()


def _measured(
    segment: Segment,
    frames: tuple[Frame, ...],
    evidence: dict[str, EvidenceValue],
    peaks: bytes,
    subtitles: list[Subtitle],
    settings: Settings,
) -> Measured:
    start, end = segment.start.seconds, segment.end.seconds
    return Measured(
        segment=segment,
        evidence=evidence,
        text=join_texts(line.text for line in subtitles if line.start < end and line.end > start),
        stills=tuple(dict.fromkeys(frame.still for frame in frames)),  # frames that were not decoded share a still
        thumbnail=thumbnail(frames[len(frames) // 2].still, settings.segments.thumbnail_width) if frames else b"",
        waveform=peaks,
        fingerprint=fingerprint([frame.bgr for frame in frames], [frame.between for frame in frames]) if frames else b"",
    )
