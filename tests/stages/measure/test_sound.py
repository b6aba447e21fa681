from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtags.core.measures import MEASURES
from streamtags.core.model import EvidenceValue, Sound
from streamtags.stages.measure.sound import SoundMeter

RATE = 48_000
Samples = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Measured = dict[str, EvidenceValue]


def sine(seconds: float, dbfs: float = -23.0, hertz: float = 1000.0, channels: int = 2) -> Samples:
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.tile(wave.astype(np.float32), (channels, 1))


def medley(seconds: float = 6.0) -> Samples:
    """Bursts, a chord, noise and rests: something for every measure."""
    rng = np.random.default_rng(9)
    t = np.arange(round(seconds * RATE)) / RATE
    chord = 0.1 * (np.sin(2 * np.pi * 220 * t) + np.sin(2 * np.pi * 331 * t)) * (np.sin(2 * np.pi * 0.4 * t) > 0)
    bursts = rng.normal(0, 0.3, t.size) * np.exp(-(t % 0.4) / 0.02)
    return np.stack((chord + bursts, 0.5 * chord - bursts * (t > 2))).astype(np.float32)


def push(meter: SoundMeter, samples: Samples, start: float = 0.0) -> SoundMeter:
    meter.push(Sound(start, samples, RATE))
    return meter


def number(measured: Measured, name: str) -> float:
    value = measured[name]
    assert isinstance(value, float)
    return value


def decode(path: Path, seconds: float = 60.0) -> Samples:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    with av.open(str(path)) as container:
        pieces = [piece.to_ndarray() for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate(pieces, axis=1, dtype=np.float32)[:, : round(seconds * RATE)]


def test_a_source_without_sound_has_no_sound_evidence() -> None:
    meter = SoundMeter()
    assert meter.heard_until == -math.inf
    assert meter.measure(0.0, 10.0) == {}


def test_a_segment_without_sound_has_no_sound_evidence() -> None:
    meter = push(push(SoundMeter(), sine(1.0)), sine(1.0), start=20.0)
    assert meter.measure(5.0, 15.0) == {}
    assert meter.measure(19.0, 30.0)["silence_share"] == 0.0


def test_every_measure_is_known_by_name() -> None:
    measured = push(SoundMeter(), medley()).measure(0.0, 6.0)
    assert measured.keys() <= MEASURES.keys()
    assert len(measured) == 9


def test_a_tone() -> None:
    measured = push(SoundMeter(), sine(5.0)).measure(0.0, 5.0)
    assert number(measured, "loudness_lufs") == pytest.approx(-23.0, abs=0.1)
    assert number(measured, "loudness_max_momentary_lufs") == pytest.approx(-23.0, abs=0.1)
    assert number(measured, "peak_dbfs") == pytest.approx(-23.0, abs=0.02)
    assert number(measured, "spectral_centroid_hz") == pytest.approx(1000.0, rel=0.03)
    assert measured["silence_share"] == 0.0
    assert measured["speech_share"] == 0.0
    assert measured["tempo_bpm"] is None


def test_digital_silence_has_no_level_but_a_share() -> None:
    measured = push(SoundMeter(), np.zeros((2, 5 * RATE), np.float32)).measure(0.0, 5.0)
    for name in ("loudness_lufs", "loudness_max_momentary_lufs", "peak_dbfs", "spectral_centroid_hz", "tempo_bpm"):
        assert measured[name] is None
    assert measured["silence_share"] == 1.0
    assert measured["onsets_per_second"] == 0.0


def test_a_cut_separates_loud_from_quiet() -> None:
    meter = push(SoundMeter(), np.concatenate((sine(3.004, dbfs=-10), np.zeros((2, 2 * RATE), np.float32), sine(2.0, dbfs=-40)), axis=1))
    loud, quiet = meter.measure(0.0, 3.004), meter.measure(5.014, 7.0)
    assert number(loud, "loudness_lufs") == pytest.approx(-10.0, abs=0.1)
    assert number(quiet, "loudness_max_momentary_lufs") == pytest.approx(-40.0, abs=0.1)
    assert number(quiet, "peak_dbfs") == pytest.approx(-40.0, abs=0.1)


def test_bounds_fall_on_ticks_despite_binary_fractions() -> None:
    # 0.57 * 100 is 56.99999999999999
    meter = push(SoundMeter(), np.concatenate((np.zeros((2, round(0.57 * RATE)), np.float32), sine(1.0)), axis=1))
    assert meter.measure(0.0, 0.57)["peak_dbfs"] is None
    assert number(meter.measure(0.57, 0.58), "peak_dbfs") == pytest.approx(-23.0, abs=0.1)


def test_what_lies_before_a_range_is_forgotten() -> None:
    meter = push(SoundMeter(), sine(6.0))
    assert meter.measure(4.0, 5.0)
    assert meter.measure(1.0, 2.0) == {}


def test_brightness_orders_sounds() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.1, (1, 2 * RATE)).astype(np.float32)
    dull: Samples = np.cumsum(noise - noise.mean(), axis=1, dtype=np.float32) / np.float32(100)
    bright: Samples = np.diff(noise, append=0.0).astype(np.float32)
    centroids = [number(push(SoundMeter(), each).measure(0.0, 2.0), "spectral_centroid_hz") for each in (dull, noise, bright)]
    assert centroids == sorted(centroids)
    assert centroids[1] == pytest.approx(12_000, rel=0.02)


