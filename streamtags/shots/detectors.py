"""Any PySceneDetect detector as a `ShotDetector`: frames in, boundaries out, exact to the frame."""

from __future__ import annotations

import inspect
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import HashDetector, HistogramDetector, ThresholdDetector

from streamtags.config.settings import ShotSettings
from streamtags.core.errors import ConfigError
from streamtags.core.model import Boundary, Frame, Transition
from streamtags.core.ports import ShotDetector
from streamtags.shots.detector import StreamtagsDetector
from streamtags.shots.fast import FastAdaptiveDetector, FastContentDetector
from streamtags.shots.options import MAX_RATE, DetectorOptions
from streamtags.shots.transnet import TransNetDetector, create_transnet

__all__ = ["DetectorAdapter", "create_detector"]

_CLASSES: Mapping[str, Callable[..., SceneDetector]] = {
    "streamtags": StreamtagsDetector,
    "adaptive": FastAdaptiveDetector,
    "content": FastContentDetector,
    "hash": HashDetector,
    "histogram": HistogramDetector,
    "threshold": ThresholdDetector,
    "transnetv2": create_transnet,
}
_OPTION_TYPES = (bool, int, float, str)
_TIME_OPTIONS = ("min_out_length", "min_scene_len")  # PySceneDetect accepts "0.6s" here as well
_THRESHOLD_SECONDS = 10  # the threshold detector reports a cut in the middle of a black picture; longer black is not matched exactly


class DetectorAdapter:
    """Feeds frames to a PySceneDetect detector and turns the timecodes it returns back into frame numbers.

    It remembers the pts of the last `lookahead + 1` frames. A timecode is matched as an exact rational. One that falls between frames
    (some detectors count in frames of a constant rate) goes to the nearest frame, and one older than the memory to the oldest.

    Args:
        detector: the detector.
        time_base: seconds of one pts tick.
        rate: frames a second; of a variable-rate source, the average.
        lookahead: frames by which a boundary may be reported late.
    """

    def __init__(self, detector: SceneDetector, time_base: Fraction, rate: Fraction, lookahead: int) -> None:
        self.lookahead = lookahead
        self._detector = detector
        self._time_base = time_base
        self._rate = FrameTimecode(0, fps=rate)  # PySceneDetect copies it, where it would check a Fraction for every frame
        self._recent: deque[tuple[int, int]] = deque(maxlen=lookahead + 1)
        self._latest: FrameTimecode | None = None
        self._last = 0

    def push(self, frame: Frame) -> list[Boundary]:
        """Take the next frame; return boundaries that have become certain, in order."""
        if self._latest is None:
            self._last = frame.index - 1  # the first frame is never a boundary, and the second may be one
        self._recent.append((frame.pts, frame.index))
        self._latest = FrameTimecode(Timecode(frame.pts, self._time_base), fps=self._rate)
        return self._boundaries(self._detector.process_frame(self._latest, frame.bgr))

    def finish(self) -> list[Boundary]:
        """The boundaries that are still open when the source has ended."""
        return [] if self._latest is None else self._boundaries(self._detector.post_process(self._latest))

    def _boundaries(self, timecodes: Sequence[FrameTimecode]) -> list[Boundary]:
        if not timecodes:
            return []
        kinds: dict[int, Transition] = {}
        if isinstance(self._detector, (StreamtagsDetector, TransNetDetector)):
            kinds = {event.timecode.pts: event.kind for event in self._detector.events}
            self._detector.events.clear()  # they would grow without bound in a long stream
        boundaries = []
        for timecode in sorted(timecodes):
            index = self._index(timecode)
            if index > self._last + 1:
                self._last = index
                boundaries.append(Boundary(index, kinds.get(timecode.pts, "cut")))
        return boundaries

    def _index(self, timecode: FrameTimecode) -> int:
        """Number of the frame nearest to `timecode`."""
        wanted = timecode.pts * timecode.time_base / self._time_base
        after = bisect_left([Fraction(pts) for pts, _ in self._recent], wanted)
        if after == len(self._recent):
            return self._recent[-1][1]
        if after and wanted - self._recent[after - 1][0] < self._recent[after][0] - wanted:
            after -= 1
        return self._recent[after][1]


def create_detector(settings: ShotSettings, time_base: Fraction, rate: Fraction) -> ShotDetector:
    """Create the detector that `settings` name, for a source with this time base and frame rate.

    Raises:
        ConfigError: an option the detector does not have, or a value it refuses; weights that cannot be read; transnetv2 without
            the package that runs it.
    """
    create = _CLASSES[settings.detector]
    where = f"shots.options of {settings.detector}"
    _check_options(settings, where)
    extra = {"weights": settings.weights} if settings.detector == "transnetv2" else {}
    try:
        detector = create(**settings.options, **extra)
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error), where=where, hint="see the detector's documentation for the values it accepts") from error
    return DetectorAdapter(detector, time_base, rate, _lookahead(detector, rate))


def _check_options(settings: ShotSettings, where: str) -> None:
    accepts: Callable[..., object] = DetectorOptions if settings.detector == "streamtags" else _CLASSES[settings.detector]
    parameters = inspect.signature(accepts).parameters
    allowed = sorted(name for name, parameter in parameters.items() if isinstance(parameter.default, _OPTION_TYPES))
    for name, value in settings.options.items():
        if name not in allowed:
            raise ConfigError(f"no option {name!r}", where=where, hint=f"choose from {', '.join(allowed)}")
        if isinstance(value, str) and not isinstance(parameters[name].default, str) and name not in _TIME_OPTIONS:
            raise ConfigError(f"{name} is a number, not {value!r}", where=where, hint=f"the default is {parameters[name].default}")


def _lookahead(detector: SceneDetector, rate: Fraction) -> int:
    if isinstance(detector, StreamtagsDetector):
        return detector.lookahead(float(rate))
    if isinstance(detector, ThresholdDetector):
        return _THRESHOLD_SECONDS * min(round(rate), int(MAX_RATE))
    return detector.event_buffer_length
