"""Keeping sound for the stages that listen."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import Sound
from streamtags.core.sound import SAMPLE_RATE, SegmentSound, as_floats
from streamtags.core.timebase import Clock
from streamtags.stages.measure.sound import SoundMeter
from streamtags.stages.measure.stretches import LONGEST_SECONDS, MOST_SEGMENTS, Stretches

CLOCK = Clock(Fraction(1, 1000), Fraction(25))
TRACK = (np.arange(120 * SAMPLE_RATE) % 30_000).astype(np.int16)


def part(start: float, end: float) -> np.ndarray:
    first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
    before = np.zeros(max(0, -first), np.int16)
    return np.concatenate([before, TRACK[max(first, 0) : last]])


def add_all(stretches: Stretches, lengths: list[float]) -> list[SegmentSound]:
    sounds, start = [], 0.0
    for length in lengths:
        sounds.append(stretches.add(start, start + length, part(start - 1, start + length), CLOCK))
        start += length
    return sounds


@given(st.lists(st.integers(1, 160), min_size=1, max_size=40).filter(lambda lengths: sum(lengths) < 1100))
def test_stretches_hold_the_sound_without_a_gap_and_end_in_time(tenths: list[int]) -> None:
    lengths = [length / 10 for length in tenths]
    stretches = Stretches()
    sounds = add_all(stretches, lengths)
    stretches.close()
    kept = list(dict.fromkeys(sound.stretch for sound in sounds))
    assert all(stretch.closed.done() for stretch in kept)
    assert all(stretch.end - stretch.start <= LONGEST_SECONDS + 1e-6 or len(stretch.parts) == 1 for stretch in kept)
    assert [stretch.start for stretch in kept[1:]] == [stretch.end for stretch in kept[:-1]]
    for stretch in kept:
        expected = part(stretch.samples_start, stretch.samples_start + len(stretch.samples) / SAMPLE_RATE)
        assert np.abs(len(expected) - len(stretch.samples)) <= 2
    for stretch in kept[:-1]:
        assert len(stretch.tail) > 0


def test_many_short_segments_end_a_stretch() -> None:
    sounds = add_all(Stretches(), [0.1] * (MOST_SEGMENTS + 1))
    assert sounds[0].stretch.closed.done()
    assert sounds[-1].stretch is not sounds[0].stretch


def test_a_live_segment_waits_for_nothing() -> None:
    sounds = add_all(Stretches(is_live=True), [2.0, 2.0])
    assert all(sound.stretch.closed.done() for sound in sounds)
    assert len({id(sound.stretch) for sound in sounds}) == 2


def test_the_meter_gives_back_the_sound_at_16_khz() -> None:
    meter, at = SoundMeter(keeps_samples=True), np.arange(3 * 48_000) / 48_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    meter.push(Sound(1.0, tone[None], 48_000))
    meter.measure(1.0, 3.5)
    samples = as_floats(meter.samples(0.5, 3.5))
    assert len(samples) == 3 * SAMPLE_RATE
    assert np.abs(samples[: SAMPLE_RATE // 2 - 200]).max() < 0.01, "silence where there was no sound"
    delay = 32  # of the low-pass filter, 2 ms
    expected = 0.5 * np.sin(2 * np.pi * 440 * ((np.arange(SAMPLE_RATE) + SAMPLE_RATE // 2 - delay) / SAMPLE_RATE))
    assert np.abs(samples[SAMPLE_RATE : 2 * SAMPLE_RATE] - expected).max() < 0.05
