"""An OpenAI-compatible server that transcribes: `POST /audio/transcriptions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from streamtags.config.options import read_options
from streamtags.config.stages import TranscribeSettings
from streamtags.core.errors import ModelError
from streamtags.stages.model_server.connection import Endpoint
from streamtags.stages.model_server.options import EndpointOptions
from streamtags.stages.model_server.responses import error_in, refused_answer
from streamtags.stages.model_server.wav import wav_of
from streamtags.stages.transcribe.transcriber import Spoken, SpokenWord, Transcript

__all__ = ["TranscriptionEndpoint"]

_NO_SPEECH = 0.6  # as Whisper itself: text of a line that is less likely speech was not spoken


class TranscriptionEndpoint:
    """Posts WAV files to a server. Sound goes to no other address than the configured one."""

    concurrency = 4

    def __init__(self, settings: TranscribeSettings) -> None:
        options = {name: getattr(settings, name) for name in ("base_url", "model", "api_key_env", "timeout_seconds")}
        self._endpoint = Endpoint(read_options(EndpointOptions, options, "transcribe"))
        self.model = settings.model

    async def ready(self) -> None:
        """Do nothing: a server that only transcribes answers no other request."""

    async def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Transcript:
        """Return what is said.

        Raises:
            ModelError: the server cannot be reached, refuses, or gives no transcript.
        """
        fields = [("model", self.model), ("response_format", "verbose_json"), ("temperature", "0")]
        fields += [("timestamp_granularities[]", name) for name in ("segment", "word")]
        fields += [("language", language)] if language else []
        boundary = uuid4().hex
        answer = await self._endpoint.post(
            "/audio/transcriptions", _form(fields, wav_of(samples), boundary), f"multipart/form-data; boundary={boundary}"
        )
        return read_transcript(answer, self._endpoint.where)

    async def close(self) -> None:
        """Release the connections."""
        await self._endpoint.close()


def _form(fields: list[tuple[str, str]], sound: bytes, boundary: str) -> bytes:
    """Return a multipart form (RFC 7578); names and values are this program's own or settings, without line breaks."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="sound.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    return b"".join([*parts, head.encode(), sound, f"\r\n--{boundary}--\r\n".encode()])


def read_transcript(answer: Any, where: str) -> Transcript:
    """Return the transcript in a server's answer.

    Raises:
        ModelError: it is none (code `model.invalid_answer`).
    """
    if not isinstance(answer, Mapping) or not (isinstance(answer.get("segments"), list) or isinstance(answer.get("text"), str)):
        if isinstance(answer, Mapping) and (error := error_in(answer)) is not None:
            raise refused_answer({**answer, "error": error}, where=where)
        hint = "the server must answer verbose_json with segments"
        raise ModelError("the answer is not a transcript", where=where, code="model.invalid_answer", retryable=True, hint=hint)
    words = list(_words(answer.get("words")))
    lines = [_line(item, words) for item in _mappings(answer.get("segments")) if _number(item.get("no_speech_prob"), 0.0) < _NO_SPEECH]
    if not isinstance(answer.get("segments"), list):  # a server that gives no times: one line
        lines = [Spoken(0.0, _number(answer.get("duration"), 0.0), str(answer["text"]).strip())]
    language = answer.get("language")
    return Transcript(tuple(line for line in lines if line.text), language if isinstance(language, str) else None)


def _line(item: Mapping[str, Any], words: list[SpokenWord]) -> Spoken:
    start, end = _number(item.get("start"), 0.0), _number(item.get("end"), 0.0)
    own = tuple(_words(item.get("words"))) or tuple(word for word in words if start <= (word.start + word.end) / 2 < end)
    return Spoken(start, end, str(item.get("text") or "").strip(), own)


def _words(items: object) -> Iterator[SpokenWord]:
    for item in _mappings(items):
        text = item.get("word")
        if isinstance(text, str) and text.strip():
            yield SpokenWord(_number(item.get("start"), 0.0), _number(item.get("end"), 0.0), f" {text.strip()}")


def _mappings(items: object) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and isfinite(value) else otherwise
