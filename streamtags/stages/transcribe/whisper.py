"""Whisper models in this process, by faster-whisper."""

from __future__ import annotations

import asyncio
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtags.config.stages import TranscribeSettings
from streamtags.core.errors import ConfigError, ModelError
from streamtags.stages.transcribe.transcriber import Spoken, SpokenWord, Transcript

__all__ = ["FasterWhisper", "is_installed"]

# Whisper's own limits for text that was not spoken (https://github.com/openai/whisper, transcribe.py): each alone is enough here, because
# the sound was searched for speech before.
_NO_SPEECH, _LOG_PROBABILITY, _COMPRESSION = 0.6, -1.0, 2.4
# Mean probability of the words of a line. Over instruments that sound like a voice, the model base writes words of 0.01 to 0.03.
_WORD_PROBABILITY = 0.2


def is_installed() -> bool:
    """Whether faster-whisper is installed."""
    return find_spec("faster_whisper") is not None


class FasterWhisper:
    """A Whisper model of any size, or from a folder. A size is downloaded by faster-whisper at the first use.

    Raises:
        ConfigError: faster-whisper is not installed.
    """

    concurrency = 1

    def __init__(self, settings: TranscribeSettings) -> None:
        if not is_installed():
            hint = "pip install 'streamtags[speech]', or set transcribe.backend=off"
            raise ConfigError("transcribing needs faster-whisper", where="transcribe.backend", hint=hint)
        self._settings = settings
        self._loading = threading.Lock()
        self._whisper: Any = None
        self.model = f"faster-whisper/{Path(settings.model).name}"

    async def ready(self) -> None:
        """Load the model.

        Raises:
            ModelError: it cannot be loaded.
        """
        await asyncio.to_thread(self._loaded)

    async def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Transcript:
        """Return what is said."""
        try:
            return await asyncio.to_thread(self._run, samples, language)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"cannot transcribe: {error}", where=self.model, code="transcribe.failed") from error

    async def close(self) -> None:
        """Forget the model."""
        self._whisper = None

    def _loaded(self) -> Any:
        with self._loading:
            if self._whisper is None:
                from faster_whisper import WhisperModel

                settings = self._settings
                try:
                    self._whisper = WhisperModel(
                        settings.model, device=settings.device, compute_type=settings.compute_type, cpu_threads=settings.threads
                    )
                except Exception as error:
                    raise ModelError(
                        f"cannot be loaded: {error}",
                        where=f"transcribe.model {settings.model}",
                        code="model.not_found",
                        hint="give a size (tiny, base, small, medium, large-v3, turbo), or a folder with model.bin of CTranslate2",
                    ) from error
            return self._whisper

    def _run(self, samples: NDArray[np.float32], language: str | None) -> Transcript:
        lines, info = self._loaded().transcribe(
            samples,
            language=language,
            beam_size=self._settings.beam_size,
            temperature=0.0,  # the same sound has the same text
            condition_on_previous_text=False,  # a mistake does not go on into the next line
            word_timestamps=True,
        )
        return Transcript(tuple(_spoken(line) for line in lines if _is_speech(line)), info.language)


def _is_speech(line: Any) -> bool:
    words = [word.probability for word in line.words or ()]
    if words and sum(words) < _WORD_PROBABILITY * len(words):
        return False
    return bool(
        line.no_speech_prob < _NO_SPEECH
        and line.avg_logprob > _LOG_PROBABILITY
        and line.compression_ratio < _COMPRESSION
        and line.text.strip()
    )


def _spoken(line: Any) -> Spoken:
    words = tuple(SpokenWord(float(w.start), float(w.end), str(w.word), float(w.probability)) for w in line.words or ())
    return Spoken(float(line.start), float(line.end), str(line.text).strip(), words)