def test_sound_is_heard_in_steps_of_100_ms() -> None:
    meter = push(SoundMeter(), sine(1.05))
    assert meter.heard_until == pytest.approx(1.0)
    assert push(meter, sine(0.05), start=1.05).heard_until == pytest.approx(1.1)
    assert meter.measure(0.0, 1.1)
    assert meter.heard_until == pytest.approx(1.1)


def test_a_jump_ahead_is_not_filled() -> None:
    meter = push(push(SoundMeter(), sine(1.0)), sine(1.0), start=1e6)
    assert meter.heard_until == pytest.approx(1e6 + 1)
    assert number(meter.measure(0.0, 2e6), "loudness_lufs") == pytest.approx(-23.0, abs=0.1)


CUTS = st.lists(st.integers(1, 6 * RATE - 1), max_size=12).map(lambda cuts: sorted({0, 6 * RATE, *cuts}))
RANGES = st.lists(st.floats(0.0, 6.0), min_size=2, max_size=5, unique=True).map(sorted)


@settings(max_examples=12)
@given(cuts=CUTS, bounds=RANGES, gap=st.sampled_from([0.0, 0.03, 0.5]))
def test_evidence_does_not_depend_on_the_pieces_sound_comes_in(cuts: list[int], bounds: list[float], gap: float) -> None:
    samples, half = medley(), 3 * RATE
    at_once = push(push(SoundMeter(), samples[:, :half]), samples[:, half:], start=3.0 + gap)
    expected = [at_once.measure(start, end) for start, end in pairwise(bounds)]

    meter, ranges, results = SoundMeter(), list(pairwise(bounds)), []
    for first, last in pairwise(sorted({*cuts, half})):
        push(meter, samples[:, first:last], start=first / RATE + (gap if first >= half else 0.0))
        while ranges and meter.heard_until >= ranges[0][1]:  # as soon as it can be measured
            results.append(meter.measure(*ranges.pop(0)))
    results += [meter.measure(*each) for each in ranges]
    assert results == expected


def test_memory_is_bounded_by_features_not_sound() -> None:
    meter, samples = SoundMeter(), medley(2.0)
    push(meter, samples)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for second in range(2, 62, 2):
        push(meter, samples, start=float(second))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1_500_000  # a minute of samples takes 23 MB
    assert number(meter.measure(0.0, 62.0), "peak_dbfs") < 0.0


