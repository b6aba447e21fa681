from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streamtags.core.model import Sound
from streamtags.stages.measure.blocks import RATE, Floats, Grid
from streamtags.stages.measure.rhythm import Flux, onset_count, tempo

SECONDS = 12.0


def hits(times: Sequence[float], seconds: float = SECONDS, *, noise: float = 0.0) -> Floats:
    """Short decaying tones at `times`, in white noise."""
    x = np.random.default_rng(3).normal(0.0, 1.0, round(seconds * RATE)) * noise
    t = np.arange(1500)
    hit = 0.5 * np.exp(-t / 400) * np.sin(2 * np.pi * 1000 * t / RATE)
    for time in times:
        at = round(time * RATE)
        x[at : at + t.size] += hit[: x.size - at]
    return x[None].astype(np.float32)


def track(bpm: float, seconds: float = SECONDS, *, noise: float = 0.0) -> Floats:
    return hits(np.arange(0.2, seconds - 0.05, 60.0 / bpm).tolist(), seconds, noise=noise)


def flux(samples: Floats) -> Floats:
    return Flux().push(list(Grid().push(Sound(0.0, samples, RATE))))[0].ravel()


def test_blocks_may_come_in_any_number_at_a_time() -> None:
    grid, samples = Grid(), hits([0.1, 0.33, 0.41, 0.7], seconds=1.0, noise=0.01)
    blocks = [block for start in (0.0, 3.0) for block in grid.push(Sound(start, samples, RATE))]  # nothing was heard in between
    together, alone, meter = Flux().push(blocks), Flux(), Flux()
    for one, some in zip(
        zip(*(alone.push([block]) for block in blocks), strict=True),
        zip(*(meter.push(part) for part in (blocks[:3], blocks[3:14], blocks[14:])), strict=True),
        strict=True,
    ):
        np.testing.assert_array_equal(np.concatenate(one), np.concatenate(some))
    np.testing.assert_array_equal(together[0], np.concatenate([Flux().push(blocks[:10])[0], Flux().push(blocks[10:])[0]]))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("gap", [0.1, 0.25, 0.61])
def test_every_hit_is_one_onset(gap: float, noise: float) -> None:
    times = np.arange(0.3, SECONDS - 0.2, gap).tolist()
    assert onset_count(flux(hits(times, noise=noise))) == pytest.approx(len(times), abs=2)


def test_steady_sounds_have_hardly_an_onset() -> None:
    t = np.arange(round(SECONDS * RATE)) / RATE
    rng = np.random.default_rng(5)
    for steady in (0.3 * np.sin(2 * np.pi * 440 * t), rng.normal(0, 0.1, t.size), 0.3 * np.sin(2 * np.pi * (200 * t + 100 * t**2))):
        assert onset_count(flux(steady[None].astype(np.float32))) <= 0.7 * SECONDS


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("seconds", [6.0, 20.0])
@pytest.mark.parametrize("bpm", [62.0, 75.0, 90.0, 97.3, 110.0, 120.0, 128.0, 140.0])
def test_tempo_of_a_click_track(bpm: float, seconds: float, noise: float) -> None:
    bpm_measured, confidence = tempo(flux(track(bpm, seconds, noise=noise)))
    assert bpm_measured == pytest.approx(bpm, abs=0.75)
    assert confidence > 0.6


@pytest.mark.parametrize("bpm", [174.0, 200.0])
def test_a_fast_pulse_is_measured_up_to_an_octave(bpm: float) -> None:
    bpm_measured, _ = tempo(flux(track(bpm)))
    assert bpm_measured is not None
    assert min(abs(bpm_measured - bpm), abs(2 * bpm_measured - bpm)) <= 1.0


def test_no_tempo_is_claimed_without_a_pulse() -> None:
    t = np.arange(round(SECONDS * RATE)) / RATE
    rng = np.random.default_rng(11)
    irregular = np.cumsum(rng.exponential(0.4, 25) + 0.05)
    swell = np.concatenate((np.zeros(RATE), rng.normal(0, 0.02, t.size - RATE) * np.linspace(0, 1, t.size - RATE) ** 2))
    for sound in (
        rng.normal(0, 0.1, t.size),
        0.3 * np.sin(2 * np.pi * 440 * t),
        0.3 * np.sin(2 * np.pi * (200 * t + 100 * t**2)),
        swell,
        np.zeros(t.size),
    ):
        assert tempo(flux(sound[None].astype(np.float32)))[0] is None
    assert tempo(flux(hits(irregular[irregular < SECONDS - 0.1].tolist())))[0] is None


def test_waves_beating_with_the_frames_are_no_rhythm() -> None:
    t = np.arange(round(SECONDS * RATE)) / RATE
    for wave in (0.3 * np.sin(2 * np.pi * (200 * t + 100 * t**2)), (0.3 + 0.1 * np.sin(2 * np.pi * 3 * t)) * np.sin(2 * np.pi * 440 * t)):
        rises = flux(wave[None].astype(np.float32))
        for start in (100, 300, 600):
            assert tempo(rises[start : start + 600])[0] is None


def test_a_short_range_has_no_tempo() -> None:
    assert tempo(flux(track(120, 3.9))) == (None, 0.0)
    assert onset_count(np.zeros(0, np.float32)) == 0


def test_rests_do_not_hide_the_tempo() -> None:
    times = [time for k, time in enumerate(np.arange(0.2, SECONDS - 0.1, 0.5)) if k % 4 != 2]
    bpm_measured, _ = tempo(flux(hits(times)))
    assert bpm_measured == pytest.approx(120.0, abs=0.75)
