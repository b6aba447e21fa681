"""What looks at the frames and the sound of a source: the shot detector, the meters, and the choice of stills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from streamtags.config.settings import Settings
from streamtags.core.model import EvidenceValue, Frame, Segment, Subtitle
from streamtags.core.pictureless import has_picture
from streamtags.core.ports import FrameSource, GivesBoundaries, ShotDetector
from streamtags.core.sound import SegmentSound
from streamtags.core.timebase import Clock
from streamtags.shots.detectors import create_detector
from streamtags.shots.given import GivenShots
from streamtags.stages.measure.affect import affect
from streamtags.stages.measure.motion import MotionMeter
from streamtags.stages.measure.pace import PaceMeter
from streamtags.stages.measure.picture import PictureMeter
from streamtags.stages.measure.sample import Sampler
from streamtags.stages.measure.sound import SoundMeter
from streamtags.stages.measure.stretches import LEAD_SECONDS, Stretches

__all__ = ["CreateInstruments", "Instruments", "create_instruments", "shot_detector"]


@dataclass(slots=True)
class Instruments:
    """One set for a stretch of source without a gap: nothing is compared across a gap.

    Attributes:
        detector: finds the shots.
        sampler: chooses the frames that stand for a segment.
        picture: measures color and light.
        motion: measures movement.
        pace: measures how fast the source is cut.
        sound: measures sound.
        subtitles: lines of text that the open segments may need.
        stretches: joins the sound that stages listen to; None if no stage does.
        has_picture: whether the frames show something; otherwise only sound is measured.
    """

    detector: ShotDetector
    sampler: Sampler[Frame]
    picture: PictureMeter = field(default_factory=PictureMeter)
    motion: MotionMeter = field(default_factory=MotionMeter)
    pace: PaceMeter = field(default_factory=PaceMeter)
    sound: SoundMeter = field(default_factory=SoundMeter)
    subtitles: list[Subtitle] = field(default_factory=list)
    stretches: Stretches | None = None
    has_picture: bool = True

    def push(self, frame: Frame, now: float) -> None:
        """Look at the next frame, shown at `now` seconds of the source."""
        self.sampler.push(frame)
        if not self.has_picture:
            return
        self.picture.push(frame, now)
        self.motion.push(frame, now)

    def evidence(self, segment: Segment) -> dict[str, EvidenceValue]:
        """Return the measures of a closed segment; call it once for each segment, in order."""
        start, end = segment.start.seconds, segment.end.seconds
        if not self.has_picture:
            return self.sound.measure(start, end)
        measures: dict[str, EvidenceValue] = {
            **self.picture.measure(start, end),
            **self.motion.measure(start, end),
            **self.pace.measure(segment),
            **self.sound.measure(start, end),
        }
        return {**measures, **affect(measures)}

    def heard(self, segment: Segment, clock: Clock) -> SegmentSound | None:
        """Return the sound of a segment that was measured; None if no stage listens. Call it for each segment, in order."""
        if self.stretches is None:
            return None
        start, end = segment.start.seconds, segment.end.seconds
        return self.stretches.add(start, end, self.sound.samples(start - LEAD_SECONDS, end), clock)

    def close(self) -> None:
        """End what waits for further sound; safe to call twice."""
        if self.stretches is not None:
            self.stretches.close()


CreateInstruments = Callable[[], Instruments]


def create_instruments(source: FrameSource, settings: Settings, *, keeps_sound: bool = False) -> Instruments:
    """Return new instruments for `source`; with `keeps_sound`, for stages that listen.

    Raises:
        ConfigError: the shot detector cannot be created.
    """
    detector = shot_detector(source, settings)
    sampler: Sampler[Frame] = Sampler(settings.segments.frames, lookahead=detector.lookahead)
    instruments = Instruments(detector, sampler, has_picture=has_picture(source.info))
    if keeps_sound and source.info.audio is not None:
        instruments.sound = SoundMeter(keeps_samples=True)
        instruments.stretches = Stretches(is_live=source.info.live)
    return instruments


def shot_detector(source: FrameSource, settings: Settings) -> ShotDetector:
    """Return what finds the shots of `source`: the detector of the settings, unless the source gives its own boundaries.

    Raises:
        ConfigError: the detector cannot be created.
    """
    if isinstance(source, GivesBoundaries):
        return GivenShots(source.boundaries())
    return create_detector(settings.shots, source.info.video.time_base, source.info.video.rate)