@pytest.mark.parametrize(
    ("name", "bpm"),
    [
        ("147793__setuniman__sweet-waltz-0i-22mi.ogg", 150.0),
        ("Kevin_MacLeod_-_Vibe_Ace.ogg", 129.5),
        ("admiralbob77_-_Choice_-_Drum-bass.ogg", 136.0),
    ],
)
def test_tempo_of_music_up_to_an_octave(shared_media: Path, name: str, bpm: float) -> None:
    results = number(push(SoundMeter(), decode(shared_media / "music" / name)).measure(0.0, 60.0), "tempo_bpm")
    assert min(abs(results - bpm), abs(2 * results - bpm)) < 2.0


def test_speech_and_music_are_distinguished(shared_media: Path) -> None:
    def measure(name: str) -> Measured:
        return push(SoundMeter(), decode(shared_media / "music" / name, 20.0)).measure(0.0, 20.0)

    speech, music = measure("3436-172162-0000.ogg"), measure("elvish-theme.ogg")
    assert number(speech, "speech_share") > 0.7
    assert number(music, "speech_share") < 0.05
    assert speech["tempo_bpm"] is None
    assert 2.0 < number(speech, "onsets_per_second") < 6.0


def test_loudness_agrees_with_ffmpeg(shared_media: Path) -> None:
    samples = decode(shared_media / "music" / "frantic.ogg", 20.0)
    graph = av.filter.Graph()
    ends = [
        graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE)),
        graph.add("ebur128", "metadata=1"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*ends).configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = RATE, 0
    graph.push(frame)
    graph.push(None)
    last: dict[str, str] = {}
    while True:
        try:
            last = dict(graph.pull().metadata) or last
        except (av.error.EOFError, av.error.BlockingIOError):
            break
    measured = push(SoundMeter(), samples).measure(0.0, 20.0)
    assert number(measured, "loudness_lufs") == pytest.approx(float(last["lavfi.r128.I"]), abs=0.05)


@pytest.mark.parametrize("seconds", [0.01, 0.04, 0.35, 1.0])
def test_a_short_segment_is_measured(seconds: float) -> None:
    measured = push(SoundMeter(), sine(3.0)).measure(1.0, 1.0 + seconds)
    assert number(measured, "loudness_lufs") == pytest.approx(-23.0, abs=0.2)
    assert measured["silence_share"] == 0.0
    assert measured["tempo_bpm"] is None


def test_a_range_of_no_length_holds_nothing() -> None:
    assert push(SoundMeter(), sine(3.0)).measure(1.0, 1.0) == {}


def test_the_waveform_has_the_loudest_sample_of_each_tenth_of_a_second() -> None:
    meter = push(push(SoundMeter(), sine(0.5, dbfs=-6.0)), sine(0.5, dbfs=-30.0), start=0.5)
    meter = push(meter, sine(0.5, dbfs=-80.0), start=1.0)
    meter.measure(0.0, 1.5)
    peaks = meter.peaks(0.0, 1.45)
    assert len(peaks) == 15
    assert [round((value / 255 - 1) * 60) for value in (peaks[2], peaks[7], peaks[12])] == [-6, -30, -60]
    assert meter.peaks(0.0, 0.0) == b""


def test_the_waveform_is_silent_where_sound_is_missing_and_empty_without_any() -> None:
    meter = push(push(SoundMeter(), sine(0.5, dbfs=0.0)), sine(0.5, dbfs=0.0), start=1.0)
    meter.measure(0.0, 1.5)
    peaks = meter.peaks(0.0, 1.5)
    assert peaks[1] == 255
    assert max(peaks[6:9]) == 0
    assert peaks[12] == 255
    assert meter.peaks(5.0, 6.0) == b""
    assert SoundMeter().peaks(0.0, 1.0) == b""


def test_waveforms_of_neighbors_continue_each_other() -> None:
    one = push(SoundMeter(), medley())
    parts = push(SoundMeter(), medley())
    joined = b""
    for start, end in ((0.0, 1.5), (1.5, 4.0), (4.0, 6.0)):
        parts.measure(start, end)
        joined += parts.peaks(start, end)
    one.measure(0.0, 6.0)
    assert joined == one.peaks(0.0, 6.0)
    assert len(joined) == 60
