"""The stage `transcribe`: words of segments from the speech in their stretch, without a real model."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.settings import load_settings
from streamtags.config.stages import TranscribeSettings
from streamtags.core.errors import ModelError
from streamtags.core.model import Measured, Segment
from streamtags.core.sound import SAMPLE_RATE
from streamtags.core.state import SegmentState
from streamtags.core.timebase import Clock
from streamtags.run.analyze import analyze
from streamtags.stages.hear.shares import decided
from streamtags.stages.measure.stretches import Stretches
from streamtags.stages.stage import SegmentWork
from streamtags.stages.transcribe.endpoint import TranscriptionEndpoint, read_transcript
from streamtags.stages.transcribe.lines import lines_of
from streamtags.stages.transcribe.speech import only_speech, spans, voiced
from streamtags.stages.transcribe.stage import TranscribeRunner
from streamtags.stages.transcribe.transcriber import Spoken, SpokenWord, Transcript
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video

CLOCK = Clock(Fraction(1, 1000), Fraction(25))


def said(*words: tuple[float, float, str]) -> Spoken:
    return Spoken(words[0][0], words[-1][1], "".join(word for _, _, word in words).strip(), tuple(SpokenWord(*word) for word in words))


LINE = said((0.5, 0.9, " Margaret"), (0.9, 1.4, " leaves"), (1.9, 2.3, " Lisbon"), (2.4, 2.8, " alone"))


class Scripted:
    """Says the same line of every sound, or raises first."""

    model, concurrency = "scripted", 1

    def __init__(self, *errors: ModelError) -> None:
        self.sounds: list[Any] = []
        self._errors = list(errors)

    async def ready(self) -> None:
        pass

    async def transcribe(self, samples: Any, language: str | None) -> Transcript:
        self.sounds.append(samples)
        if self._errors:
            raise self._errors.pop(0)
        return Transcript((LINE,), language or "en")

    async def close(self) -> None:
        pass


class Hearing:
    """Hears speech wherever there is sound."""

    model = "scripted"

    def listen(self, samples: np.ndarray) -> np.ndarray:
        frames = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1) > 0.01
        return np.stack([frames, frames & False, frames & False], axis=1).astype(np.float32)


def works(lengths: list[float], level: int = 8000, text: str = "") -> list[SegmentWork]:
    stretches, start, result = Stretches(), 0.0, []
    for number, length in enumerate(lengths):
        samples = np.full(round((length + 1) * SAMPLE_RATE), level, np.int16)
        if not number:
            samples[:SAMPLE_RATE] = 0
        sound = stretches.add(start, start + length, samples, CLOCK)
        begin, end = (CLOCK.at(CLOCK.ticks(at), round(at * 25)) for at in (start, start + length))
        name = f"s{number:04d}"
        state = SegmentState(segment=name, index=number, shot=0, start=begin, end=end, kind="shot", transition="cut", text=text)
        result.append(SegmentWork(state, Measured(Segment(name, number, 0, begin, end, "shot", "cut"), {}, sound=sound)))
        start += length
    stretches.close()
    return result


def runner(transcriber: Scripted, **settings: Any) -> TranscribeRunner:
    return TranscribeRunner(transcriber, Hearing(), TranscribeSettings(backend="faster-whisper", **settings))


async def test_segments_of_a_stretch_share_one_transcript_and_no_word() -> None:
    transcriber = Scripted()
    stage = runner(transcriber)
    answers = [(await stage.run(work))[0] for work in works([1.8, 2.0])]
    assert " ".join(line.text for answer in answers for line in answer.lines) == "Margaret leaves Lisbon alone"
    assert all(answer.lines for answer in answers)
    assert len(transcriber.sounds) == 1
    assert {answer.language for answer in answers if answer.lines} == {"en"}


async def test_no_model_is_called_where_no_speech_is_heard() -> None:
    transcriber = Scripted()
    (answer,) = await runner(transcriber).run(works([4.0], level=0)[0])
    assert (answer.lines, answer.language, transcriber.sounds) == ([], None, [])


async def test_subtitles_stand_instead_unless_they_are_ignored() -> None:
    transcriber = Scripted()
    (answer,) = await runner(transcriber).run(works([4.0], text="Hello.")[0])
    assert (answer.model, transcriber.sounds) == ("subtitles", [])
    (answer,) = await runner(transcriber, subtitles="ignore").run(works([4.0], text="Hello.")[0])
    assert answer.lines


async def test_a_failed_stretch_is_transcribed_again_at_the_next_try() -> None:
    transcriber = Scripted(ModelError("busy", where="scripted", retryable=True))
    stage, (work,) = runner(transcriber), works([4.0])
    with pytest.raises(ModelError):
        await stage.run(work)
    assert (await stage.run(work))[0].lines
    assert len(transcriber.sounds) == 2


async def test_a_segment_waits_until_its_stretch_is_complete() -> None:
    stretches = Stretches()
    (work,) = works([3.0])
    assert work.measured is not None
    sound = stretches.add(0.0, 3.0, np.full(4 * SAMPLE_RATE, 8000, np.int16), CLOCK)
    waiting = SegmentWork(work.state, Measured(work.measured.segment, {}, sound=sound))
    task = asyncio.create_task(runner(Scripted()).run(waiting))
    await asyncio.sleep(0.05)
    assert not task.done()
    stretches.close()
    assert (await task)[0].lines


EDGES = st.lists(st.integers(1, 300), min_size=1, max_size=12)
WORDS = st.lists(st.tuples(st.floats(0, 30), st.floats(0, 2)), max_size=30)


@given(EDGES, WORDS)
def test_every_word_belongs_to_one_segment(centiseconds: list[int], words: list[tuple[float, float]]) -> None:
    spoken = [said((start, start + length, f" w{number}")) for number, (start, length) in enumerate(words)]
    texts, at = [], 0
    for length in centiseconds:
        start, end = CLOCK.at(at * 10, at), CLOCK.at((at + length) * 10, at + length)
        lines = lines_of(spoken, 0.0, start, end, CLOCK)
        assert all(start.pts <= line.start.pts <= line.end.pts <= end.pts for line in lines)
        texts += [line.text for line in lines]
        at += length
    inside = {f"w{number}" for number, (start, length) in enumerate(words) if CLOCK.ticks(start + length / 2) < at * 10}
    assert sorted(texts) == sorted(inside)


def test_lines_without_words_belong_where_their_middle_lies() -> None:
    line = Spoken(1.0, 4.0, "Margaret leaves")
    assert lines_of([line], 0.0, CLOCK.at(0, 0), CLOCK.at(2000, 50), CLOCK) == []
    (kept,) = lines_of([line], 0.0, CLOCK.at(2000, 50), CLOCK.at(3000, 75), CLOCK)
    assert (kept.start.pts, kept.end.pts, kept.text) == (2000, 3000, "Margaret leaves")


def test_only_the_speech_of_a_sound_is_passed_on() -> None:
    samples = np.ones(10 * SAMPLE_RATE, np.float32)
    flags = decided(np.zeros((1000, 3), np.float32))
    flags[200:300, 0] = True
    flags[600:700, 1] = True  # sung
    flags[900:910, 0] = True  # too short for a word
    speech = spans(flags)
    assert speech == [(185, 315), (585, 715)]
    kept, offset = only_speech(samples, speech)
    assert offset == pytest.approx(1.85)
    assert len(kept) == round(5.3 * SAMPLE_RATE)
    assert kept[: round(1.3 * SAMPLE_RATE)].all()
    assert not kept[round(1.4 * SAMPLE_RATE) : round(3.9 * SAMPLE_RATE)].any()


def test_a_word_that_is_stretched_over_a_pause_is_moved_to_the_speech() -> None:
    line = said((0.0, 0.5, " Yes"), (0.6, 4.0, " Lisbon"), (9.0, 9.5, " ah"))
    (moved,) = voiced([line], [(200, 260), (500, 600)], 2.0)
    assert [(word.start, word.end) for word in moved.words] == [(0.0, 0.5), (3.0, 4.0), (9.0, 9.5)]


ANSWER = {
    "language": "english",
    "duration": 2.0,
    "text": "Margaret leaves",
    "segments": [
        {"start": 0.0, "end": 2.0, "text": " Margaret leaves", "no_speech_prob": 0.01},
        {"start": 0, "end": 1, "text": "Thanks", "no_speech_prob": 0.9},
    ],
    "words": [{"word": "Margaret", "start": 0.1, "end": 0.6}, {"word": "leaves", "start": 0.7, "end": 1.2}],
}


async def test_a_server_gets_a_wav_file_and_its_words_are_read() -> None:
    web = pytest.importorskip("aiohttp.web", reason="aiohttp is not installed: pip install 'streamtags[models]'")
    forms: list[dict[str, Any]] = []

    async def answer(request: Any) -> Any:
        form = await request.post()
        forms.append({name: value.file.read() if hasattr(value, "file") else value for name, value in form.items()})
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", answer)
    running = web.AppRunner(app)
    await running.setup()
    site = web.TCPSite(running, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    endpoint = TranscriptionEndpoint(TranscribeSettings(backend="openai", model="whisper-1", base_url=f"http://127.0.0.1:{port}/v1"))
    try:
        transcript = await endpoint.transcribe(np.zeros(1600, np.float32), "en")
    finally:
        await endpoint.close()
        await running.cleanup()
    assert [(line.text, [word.text for word in line.words]) for line in transcript.lines] == [("Margaret leaves", [" Margaret", " leaves"])]
    assert forms[0]["file"][:4] == b"RIFF"
    assert (forms[0]["model"], forms[0]["language"], forms[0]["response_format"]) == ("whisper-1", "en", "verbose_json")


@pytest.mark.parametrize("answer", [None, [], "text", {}, {"segments": 3}])
def test_an_answer_that_is_no_transcript_is_refused(answer: object) -> None:
    with pytest.raises(ModelError, match="not a transcript"):
        read_transcript(answer, "server")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "no"}, "model.refused"),
        ({"error": {"message": "Rate limit reached", "code": 429}}, "model.busy"),
        ({"detail": "invalid api key"}, "model.unauthorised"),
    ],
)
def test_an_error_in_place_of_a_transcript_is_that_error(answer: object, code: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_transcript(answer, "server")
    assert caught.value.code == code


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["start", "end", "text", "words", "word", "no_speech_prob"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_hostile_answers_raise_nothing_else(segments: object) -> None:
    transcript = read_transcript({"text": "x", "segments": segments, "words": segments}, "server")
    lines_of(transcript.lines, 0.0, CLOCK.at(0, 0), CLOCK.at(1000, 25), CLOCK)


async def test_without_the_stage_no_sound_is_kept_and_nothing_is_transcribed(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(25, "texture", sound="speech")], rate=25, size=(160, 90))
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(film), load_settings(), store)
    assert state.segments[0].answers == {}
