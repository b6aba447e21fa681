"""Loudness against the definitions of EBU Tech 3341, annex: minimum requirements test signals (1 kHz stereo sines)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamtags.core.model import Sound
from streamtags.stages.measure.blocks import BLOCK, RATE, TICK, Floats, Grid, spectrum
from streamtags.stages.measure.loudness import integrated, k_power, max_momentary, silence_share


def tones(*parts: tuple[float, float], hertz: float = 1000.0, channels: int = 2) -> Floats:
    """Runs of sine as (dBFS of the peak, seconds), phase running on."""
    gain = np.repeat([10.0 ** (level / 20.0) for level, _ in parts], [round(seconds * RATE) for _, seconds in parts])
    wave = gain * np.sin(2 * np.pi * hertz * np.arange(gain.size) / RATE)
    return np.tile(wave.astype(np.float32), (channels, 1))


def power(samples: Floats) -> Floats:
    spans = np.stack([block.span for block in Grid().push(Sound(0.0, samples, RATE))])
    return k_power(spectrum(spans)).ravel()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([(-23, 20)], -23.0, id="1"),
        pytest.param([(-33, 20)], -33.0, id="2"),
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], -23.0, id="3-relative-gate"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0, id="4-absolute-gate"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], -23.0, id="5"),
    ],
)
def test_integrated_loudness_of_the_ebu_test_signals(parts: list[tuple[float, float]], expected: float) -> None:
    assert integrated(power(tones(*parts))) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("offset", range(0, 400, 40))
def test_the_loudest_400_ms_count_at_any_place(offset: int) -> None:
    silent = -300.0
    samples = tones((silent, 1 + offset / 1000), (-23, 0.4), (silent, 1))
    assert max_momentary(power(samples)) == pytest.approx(-23.0, abs=0.1)


def test_momentary_loudness_of_bursts() -> None:
    # 0.18 s at -20 and 0.22 s at -30 dBFS over and over: every 400 ms hold the same energy.
    loudest = max_momentary(power(tones(*[(-20, 0.18), (-30, 0.22)] * 25)))
    assert loudest == pytest.approx(-23.0, abs=0.1)


def test_gating_blocks_overlap_by_three_quarters() -> None:
    # 0.4 s of tone in 1 s: blocks at 0, 0.1 ... 0.6 s hold 1/2, 3/4, 1, 3/4, 1/2, 1/4 and none of it; the last falls to the gate.
    assert integrated(power(tones((-300, 0.2), (-23, 0.4), (-300, 0.4)))) == pytest.approx(-23.0 + 10 * math.log10(0.625), abs=0.1)


def test_channels_add_up() -> None:
    one, two = (integrated(power(tones((-23, 5), channels=n))) for n in (1, 2))
    assert one is not None
    assert two is not None
    assert two - one == pytest.approx(10 * math.log10(2), abs=0.01)


def test_k_weighting_is_the_standard_filter() -> None:
    # The recursion of BS.1770-4 written out, against overlap-save, on noise with a loud burst that must not smear.
    rng = np.random.default_rng(7)
    x = rng.normal(0.0, 0.05, BLOCK * 6)
    x[BLOCK * 2 : BLOCK * 2 + 600] *= 15.0
    y = x.copy()
    for b, a in (
        ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585)),
        ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
    ):
        source, s1, s2 = y, 0.0, 0.0
        y = np.empty_like(source)
        for n, value in enumerate(source):
            y[n] = b[0] * value + s1
            s1 = b[1] * value - a[0] * y[n] + s2
            s2 = b[2] * value - a[1] * y[n]
    expected = (y.reshape(-1, TICK) ** 2).mean(axis=1)
    np.testing.assert_allclose(power(x[None].astype(np.float32)), expected, rtol=2e-5)


def test_low_rumble_is_weighted_down_and_presence_up() -> None:
    low, middle, high = (integrated(power(tones((-23, 3), hertz=hertz))) for hertz in (30.0, 1000.0, 4000.0))
    assert low is not None
    assert middle is not None
    assert high is not None
    assert low < middle - 6
    assert high > middle + 2


@pytest.mark.parametrize("seconds", [0.03, 0.2, 0.39])
def test_a_range_shorter_than_a_gating_block_has_a_loudness(seconds: float) -> None:
    ticks = round(seconds * 100)
    steady = power(tones((-23, 2)))[100 : 100 + ticks]
    assert integrated(steady) == pytest.approx(-23.0, abs=0.1)
    assert max_momentary(steady) == pytest.approx(-23.0, abs=0.1)


def test_silence_has_no_loudness() -> None:
    silence = power(np.zeros((2, RATE), np.float32))
    assert integrated(silence) is None
    assert max_momentary(silence) is None
    assert silence_share(silence) == 1.0


def test_what_lies_below_the_absolute_gate_has_momentary_loudness_only() -> None:
    whisper = power(tones((-80, 2)))
    assert integrated(whisper) is None
    assert max_momentary(whisper) == pytest.approx(-80.0, abs=0.2)


def test_share_of_silence() -> None:
    assert silence_share(power(tones((-300, 3), (-23, 1)))) == pytest.approx(0.75, abs=0.03)
    assert silence_share(power(tones((-50, 2)))) == 0.0
    assert silence_share(power(tones((-70, 2)))) == 1.0


def test_a_constant_offset_is_silent() -> None:
    # A microphone's direct current cannot be heard; only its switching on can.
    offset = power(np.full((1, RATE), 0.2, np.float32))
    assert silence_share(offset[20:]) == 1.0
