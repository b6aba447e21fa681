from __future__ import annotations

from fractions import Fraction

import numpy as np

from streamtags.core.measures import MEASURES
from streamtags.core.model import EvidenceValue, Frame, Picture, Segment, Sound
from streamtags.core.timebase import Clock
from streamtags.stages.measure.affect import affect
from streamtags.stages.measure.motion import CAMERA_MOVES, MotionMeter
from streamtags.stages.measure.pace import PaceMeter
from streamtags.stages.measure.picture import PictureMeter
from streamtags.stages.measure.sound import SoundMeter


class _Still:
    pts = 0

    def rgb(self, max_side: int | None = None) -> Picture:
        raise NotImplementedError


def evidence() -> dict[str, EvidenceValue]:
    """Two seconds of a sliding noise picture with a tone, measured by every meter."""
    rng = np.random.default_rng(7)
    wide = rng.integers(0, 255, (90, 400, 3), dtype=np.uint8)
    picture, motion, sound = PictureMeter(), MotionMeter(), SoundMeter()
    for i in range(50):
        frame = Frame(i, i, 1, np.ascontiguousarray(wide[:, i : i + 160]), _Still())
        picture.push(frame, i / 25)
        motion.push(frame, i / 25)
    clock = Clock(time_base=Fraction(1, 25), rate=Fraction(25))
    segment = Segment("s", 0, 0, clock.at(0, 0), clock.at(50, 50), "shot", "start")
    tone = 0.2 * np.sin(np.arange(96_000) * 0.05, dtype=np.float32)
    sound.push(Sound(0.0, np.stack((tone, tone)), 48_000))
    values = {**picture.measure(0, 2), **motion.measure(0, 2), **sound.measure(0, 2), **PaceMeter().measure(segment)}
    return {**values, **affect(values)}


def test_every_measure_is_measured_and_every_number_measured_can_stand_in_a_rule() -> None:
    assert evidence().keys() - {"palette"} == {name for name, measure in MEASURES.items() if measure.group != "heard"}


def test_the_words_of_a_measure_are_those_the_meter_says() -> None:
    assert MEASURES["camera"].values == CAMERA_MOVES


def test_ranges_are_ranges() -> None:
    assert all(measure.low < measure.high for measure in MEASURES.values() if not measure.values)
